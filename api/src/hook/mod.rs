//! Where email providers tell what became of emails: `/hooks/email/{token}`, without a login.
//!
//! `POST`, and `GET` for Elastic Email. The token in the path says which source of which workspace it is;
//! what each provider signs besides is verified by `domain::email::source`. An answer of 2xx means that what
//! was sent is stored; with 503 it is to be sent again. Whoever is refused is not told why: the members
//! of the workspace are. A token that was never given, one whose time is over, and one of a source that is
//! switched off or deleted are answered alike.
//!
//! What a provider sends and what is believed of it costs nothing: one email may be ten requests. Guesses
//! are paid from the bucket of the address they come from, and requests that are refused from a bucket of
//! their source; while that is empty, refusals are not noted any more, and what is believed still goes
//! through.

use std::{rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::{self, Bytes, BytesMut, ServiceConfig},
};
use domain::{
    ctx::Ctx,
    email::source::{self, Answer, Call},
    error::Error,
    port::Egress,
};
use entity::{email_source::Model as Source, kind::EmailSourceRejection};
use futures::StreamExt as _;
use serde_json::json;

use crate::{
    form::peer_key,
    transport::{Code, RateLimits, RequestId, log::DoorLog, peer},
};

/// Bytes a request may have. SendGrid collects up to 768 KB; the others tell one event at a time.
const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Bytes that are read away of a larger one, so that its sender hears why it is refused.
const READ_LIMIT: usize = 2 * BODY_LIMIT;
/// What a guess costs whoever makes it, and a request that is refused its source.
const GUESS_POINTS: u64 = 10;
/// The headers that providers are verified by.
const HEADERS: [&str; 3] = [
    "authorization",
    "x-twilio-email-event-webhook-signature",
    "x-twilio-email-event-webhook-timestamp",
];

/// What the door is made of.
pub struct Hooks {
    /// The business, on this thread's connections.
    pub ctx: Ctx,
    /// The way out, to what providers are verified with.
    pub egress: Arc<dyn Egress>,
    /// The buckets.
    pub rate: Arc<RateLimits>,
}

/// Mounts the door. Call it inside the application factory.
pub fn configure(hooks: Hooks) -> impl FnOnce(&mut ServiceConfig) {
    let hooks = Rc::new(hooks);
    move |config| {
        let serve = move |request: HttpRequest, payload: web::Payload| {
            serve(Rc::clone(&hooks), request, payload)
        };
        config.service(web::resource("/hooks/email/{token}").route(web::route().to(serve)));
    }
}

async fn serve(hooks: Rc<Hooks>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let id = RequestId::of(&request, &*hooks.ctx.ids, &*hooks.ctx.clock);
    let mut log = DoorLog::start(id.clone(), "email hook request ended", &request);
    let response = match hooks.answer(&request, payload, &mut log).await {
        Ok(()) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(json!({ "stored": true })),
        Err(failed) => failed.response(&id),
    };
    log.status = response.status().as_u16();
    response
}

impl Hooks {
    async fn answer(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        log: &mut DoorLog,
    ) -> Result<(), Failed> {
        let source = self.open(request).await?;
        log.concerns(source.id);
        let method = if source::is_told_by_get(source.provider) {
            Method::GET
        } else {
            Method::POST
        };
        if *request.method() != method {
            return Err(Failed::Method(method));
        }
        let Some(body) = body(payload).await? else {
            self.refuse(&source, EmailSourceRejection::TooLarge).await?;
            return Err(Failed::TooLarge);
        };
        let call = Call {
            query: request.query_string().to_owned(),
            headers: headers(request),
            body,
        };
        match source::receive(&self.ctx, &*self.egress, &source, &call).await? {
            Answer::Stored(stored) => {
                tracing::debug!(
                    email_source.id = %source.id,
                    created = stored.created,
                    duplicates = stored.duplicates,
                    ignored = stored.ignored,
                    "a provider told of emails"
                );
                Ok(())
            }
            Answer::Refused(why) => {
                self.refuse(&source, why).await?;
                Err(match why {
                    EmailSourceRejection::Unreadable => Failed::Unreadable,
                    _ => Failed::Unbelieved,
                })
            }
            Answer::Later => Err(Failed::Later),
            Answer::Gone => Err(Failed::Gone),
        }
    }

    async fn open(&self, request: &HttpRequest) -> Result<Source, Failed> {
        let token = request.match_info().get("token").unwrap_or_default();
        if let Some(source) = source::open(&self.ctx, token).await? {
            return Ok(source);
        }
        let peer = peer_key(peer::of(request));
        self.charge(peer)?;
        Err(Failed::Gone)
    }

    /// Notes that a request is refused, as long as its source may have refusals noted.
    async fn refuse(&self, source: &Source, why: EmailSourceRejection) -> Result<(), Failed> {
        self.charge(source.id.0.as_u128())?;
        tracing::info!(email_source.id = %source.id, reason = why.word(), "a provider's request was refused");
        source::note_rejection(&self.ctx, source, why).await?;
        Ok(())
    }

    fn charge(&self, key: u128) -> Result<(), Failed> {
        let charged = self.rate.charge(key, GUESS_POINTS);
        charged
            .map(|_| ())
            .map_err(|failure| Failed::TooMany(failure.retry_after_s))
    }
}

/// Those headers of a request that providers are verified by.
fn headers(request: &HttpRequest) -> Vec<(String, String)> {
    let all = request.headers();
    let given = HEADERS.into_iter().filter_map(|name| {
        let value = all.get(name)?.to_str().ok()?;
        Some((name.to_owned(), value.to_owned()))
    });
    given.collect()
}

/// The whole body; nothing if it is too large.
async fn body(mut payload: web::Payload) -> Result<Option<Bytes>, Failed> {
    let (mut body, mut size) = (BytesMut::new(), 0);
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Failed::Unreadable)?;
        size += piece.len();
        if size <= BODY_LIMIT {
            body.extend_from_slice(&piece);
        } else if size > READ_LIMIT {
            break;
        }
    }
    Ok((size <= BODY_LIMIT).then(|| body.freeze()))
}

/// Why nothing was stored.
enum Failed {
    /// The token opens nothing.
    Gone,
    /// The caller has to wait for so many seconds.
    TooMany(Option<u64>),
    /// It is told in another way than the provider's.
    Method(Method),
    /// It does not have the provider's form, or broke off.
    Unreadable,
    /// It is too large.
    TooLarge,
    /// It is not verified.
    Unbelieved,
    /// Something that is needed is not there at the moment.
    Later,
    /// Our fault.
    Broken(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl Failed {
    fn response(self, id: &RequestId) -> HttpResponse {
        let (mut retry_after_s, mut allowed) = (None, None);
        let (code, message) = match self {
            Self::Gone => {
                let mut response = HttpResponse::NotFound();
                response.insert_header((header::CACHE_CONTROL, "no-store"));
                return response.finish();
            }
            Self::TooMany(seconds) => {
                retry_after_s = seconds;
                (Code::RateLimited, "Too many requests. Try again later.")
            }
            Self::Method(method) => {
                allowed = Some(method);
                (
                    Code::MethodNotAllowed,
                    "The provider of this source does not tell in this way.",
                )
            }
            Self::Unreadable => (Code::BadRequest, "This is not what the provider sends."),
            Self::TooLarge => (Code::PayloadTooLarge, "The request is too large."),
            Self::Unbelieved => (Code::Unauthenticated, "The request is not verified."),
            Self::Later => (Code::Unavailable, "Send it again in a moment."),
            Self::Broken(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "what a provider told could not be stored");
                (Code::Unavailable, "Send it again in a moment.")
            }
        };
        let mut builder = HttpResponse::build(code.status());
        builder.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = retry_after_s {
            builder.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some(method) = allowed {
            builder.insert_header((header::ALLOW, method.as_str()));
        }
        let error = json!({
            "code": code.as_str(), "message": message, "requestId": id.as_str(),
        });
        builder.json(json!({ "error": error }))
    }
}
