//! GraphQL over server-sent events, "distinct connections mode": one request, one operation.

use bytes::Bytes;

use super::stream::Format;

/// Writes `next` and `complete` events, and comments as signs of life.
pub(crate) struct EventStream;

impl Format for EventStream {
    /// A comment, so that the client sees at once that the stream is open.
    fn open(&self) -> Bytes {
        Bytes::from_static(b":\n\n")
    }

    fn next(&self, payload: &[u8]) -> Bytes {
        [b"event: next\ndata: ", payload, b"\n\n"].concat().into()
    }

    /// With an empty `data` line: browsers drop events without one.
    fn complete(&self) -> Bytes {
        Bytes::from_static(b"event: complete\ndata:\n\n")
    }

    fn heartbeat(&self) -> Bytes {
        Bytes::from_static(b":\n\n")
    }
}
