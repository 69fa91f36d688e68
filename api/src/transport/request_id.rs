//! The id that ties an answer to the log.

use std::fmt;

use actix_web::HttpRequest;
use domain::port::{Clock, Ids};

/// Longest id taken over from a caller.
const MAX_BYTES: usize = 64;

/// The caller's `X-Request-Id` if it is harmless, else a fresh id. Resolvers find it in the
/// request's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    pub(crate) fn of(request: &HttpRequest, ids: &dyn Ids, clock: &dyn Clock) -> Self {
        let given = request
            .headers()
            .get("x-request-id")
            .and_then(|value| value.to_str().ok())
            .filter(|text| is_sane(text));
        match given {
            Some(text) => Self(text.into()),
            None => Self::fresh(ids, clock),
        }
    }

    pub(crate) fn fresh(ids: &dyn Ids, clock: &dyn Clock) -> Self {
        Self(format!("request_{}", ids.uuid(clock.now()).simple()).into())
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Letters, digits and a few marks: nothing that could forge a log line or a header.
fn is_sane(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use domain::port::{SeededIds, SystemClock};

    use super::RequestId;

    #[test]
    fn a_sane_id_of_the_caller_is_kept_and_any_other_replaced() {
        let ids = SeededIds::new(1);
        for (given, is_kept) in [
            ("abc-1.2:3_4", true),
            ("", false),
            ("a b", false),
            ("\"quoted\"", false),
        ] {
            let request = TestRequest::default()
                .insert_header(("X-Request-Id", given))
                .to_http_request();
            let id = RequestId::of(&request, &ids, &SystemClock);
            assert_eq!(id.as_str() == given, is_kept, "{given}");
        }
    }
}
