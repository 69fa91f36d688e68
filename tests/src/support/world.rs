//! A database with one workspace in it, a clock that stands still, and somebody who may do
//! everything.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    access::{Actor, token},
    ctx::Ctx,
    locale::Locale,
    port::{AnyUrl, ManualClock, NoHints, SeededIds},
    store::{Db, Location, Query},
    vault::Vault,
    work::{change, due, projection},
    workspace::{self, NewWorkspace},
};
use entity::id::WorkspaceId;
use secrecy::ExposeSecret as _;

use super::{database::TestDatabase, ending::Ending};

/// What a storage test is handed and hands back.
#[derive(Debug)]
pub struct World {
    /// The business, on the test's database.
    pub ctx: Ctx,
    /// The clock behind `ctx`.
    pub clock: Arc<ManualClock>,
    /// The workspace's owner.
    pub owner: Actor,
    /// The database.
    pub database: TestDatabase,
    ending: Ending,
}

/// How long other tests' transactions on the same server may hold the log back on a busy machine.
const HELD_BACK: Duration = Duration::from_mins(3);

/// A master key for tests.
pub const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Where every test's clock starts: a Sunday noon in Tokyo.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_334_000, 0).expect("a time")
}

impl World {
    /// Opens `database` and makes a workspace in it.
    pub async fn new(database: TestDatabase) -> Self {
        let clock = Arc::new(ManualClock::new(start()));
        let ctx = Self::ctx(database.open().await, clock.clone());
        let owner = Self::workspace(&ctx, "Enishi Shokai", "example.com").await;
        Self {
            ctx,
            clock,
            owner,
            database,
            ending: Ending::default(),
        }
    }

    /// The same workspace in a copy of its database.
    pub async fn on(&self, database: TestDatabase) -> Self {
        let ctx = Self::ctx(database.open().await, self.clock.clone());
        Self {
            ctx: Ctx {
                ids: Arc::new(SeededIds::new(2)),
                ..ctx
            },
            clock: self.clock.clone(),
            owner: self.owner.clone(),
            database,
            ending: Ending::default(),
        }
    }

    /// The business on a database that another process has opened.
    pub fn ctx_at(url: &str) -> Ctx {
        let location = Location::parse(url).expect("a URL");
        Self::ctx(location.open(4, None), Arc::new(ManualClock::new(start())))
    }

    fn ctx(db: Db, clock: Arc<ManualClock>) -> Ctx {
        Ctx {
            db,
            clock,
            ids: Arc::new(SeededIds::new(1)),
            hints: Arc::new(NoHints),
            reach: Arc::new(AnyUrl),
            once: None,
            public_url: None,
            caller: None,
            vault: Arc::new(Vault::new(MASTER_KEY.parse().expect("a key"))),
        }
    }

    /// Makes another workspace and returns its owner.
    pub async fn workspace(ctx: &Ctx, name: &str, domain: &str) -> Actor {
        let new = NewWorkspace {
            name: name.to_owned(),
            time_zone: chrono_tz::Asia::Tokyo,
            locale: Locale::Ja,
            own_addresses: vec![format!("@{domain}")],
            owner_email: format!("owner@{domain}"),
            owner_name: "Owner".to_owned(),
            owner_token: None,
        };
        let created = workspace::create(ctx, new).await.expect("a workspace");
        let secret = created.owner_token.expose_secret();
        token::authenticate(ctx, secret)
            .await
            .expect("a look-up")
            .expect("an actor")
    }

    /// Runs every projection until nothing is left to read. Other tests' transactions on the same
    /// server may hold the log back for a while, so the bound is in time.
    pub async fn drain(&self) {
        self.drain_of(self.owner.workspace).await;
    }

    /// Like [`Self::drain`], in another workspace.
    pub async fn drain_of(&self, workspace: WorkspaceId) {
        let settled = async {
            loop {
                let mut idle = true;
                for projection in domain::projections() {
                    let outcome = projection::run(&self.ctx, *projection, workspace)
                        .await
                        .expect("a projection run");
                    idle &= outcome == projection::Outcome::Idle;
                }
                if idle {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(HELD_BACK, settled)
            .await
            .expect("the projections come to rest");
    }

    /// Waits until all of the log may be read: what is read in pieces takes another number of batches.
    pub async fn settle(&self) {
        let (reader, workspace) = (self.ctx.reader(), self.owner.workspace);
        let settled = async {
            loop {
                let end = change::end(reader, workspace).await.expect("the end");
                let behind: Option<i64> = Query::new(
                    "SELECT COUNT(*) FROM change WHERE workspace_id = $1 AND (tx, seq) > ($2, $3)",
                )
                .bind(workspace)
                .bind(end.tx)
                .bind(end.seq)
                .scalar(reader)
                .await
                .expect("a count");
                if behind == Some(0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(HELD_BACK, settled)
            .await
            .expect("the log settles");
    }

    /// Drains, fails on leftovers, and drops the database.
    pub async fn end(mut self) {
        self.drain().await;
        let pending = due::pending(self.ctx.reader()).await.expect("a count");
        assert_eq!(pending, 0, "due items are left over");
        self.ending.come();
        drop(self.ctx);
        self.database.drop().await;
    }
}
