//! Who is calling: the trait that connects the door to accounts and access tokens.
//!
//! The transport knows how a credential travels (the `Authorization` header, or the payload of
//! `connection_init`; never the URL, which ends up in logs). What it is worth is for the
//! [`Authenticator`] to say.

use std::{future::Future, net::IpAddr, sync::Arc};

use actix_web::{HttpRequest, http::header};
use async_graphql::Request;

use super::{code::Code, documents::DocumentHash};

/// Turns credentials into sessions. One value serves all transports and all worker threads; its
/// futures are polled on the worker thread that serves the connection.
pub trait Authenticator: Send + Sync + 'static {
    /// Who is calling; cheap to clone (an `Arc`, or a few words).
    type Session: Clone + Send + Sync + 'static;

    /// The session that belongs to `credential` (the token without its scheme). Without a
    /// credential this is the place to let anonymous callers in, or not.
    fn authenticate(
        &self,
        credential: Option<&str>,
    ) -> impl Future<Output = Result<Self::Session, Refusal>>;

    /// Whether the session still stands. Asked every two seconds for every live socket and
    /// stream, so it should not be a statement each time; they go on meanwhile. When the answer cannot be
    /// had (the database is away), answer `true`: the next check follows soon.
    fn still_valid(&self, session: &Self::Session) -> impl Future<Output = bool>;

    /// Whose bucket pays for the session's operations: the id of its access token, or something
    /// made of the peer's address for anonymous callers.
    fn rate_key(&self, session: &Self::Session, peer: Option<IpAddr>) -> u128;

    /// Which workspace the session belongs to: what its callers share, and are limited in
    /// together, is kept under this.
    fn workspace_key(&self, session: &Self::Session) -> u128;

    /// The document that was registered in the session's workspace under the hash of its text.
    /// Asked for each operation that names one, so it should be answered from memory most of the
    /// time.
    fn registered_document(
        &self,
        session: &Self::Session,
        hash: DocumentHash,
    ) -> impl Future<Output = Result<Option<Arc<str>>, Refusal>>;

    /// Puts what resolvers need into the request's data: the actor, loaders made for this request.
    fn attach(&self, session: &Self::Session, request: Request) -> Request;
}

/// Why a credential was refused. The texts go to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No credential where one is needed, or one that is not good.
    #[error("A valid access token is required.")]
    Unauthenticated,
    /// The credential is good, its owner may not come in.
    #[error("This access token may not use the API.")]
    Forbidden,
    /// The credential could not be checked.
    #[error("The access token could not be checked; try again.")]
    Unavailable,
}

impl Refusal {
    /// The code of the error in the answer.
    pub fn code(self) -> Code {
        match self {
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden => Code::Forbidden,
            Self::Unavailable => Code::Unavailable,
        }
    }
}

/// What the `Authorization` header says. Two of them are refused: what stands before us may have looked at the
/// other.
pub(crate) fn authorization(request: &HttpRequest) -> Result<Option<&str>, Refusal> {
    let mut given = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = given.next() else {
        return Ok(None);
    };
    if given.next().is_some() {
        return Err(Refusal::Unauthenticated);
    }
    let text = value.to_str();
    text.map(Some).map_err(|_| Refusal::Unauthenticated)
}

/// The credential in the `Authorization` header.
///
/// A header of another scheme, or an empty token, is refused instead of read as anonymous: the
/// caller believes to be signed in.
pub(crate) fn header_credential(request: &HttpRequest) -> Result<Option<&str>, Refusal> {
    let Some(text) = authorization(request)? else {
        return Ok(None);
    };
    bearer(text).map(Some).ok_or(Refusal::Unauthenticated)
}

/// The credential in the payload of `connection_init`.
pub(crate) fn payload_credential(
    payload: &serde_json::Map<String, serde_json::Value>,
) -> Result<Option<&str>, Refusal> {
    for (key, value) in payload {
        let is_header = key.eq_ignore_ascii_case("authorization");
        if !is_header && !key.eq_ignore_ascii_case("accessToken") {
            continue;
        }
        let text = value.as_str().ok_or(Refusal::Unauthenticated)?;
        let token = if is_header { bearer(text) } else { token(text) };
        return token.map(Some).ok_or(Refusal::Unauthenticated);
    }
    Ok(None)
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, rest) = text.trim().split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token(rest))
        .flatten()
}

fn token(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    fn from_header(value: &str) -> Result<Option<String>, Refusal> {
        let request = TestRequest::default()
            .insert_header(("Authorization", value))
            .to_http_request();
        header_credential(&request).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn a_bearer_header_gives_its_token() {
        assert_eq!(from_header("Bearer abc"), Ok(Some("abc".to_owned())));
        assert_eq!(from_header("bearer  abc "), Ok(Some("abc".to_owned())));
    }

    #[test]
    fn another_scheme_is_refused_instead_of_read_as_anonymous() {
        assert_eq!(from_header("Basic abc"), Err(Refusal::Unauthenticated));
        assert_eq!(from_header("Bearer "), Err(Refusal::Unauthenticated));
    }

    #[test]
    fn two_headers_are_refused() {
        let request = TestRequest::default()
            .append_header(("Authorization", "Bearer one"))
            .append_header(("Authorization", "Bearer two"))
            .to_http_request();
        assert_eq!(header_credential(&request), Err(Refusal::Unauthenticated));
    }

    #[test]
    fn the_init_payload_is_read_whatever_the_case_of_its_keys() {
        for payload in [
            json!({"Authorization": "Bearer t"}),
            json!({"authorization": "bearer t"}),
            json!({"accesstoken": "t"}),
        ] {
            assert_eq!(
                payload_credential(payload.as_object().unwrap()),
                Ok(Some("t"))
            );
        }
        assert_eq!(
            payload_credential(json!({"x": 1}).as_object().unwrap()),
            Ok(None)
        );
    }
}
