//! The messages of `graphql-transport-ws`, and the codes a socket is closed with.

use std::fmt;

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{Map, Value as Json};

use super::{
    answer::{self, Answer},
    failure::Failure,
    params::Params,
};

/// The only subprotocol spoken.
pub(crate) const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Longest text a close frame can carry, in bytes (RFC 6455: a control frame holds 125, the code
/// takes two).
const REASON_MAX_BYTES: usize = 123;

/// What a client can say.
#[derive(Debug)]
pub(crate) enum ClientMessage {
    ConnectionInit(Map<String, Json>),
    Ping(Option<Map<String, Json>>),
    Pong,
    Subscribe { id: Box<str>, params: Params },
    Complete { id: Box<str> },
}

/// Why a socket is closed: the protocol's own codes, and some of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Close {
    pub(crate) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(REASON_MAX_BYTES));
        Self { code, reason }
    }

    pub(crate) fn normal() -> Self {
        Self::new(1000, "")
    }
    pub(crate) fn going_away() -> Self {
        Self::new(1001, "The server is shutting down")
    }
    pub(crate) fn protocol_error() -> Self {
        Self::new(1002, "Not a valid WebSocket frame")
    }
    /// The connection broke off without a closing handshake. Only for the log: it cannot be sent.
    pub(crate) fn gone() -> Self {
        Self::new(1006, "")
    }
    pub(crate) fn not_utf8() -> Self {
        Self::new(1007, "Text must be UTF-8")
    }
    pub(crate) fn too_big() -> Self {
        Self::new(1009, "The message is too long")
    }
    /// The peer has not answered pings.
    pub(crate) fn silent() -> Self {
        Self::new(3008, "No sign of life")
    }
    pub(crate) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(4400, reason)
    }
    pub(crate) fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }
    /// Also when a token is revoked while the socket is open.
    pub(crate) fn forbidden() -> Self {
        Self::new(4403, "Forbidden")
    }
    pub(crate) fn no_subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable")
    }
    /// Ours: the client left its outgoing buffer full for too long.
    pub(crate) fn slow_reader() -> Self {
        Self::new(4008, "The client does not read")
    }
    /// Ours: the token or its workspace has as many sockets open as it may.
    pub(crate) fn full(reason: impl Into<String>) -> Self {
        Self::new(4029, reason)
    }
    pub(crate) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }
    pub(crate) fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }
    pub(crate) fn second_init() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }
    /// The credential could not be checked.
    pub(crate) fn unavailable() -> Self {
        Self::new(4500, "Try again later")
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "payload")]
    _payload: IgnoredAny,
}

#[derive(Deserialize)]
struct Subscribe {
    #[serde(deserialize_with = "from_object")]
    payload: Params,
}

/// Reads an object. Without it a list of the values would do as well.
fn from_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Params, D::Error> {
    struct Object;

    impl<'de> Visitor<'de> for Object {
        type Value = Params;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Params, A::Error> {
            Params::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object)
}

#[derive(Deserialize)]
struct OptionalPayload {
    #[serde(default)]
    payload: Option<Map<String, Json>>,
}

impl ClientMessage {
    /// Reads one message; the error is the close it earns.
    pub(crate) fn parse(text: &str, id_max_bytes: usize) -> Result<Self, Close> {
        let envelope: Envelope<'_> = serde_json::from_str(text)
            .map_err(|_| Close::bad_request("Not a message: expected an object with a `type`"))?;
        let kind = &*envelope.kind;
        let id = |id: Option<String>| {
            id.filter(|id| !id.is_empty() && id.len() <= id_max_bytes)
                .map(String::into_boxed_str)
                .ok_or_else(|| Close::bad_request(format!("`{kind}` needs a short `id`")))
        };
        Ok(match kind {
            "connection_init" => Self::ConnectionInit(object(text)?.unwrap_or_default()),
            "ping" => Self::Ping(object(text)?),
            "pong" => {
                object(text)?;
                Self::Pong
            }
            "complete" => Self::Complete {
                id: id(envelope.id)?,
            },
            "subscribe" => Self::Subscribe {
                id: id(envelope.id)?,
                params: subscribe_params(text)?,
            },
            _ => return Err(Close::bad_request("Unknown message type")),
        })
    }
}

fn object(text: &str) -> Result<Option<Map<String, Json>>, Close> {
    serde_json::from_str::<OptionalPayload>(text)
        .map(|message| message.payload)
        .map_err(|_| Close::bad_request("`payload` must be an object"))
}

fn subscribe_params(text: &str) -> Result<Params, Close> {
    let refuse = || Close::bad_request("`payload` must be a GraphQL request");
    let message: Subscribe = serde_json::from_str(text).map_err(|_| refuse())?;
    let params = &message.payload;
    let has_hash = |all: &async_graphql::Extensions| all.contains_key("persistedQuery");
    if params.query.is_none()
        && params.document_id.is_none()
        && !params.extensions.as_ref().is_some_and(has_hash)
    {
        return Err(refuse());
    }
    Ok(message.payload)
}

/// What the server can say.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerMessage<'a> {
    ConnectionAck,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Json>>,
    },
    Next {
        id: &'a str,
        payload: &'a Answer<'a>,
    },
    Error {
        id: &'a str,
        payload: &'a [async_graphql::ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl<'a> ServerMessage<'a> {
    pub(crate) fn failure(id: &'a str, failure: &'a Failure) -> Self {
        Self::Error {
            id,
            payload: &failure.errors,
        }
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        answer::to_bytes(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Close {
        ClientMessage::parse(text, 10).unwrap_err()
    }

    #[test]
    fn malformed_messages_earn_4400_with_a_reason_that_fits_a_close_frame() {
        let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(10_000));
        for text in [
            "",
            "{",
            "[]",
            "1",
            r#"{"id":"1"}"#,
            r#"{"type":1}"#,
            r#"{"type":"bogus"}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"12345678901","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":["{a}",null,null,{},null]}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":"x"}}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"ping","payload":"x"}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            &long,
        ] {
            let close = refusal(text);
            assert_eq!(close.code, 4400, "{text}");
            assert!(close.reason.len() <= REASON_MAX_BYTES, "{text}");
        }
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let close = Close::new(4400, "é".repeat(100));
        assert_eq!(close.reason.len(), 122);
    }
}
