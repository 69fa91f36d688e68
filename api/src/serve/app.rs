//! What one worker thread serves.

use std::sync::Arc;

use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Compress, from_fn},
    web,
};
use domain::{ctx::Ctx, port::Egress, store::Location};

use super::{
    Metrics,
    health::{self, Health},
    observe,
};
use crate::{
    form::{self, Pages},
    graphql::{self, Door},
    hook::{self, Hooks},
    link::{self, Links},
    rest::{self, Rest},
    session::Sessions,
    track::{self, Tracking},
    transport::{
        self, Asset, CostTable, DocumentMemory, Drain, RateLimits, Seats, Settings, Transport,
        TrustedProxies,
    },
};

/// What all threads have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) location: Location,
    pub(super) connections: u32,
    pub(super) ctx: Ctx,
    pub(super) egress: Arc<dyn Egress>,
    pub(super) schema: graphql::Schema,
    pub(super) settings: Arc<Settings>,
    pub(super) table: Arc<CostTable>,
    pub(super) sdl: Arc<str>,
    pub(super) rate: Arc<RateLimits>,
    pub(super) seats: Arc<Seats>,
    pub(super) persisted: Arc<DocumentMemory>,
    pub(super) drain: Drain,
    pub(super) health: Arc<Health>,
    pub(super) metrics: Metrics,
    pub(super) explorer: &'static [Asset],
    pub(super) uploads: domain::upload::Limits,
    pub(super) proxies: TrustedProxies,
}

impl Shared {
    /// The application of the calling thread.
    pub(super) fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        let writer = self.ctx.db.writer().clone();
        let ctx = Ctx {
            db: self.location.open(self.connections, Some(writer)),
            ..self.ctx.clone()
        };
        let sessions = Arc::new(Sessions::new(ctx.clone()));
        let rest = Rest {
            ctx: ctx.clone(),
            sessions: sessions.clone(),
            settings: self.settings.clone(),
            rate: self.rate.clone(),
            uploads: self.uploads,
        };
        let tracking = Tracking {
            ctx: ctx.clone(),
            sessions: sessions.clone(),
            settings: self.settings.clone(),
            rate: self.rate.clone(),
        };
        let pages = Pages {
            ctx: ctx.clone(),
            rate: self.rate.clone(),
        };
        let hooks = Hooks {
            ctx: ctx.clone(),
            egress: self.egress.clone(),
            rate: self.rate.clone(),
        };
        let links = Links {
            ctx: ctx.clone(),
            rate: self.rate.clone(),
        };
        let transport = Transport {
            executor: Door::new(self.schema.clone(), ctx.clone()),
            authenticator: sessions,
            settings: self.settings.clone(),
            table: self.table.clone(),
            sdl: self.sdl.clone(),
            rate: self.rate.clone(),
            seats: self.seats.clone(),
            persisted: self.persisted.clone(),
            drain: self.drain.clone(),
            ids: self.ctx.ids.clone(),
            clock: self.ctx.clock.clone(),
            explorer: self.explorer,
        };
        App::new()
            .app_data(web::Data::from(self.health.clone()))
            .app_data(web::Data::new(self.metrics.clone()))
            .app_data(web::Data::new(ctx))
            .app_data(self.proxies.clone())
            .wrap(from_fn(observe::leave_streams_alone))
            .wrap(Compress::default())
            .wrap(from_fn(observe::count))
            // Paths are tried in this order: what is asked most often comes first.
            .configure(transport::configure(transport))
            .route("/healthz", web::get().to(health::live))
            .route("/readyz", web::get().to(health::ready))
            .route("/metrics", web::get().to(metrics))
            .configure(rest::configure(rest))
            .configure(track::configure(tracking))
            .configure(form::configure(pages))
            .configure(hook::configure(hooks))
            .configure(link::configure(links))
    }
}

async fn metrics(render: web::Data<Metrics>, ctx: web::Data<Ctx>) -> HttpResponse {
    let render: &Metrics = render.get_ref();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(render(ctx.get_ref().clone()).await)
}
