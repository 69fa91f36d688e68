//! A schema, an authenticator and a running server to try the door with.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, rt};
use async_graphql::{
    Context, Error, ErrorExtensions, Object, Request, Result, Schema, Subscription,
};
use domain::port::{SeededIds, SystemClock};
use futures::{Stream, StreamExt, stream};
use tokio::sync::Notify;

use super::super::{
    Authenticator, Cost, CostTable, DocumentHash, DocumentMemory, Drain, RateLimits, Refusal,
    RequestId, Seats, Settings, Transport, configure, documents, limits::RateSettings,
};

pub(super) struct Query;

#[Object]
impl Query {
    async fn hello(&self, name: Option<String>) -> String {
        format!("Hello {}", name.unwrap_or_else(|| "you".to_owned()))
    }
    async fn caller(&self, context: &Context<'_>) -> Option<String> {
        context.data_unchecked::<Session>().0.clone()
    }
    async fn seen(&self, context: &Context<'_>) -> String {
        let cost = context.data_unchecked::<Cost>();
        format!(
            "{} {}",
            context.data_unchecked::<RequestId>(),
            cost.requested
        )
    }
    async fn numbers(&self, first: Option<i32>) -> Vec<Number> {
        (0..first.unwrap_or(20)).map(Number).collect()
    }
    async fn few(&self, first: i32) -> Vec<Number> {
        (0..first.min(3)).map(Number).collect()
    }
    #[graphql(deprecation = "Use `hello`.")]
    async fn hi(&self, #[graphql(deprecation = "It is ignored.")] loud: Option<bool>) -> String {
        format!("Hi{}", if loud.is_some() { "!" } else { "" })
    }
    async fn rate_limit(&self, context: &Context<'_>, #[graphql(default)] dry_run: bool) -> Limit {
        let _ = dry_run;
        Limit(*context.data_unchecked::<Cost>())
    }
    async fn coded(&self) -> Option<Result<i32>> {
        Some(Err(
            Error::new("Not yours.").extend_with(|_, e| e.set("code", "FORBIDDEN"))
        ))
    }
    async fn leaky(&self) -> Option<Result<i32>> {
        Some(Err(std::io::Error::other(
            "relation \"secret\" at line 664",
        )
        .into()))
    }
    async fn strict(&self) -> Result<i32> {
        std::future::ready(()).await;
        Err(Error::new("Not now.").extend_with(|_, e| e.set("code", "UNAVAILABLE")))
    }
    async fn panics(&self) -> i32 {
        blow_up()
    }
    async fn hangs(&self) -> i32 {
        std::future::pending().await
    }
}

fn blow_up() -> i32 {
    panic!("on purpose")
}

pub(super) struct Number(i32);

#[Object]
impl Number {
    async fn value(&self) -> i32 {
        self.0
    }
}

pub(super) struct Limit(Cost);

#[Object]
impl Limit {
    async fn cost(&self) -> u64 {
        self.0.requested
    }
}

pub(super) struct Mutation;

#[Object]
impl Mutation {
    async fn bump(&self) -> i32 {
        1
    }
}

pub(super) struct Events;

#[Subscription]
impl Events {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> {
        stream::iter(0..to)
    }
    async fn never(&self) -> impl Stream<Item = i32> {
        stream::pending()
    }
    async fn crowds(&self, of: i32) -> impl Stream<Item = Vec<Number>> {
        stream::repeat_with(move || (0..of).map(Number).collect::<Vec<_>>())
    }
    async fn large(&self, context: &Context<'_>) -> impl Stream<Item = String> + use<> {
        let stopped = StopSignal(context.data_unchecked::<Arc<Notify>>().clone());
        stream::repeat_with(move || {
            let _ = &stopped;
            "x".repeat(100_000)
        })
    }
    async fn broken(&self) -> impl Stream<Item = i32> {
        stream::once(async { blow_up() }).chain(stream::pending())
    }
    async fn failing(&self) -> impl Stream<Item = Result<i32>> {
        stream::iter([
            Ok(1),
            Err(Error::new("No.").extend_with(|_, e| e.set("code", "FORBIDDEN"))),
        ])
    }
}

/// Tells when the stream that owns it is dropped.
struct StopSignal(Arc<Notify>);

impl Drop for StopSignal {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// The token of the caller.
#[derive(Debug, Clone)]
pub(super) struct Session(pub(super) Option<String>);

/// Lets everybody in but `bad`, `barred` and those revoked since. Whether `slow` may stay is never found out.
#[derive(Debug, Default)]
pub(super) struct Doorman {
    revoked: Mutex<HashSet<String>>,
    begun: AtomicUsize,
    given_up: AtomicUsize,
}

/// A check of `slow`, until it is given up.
struct Check<'a>(&'a AtomicUsize);

impl Drop for Check<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The document that is registered for the token `owner`.
pub(super) const REGISTERED: &str = "query Registered { numbers(first: 3) { value } }";

impl Doorman {
    pub(super) fn revoke(&self, token: &str) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.insert(token.to_owned());
    }

    /// How many checks of `slow` were given up, once another is under way.
    pub(super) async fn checking(&self) -> usize {
        loop {
            let given_up = self.given_up();
            if self.begun.load(Ordering::SeqCst) > given_up {
                return given_up;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }
}

impl Authenticator for Doorman {
    type Session = Session;

    async fn authenticate(&self, credential: Option<&str>) -> Result<Session, Refusal> {
        match credential {
            Some("bad") => Err(Refusal::Unauthenticated),
            Some("barred") => Err(Refusal::Forbidden),
            Some("down") => Err(Refusal::Unavailable),
            token => Ok(Session(token.map(str::to_owned))),
        }
    }

    async fn still_valid(&self, session: &Session) -> bool {
        if session.0.as_deref() == Some("slow") {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let _check = Check(&self.given_up);
            return std::future::pending().await;
        }
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        session
            .0
            .as_ref()
            .is_none_or(|token| !revoked.contains(token))
    }

    fn rate_key(&self, session: &Session, _peer: Option<IpAddr>) -> u128 {
        session.0.as_ref().map_or(0, |token| token.len() as u128)
    }

    /// The first letter of the token.
    fn workspace_key(&self, session: &Session) -> u128 {
        let token = session.0.as_deref().unwrap_or_default();
        token.bytes().next().map_or(0, u128::from)
    }

    async fn registered_document(
        &self,
        session: &Session,
        hash: DocumentHash,
    ) -> Result<Option<Arc<str>>, Refusal> {
        let is_known = session.0.as_deref() == Some("owner") && hash == documents::hash(REGISTERED);
        Ok(is_known.then(|| REGISTERED.into()))
    }

    fn attach(&self, session: &Session, request: Request) -> Request {
        request.data(session.clone())
    }
}

pub(super) type Door = Transport<Schema<Query, Mutation, Events>, Doorman>;

/// Limits that tests reach without waiting long.
pub(super) fn quick() -> Settings {
    let mut settings = Settings {
        heartbeat: Duration::from_millis(20),
        session_recheck: Duration::from_millis(20),
        request_timeout: Duration::from_millis(250),
        body_max_bytes: 4096,
        allowed_origins: vec!["https://app.example.com".to_owned()],
        rate: RateSettings {
            burst: 1_000_000,
            per_second: 1,
        },
        ..Settings::default()
    };
    settings.socket.message_max_bytes = 4096;
    // The server stands still with its client on a busy machine.
    settings.socket.init_timeout = Duration::from_mins(1);
    settings
}

pub(super) fn door(settings: Settings) -> Door {
    let executor = Schema::build(Query, Mutation, Events)
        .data(Arc::new(Notify::new()))
        .finish();
    Transport {
        table: Arc::new(CostTable::from_sdl(&executor.sdl()).unwrap()),
        sdl: executor.sdl().into(),
        rate: Arc::new(RateLimits::new(settings.rate)),
        seats: Arc::new(Seats::new(settings.seats)),
        persisted: Arc::new(DocumentMemory::new(settings.persisted_bytes)),
        executor,
        authenticator: Arc::default(),
        settings: Arc::new(settings),
        drain: Drain::new(),
        ids: Arc::new(SeededIds::new(1)),
        clock: Arc::new(SystemClock),
        explorer: &[],
    }
}

/// A server on a free port; stops when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub(super) fn start(door: &Door) -> Self {
        let door = door.clone();
        let server = HttpServer::new(move || App::new().configure(configure(door.clone())))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        rt::spawn(server);
        Self { address, handle }
    }

    /// Stops as a deployment does; returns when every connection has ended.
    pub(super) async fn stop_gracefully(&self) {
        self.handle.stop(true).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
