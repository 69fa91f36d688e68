//! What goes out on a socket: a short queue, and patience with a client that does not read it.

use std::time::Duration;

use actix_ws::{CloseReason, Session};
use bytes::Bytes;
use bytestring::ByteString;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::protocol::Close;

/// The way out of one socket, shared by its operations.
///
/// The queue holds 32 messages. A sender waits for room, so a subscription slows down with its
/// reader; when there was no room for the whole time-out, the reader is given up.
#[derive(Clone)]
pub(crate) struct Outbox {
    session: Session,
    patience: Duration,
    stalled: CancellationToken,
}

impl Outbox {
    pub(crate) fn new(session: Session, patience: Duration) -> Self {
        Self {
            session,
            patience,
            stalled: CancellationToken::new(),
        }
    }

    /// Sends one message; the error is the close it leads to.
    pub(crate) async fn send(&self, message: Bytes) -> Result<(), Close> {
        let Ok(text) = ByteString::try_from(message) else {
            return Ok(());
        };
        let mut session = self.session.clone();
        self.within(async move { session.text(text).await }).await
    }

    pub(crate) async fn ping(&self) -> Result<(), Close> {
        let mut session = self.session.clone();
        self.within(async move { session.ping(b"").await }).await
    }

    pub(crate) async fn pong(&self, bytes: &[u8]) -> Result<(), Close> {
        let mut session = self.session.clone();
        self.within(async move { session.pong(bytes).await }).await
    }

    /// Says goodbye, if the client takes it.
    pub(crate) async fn close(self, reason: Option<CloseReason>) {
        let goodbye = self.session.close(reason);
        if timeout(self.patience, goodbye).await.is_err() {
            tracing::debug!("A socket was dropped without a close frame");
        }
    }

    /// Waits until some sender has given up.
    pub(crate) async fn stalled(&self) {
        self.stalled.cancelled().await;
    }

    async fn within(
        &self,
        send: impl Future<Output = Result<(), actix_ws::Closed>>,
    ) -> Result<(), Close> {
        match timeout(self.patience, send).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Close::gone()),
            Err(_) => {
                self.stalled.cancel();
                Err(Close::slow_reader())
            }
        }
    }
}
