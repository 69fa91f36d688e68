//! The GraphQL door: everything between a socket and the schema.
//!
//! It works for any schema ([`async_graphql::Executor`]) and any idea of accounts
//! ([`Authenticator`]), and closes in one place each of the gaps that the libraries leave: limits,
//! status codes, media types, close codes. It never looks at what a field means.
//!
//! The cast, in the order a request meets it:
//!
//! - `http` takes GET and POST apart; `body` receives what is posted, `params` reads it, `accept` finds the media type to answer
//!   in, `origin` judges pages of other sites, [`peer`] says which address a request comes from, `request_id` ties the
//!   answer to the log;
//! - [`session`] finds out who is calling;
//! - [`documents`] finds the text of a document that is named by its hash;
//! - [`budget`] refuses documents that ask for too much, before anything is executed;
//! - `inspect` judges documents that are registered, without running them;
//! - [`rate`] takes the cost from the caller's bucket, and `bill` gives back what was not used;
//! - [`seats`] counts what each token and workspace has open;
//! - `run` executes, on the worker thread that holds the connection;
//! - `answer` writes the result, `failure` and [`code`] say what can go wrong;
//! - `stream` keeps an answer open, in the formats `sse` and `multipart`;
//! - `websocket` serves sockets: `protocol` has the messages, `operations` what is live,
//!   `outbox` the way out;
//! - [`drain`] ends what is open when the server goes away;
//! - `figures` counts what is open;
//! - [`explorer`] serves `GraphiQL`, `schema_file` the schema's text;
//! - `log` writes a line for each request, stream and socket when it ends, also for the other doors;
//! - [`limits`] holds every number.

mod accept;
mod answer;
mod bill;
pub(crate) mod body;
pub mod budget;
pub mod code;
pub mod documents;
pub mod drain;
pub mod explorer;
mod failure;
pub(crate) mod figures;
mod http;
mod inspect;
pub mod limits;
pub(crate) mod log;
mod multipart;
mod operations;
pub(crate) mod origin;
mod outbox;
mod params;
pub mod peer;
mod protocol;
pub mod rate;
mod request_id;
mod run;
mod schema_file;
pub mod seats;
pub mod session;
mod sse;
mod stream;
#[cfg(test)]
mod tests;
mod websocket;

use std::{rc::Rc, sync::Arc};

use actix_web::{
    HttpRequest,
    web::{self, ServiceConfig},
};
use async_graphql::Executor;
use domain::port::{Clock, Ids};

pub(crate) use answer::{ForTheLog, INTERNAL_MESSAGE};
pub use budget::{Cost, CostTable};
pub use code::Code;
pub use documents::{DocumentHash, DocumentMemory};
pub use drain::Drain;
pub use explorer::Asset;
pub use inspect::Inspector;
pub use limits::Settings;
pub use peer::TrustedProxies;
pub use rate::{Bucket, RateLimits};
pub use request_id::RequestId;
pub use seats::{SeatLimits, Seats};
pub use session::{Authenticator, Refusal};

/// The request extension that carries an idempotency key; over HTTP the header `Idempotency-Key`
/// becomes it. What the key means is for the executor to say.
pub const IDEMPOTENCY_KEY: &str = "idempotencyKey";

/// The extension of an answer, `true`, by which an executor says that it was given before, to the
/// first request with this idempotency key; over HTTP the header `Idempotency-Replayed` says so too.
pub const IDEMPOTENCY_REPLAYED: &str = "idempotencyReplayed";

/// What the door is made of. Make one for the process and clone it into every worker thread: the
/// rate limits and the drain signal must be the same everywhere. The executor may be another one
/// in each thread, if schemas hold what belongs to a thread.
pub struct Transport<E, A> {
    /// The schema.
    pub executor: E,
    /// Who may call.
    pub authenticator: Arc<A>,
    /// The limits.
    pub settings: Arc<Settings>,
    /// What the fields of the schema cost.
    pub table: Arc<CostTable>,
    /// The schema's text, for `/graphql/schema.graphql`.
    pub sdl: Arc<str>,
    /// The callers' buckets.
    pub rate: Arc<RateLimits>,
    /// What each caller has open.
    pub seats: Arc<Seats>,
    /// The documents that were sent with their hash.
    pub persisted: Arc<DocumentMemory>,
    /// The signal that the server goes away.
    pub drain: Drain,
    /// Where request ids come from.
    pub ids: Arc<dyn Ids>,
    /// What time request ids carry.
    pub clock: Arc<dyn Clock>,
    /// The files of the explorer; none, no explorer.
    pub explorer: &'static [Asset],
}

impl<E: Clone, A> Clone for Transport<E, A> {
    fn clone(&self) -> Self {
        Self {
            executor: self.executor.clone(),
            authenticator: Arc::clone(&self.authenticator),
            settings: Arc::clone(&self.settings),
            table: Arc::clone(&self.table),
            sdl: Arc::clone(&self.sdl),
            rate: Arc::clone(&self.rate),
            seats: Arc::clone(&self.seats),
            persisted: Arc::clone(&self.persisted),
            drain: self.drain.clone(),
            ids: Arc::clone(&self.ids),
            clock: Arc::clone(&self.clock),
            explorer: self.explorer,
        }
    }
}

/// Mounts `/graphql`, `/graphql/schema.graphql` (and the explorer, if there is one). Call it inside
/// the application factory: what it keeps per worker thread is made here.
pub fn configure<E: Executor, A: Authenticator>(
    transport: Transport<E, A>,
) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        let explorer = transport.explorer;
        let worker = Rc::new(run::Worker::new(transport));
        let for_schema = Rc::clone(&worker);
        let serve = move |request: HttpRequest, payload: web::Payload| {
            http::serve(Rc::clone(&worker), request, payload)
        };
        config.service(web::resource("/graphql").route(web::route().to(serve)));
        let schema =
            move |request: HttpRequest| schema_file::serve(Rc::clone(&for_schema), request);
        let schema = web::resource("/graphql/schema.graphql").route(web::get().to(schema));
        config.service(schema);
        explorer::configure(config, explorer);
    }
}
