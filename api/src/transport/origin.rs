//! Which other sites' pages may talk to us: the check before a WebSocket is opened, and the CORS
//! headers for everything else.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap, HeaderValue},
};
use url::Url;

use super::params::header_text;

/// Headers that pages of allowed sites may read.
const EXPOSED: &str = "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Location, \
     Upload-Offset, Idempotency-Replayed";

/// Headers that pages of allowed sites may send.
const ACCEPTED: &str = "authorization, content-type, content-encoding, accept, x-request-id, idempotency-key, upload-offset";

/// The origins whose pages are let in besides those that come from here: the listed ones, and the one under which
/// people see this installation, which is not in `Host` where a reverse proxy names itself there.
pub(crate) fn welcome(mut listed: Vec<String>, public_url: Option<&Url>) -> Vec<String> {
    listed.extend(public_url.map(|url| url.origin().ascii_serialization()));
    listed
}

/// How the `Origin` of a request stands to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// None, so no browser page of another site; or our own.
    Own,
    /// One of those of [`welcome`].
    Allowed,
    Foreign,
}

impl Origin {
    pub(crate) fn of(request: &HttpRequest, allowed: &[String]) -> Self {
        let headers = request.headers();
        if !headers.contains_key(header::ORIGIN) {
            return Self::Own;
        }
        let Some(origin) = header_text(request, &header::ORIGIN) else {
            return Self::Foreign;
        };
        let host = header_text(request, &header::HOST);
        let origin_host = origin.split_once("://").map(|(_, host)| host);
        if origin_host.is_some() && origin_host == host {
            Self::Own
        } else if allowed.iter().any(|one| one.eq_ignore_ascii_case(origin)) {
            Self::Allowed
        } else {
            Self::Foreign
        }
    }
}

/// Lets pages of allowed sites read the answer.
pub(crate) fn add_cors(request: &HttpRequest, allowed: &[String], headers: &mut HeaderMap) {
    if allowed.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if Origin::of(request, allowed) != Origin::Allowed {
        return;
    }
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        let exposed = HeaderValue::from_static(EXPOSED);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// The answer to `OPTIONS`, which is what a browser asks before a page of another site may call.
pub(crate) fn preflight(request: &HttpRequest, allowed: &[String], methods: &str) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response.insert_header((header::ALLOW, methods));
    if Origin::of(request, allowed) == Origin::Allowed {
        response
            .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
            .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED))
            .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"));
    }
    response.finish()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn pages_at_the_address_people_see_are_let_in_whatever_a_proxy_calls_us() {
        let seen: Url = "https://Crm.example.com/enishi".parse().unwrap();
        let listed = vec!["https://app.example.com".to_owned()];
        let welcome = welcome(listed, Some(&seen));
        for (origin, expected) in [
            ("https://crm.example.com", Origin::Allowed),
            ("https://app.example.com", Origin::Allowed),
            ("http://crm.example.com", Origin::Foreign),
            ("https://crm.example.com:8443", Origin::Foreign),
        ] {
            let request = TestRequest::default()
                .insert_header(("Host", "127.0.0.1:8080"))
                .insert_header(("Origin", origin))
                .to_http_request();
            assert_eq!(Origin::of(&request, &welcome), expected, "{origin}");
        }
    }

    #[test]
    fn only_our_own_origin_and_listed_ones_are_let_in() {
        let allowed = ["https://app.example.com".to_owned()];
        for (origin, expected) in [
            (None, Origin::Own),
            (Some("https://api.example.com"), Origin::Own),
            (Some("https://app.example.com"), Origin::Allowed),
            (Some("https://app.example.com.evil.test"), Origin::Foreign),
            (Some("https://evil.test"), Origin::Foreign),
            (Some("null"), Origin::Foreign),
        ] {
            let mut request = TestRequest::default().insert_header(("Host", "api.example.com"));
            if let Some(origin) = origin {
                request = request.insert_header(("Origin", origin));
            }
            let request = request.to_http_request();
            assert_eq!(Origin::of(&request, &allowed), expected, "{origin:?}");
        }
    }
}
