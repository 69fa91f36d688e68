//! The tracking API of Segment: `/v1/identify`, `track`, `page`, `screen`, `group`, `alias` and `batch`, and
//! the other paths that libraries send the same to. Called by web pages, apps and servers.
//!
//! The key of a caller is an access token with the scope `TRACK`: the user name of Basic, `Bearer`, or
//! `writeKey` in the body. It may stand in a web page, so pages of every site may call, and nothing is ever
//! read here: an answer says `{"success": true}`, or what to mend. What of a batch is refused does not show in its
//! answer: it is counted in the figures and told in the log, by reason and without a word of what was sent.
//!
//! - `body`: receiving a body and finding the key; `parse`: reading it; `figures`: counting.

mod body;
mod figures;
mod parse;

use std::{rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method as HttpMethod, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web::{self, ServiceConfig},
};
use domain::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::Error,
    store::is_of_the_moment,
    track::{self, MAX_BATCH_BYTES, MAX_BATCH_CALLS, MAX_CALL_BYTES, Method, Sent, Taken},
};
use serde_json::{Value, json};

pub(crate) use self::figures::describe;
use crate::{
    session::Sessions,
    transport::{Code, RateLimits, Refusal, RequestId, Settings, log::DoorLog},
};

/// What a request costs, and each of its calls.
const POINTS: u64 = 1;
const METHODS: &str = "POST, OPTIONS";
/// Headers that pages may send, if they do not ask for others.
const ACCEPTED: &str = "authorization, content-type, content-encoding";
/// Headers that a page may ask for at once.
const MAX_ASKED: usize = 32;
/// Bytes of what a page may ask for.
const MAX_ASKED_BYTES: usize = 1024;
/// Headers that pages may read.
const EXPOSED: &str = "X-Request-Id, Retry-After";

/// Paths, and what they take; nothing, for a batch. Those of one letter are what the library for
/// browsers sends to, `import` what older ones for servers do.
const PATHS: [(&str, Option<Method>); 15] = [
    ("/v1/identify", Some(Method::Identify)),
    ("/v1/i", Some(Method::Identify)),
    ("/v1/track", Some(Method::Track)),
    ("/v1/t", Some(Method::Track)),
    ("/v1/page", Some(Method::Page)),
    ("/v1/p", Some(Method::Page)),
    ("/v1/screen", Some(Method::Screen)),
    ("/v1/s", Some(Method::Screen)),
    ("/v1/group", Some(Method::Group)),
    ("/v1/g", Some(Method::Group)),
    ("/v1/alias", Some(Method::Alias)),
    ("/v1/a", Some(Method::Alias)),
    ("/v1/batch", None),
    ("/v1/b", None),
    ("/v1/import", None),
];

/// What the tracking API is made of.
pub struct Tracking {
    /// The business, on this thread's connections.
    pub ctx: Ctx,
    /// Who may call.
    pub sessions: Arc<Sessions>,
    /// The limits.
    pub settings: Arc<Settings>,
    /// The callers' buckets.
    pub rate: Arc<RateLimits>,
}

/// Mounts the paths. Call it inside the application factory.
pub fn configure(tracking: Tracking) -> impl FnOnce(&mut ServiceConfig) {
    let tracking = Rc::new(tracking);
    move |config| {
        for (path, method) in PATHS {
            let tracking = Rc::clone(&tracking);
            let serve = move |request: HttpRequest, payload: web::Payload| {
                serve(Rc::clone(&tracking), method, request, payload)
            };
            config.service(web::resource(path).route(web::route().to(serve)));
        }
    }
}

async fn serve(
    tracking: Rc<Tracking>,
    method: Option<Method>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let id = RequestId::of(&request, &*tracking.ctx.ids, &*tracking.ctx.clock);
    let mut log = DoorLog::start(id.clone(), "tracking request ended", &request);
    let mut response = match *request.method() {
        HttpMethod::OPTIONS => preflight(&request),
        HttpMethod::POST => {
            let taken = answer(&tracking, method, &request, payload, &mut log).await;
            match taken {
                Ok(()) => success(),
                Err(refused) => refused.response(&id),
            }
        }
        _ => Refused::new(Code::MethodNotAllowed, format!("Served to {METHODS}.")).response(&id),
    };
    log.status = response.status().as_u16();
    finish(response.headers_mut(), &id);
    response
}

fn success() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "success": true }))
}

/// What a page may do. Libraries add headers of their own, such as the count of a repetition, and pages may
/// have them add others: what is not allowed here, browsers would not send at all.
fn preflight(request: &HttpRequest) -> HttpResponse {
    let asked = request
        .headers()
        .get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let asked = asked
        .and_then(|value| value.to_str().ok())
        .and_then(asked_headers);
    HttpResponse::NoContent()
        .insert_header((header::ALLOW, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            asked.as_deref().unwrap_or(ACCEPTED),
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

/// The headers a browser asks for, if each is the name of a header and they are not too many.
fn asked_headers(list: &str) -> Option<String> {
    if list.len() > MAX_ASKED_BYTES {
        return None;
    }
    let names = list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let names: Vec<HeaderName> = names
        .map(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .collect::<Option<_>>()?;
    if names.is_empty() || names.len() > MAX_ASKED {
        return None;
    }
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    Some(names.join(", "))
}

/// What every answer says. Pages of every site may call: the key is all there is, cookies are none.
fn finish(headers: &mut HeaderMap, id: &RequestId) {
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

async fn answer(
    tracking: &Tracking,
    method: Option<Method>,
    request: &HttpRequest,
    payload: web::Payload,
    log: &mut DoorLog,
) -> Result<(), Refused> {
    let from_header = match body::header_key(request)? {
        // Before the body is read: whoever sends a wrong key need not be listened to.
        Some(key) => Some(tracking.actor(&key, log).await?),
        None => None,
    };
    let limit = method.map_or(MAX_BATCH_BYTES, |_| MAX_CALL_BYTES);
    let body = body::receive(request, payload, limit, tracking.settings.body_timeout).await?;
    let actor = match from_header {
        Some(actor) => actor,
        None => tracking.actor(body::key(&body)?, log).await?,
    };
    let sent = match method {
        Some(method) => Sent::one(method, body),
        None => Sent::batch(body).map_err(bad)?,
    };
    if sent.len() > MAX_BATCH_CALLS {
        let message = format!("A batch may have at most {MAX_BATCH_CALLS} calls.");
        return Err(bad(message));
    }
    tracking.charge(&actor, POINTS + POINTS * sent.len() as u64)?;
    let ctx = tracking.ctx.walled_to(actor.workspace);
    let taken = track::take_in(&ctx, &actor, sent).await?;
    report(&taken, &actor, log.id());
    match taken.refused.keys().next() {
        Some(reason) if method.is_some() => Err(bad(reason.message())),
        _ => Ok(()),
    }
}

/// Counts what became of the calls, and tells the operator what was refused: reasons, and nothing of what
/// was sent.
fn report(taken: &Taken, actor: &Actor, id: &RequestId) {
    figures::count(taken);
    for (reason, calls) in &taken.refused {
        tracing::warn!(
            request.id = %id,
            workspace = %actor.workspace,
            token = %actor.token,
            reason = reason.word(),
            calls,
            "tracking calls were refused"
        );
    }
}

impl Tracking {
    /// Who is behind a key, if it is one for tracking.
    async fn actor(&self, key: &str, log: &mut DoorLog) -> Result<Arc<Actor>, Refused> {
        let session = self.sessions.open(key).await?;
        let actor = Arc::clone(session.actor());
        log.concerns(actor.token);
        actor.require(Scope::Track)?;
        Ok(actor)
    }

    /// Takes what a request costs from the bucket of its key.
    fn charge(&self, actor: &Actor, points: u64) -> Result<(), Refused> {
        let charged = self.rate.charge(actor.token.0.as_u128(), points);
        charged.map(|_| ()).map_err(|failure| {
            let message = failure.errors.into_iter().next();
            let message = message.map(|error| error.message).unwrap_or_default();
            let mut refused = Refused::new(failure.code, message);
            refused.retry_after_s = failure.retry_after_s;
            refused
        })
    }
}

/// The request was not carried out.
#[derive(Debug)]
struct Refused {
    code: Code,
    message: String,
    retry_after_s: Option<u64>,
}

/// What is sent has to be mended.
fn bad(message: impl Into<String>) -> Refused {
    Refused::new(Code::BadRequest, message)
}

impl Refused {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after_s: None,
        }
    }

    fn response(self, id: &RequestId) -> HttpResponse {
        // Libraries know no other status for what is too long, and would send it again.
        let status = match self.code {
            Code::PayloadTooLarge => StatusCode::BAD_REQUEST,
            code => code.status(),
        };
        let mut builder = HttpResponse::build(status);
        if let Some(seconds) = self.retry_after_s {
            builder.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.code == Code::MethodNotAllowed {
            builder.insert_header((header::ALLOW, METHODS));
        }
        let body: Value = json!({
            "success": false, "code": self.code.as_str(), "message": self.message,
            "requestId": id.as_str(),
        });
        builder.json(body)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let mut refused = Self::new(refusal.code(), refusal.to_string());
        if refusal == Refusal::Unavailable {
            refused.retry_after_s = Some(1);
        }
        refused
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            denied @ (Error::Forbidden(_) | Error::RoleForbids { .. }) => {
                Self::new(Code::Forbidden, denied.to_string())
            }
            Error::Store(error) if is_of_the_moment(&error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database could not take tracking calls"
                );
                let message = "The database cannot do this at the moment. Try again.";
                Self {
                    retry_after_s: Some(1),
                    ..Self::new(Code::Unavailable, message)
                }
            }
            other => {
                tracing::error!(
                    error = &other as &dyn std::error::Error,
                    "tracking calls were not carried out"
                );
                let message = "Something went wrong on our side. Name the request id when you ask.";
                Self::new(Code::Internal, message)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_a_page_asks_for_are_allowed_if_they_are_names_and_not_too_many() {
        let many = ["x-a"; MAX_ASKED + 1].join(",");
        let long = "x".repeat(MAX_ASKED_BYTES + 1);
        for (asked, allowed) in [
            (
                "authorization,content-type,x-retry-count",
                Some("authorization, content-type, x-retry-count"),
            ),
            (
                "X-Request-Id , traceparent,",
                Some("x-request-id, traceparent"),
            ),
            ("x-ok, not a name", None),
            ("x-ok, \r\nset-cookie: x", None),
            (" , ", None),
            ("", None),
            (many.as_str(), None),
            (long.as_str(), None),
        ] {
            assert_eq!(asked_headers(asked).as_deref(), allowed, "{asked}");
        }
    }
}
