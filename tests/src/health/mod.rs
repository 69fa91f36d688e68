//! Health scores on both databases: from roll-ups to scores, their explanation and their history.
//!
//! - `account`: companies;
//! - `churn`: customers who are gone;
//! - `data`: what is known of contacts;
//! - `score`: what that comes to;
//! - `night`: the nightly run;
//! - `model`: models and history;
//! - `survey`: what is answered to surveys;
//! - `trend`: how scores changed, and when they were computed;
//! - `watch`: watching scores change.

mod account;
mod churn;
mod data;
mod model;
mod night;
mod score;
mod survey;
mod trend;
mod watch;

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    access::Origin,
    health::{self, nightly::NightlyHealth},
    port::Clock as _,
    store::{Query, Rows},
    work::{
        change::{Change, Fact},
        schedule,
    },
};
use entity::{
    contact_health,
    id::{ContactId, EventId},
};

use self::data::Data;
use crate::support::World;

/// The first tick after the test's clock starts: two in the night, in Tokyo.
fn tick() -> DateTime<Utc> {
    "2026-03-01T17:00:00Z".parse().unwrap()
}

fn today() -> NaiveDate {
    "2026-03-02".parse().unwrap()
}

/// Makes contacts, without the health rows that belong to them.
async fn contacts(world: &World, count: usize) -> Vec<ContactId> {
    let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    let mut ids: Vec<ContactId> = (0..count).map(|_| tx.id()).collect();
    ids.sort_unstable();
    Query::new(
        "INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
         SELECT $1, r.id, '', '', $2, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await
    .unwrap();
    tx.commit().await.unwrap();
    ids
}

async fn night(world: &World, tick: DateTime<Utc>) {
    let ran = schedule::run_tick(&world.ctx, &NightlyHealth, world.owner.workspace, tick).await;
    assert!(ran.unwrap());
}

fn set_clock(world: &World, to: DateTime<Utc>) {
    world.clock.advance(to - world.clock.now());
}

/// Moves the clock to the first tick and runs it.
async fn first_night(world: &World) {
    set_clock(world, tick());
    night(world, tick()).await;
}

async fn scores(world: &World, ids: &[ContactId]) -> Vec<contact_health::Model> {
    let workspace = world.owner.workspace;
    let mut rows = health::load(&world.ctx, workspace, ids).await.unwrap();
    rows.sort_by_key(|row| row.contact_id);
    rows
}

async fn score(world: &World, id: ContactId) -> contact_health::Model {
    scores(world, &[id]).await.remove(0)
}

async fn count(world: &World, table: &str) -> i64 {
    Query::new(format!(
        "SELECT COUNT(*) FROM {table} WHERE workspace_id = $1"
    ))
    .bind(world.owner.workspace)
    .scalar(world.ctx.reader())
    .await
    .unwrap()
    .unwrap()
}

/// Says of each contact that something happened, as the use cases that fill the roll-ups do.
async fn touch(world: &World, ids: &[ContactId]) {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    for &id in ids {
        let event_id: EventId = tx.id();
        let fact = Fact::EventRecorded {
            event_id,
            name: None,
        };
        tx.record(Change::new(Origin::System, Some(id), fact));
    }
    tx.commit().await.unwrap();
    world.drain().await;
}

/// More contacts than one step takes; of every twentieth, something is known.
async fn crowd(world: &World) -> Vec<ContactId> {
    let ids = contacts(world, health::nightly::STEP as usize + 200).await;
    let some: Vec<_> = ids.iter().copied().step_by(20).collect();
    Data::random(&some, 23).insert(world).await;
    ids
}
