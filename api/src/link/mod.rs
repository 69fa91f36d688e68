//! Where tracked links lead from: `/l/{slug}`, and `/l/{slug}/{token}` of one contact, without a login.
//!
//! `GET` answers 302 to the URL that is stored, and to nothing that stands in the request. What is counted and
//! written is stored before that: a visit that was answered is not lost, and while the database cannot store
//! it the answer is a page that says to come back. With `?qr` it is a QR code's; `?anonymousId=` names a
//! visitor who is known already. `HEAD`, and whatever else is a machine's, is sent on and counted apart. With
//! `.svg` behind it the address is answered with its QR code. No cookie is set.
//!
//! A slug nobody has is a page with 404, a link that has ended one with 410, in the language of the browser.
//!
//! A request with the token of a contact pays from a bucket of that contact and link, any other from one of the
//! link and the address it comes from: little, so that many people behind one proxy can follow it. Only a
//! guess is paid from the bucket of the address itself: whoever guesses, or asks for one link without end,
//! must not keep those behind the same proxy from the others.

use std::{rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, ServiceConfig},
};
use domain::{
    ctx::Ctx,
    error::Error,
    link::{self, Followed, Opened, Signs, Visitor},
};
use entity::id::ContactId;

use crate::{
    form::{
        html::{self, Note, POLICY},
        language, parameter, peer_key,
    },
    transport::{RateLimits, RequestId, log::DoorLog, peer},
};

/// What a guess costs whoever makes it.
const GUESS_POINTS: u64 = 10;
/// What it costs an address to follow a link: a full bucket of the two is usually enough for ten thousand at
/// once.
const FOLLOW_POINTS: u64 = 5;
/// What it costs to have a QR code drawn.
const DRAW_POINTS: u64 = 10;
/// What a request costs the bucket of a contact and a link.
const PERSONAL_POINTS: u64 = 500;
/// Requests a full bucket of theirs is enough for at least.
const PERSONAL_REQUESTS: u64 = 20;
const METHODS: &str = "GET, HEAD";
/// The headers by which a program says that nobody is looking yet.
const PURPOSES: [&str; 4] = ["purpose", "sec-purpose", "x-purpose", "x-moz"];

/// What the door is made of.
pub struct Links {
    /// The business, on this thread's connections.
    pub ctx: Ctx,
    /// The buckets.
    pub rate: Arc<RateLimits>,
}

/// Mounts the door. Call it inside the application factory.
pub fn configure(links: Links) -> impl FnOnce(&mut ServiceConfig) {
    let links = Rc::new(links);
    move |config| {
        let serve = move |request: HttpRequest| serve(Rc::clone(&links), request);
        // Two routes, so that the figures tell them apart.
        for path in ["/l/{slug}", "/l/{slug}/{token}"] {
            config.service(web::resource(path).route(web::route().to(serve.clone())));
        }
    }
}

async fn serve(links: Rc<Links>, request: HttpRequest) -> HttpResponse {
    let id = RequestId::of(&request, &*links.ctx.ids, &*links.ctx.clock);
    let mut log = DoorLog::start(id, "tracked link request ended", &request);
    let response = match links.answer(&request, &mut log).await {
        Ok(Answer::To(url)) => HttpResponse::Found()
            .insert_header((header::LOCATION, url))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header(("x-robots-tag", "noindex, nofollow"))
            .finish(),
        Ok(Answer::Picture(svg)) => HttpResponse::Ok()
            .content_type("image/svg+xml")
            .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(svg),
        Err(failed) => failed.page(&request),
    };
    log.status = response.status().as_u16();
    response
}

/// What an address is answered with.
enum Answer {
    /// Where it leads.
    To(String),
    /// Its QR code.
    Picture(String),
}

/// What the path of a request names.
#[derive(Debug, PartialEq, Eq)]
struct Asked<'r> {
    slug: &'r str,
    token: Option<&'r str>,
    /// Whether its QR code is wanted.
    is_drawn: bool,
}

/// Reads a path. Neither slugs nor tokens have a dot.
fn asked<'r>(slug: &'r str, token: Option<&'r str>) -> Asked<'r> {
    let last = token.unwrap_or(slug);
    let (last, is_drawn) = match last.strip_suffix(".svg") {
        Some(last) => (last, true),
        None => (last, false),
    };
    match token {
        Some(_) => Asked {
            slug,
            token: Some(last),
            is_drawn,
        },
        None => Asked {
            slug: last,
            token: None,
            is_drawn,
        },
    }
}

impl Links {
    async fn answer(&self, request: &HttpRequest, log: &mut DoorLog) -> Result<Answer, Failed> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Failed::Method);
        }
        let parts = request.match_info();
        let asked = asked(parts.get("slug").unwrap_or_default(), parts.get("token"));
        let Some(link) = link::open(&self.ctx, asked.slug).await? else {
            self.charge(address_key(request), GUESS_POINTS)?;
            return Err(Failed::Unknown);
        };
        log.concerns(link.slug());
        let token = asked.token;
        let contact = token.and_then(|token| link::contact_of(&self.ctx.vault, link.id(), token));
        if asked.is_drawn {
            self.charge(bucket(&link, address_key(request)), DRAW_POINTS)?;
            // What no token of ours says is not drawn as if it were one.
            let token = token.filter(|_| contact.is_some());
            return self.draw(&link, token).ok_or(Failed::Unknown);
        }
        self.charge_for(request, &link, contact)?;
        if link.has_ended(self.ctx.clock.now()) {
            return Err(Failed::Ended);
        }
        let destination = link.destination()?;
        let query = request.query_string().as_bytes();
        let visitor = Visitor::of(contact, parameter(query, "anonymousId"));
        let followed = link::follow(&self.ctx, &link, how(request), &visitor);
        Box::pin(followed).await?;
        Ok(Answer::To(destination))
    }

    fn draw(&self, link: &Opened, token: Option<&str>) -> Option<Answer> {
        let address = link::qr_address(&self.ctx, link.slug(), token)?;
        link::svg(address.as_str()).map(Answer::Picture)
    }

    fn charge_for(
        &self,
        request: &HttpRequest,
        link: &Opened,
        contact: Option<ContactId>,
    ) -> Result<(), Failed> {
        let Some(contact) = contact else {
            return self.charge(bucket(link, address_key(request)), FOLLOW_POINTS);
        };
        let points = PERSONAL_POINTS.min(self.rate.burst() / PERSONAL_REQUESTS);
        self.charge(bucket(link, contact.0.as_u128()), points)
    }

    fn charge(&self, key: u128, points: u64) -> Result<(), Failed> {
        let charged = self.rate.charge(key, points);
        charged
            .map(|_| ())
            .map_err(|failure| Failed::TooMany(failure.retry_after_s))
    }
}

/// The bucket of a link and of who follows it: a contact, or an address.
fn bucket(link: &Opened, who: u128) -> u128 {
    // Turned, so that what two ids have in common, their time, does not make it a small number.
    link.id().0.as_u128().rotate_left(64) ^ who
}

fn address_key(request: &HttpRequest) -> u128 {
    peer_key(peer::of(request))
}

/// In which way the link is followed.
fn how(request: &HttpRequest) -> Followed {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let query = request.query_string().as_bytes();
    let purposes: Vec<&str> = PURPOSES.into_iter().filter_map(header).collect();
    let signs = Signs {
        is_head: request.method() == Method::HEAD,
        purposes: &purposes,
        user_agent: header("user-agent"),
    };
    if link::is_machine(&signs) {
        Followed::ByMachine
    } else if parameter(query, link::QR_MARKER).is_some() {
        Followed::Scan
    } else {
        Followed::Click
    }
}

/// Why nobody is sent anywhere.
enum Failed {
    /// There is no such link.
    Unknown,
    /// It leads nowhere any more.
    Ended,
    /// The caller has to wait for so many seconds.
    TooMany(Option<u64>),
    /// It is asked in a way it does not know.
    Method,
    /// Our fault: nothing was stored.
    Broken(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl Failed {
    fn page(self, request: &HttpRequest) -> HttpResponse {
        let mut retry_after_s = None;
        let (status, note) = match self {
            Self::Unknown => (StatusCode::NOT_FOUND, Note::NoLink),
            Self::Ended => (StatusCode::GONE, Note::LinkEnded),
            Self::TooMany(seconds) => {
                retry_after_s = seconds;
                (StatusCode::TOO_MANY_REQUESTS, Note::Later)
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, Note::NoLink),
            Self::Broken(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "who followed a link could not be stored");
                (StatusCode::SERVICE_UNAVAILABLE, Note::Later)
            }
        };
        let mut builder = HttpResponse::build(status);
        builder
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::X_FRAME_OPTIONS, "DENY"))
            .insert_header(("x-robots-tag", "noindex, nofollow"));
        if let Some(seconds) = retry_after_s {
            builder.insert_header((header::RETRY_AFTER, seconds));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            builder.insert_header((header::ALLOW, METHODS));
        }
        builder.body(html::note(language(request), note))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_link_a_contact_and_perhaps_a_picture() {
        for (slug, token, expected) in [
            ("spring", None, ("spring", None, false)),
            ("spring.svg", None, ("spring", None, true)),
            ("spring", Some("abc"), ("spring", Some("abc"), false)),
            ("spring", Some("abc.svg"), ("spring", Some("abc"), true)),
            (
                "spring.svg",
                Some("abc"),
                ("spring.svg", Some("abc"), false),
            ),
        ] {
            let found = asked(slug, token);
            assert_eq!(
                (found.slug, found.token, found.is_drawn),
                expected,
                "{slug} {token:?}"
            );
        }
    }
}
