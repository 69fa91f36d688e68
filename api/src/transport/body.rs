//! Receiving the body of a POST, as it is or packed by gzip.
//!
//! A short body is received from anybody, but unpacked and parsed only for callers who have shown who
//! they are. What is longer, packed or unpacked, is received only from those, and only while there is
//! room: each worker thread holds a bounded number of bytes of long bodies, until they are answered.
//! Everything is counted while it comes, whatever the headers announce, and unpacking ends at the limit.

use std::{
    io::{self, Read as _},
    sync::Arc,
    time::Duration,
};

use actix_web::{HttpRequest, http::header, web};
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    code::Code,
    failure::Failure,
    limits::Settings,
    params::{Params, bad_request, header_text},
};

/// Bodies of the greatest length that one worker thread holds at once.
const LONGEST_HELD: usize = 2;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(5);
/// A long body may take longer to arrive, by this factor.
const LONG_TIME: u32 = 3;
/// JSON values in a long body. Each takes about a hundred bytes when it is read, however short it is
/// written, so that a body of many tiny ones would take far more memory than its length.
const VALUES_MAX: usize = 500_000;

/// The room a long body takes for as long as this is kept.
pub(crate) type Room = OwnedSemaphorePermit;

/// The room for long bodies of one worker thread, in kilobytes.
pub(crate) struct LongBodies(Arc<Semaphore>);

impl LongBodies {
    pub(crate) fn new(settings: &Settings) -> Self {
        let longest = kilobytes(settings.body_max_bytes) as usize;
        Self(Arc::new(Semaphore::new(longest * LONGEST_HELD)))
    }

    /// Waits a while for room for `bytes`.
    pub(crate) async fn take(&self, bytes: usize) -> Result<Room, Failure> {
        let room = Arc::clone(&self.0).acquire_many_owned(kilobytes(bytes));
        if let Ok(Ok(room)) = tokio::time::timeout(PATIENCE, room).await {
            return Ok(room);
        }
        let message = "Too many long requests are being read; try again in a moment.";
        let mut failure = Failure::new(Code::Unavailable, message);
        failure.retry_after_s = Some(1);
        Err(failure)
    }
}

fn kilobytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
}

impl Packing {
    /// The packing that the headers tell, if it can be read.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let Some(encoding) = request.headers().get(header::CONTENT_ENCODING) else {
            return Some(Self::Plain);
        };
        let encoding = encoding.to_str().ok()?.trim();
        if encoding.eq_ignore_ascii_case("identity") {
            Some(Self::Plain)
        } else if encoding.eq_ignore_ascii_case("gzip") {
            Some(Self::Gzip)
        } else {
            None
        }
    }

    /// The bytes as they were packed, unless those are more than `limit`.
    pub(crate) fn unpack(self, bytes: &Bytes, limit: usize) -> Result<Option<Bytes>, Failure> {
        let plain = match self {
            Self::Plain => bytes.clone(),
            Self::Gzip => {
                gunzip(bytes, limit).map_err(|_| bad_request("The body is not valid gzip."))?
            }
        };
        Ok((plain.len() <= limit).then_some(plain))
    }
}

/// Unpacks until the end or until one byte is too many.
fn gunzip(packed: &[u8], limit: usize) -> io::Result<Bytes> {
    let mut plain = Vec::new();
    GzDecoder::new(packed)
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)?;
    Ok(plain.into())
}

/// A body on its way in.
pub(crate) struct Incoming {
    payload: web::Payload,
    packing: Packing,
    /// What the headers say of its length.
    announced: Option<usize>,
    first: Bytes,
    rest: BytesMut,
    is_whole: bool,
}

impl Incoming {
    /// Refuses a body that is announced to be too long.
    pub(crate) fn new(
        request: &HttpRequest,
        payload: web::Payload,
        packing: Packing,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let announced = header_text(request, &header::CONTENT_LENGTH)
            .and_then(|length| length.parse::<usize>().ok());
        if announced.is_some_and(|length| length > settings.body_max_bytes) {
            return Err(too_large(settings.body_max_bytes));
        }
        Ok(Self {
            payload,
            packing,
            announced,
            first: Bytes::new(),
            rest: BytesMut::new(),
            is_whole: false,
        })
    }

    /// Receives a short body, or the beginning of a long one.
    pub(crate) async fn begin(&mut self, settings: &Settings) -> Result<(), Failure> {
        self.receive(short_limit(settings), settings.body_timeout)
            .await
    }

    /// Reads a short body, after [`begin`](Self::begin); nothing, if it turns out to be a long one.
    pub(crate) fn short(&mut self, settings: &Settings) -> Result<Option<Params>, Failure> {
        let limit = short_limit(settings);
        if !self.is_whole {
            return Ok(None);
        }
        // Kept besides: unpacked it may be a long one.
        if !self.rest.is_empty() {
            self.first = std::mem::take(&mut self.rest).freeze();
        }
        match self.packing.unpack(&self.first, limit)? {
            Some(plain) => Params::from_json(&plain).map(Some),
            None => Ok(None),
        }
    }

    /// The bytes for which there must be room before the whole of it is read.
    pub(crate) fn expected(&self, settings: &Settings) -> usize {
        match (self.packing, self.announced) {
            (Packing::Plain, Some(length)) => length,
            _ => settings.body_max_bytes,
        }
    }

    /// Reads a long body to its end, after [`short`](Self::short). It is unpacked and parsed where
    /// that holds nobody up.
    pub(crate) async fn long(mut self, settings: &Settings) -> Result<Params, Failure> {
        let limit = settings.body_max_bytes;
        self.receive(limit, settings.body_timeout * LONG_TIME)
            .await?;
        if !self.is_whole {
            return Err(too_large(limit));
        }
        let packing = self.packing;
        let bytes = if self.rest.is_empty() {
            self.first
        } else {
            self.rest.freeze()
        };
        let read = move || {
            let plain = packing.unpack(&bytes, limit)?;
            let plain = plain.ok_or_else(|| too_large(limit))?;
            if values(&plain) > VALUES_MAX {
                let message = format!("The body has more than {VALUES_MAX} values.");
                return Err(Failure::new(Code::PayloadTooLarge, message));
            }
            Params::from_json(&plain)
        };
        web::block(read).await.map_err(|_| Failure::internal())?
    }

    /// Receives until the end, or until there are more than `limit` bytes.
    async fn receive(&mut self, limit: usize, time: Duration) -> Result<(), Failure> {
        tokio::time::timeout(time, self.collect(limit))
            .await
            .unwrap_or_else(|_| {
                let message = "The body took too long to arrive.";
                Err(Failure::new(Code::Timeout, message))
            })
    }

    async fn collect(&mut self, limit: usize) -> Result<(), Failure> {
        while !self.is_whole && self.first.len() + self.rest.len() <= limit {
            let Some(chunk) = self.payload.next().await else {
                self.is_whole = true;
                break;
            };
            let chunk = chunk.map_err(|_| bad_request("The body could not be read."))?;
            // Most bodies arrive in one piece, which then is not copied.
            if self.first.is_empty() && self.rest.is_empty() {
                self.first = chunk;
            } else {
                if self.rest.is_empty() {
                    self.rest
                        .extend_from_slice(&std::mem::take(&mut self.first));
                }
                self.rest.extend_from_slice(&chunk);
            }
        }
        Ok(())
    }
}

/// The greatest length of a short body.
fn short_limit(settings: &Settings) -> usize {
    settings.body_short_bytes.min(settings.body_max_bytes)
}

/// The values of a JSON text: what its commas and brackets begin.
fn values(json: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (1, false, false);
    for &byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count += 1,
            _ => {}
        }
    }
    count
}

fn too_large(limit: usize) -> Failure {
    let message = format!("The body is longer than {limit} bytes.");
    Failure::new(Code::PayloadTooLarge, message)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(plain: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn unpacking_ends_at_the_limit() {
        let packed = gzip(&vec![b' '; 5_000_000]);
        assert!(packed.len() < 100_000);
        let limit = 100_000;
        assert_eq!(gunzip(&packed, limit).unwrap().len(), limit + 1);
        assert_eq!(Packing::Gzip.unpack(&packed, limit).unwrap(), None);
        let small = Packing::Gzip.unpack(&gzip(b"{}"), 2).unwrap();
        assert_eq!(small.as_deref(), Some(&b"{}"[..]));
        for bad in [&b"{}"[..], b"", &packed[..packed.len() / 2]] {
            let failure = Packing::Gzip.unpack(&Bytes::copy_from_slice(bad), usize::MAX / 2);
            assert_eq!(failure.unwrap_err().code, Code::BadRequest);
        }
    }

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (json, count) in [
            ("{}", 2),
            ("[1,2,3]", 4),
            (r#"{"a": "x,[{\",", "b": 1}"#, 3),
            (r#"["\\", "\"", ","]"#, 4),
        ] {
            assert_eq!(values(json.as_bytes()), count, "{json}");
        }
    }

    #[actix_web::test]
    async fn room_is_given_back_when_a_body_is_answered() {
        let settings = Settings {
            body_max_bytes: 2048,
            ..Settings::default()
        };
        let bodies = LongBodies::new(&settings);
        let first = bodies.take(2048).await.unwrap();
        let _second = bodies.take(2048).await.unwrap();
        let third = bodies.take(1);
        let third = tokio::time::timeout(Duration::from_millis(10), third).await;
        assert!(third.is_err(), "there is room for two");
        drop(first);
        assert!(bodies.take(2048).await.is_ok());
    }
}
