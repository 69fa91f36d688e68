//! One line in the log for each request, stream, socket and socket operation, when it ends.

use std::time::Instant;

use async_graphql::Name;

use super::{budget::Cost, request_id::RequestId};

/// Longest operation name in a line, in bytes; callers choose it.
const NAME_MAX_BYTES: usize = 64;

/// What the line will say. Written when dropped, so that a stream that breaks off has its line too.
/// Never holds documents, variables or credentials.
#[derive(Debug)]
pub(crate) struct RequestLog {
    id: RequestId,
    transport: &'static str,
    started: Instant,
    /// The HTTP status, or the close code of a socket.
    pub(crate) status: u16,
    operation: Option<Name>,
    cost: Option<u64>,
}

impl RequestLog {
    pub(crate) fn start(id: RequestId, transport: &'static str) -> Self {
        Self {
            id,
            transport,
            started: Instant::now(),
            status: 200,
            operation: None,
            cost: None,
        }
    }

    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    pub(crate) fn became(&mut self, transport: &'static str) {
        self.transport = transport;
    }

    pub(crate) fn runs(&mut self, operation: Option<Name>, cost: Cost) {
        self.operation = operation;
        self.cost = Some(cost.requested);
    }

    fn operation(&self) -> &str {
        let name = self.operation.as_deref().unwrap_or_default();
        &name[..name.floor_char_boundary(NAME_MAX_BYTES)]
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        tracing::info!(
            request.id = %self.id,
            transport = self.transport,
            status = self.status,
            duration_ms = self.started.elapsed().as_secs_f64() * 1000.0,
            operation = self.operation(),
            cost = self.cost,
            "GraphQL request ended"
        );
    }
}
