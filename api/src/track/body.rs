//! Receiving a body, plain or packed by gzip, and finding the key of its sender. What the media type says
//! does not matter: beacons and pages that would not be asked first send `text/plain`.

use std::{borrow::Cow, time::Duration};

use actix_web::{HttpRequest, web};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use serde_json::Value;

use super::{Refused, bad, parse};
use crate::transport::{Code, Refusal, body::Packing, session::authorization};

/// Bytes that are read away of a body that is too long, so that its sender hears why it is refused.
const READ_LIMIT: usize = 1024 * 1024;

/// The key in the `Authorization` header: the token of `Bearer`, or the user name of `Basic`.
pub(super) fn header_key(request: &HttpRequest) -> Result<Option<Cow<'_, str>>, Refusal> {
    let Some(text) = authorization(request)? else {
        return Ok(None);
    };
    read_header(text).map(Some).ok_or(Refusal::Unauthenticated)
}

fn read_header(text: &str) -> Option<Cow<'_, str>> {
    let (scheme, rest) = text.trim().split_once(' ')?;
    let rest = rest.trim();
    let key = if scheme.eq_ignore_ascii_case("bearer") {
        Cow::Borrowed(rest)
    } else if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, _) = pair.split_once(':').unwrap_or((pair.as_str(), ""));
        Cow::Owned(user.to_owned())
    } else {
        return None;
    };
    (!key.is_empty()).then_some(key)
}

/// The key in the body.
pub(super) fn key(body: &Value) -> Result<&str, Refusal> {
    let key = body.get("writeKey").and_then(Value::as_str);
    key.filter(|key| !key.is_empty())
        .ok_or(Refusal::Unauthenticated)
}

/// Reads a body of at most `limit` bytes, also once it is unpacked.
pub(super) async fn receive(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
    patience: Duration,
) -> Result<Value, Refused> {
    let Some(packing) = Packing::of(request) else {
        let message = "Send the body as it is, or packed by gzip.";
        return Err(Refused::new(Code::UnsupportedMediaType, message));
    };
    let received = tokio::time::timeout(patience, collect(payload, limit)).await;
    let Ok(packed) = received else {
        let message = "The body took too long to arrive.";
        return Err(Refused::new(Code::Timeout, message));
    };
    let plain = packing.unpack(&packed?, limit);
    let plain = plain.map_err(|_| bad("The body is not valid gzip."))?;
    let plain = plain.ok_or_else(|| too_long(limit))?;
    // The reason names a place and no text.
    parse::body(plain.into()).map_err(|error| bad(format!("The body is not JSON: {error}.")))
}

async fn collect(mut payload: web::Payload, limit: usize) -> Result<Bytes, Refused> {
    let (mut body, mut size) = (BytesMut::new(), 0);
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| bad("The body could not be read."))?;
        size += piece.len();
        if size <= limit {
            body.extend_from_slice(&piece);
        } else if size > READ_LIMIT {
            break;
        }
    }
    if size > limit {
        return Err(too_long(limit));
    }
    Ok(body.freeze())
}

fn too_long(limit: usize) -> Refused {
    let message = format!("The body is longer than {limit} bytes.");
    Refused::new(Code::PayloadTooLarge, message)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_key_is_a_bearer_token_or_a_user_name() {
        for (header, expected) in [
            ("Bearer enishi_x", Some("enishi_x")),
            ("bearer  enishi_x ", Some("enishi_x")),
            ("Basic ZW5pc2hpX3g6", Some("enishi_x")),
            ("Basic ZW5pc2hpX3g6cGFzc3dvcmQ=", Some("enishi_x")),
            ("Basic ZW5pc2hpX3g=", Some("enishi_x")),
            ("Basic Og==", None),
            ("Basic ???", None),
            ("Digest x", None),
            ("Bearer ", None),
            ("enishi_x", None),
        ] {
            assert_eq!(read_header(header).as_deref(), expected, "{header}");
        }
    }

    #[test]
    fn two_headers_are_refused() {
        let request = TestRequest::default()
            .append_header(("Authorization", "Bearer one"))
            .append_header(("Authorization", "Bearer two"))
            .to_http_request();
        assert_eq!(header_key(&request), Err(Refusal::Unauthenticated));
    }

    #[test]
    fn the_key_in_the_body_is_a_text() {
        assert_eq!(key(&json!({ "writeKey": "enishi_x" })), Ok("enishi_x"));
        for body in [
            json!({}),
            json!({ "writeKey": "" }),
            json!({ "writeKey": 7 }),
            json!([]),
        ] {
            assert_eq!(key(&body), Err(Refusal::Unauthenticated), "{body}");
        }
    }
}
