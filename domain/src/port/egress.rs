//! The one way out: every call that leaves the installation goes through this port.

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

/// An HTTP POST to a receiver that a member configured.
#[derive(Debug, Clone)]
pub struct OutgoingRequest {
    /// Where to; `http` or `https`, checked again at connect time on the resolved address.
    pub url: Url,
    /// Header names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
}

/// What the receiver answered.
#[derive(Debug, Clone)]
pub struct OutgoingResponse {
    /// The HTTP status code.
    pub status: u16,
    /// The wait asked for by `Retry-After`, in seconds, when it was given and could be read.
    pub retry_after_s: Option<u64>,
    /// The first bytes of the body, at most 64 KiB, as text for the delivery log.
    pub body: String,
    /// Time from the start of the call to the end of the body, in milliseconds.
    pub duration_ms: u64,
}

/// Why no answer was had. The texts are shown to members, so they tell nothing of the network's
/// inside: a refused port and a silent one read the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The address is not one this installation may call (private, loopback, link-local, ...).
    #[error("the address is not allowed")]
    Forbidden,
    /// The URL cannot be called at all: no host, another scheme, credentials inside.
    #[error("the URL cannot be called: {0}")]
    BadUrl(String),
    /// The receiver could not be reached.
    #[error("the receiver could not be reached")]
    Unreachable,
    /// The receiver did not answer within the time allowed.
    #[error("the receiver did not answer in time")]
    TimedOut,
}

/// Sends requests out of the installation.
#[async_trait]
pub trait Egress: Send + Sync {
    /// Sends `request` and reads the answer. Never follows redirects, never retries.
    async fn post(&self, request: OutgoingRequest) -> Result<OutgoingResponse, EgressError>;
}
