//! GraphQL over `multipart/mixed` with `subscriptionSpec="1.0"`: each part an envelope
//! `{"payload": ...}`, `{}` as a sign of life.

use bytes::Bytes;

use super::stream::Format;

/// Writes parts, each with the delimiter after it, so that a client need not wait for the next
/// part to know that one has ended.
pub(crate) struct Multipart;

impl Format for Multipart {
    fn open(&self) -> Bytes {
        Bytes::from_static(b"--graphql")
    }

    fn next(&self, payload: &[u8]) -> Bytes {
        [
            b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{\"payload\":",
            payload,
            b"}\r\n--graphql",
        ]
        .concat()
        .into()
    }

    fn complete(&self) -> Bytes {
        Bytes::from_static(b"--\r\n")
    }

    fn heartbeat(&self) -> Bytes {
        Bytes::from_static(
            b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{}\r\n--graphql",
        )
    }
}
