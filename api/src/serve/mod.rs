//! The serving process: starts one HTTP server on everything `main` has put together, and ends it
//! in good order.
//!
//! The cast: `app` is what one worker thread serves; [`health`] answers orchestrators; `observe`
//! counts requests; [`first`] makes the first workspace and shows its token; [`alone`] keeps a second
//! process off a SQLite file; `files` asks the system for room for connections.
//!
//! Every worker thread has connections of its own: a connection belongs to the thread that opened
//! it, and sharing costs a fifth of the throughput. The schema, which takes megabytes, and SQLite's
//! single writer are shared by the whole process.

pub mod alone;
mod app;
mod files;
pub mod first;
pub mod health;
mod observe;

use std::{net::TcpListener, sync::Arc, time::Duration};

use actix_web::HttpServer;
use anyhow::Context as _;
use domain::{
    ctx::Ctx,
    port::{Egress, Hint},
    store::Location,
};
use futures::future::BoxFuture;
use tokio::{runtime::Handle, sync::broadcast};
use tokio_util::sync::CancellationToken;

use crate::{
    assets,
    config::Config,
    graphql, track,
    transport::{self, CostTable, DocumentMemory, Drain, RateLimits, Seats, Settings, origin},
};

use health::Health;

/// How long a stop waits for requests that are being answered. Open sockets and streams are told
/// to end first and do not count.
const STOP_TIMEOUT_S: u64 = 15;

/// Connections one thread serves at once; more wait in the system's queue.
const CONNECTIONS_PER_THREAD: usize = 10_000;

/// Tells the figures of the process and of the work, in the text form of Prometheus, on the connections
/// of the thread that is asked.
pub type Metrics = Arc<dyn Fn(Ctx) -> BoxFuture<'static, String> + Send + Sync>;

/// What serving needs from the rest of the process.
pub struct Server {
    /// The settings of serving.
    pub config: Config,
    /// The database, to open each thread's own connections.
    pub location: Location,
    /// Connections of each thread.
    pub connections_per_thread: u32,
    /// The business, on the connections of the main runtime.
    pub ctx: Ctx,
    /// The one way out over HTTP.
    pub egress: Arc<dyn Egress>,
    /// Where subscriptions hear that a log has grown.
    pub wakeups: broadcast::Sender<Hint>,
    /// The figures.
    pub metrics: Metrics,
    /// Whether Redis is missing at the moment, where there is one.
    pub redis_is_down: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

/// Serves on `listener` until `shutdown`, then refuses new work, lets running requests end, and
/// returns.
pub async fn serve(
    server: Server,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let drain = Drain::new();
    let health = Arc::new(Health::new(drain.clone(), server.redis_is_down));
    let sdl = graphql::sdl();
    let table = CostTable::from_sdl(&sdl).context("reading the schema's own text")?;
    let public_url = server.ctx.public_url.as_deref();
    let settings = Settings {
        rate: server.config.rate,
        seats: server.config.seats,
        body_max_bytes: server.config.request_max_bytes,
        allowed_origins: origin::welcome(server.config.allowed_origins, public_url),
        ..Settings::default()
    };
    let hub = graphql::Hub::new(server.ctx.clone(), server.wakeups, Handle::current());
    let shared = app::Shared {
        location: server.location,
        connections: server.connections_per_thread,
        schema: graphql::schema(server.ctx.clone(), hub),
        ctx: server.ctx,
        egress: server.egress,
        table: Arc::new(table),
        sdl: sdl.into(),
        rate: Arc::new(RateLimits::new(settings.rate)),
        seats: Arc::new(Seats::new(settings.seats)),
        persisted: Arc::new(DocumentMemory::new(settings.persisted_bytes)),
        settings: Arc::new(settings),
        drain: drain.clone(),
        health: health.clone(),
        metrics: server.metrics,
        explorer: assets::explorer(),
        uploads: server.config.uploads,
        proxies: server.config.trusted_proxies,
    };
    files::raise_limit();
    observe::describe();
    transport::figures::describe();
    track::describe();
    let running = HttpServer::new(move || shared.app())
        .workers(server.config.threads)
        // One signal stops the server and the jobs, in the right order.
        .disable_signals()
        .shutdown_timeout(STOP_TIMEOUT_S)
        .max_connections(CONNECTIONS_PER_THREAD)
        // Nothing here blocks threads; the default would allow hundreds.
        .worker_max_blocking_threads(4)
        .keep_alive(Duration::from_secs(75))
        .client_request_timeout(Duration::from_secs(10))
        .client_disconnect_timeout(Duration::from_secs(2))
        .listen(listener)
        .context("listening")?
        .run();
    let handle = running.handle();
    let mut running = tokio::spawn(running);
    tokio::select! {
        ended = &mut running => {
            ended.context("the server crashed")?.context("the server ended by itself")?;
            anyhow::bail!("the server ended by itself");
        }
        () = shutdown.cancelled() => {}
    }
    // Readiness first, then sockets and streams, then the listener.
    drain.start();
    handle.stop(true).await;
    running
        .await
        .context("the server crashed")?
        .context("stopping the server")
}
