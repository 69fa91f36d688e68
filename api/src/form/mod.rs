//! Pages for people who have no login: the form of a survey, `/survey/{token}`.
//!
//! Plain HTML without a script, under a policy that lets it load nothing. `GET` shows the form and
//! writes nothing, whatever `?score=9` chooses in it: mail scanners follow links. `POST` answers, or says no
//! to further mails: by the form's button, or by that of a mail program (RFC 8058). A link
//! that was never given, whose time is over, or whose contact was erased is answered alike.
//!
//! A link that opens a form pays from a bucket of its own. Only what opens none is paid from the bucket
//! of the address it comes from: everybody behind one proxy has one address, and whoever guesses there
//! must not keep the others from their forms.
//!
//! - `html`: the pages, purely.

pub(crate) mod html;

use std::{net::IpAddr, rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, ServiceConfig},
};
use domain::{
    ctx::Ctx,
    error::Error,
    locale::Locale,
    survey::form::{self, Filled, Form},
};
use futures::StreamExt as _;

use self::html::{Note, POLICY};
use crate::transport::{RateLimits, RequestId, log::DoorLog, peer};

/// Bytes a filled-in form may have: a comment of 2,000 characters, each written as twelve.
const BODY_LIMIT: usize = 64 * 1024;
/// Bytes that are read away of a larger one, so that its sender hears why it is refused.
const READ_LIMIT: usize = 1024 * 1024;
/// What a guess costs whoever makes it.
const GUESS_POINTS: u64 = 10;
/// What a request costs a link that opens a form.
const FORM_POINTS: u64 = 500;
/// Requests a full bucket is enough for at least: a form is opened, sent, mended and sent again.
const FORM_REQUESTS: u64 = 20;
const METHODS: &str = "GET, HEAD, POST";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// What the pages are made of.
pub struct Pages {
    /// The business, on this thread's connections.
    pub ctx: Ctx,
    /// The buckets.
    pub rate: Arc<RateLimits>,
}

/// Mounts the pages. Call it inside the application factory.
pub fn configure(pages: Pages) -> impl FnOnce(&mut ServiceConfig) {
    let pages = Rc::new(pages);
    move |config| {
        let serve = move |request: HttpRequest, payload: web::Payload| {
            serve(Rc::clone(&pages), request, payload)
        };
        config.service(web::resource("/survey/{token}").route(web::route().to(serve)));
    }
}

async fn serve(pages: Rc<Pages>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let id = RequestId::of(&request, &*pages.ctx.ids, &*pages.ctx.clock);
    let mut log = DoorLog::start(id, "survey request ended", &request);
    let page = answer(&pages, &request, payload, &mut log).await;
    let page = page.unwrap_or_else(|failed| failed.page(&request));
    log.status = page.status.as_u16();
    let mut builder = HttpResponse::build(page.status);
    builder
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("x-robots-tag", "noindex, nofollow"));
    if let Some(seconds) = page.retry_after_s {
        builder.insert_header((header::RETRY_AFTER, seconds));
    }
    if page.status == StatusCode::METHOD_NOT_ALLOWED {
        builder.insert_header((header::ALLOW, METHODS));
    }
    builder.body(page.html)
}

/// A page to be shown.
struct Page {
    status: StatusCode,
    html: String,
    retry_after_s: Option<u64>,
}

impl Page {
    fn ok(html: String) -> Self {
        Self {
            status: StatusCode::OK,
            html,
            retry_after_s: None,
        }
    }
}

/// Why there is no form.
enum Failed {
    /// The link opens none.
    Gone,
    /// The caller has to wait for so many seconds.
    TooMany(Option<u64>),
    /// It is asked in a way it does not know.
    Method,
    /// What was sent is too large, or no form.
    Body(StatusCode),
    /// Our fault.
    Broken(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl Failed {
    fn page(self, request: &HttpRequest) -> Page {
        let mut retry_after_s = None;
        let (status, note) = match self {
            Self::Gone => (StatusCode::NOT_FOUND, Note::Gone),
            Self::TooMany(seconds) => {
                retry_after_s = seconds;
                (StatusCode::TOO_MANY_REQUESTS, Note::Later)
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, Note::Gone),
            Self::Body(status) => (status, Note::Unreadable),
            Self::Broken(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "a form could not be served");
                (StatusCode::INTERNAL_SERVER_ERROR, Note::Later)
            }
        };
        Page {
            status,
            html: html::note(language(request), note),
            retry_after_s,
        }
    }
}

/// What the browser would like to read, for pages that are nobody's in particular.
pub(crate) fn language(request: &HttpRequest) -> Locale {
    let wanted = request.headers().get(header::ACCEPT_LANGUAGE);
    let wanted = wanted.and_then(|value| value.to_str().ok());
    let mut tags = wanted.unwrap_or_default().split([',', ';']);
    tags.find_map(Locale::of_tag).unwrap_or_default()
}

async fn answer(
    pages: &Pages,
    request: &HttpRequest,
    payload: web::Payload,
    log: &mut DoorLog,
) -> Result<Page, Failed> {
    let is_post = request.method() == Method::POST;
    if !is_post && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Failed::Method);
    }
    let form = pages.open(request, log).await?;
    if !is_post {
        let chosen = parameter(request.query_string().as_bytes(), "score");
        let chosen = chosen.and_then(|score| score.parse().ok());
        return Ok(Page::ok(html::form(&form, chosen, "", None)));
    }
    let is_multipart = media_type(request) == MULTIPART;
    let body = body(request, payload).await?;
    if wants_no_more(&body, is_multipart) {
        let stopped = form::stop(&pages.ctx, &form).await?;
        if !stopped {
            return Err(Failed::Gone);
        }
        return Ok(Page::ok(html::note(form.texts.locale, Note::Stopped)));
    }
    if is_multipart {
        return Err(Failed::Body(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let score = parameter(&body, "score").and_then(|score| score.parse().ok());
    let comment = parameter(&body, "comment").unwrap_or_default();
    let Some(score) = score else {
        return Ok(again(&form, None, &comment, html::Mistake::NoScore));
    };
    let filled = Filled {
        score,
        comment: comment.clone(),
    };
    match form::answer(&pages.ctx, &form, filled).await {
        Ok(true) => Ok(Page::ok(html::thanks(&form))),
        Ok(false) => Err(Failed::Gone),
        Err(Error::Refused(errors)) => {
            let is_score = errors.iter().any(|error| error.path == ["score"]);
            let mistake = if is_score {
                html::Mistake::NoScore
            } else {
                html::Mistake::LongComment
            };
            Ok(again(&form, Some(score), &comment, mistake))
        }
        Err(error) => Err(error.into()),
    }
}

/// The form once more, with what is to be mended.
fn again(form: &Form, score: Option<i64>, comment: &str, mistake: html::Mistake) -> Page {
    Page {
        status: StatusCode::UNPROCESSABLE_ENTITY,
        html: html::form(form, score, comment, Some(mistake)),
        retry_after_s: None,
    }
}

impl Pages {
    async fn open(&self, request: &HttpRequest, log: &mut DoorLog) -> Result<Form, Failed> {
        let token = request.match_info().get("token").unwrap_or_default();
        if let Some(form) = form::open(&self.ctx, token).await? {
            log.concerns(form.invitation());
            let points = FORM_POINTS.min(self.rate.burst() / FORM_REQUESTS);
            self.charge(form.invitation().0.as_u128(), points)?;
            return Ok(form);
        }
        let peer = peer_key(peer::of(request));
        self.charge(peer, GUESS_POINTS)?;
        Err(Failed::Gone)
    }

    fn charge(&self, key: u128, points: u64) -> Result<(), Failed> {
        let charged = self.rate.charge(key, points);
        charged
            .map(|_| ())
            .map_err(|failure| Failed::TooMany(failure.retry_after_s))
    }
}

/// The bucket of an address.
pub(crate) fn peer_key(peer: Option<IpAddr>) -> u128 {
    // A socket for both families names an address of the old one by one of the new.
    match peer.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().to_bits(),
        // Whoever has one address of a network of these has all of it.
        Some(IpAddr::V6(address)) => address.to_bits() >> 64 << 64,
        None => 0,
    }
}

/// What is sent, without its parameters.
fn media_type(request: &HttpRequest) -> String {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

/// Whether the form's button was pressed, or that of a mail program: those send one pair, and are free to
/// send it in parts.
fn wants_no_more(body: &[u8], is_multipart: bool) -> bool {
    if is_multipart {
        let text = String::from_utf8_lossy(body);
        return text.contains("List-Unsubscribe") && text.contains("One-Click");
    }
    let one_click = parameter(body, "List-Unsubscribe");
    parameter(body, "stop").is_some() || one_click.as_deref() == Some("One-Click")
}

async fn body(request: &HttpRequest, mut payload: web::Payload) -> Result<Vec<u8>, Failed> {
    if ![URL_ENCODED, MULTIPART].contains(&media_type(request).as_str()) {
        return Err(Failed::Body(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    let (mut body, mut size) = (Vec::new(), 0);
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Failed::Body(StatusCode::BAD_REQUEST))?;
        size += piece.len();
        if size <= BODY_LIMIT {
            body.extend_from_slice(&piece);
        } else if size > READ_LIMIT {
            break;
        }
    }
    if size > BODY_LIMIT {
        return Err(Failed::Body(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Ok(body)
}

/// The value of a field of a query string or a form.
pub(crate) fn parameter(encoded: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(encoded)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_is_the_forms_button_or_that_of_a_mail_program() {
        let parts = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n\
                     One-Click\r\n--x--\r\n";
        for (body, is_multipart, expected) in [
            ("stop=1", false, true),
            ("List-Unsubscribe=One-Click", false, true),
            ("List-Unsubscribe=x", false, false),
            ("score=9&comment=List-Unsubscribe%3DOne-Click", false, false),
            (parts, true, true),
            ("--x\r\n\r\nscore\r\n--x--\r\n", true, false),
        ] {
            let found = wants_no_more(body.as_bytes(), is_multipart);
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn each_address_has_a_bucket_whatever_socket_it_comes_through() {
        let key = |address: &str| peer_key(Some(address.parse().unwrap()));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("::ffff:192.0.2.1"), key("::ffff:192.0.2.2"));
        assert_ne!(key("::ffff:192.0.2.1"), peer_key(None));
        assert_eq!(key("2001:db8::1"), key("2001:db8::2"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    }
}
