//! What orchestrators and load balancers ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{HttpResponse, web::Data};
use domain::ctx::Ctx;
use sea_orm::{ConnectionTrait as _, DbErr};
use serde::Serialize;
use tokio::time::timeout;

use crate::transport::Drain;

/// How long the database may take to show that it is well.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// What is known of the process's health.
pub struct Health {
    drain: Drain,
    redis_is_down: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// Tables only ever move forward: once they are of this release they need not be asked again.
    is_migrated: AtomicBool,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
struct Readiness {
    /// Whether requests should be sent here.
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What is missing without being needed: without `redis` everything happens, a few seconds later;
    /// without the current `secret_key` no credentials are stored and nothing is done in the background.
    degraded: Vec<&'static str>,
}

impl Health {
    /// Unready from the moment `drain` is given.
    pub fn new(drain: Drain, redis_is_down: Option<Arc<dyn Fn() -> bool + Send + Sync>>) -> Self {
        Self {
            drain,
            redis_is_down,
            is_migrated: AtomicBool::new(false),
        }
    }

    async fn readiness(&self, ctx: &Ctx) -> Readiness {
        let reason = if self.drain.is_draining() {
            Some("stopping")
        } else {
            self.trouble(ctx).await
        };
        let redis_is_down = self.redis_is_down.as_ref().is_some_and(|is_down| is_down());
        let missing = [
            ("redis", redis_is_down),
            ("secret_key", ctx.vault.is_replaced()),
        ];
        let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing);
        Readiness {
            ready: reason.is_none(),
            reason,
            degraded: missing.map(|(what, _)| what).collect(),
        }
    }

    async fn trouble(&self, ctx: &Ctx) -> Option<&'static str> {
        const NO_ANSWER: &str = "the database does not answer";
        let connection = ctx.reader();
        if self.is_migrated.load(Ordering::Relaxed) {
            let answer = timeout(CHECK_TIMEOUT, connection.execute_unprepared("SELECT 1")).await;
            return (!matches!(answer, Ok(Ok(_)))).then_some(NO_ANSWER);
        }
        match timeout(CHECK_TIMEOUT, migration::pending(connection)).await {
            Ok(Ok(0)) => {
                self.is_migrated.store(true, Ordering::Relaxed);
                None
            }
            Ok(Ok(_)) => Some("the tables are of an older release"),
            // What `migration` says of it in words of its own.
            Ok(Err(DbErr::Custom(_))) => Some("the tables are of a newer release"),
            Ok(Err(_)) | Err(_) => Some(NO_ANSWER),
        }
    }
}

/// `/healthz`: the process runs. Says nothing about the database, whose absence no restart mends.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `/readyz`: requests can be answered.
pub(super) async fn ready(health: Data<Health>, ctx: Data<Ctx>) -> HttpResponse {
    let readiness = health.readiness(&ctx).await;
    if readiness.ready {
        HttpResponse::Ok().json(readiness)
    } else {
        HttpResponse::ServiceUnavailable().json(readiness)
    }
}
