//! `/graphql` over HTTP: GET and POST, answers in JSON, as an event stream or in parts.

use std::rc::Rc;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header},
    web,
};
use async_graphql::{Executor, Response, parser::types::OperationType};

use super::{
    IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED,
    accept::{FOR_FAILURES, FOR_RESULTS, FOR_STREAMS, Media, choose},
    answer::{self, Answer},
    bill::Bill,
    body::{Incoming, Room},
    code::Code,
    explorer,
    failure::Failure,
    log::RequestLog,
    multipart::Multipart,
    origin,
    params::{self, Params, header_text},
    peer,
    request_id::RequestId,
    run::{Job, Worker},
    session::{Authenticator, header_credential},
    sse::EventStream,
    stream::{self, Format, Started},
    websocket,
};

const METHODS: &str = "GET, POST, OPTIONS";

/// Answers everything that arrives at `/graphql`.
pub(crate) async fn serve<E: Executor, A: Authenticator>(
    worker: Rc<Worker<E, A>>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let transport = &worker.transport;
    let id = RequestId::of(&request, &*transport.ids, &*transport.clock);
    let log = RequestLog::start(id.clone(), "http");
    let mut response = route(&worker, &request, payload, log).await;
    let headers = response.headers_mut();
    if let Ok(id) = header::HeaderValue::from_str(id.as_str()) {
        headers.insert(header::HeaderName::from_static("x-request-id"), id);
    }
    origin::add_cors(&request, &transport.settings.allowed_origins, headers);
    response
}

async fn route<E: Executor, A: Authenticator>(
    worker: &Rc<Worker<E, A>>,
    request: &HttpRequest,
    payload: web::Payload,
    mut log: RequestLog,
) -> HttpResponse {
    // Until the end: what was read takes its room for as long.
    let mut room = None;
    let params = match *request.method() {
        Method::OPTIONS => {
            let allowed = &worker.transport.settings.allowed_origins;
            return logged(origin::preflight(request, allowed, METHODS), log);
        }
        Method::GET if websocket::is_upgrade(request) => {
            return match websocket::upgrade(worker, request, payload, &log) {
                Ok(response) => logged(response, log),
                Err(failure) => refuse(worker, request, failure, log),
            };
        }
        Method::GET => match explorer::for_browser(request, worker.transport.explorer) {
            Some(response) => return logged(response, log),
            None => Params::from_query_string(request.query_string()),
        },
        Method::POST => body_params(worker, request, payload, &mut room).await,
        _ => {
            let message = "GraphQL is served to GET and POST.";
            Err(Failure::new(Code::MethodNotAllowed, message).allowing(METHODS))
        }
    };
    let answered = match params {
        Ok(params) => answer(worker, request, params, &mut log).await,
        Err(failure) => Err(failure),
    };
    match answered {
        Ok(Answered::Whole(response)) => logged(response, log),
        Ok(Answered::Stream(session, media, started)) => {
            stream_response(worker, session, media, *started, log)
        }
        Err(failure) => refuse(worker, request, failure, log),
    }
}

/// The log line is written when `log` is dropped here.
fn logged(response: HttpResponse, mut log: RequestLog) -> HttpResponse {
    log.status = response.status().as_u16();
    response
}

async fn body_params<E: Executor, A: Authenticator>(
    worker: &Worker<E, A>,
    request: &HttpRequest,
    payload: web::Payload,
    room: &mut Option<Room>,
) -> Result<Params, Failure> {
    let packing = params::check_content_type(request)?;
    let settings = &worker.transport.settings;
    let mut body = Incoming::new(request, payload, packing, settings)?;
    body.begin(settings).await?;
    // Only who has shown a token may have our time and more of our memory.
    let peer = peer::of(request);
    worker.caller(header_credential(request)?, peer).await?;
    if let Some(params) = body.short(settings)? {
        return Ok(params);
    }
    let expected = body.expected(settings);
    *room = Some(worker.long_bodies.take(expected).await?);
    body.long(settings).await
}

enum Answered<S> {
    Whole(HttpResponse),
    Stream(S, Media, Box<Started>),
}

async fn answer<E: Executor, A: Authenticator>(
    worker: &Rc<Worker<E, A>>,
    request: &HttpRequest,
    mut params: Params,
    log: &mut RequestLog,
) -> Result<Answered<A::Session>, Failure> {
    let accept = header_text(request, &header::ACCEPT);
    if choose(accept, &FOR_RESULTS).is_none() {
        return Err(not_acceptable());
    }
    let credential = header_credential(request)?;
    let peer = peer::of(request);
    let caller = worker.caller(credential, peer).await?;
    if let Some(key) = idempotency_key(request)? {
        // Sockets have no headers: one form serves both, the request's own extensions.
        params
            .extensions
            .get_or_insert_default()
            .insert(IDEMPOTENCY_KEY.to_owned(), key.into());
    }
    let job = worker.prepare(params, &caller, log.id(), |kind| {
        is_allowed(request.method(), accept, kind)
    });
    let job = job.await?;
    log.runs(job.name.clone(), job.bill.cost);
    let offers: &[Media] = match job.kind {
        OperationType::Subscription => &FOR_STREAMS,
        OperationType::Query | OperationType::Mutation => &FOR_RESULTS,
    };
    match choose(accept, offers) {
        Some(media @ (Media::EventStream | Media::Multipart)) => {
            if worker.transport.drain.is_draining() {
                return Err(Failure::going_away());
            }
            let started = Started::start(worker, job, &caller)?;
            Ok(Answered::Stream(caller.session, media, Box::new(started)))
        }
        Some(media) => Ok(Answered::Whole(whole(worker, job, media, log).await?)),
        None => Err(not_acceptable()),
    }
}

/// The key in the header `Idempotency-Key`.
fn idempotency_key(request: &HttpRequest) -> Result<Option<&str>, Failure> {
    let refuse = |message: &str| Failure::new(Code::BadUserInput, message);
    let mut keys = request.headers().get_all("Idempotency-Key");
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    if keys.next().is_some() {
        return Err(refuse("The header Idempotency-Key is given twice."));
    }
    let key = key.to_str();
    key.map(Some)
        .map_err(|_| refuse("The header Idempotency-Key is not plain text."))
}

/// Only queries may come in a URL: those are followed, prefetched and repeated without anybody
/// having meant it.
fn is_allowed(method: &Method, accept: Option<&str>, kind: OperationType) -> Result<(), Failure> {
    if kind == OperationType::Mutation && method == Method::GET {
        let message = "A mutation must be sent with POST.";
        return Err(Failure::new(Code::MethodNotAllowed, message).allowing("POST, OPTIONS"));
    }
    if kind == OperationType::Subscription && choose(accept, &FOR_STREAMS).is_none() {
        let message = "A subscription is answered as text/event-stream or multipart/mixed, or \
            over a WebSocket.";
        return Err(Failure::new(Code::NotAcceptable, message));
    }
    Ok(())
}

async fn whole<E: Executor, A: Authenticator>(
    worker: &Worker<E, A>,
    job: Job,
    media: Media,
    log: &mut RequestLog,
) -> Result<HttpResponse, Failure> {
    let mut bill = job.bill;
    let mut response = worker.execute(job.request).await.map_err(|mut failure| {
        failure.cost = Some(bill.cost);
        failure.bucket = Some(bill.bucket);
        failure
    })?;
    worker.finish(&mut response, log);
    bill.settle(&worker.transport.rate, &response);
    Ok(whole_response(&response, media, &bill))
}

fn whole_response(response: &Response, media: Media, bill: &Bill) -> HttpResponse {
    let is_refusal = media == Media::GraphqlResponse && !answer::was_executed(response);
    let status = if is_refusal {
        let code = response.errors.first().and_then(Code::of);
        code.map_or(StatusCode::BAD_REQUEST, Code::status)
    } else {
        StatusCode::OK
    };
    let mut builder = builder(status, media);
    for (name, value) in &response.http_headers {
        builder.append_header((name.as_str(), value.as_bytes()));
    }
    if response.extensions.contains_key(IDEMPOTENCY_REPLAYED) {
        builder.insert_header(("Idempotency-Replayed", "true"));
    }
    bill.bucket.announce(&mut builder);
    builder.body(Answer::to_response(response, bill).to_bytes())
}

fn stream_response<E: Executor, A: Authenticator>(
    worker: &Rc<Worker<E, A>>,
    session: A::Session,
    media: Media,
    started: Started,
    mut log: RequestLog,
) -> HttpResponse {
    let mut builder = builder(StatusCode::OK, media);
    builder
        // Compression would hold events back, and so would a proxy's buffer.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"));
    started.bucket().announce(&mut builder);
    if media == Media::EventStream {
        log.became("event-stream");
        builder.streaming(stream::body(worker, session, EventStream, started, log))
    } else {
        log.became("multipart");
        builder.streaming(stream::body(worker, session, Multipart, started, log))
    }
}

/// The answer to a request of which nothing was executed.
fn refuse<E: Executor, A: Authenticator>(
    worker: &Worker<E, A>,
    request: &HttpRequest,
    mut failure: Failure,
    mut log: RequestLog,
) -> HttpResponse {
    worker.finish_failure(&mut failure, &mut log);
    let accept = header_text(request, &header::ACCEPT);
    let wanted = choose(accept, &FOR_RESULTS);
    let payload = Answer::to_failure(&failure).to_bytes();
    if wanted == Some(Media::EventStream) && failure.code.is_graphql() {
        // Event stream clients show nothing of an answer that has another status.
        let mut builder = builder(StatusCode::OK, Media::EventStream);
        let events = [EventStream.next(&payload), EventStream.complete()].concat();
        return logged(builder.body(events), log);
    }
    let media = choose(accept, &FOR_FAILURES).unwrap_or(Media::Json);
    let wants_json = wanted == Some(Media::Json);
    let status = if wants_json && failure.code.is_graphql() {
        StatusCode::OK
    } else {
        failure.code.status()
    };
    let mut builder = builder(status, media);
    if let Some(methods) = failure.allow {
        builder.insert_header((header::ALLOW, methods));
    }
    if let Some(seconds) = failure.retry_after_s {
        builder.insert_header((header::RETRY_AFTER, seconds));
    }
    if failure.code == Code::Unauthenticated {
        builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Some(bucket) = &failure.bucket {
        bucket.announce(&mut builder);
    }
    let response = builder.body(payload);
    logged(response, log)
}

fn builder(status: StatusCode, media: Media) -> HttpResponseBuilder {
    let mut builder = HttpResponse::build(status);
    builder
        .insert_header((header::CONTENT_TYPE, media.content_type()))
        .insert_header((header::VARY, "Accept"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    builder
}

fn not_acceptable() -> Failure {
    let message = "The answer can be application/graphql-response+json or application/json; \
        text/event-stream and multipart/mixed for streams.";
    Failure::new(Code::NotAcceptable, message)
}
