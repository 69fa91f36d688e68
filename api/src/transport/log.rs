//! One line in the log for each request, stream, socket and socket operation, when it ends; also for what
//! comes in by the doors beside GraphQL.

use std::{fmt::Display, time::Instant};

use actix_web::{HttpRequest, http::Method};
use async_graphql::Name;

use super::{budget::Cost, code::Code, figures, request_id::RequestId};

/// Longest name of an operation or a method in a line, in bytes; callers choose it.
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
    code: Option<Code>,
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
            code: None,
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

    /// Notes the code of an error that the caller is told; the first one stays.
    pub(crate) fn failed(&mut self, code: Option<Code>) {
        self.code = self.code.or(code);
    }

    fn operation(&self) -> &str {
        short(self.operation.as_deref().unwrap_or_default())
    }
}

fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_MAX_BYTES)]
}

/// To the microsecond; more digits are none that anybody reads.
fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_micros() as f64 / 1000.0
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        if let Some(code) = self.code {
            figures::count_error(code);
        }
        tracing::info!(
            request.id = %self.id,
            transport = self.transport,
            status = self.status,
            duration_ms = milliseconds(self.started),
            operation = self.operation(),
            cost = self.cost,
            code = self.code.map(Code::as_str),
            "GraphQL request ended"
        );
    }
}

/// The line of a request that comes in by another door than GraphQL's. Has the pattern of the route in place
/// of the path, which may hold a token. Written when dropped.
#[derive(Debug)]
pub(crate) struct DoorLog {
    id: RequestId,
    message: &'static str,
    method: Method,
    route: Option<String>,
    about: Option<String>,
    started: Instant,
    /// The HTTP status.
    pub(crate) status: u16,
}

impl DoorLog {
    /// `message` says whose request ended.
    pub(crate) fn start(id: RequestId, message: &'static str, request: &HttpRequest) -> Self {
        Self {
            id,
            message,
            method: request.method().clone(),
            route: request.match_pattern(),
            about: None,
            started: Instant::now(),
            status: 200,
        }
    }

    pub(crate) fn id(&self) -> &RequestId {
        &self.id
    }

    /// What the request turned out to be about: an id, or a name that is no secret.
    pub(crate) fn concerns(&mut self, what: impl Display) {
        self.about = Some(what.to_string());
    }
}

impl Drop for DoorLog {
    fn drop(&mut self) {
        tracing::info!(
            request.id = %self.id,
            method = short(self.method.as_str()),
            route = self.route.as_deref(),
            about = self.about.as_deref(),
            status = self.status,
            duration_ms = milliseconds(self.started),
            "{}",
            self.message
        );
    }
}
