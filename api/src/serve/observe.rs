//! What happens to every request, whatever it asks for.

use std::time::Instant;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    middleware::Next,
};

const IN_FLIGHT: &str = "enishi_http_requests_in_flight";

/// Says what is counted here.
pub(super) fn describe() {
    metrics::describe_gauge!(
        IN_FLIGHT,
        "Requests whose answer has not begun; streams and sockets count until they are open"
    );
    metrics::gauge!(IN_FLIGHT).set(0.0);
    metrics::describe_histogram!(
        "enishi_http_request_duration_seconds",
        metrics::Unit::Seconds,
        "Time from a request to the head of its answer, by method, route and status; streams and \
         sockets count until they are open"
    );
}

const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Keeps compression away from answers that stay open: it would hold their events back until
/// enough have gathered.
pub(super) async fn leave_streams_alone<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let is_stream = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|media| media.to_str().ok())
        .is_some_and(|media| {
            media.starts_with("text/event-stream") || media.starts_with("multipart/")
        });
    if is_stream {
        // Compression leaves alone what says how it is encoded; `count` takes the word away again,
        // which HTTP does not want to be sent.
        response.headers_mut().insert(CONTENT_ENCODING, IDENTITY);
    }
    Ok(response)
}

/// Counts the request under its route, never its path: paths are made up by callers.
pub(super) async fn count<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let in_flight = InFlight::begin();
    let method = match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        _ => "other",
    };
    let mut response = next.call(request).await?;
    drop(in_flight);
    if response.headers().get(CONTENT_ENCODING) == Some(&IDENTITY) {
        response.headers_mut().remove(CONTENT_ENCODING);
    }
    let route = response.request().match_pattern();
    metrics::histogram!(
        "enishi_http_request_duration_seconds",
        "method" => method,
        "route" => route.unwrap_or_else(|| "none".to_owned()),
        "status" => response.status().as_u16().to_string(),
    )
    .record(started.elapsed());
    Ok(response)
}

/// A request that is being answered; also one whose caller leaves is not any more.
struct InFlight(metrics::Gauge);

impl InFlight {
    fn begin() -> Self {
        let gauge = metrics::gauge!(IN_FLIGHT);
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
