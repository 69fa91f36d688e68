//! The few things that are not GraphQL: files on their way in and out.
//!
//! Every request carries an access token as at `/graphql`, pays from the same bucket, and is answered
//! with JSON, `{"error": {"code", "message", "requestId"}}` when it fails; the codes are those of
//! GraphQL and always go with the same status. Bodies are streamed, never held whole.
//!
//! - `upload`: files for imports, `/v1/uploads`;
//! - `lines`: what an import said of each line, `/v1/imports/{id}/lines.csv`;
//! - `export`: files that were asked for, `/v1/exports/{ticket}`, which need no token.

mod export;
mod lines;
mod upload;

use std::{rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{Method, StatusCode, header},
    web::{self, ServiceConfig},
};
use domain::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, UserError, UserErrorCode},
    store::is_of_the_moment,
    upload::Limits,
};
use entity::id::WorkspaceId;
use serde_json::json;

use crate::{
    session::Sessions,
    transport::{
        Authenticator as _, Code, RateLimits, RequestId, Settings, log::DoorLog, origin, peer,
        session::header_credential,
    },
};

/// What a request costs.
const POINTS: u64 = 10;

/// What the doors beside GraphQL are made of.
pub struct Rest {
    /// The business, on this thread's connections.
    pub ctx: Ctx,
    /// Who may call.
    pub sessions: Arc<Sessions>,
    /// The limits.
    pub settings: Arc<Settings>,
    /// The callers' buckets.
    pub rate: Arc<RateLimits>,
    /// How large files may be.
    pub uploads: Limits,
}

/// Mounts the routes. Call it inside the application factory.
pub fn configure(rest: Rest) -> impl FnOnce(&mut ServiceConfig) {
    let rest = Rc::new(rest);
    move |config| {
        for route in [Route::Uploads, Route::Upload, Route::Lines, Route::Export] {
            let rest = Rc::clone(&rest);
            let serve = move |request: HttpRequest, payload: web::Payload| {
                serve(Rc::clone(&rest), route, request, payload)
            };
            config.service(web::resource(route.path()).route(web::route().to(serve)));
        }
    }
}

/// A path, and what it is.
#[derive(Debug, Clone, Copy)]
enum Route {
    Uploads,
    Upload,
    Lines,
    Export,
}

impl Route {
    fn path(self) -> &'static str {
        match self {
            Self::Uploads => "/v1/uploads",
            Self::Upload => "/v1/uploads/{id}",
            Self::Lines => "/v1/imports/{id}/lines.csv",
            Self::Export => "/v1/exports/{ticket}",
        }
    }

    fn methods(self) -> &'static str {
        match self {
            Self::Uploads => "POST, OPTIONS",
            Self::Upload => "GET, HEAD, PATCH, DELETE, OPTIONS",
            Self::Lines | Self::Export => "GET, OPTIONS",
        }
    }
}

async fn serve(
    rest: Rc<Rest>,
    route: Route,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let id = RequestId::of(&request, &*rest.ctx.ids, &*rest.ctx.clock);
    let mut log = DoorLog::start(id.clone(), "file request ended", &request);
    let mut response = if request.method() == Method::OPTIONS {
        origin::preflight(&request, &rest.settings.allowed_origins, route.methods())
    } else {
        let done = answer(&rest, route, &request, payload).await;
        done.unwrap_or_else(|refused| refused.response(&id, route))
    };
    log.status = response.status().as_u16();
    let headers = response.headers_mut();
    if let Ok(id) = header::HeaderValue::from_str(id.as_str()) {
        headers.insert(header::HeaderName::from_static("x-request-id"), id);
    }
    origin::add_cors(&request, &rest.settings.allowed_origins, headers);
    response
}

async fn answer(
    rest: &Rc<Rest>,
    route: Route,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Refused> {
    match (route, request.method().as_str()) {
        (Route::Uploads, "POST") => upload::create(rest, request, payload).await,
        (Route::Upload, "PATCH") => upload::append(rest, request, payload).await,
        (Route::Upload, "GET" | "HEAD") => upload::show(rest, request).await,
        (Route::Upload, "DELETE") => upload::delete(rest, request).await,
        (Route::Lines, "GET") => lines::download(rest, request).await,
        (Route::Export, "GET") => export::download(rest, request).await,
        _ => Err(Refused::new(
            Code::MethodNotAllowed,
            format!("Served to {}.", route.methods()),
        )),
    }
}

impl Rest {
    /// Who is calling, once they have paid and have the scope.
    async fn enter(&self, request: &HttpRequest, scope: Scope) -> Result<Arc<Actor>, Refused> {
        let credential = header_credential(request)?;
        let session = self.sessions.authenticate(credential).await?;
        let peer = peer::of(request);
        let key = self.sessions.rate_key(&session, peer);
        self.charge(key)?;
        let actor = Arc::clone(session.actor());
        actor.require(scope)?;
        Ok(actor)
    }
}

impl Rest {
    /// The business, of one workspace alone.
    fn of(&self, workspace: WorkspaceId) -> Ctx {
        self.ctx.walled_to(workspace)
    }

    /// Takes what a request costs from a bucket.
    fn charge(&self, key: u128) -> Result<(), Refused> {
        let charged = self.rate.charge(key, POINTS);
        charged.map(|_| ()).map_err(|failure| {
            let message = failure.errors.into_iter().next();
            let mut refused = Refused::new(
                failure.code,
                message.map(|error| error.message).unwrap_or_default(),
            );
            refused.retry_after_s = failure.retry_after_s;
            refused
        })
    }
}

/// The request was not carried out.
#[derive(Debug)]
struct Refused {
    status: StatusCode,
    code: Code,
    message: String,
    retry_after_s: Option<u64>,
    more: Option<(&'static str, serde_json::Value)>,
}

impl Refused {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            status: code.status(),
            code,
            message: message.into(),
            retry_after_s: None,
            more: None,
        }
    }

    /// A mistake of the caller: in a parameter, which is named, or in the body, which has no name.
    fn mistaken(error: &UserError) -> Self {
        let argument = error.path.join(".");
        let code = match error.code {
            UserErrorCode::NotFound => Code::NotFound,
            UserErrorCode::InUse => Code::Conflict,
            UserErrorCode::TooLong if argument.is_empty() => Code::PayloadTooLarge,
            _ => Code::BadUserInput,
        };
        if code != Code::BadUserInput || argument.is_empty() {
            return Self::new(code, error.message.clone());
        }
        let mut refused = Self::new(code, format!("{argument}: {}", error.message));
        refused.more = Some(("argument", json!(argument)));
        refused
    }

    fn response(self, id: &RequestId, route: Route) -> HttpResponse {
        let mut builder = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_s {
            builder.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.code == Code::Unauthenticated {
            builder.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.code == Code::MethodNotAllowed {
            builder.insert_header((header::ALLOW, route.methods()));
        }
        let mut error = json!({
            "code": self.code.as_str(), "message": self.message, "requestId": id.as_str(),
        });
        if let Some((name, value)) = self.more {
            error[name] = value;
        }
        private(&mut builder).json(json!({ "error": error }))
    }
}

/// What is for nobody but the caller.
fn private(builder: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    builder
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

impl From<crate::transport::Refusal> for Refused {
    fn from(refusal: crate::transport::Refusal) -> Self {
        Self::new(refusal.code(), refusal.to_string())
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(errors) => match errors.into_iter().next() {
                Some(first) => Self::mistaken(&first),
                None => Self::new(Code::BadUserInput, "Refused."),
            },
            denied @ (Error::Forbidden(_) | Error::RoleForbids { .. }) => {
                Self::new(Code::Forbidden, denied.to_string())
            }
            Error::Store(error) if is_of_the_moment(&error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the database could not do what it was asked"
                );
                let message = "The database cannot do this at the moment. Try again.";
                Self {
                    retry_after_s: Some(1),
                    ..Self::new(Code::Unavailable, message)
                }
            }
            other => {
                tracing::error!(error = &other as &dyn std::error::Error, "a request failed");
                let message = "Something went wrong on our side. Name the request id when you ask.";
                Self::new(Code::Internal, message)
            }
        }
    }
}

/// The value of a parameter of the query string.
fn parameter(request: &HttpRequest, name: &str) -> Option<String> {
    url::form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// The id in the path; one of another form names nothing.
fn id<I: entity::id::Id>(request: &HttpRequest, what: &str) -> Result<I, Refused> {
    let text = request.match_info().get("id").unwrap_or_default();
    text.parse()
        .map_err(|_| Error::not_found(&["id"], what).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_database_cannot_do_at_the_moment_may_be_tried_again() {
        use sea_orm::{ConnAcquireErr, DbErr};
        let busy = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let refused = Refused::from(Error::Store(busy));
        assert_eq!(
            (refused.status.as_u16(), refused.retry_after_s),
            (503, Some(1))
        );
        let wrong = DbErr::Custom("no such column".to_owned());
        assert_eq!(Refused::from(Error::Store(wrong)).status.as_u16(), 500);
    }

    #[test]
    fn a_refusal_has_the_code_of_its_status_and_says_what_it_is_about() {
        let long = "Use at most 255 characters.";
        for (parameter, code, message, expected) in [
            ("id", UserErrorCode::NotFound, "None.", (404, "NOT_FOUND")),
            ("id", UserErrorCode::InUse, "Used.", (409, "CONFLICT")),
            (
                "",
                UserErrorCode::TooLong,
                "Large.",
                (413, "PAYLOAD_TOO_LARGE"),
            ),
            (
                "name",
                UserErrorCode::TooLong,
                long,
                (400, "BAD_USER_INPUT"),
            ),
            (
                "",
                UserErrorCode::LimitReached,
                "Many.",
                (400, "BAD_USER_INPUT"),
            ),
        ] {
            let path: Vec<&str> = parameter.split_terminator('.').collect();
            let refused = Refused::from(Error::refused(&path, code, message));
            assert_eq!(refused.status, refused.code.status());
            let told = (refused.status.as_u16(), refused.code.as_str());
            assert_eq!(told, expected, "{message}");
            assert!(refused.message.ends_with(message), "{}", refused.message);
        }
        let refused = Refused::from(Error::refused(&["name"], UserErrorCode::TooLong, long));
        assert_eq!(refused.message, "name: Use at most 255 characters.");
        assert_eq!(refused.more, Some(("argument", json!("name"))));
    }
}
