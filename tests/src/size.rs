//! How many entries a projection takes at once follows from what a batch takes, not from who else writes.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use domain::{
    ctx::Ctx,
    error::Result,
    event::{self, NewEvent},
    port::Work,
    store::Tx,
    work::{
        change::Entry,
        projection::{self, Projection},
    },
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{World, on_both};

/// More than are taken however long they take.
const BATCH: usize = 150;
/// Longer than a batch should take.
const LONG: Duration = Duration::from_millis(700);

/// Counts what contacts do; behind the first batch somebody writes for long.
#[derive(Debug, Default)]
struct Crowded {
    /// The entries of each batch.
    sizes: Mutex<Vec<usize>>,
    writing: Mutex<Option<JoinHandle<()>>>,
}

#[async_trait]
impl Projection for Crowded {
    fn name(&self) -> &'static str {
        "test.crowded"
    }

    fn work(&self) -> Work {
        Work::Changes
    }

    fn facts(&self) -> &'static [&'static str] {
        &["event.recorded"]
    }

    fn batch(&self) -> i64 {
        BATCH as i64
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        let batches = {
            let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
            sizes.push(entries.len());
            sizes.len()
        };
        if batches == 1 {
            let (ctx, workspace) = (ctx.clone(), tx.workspace);
            let writing = tokio::spawn(async move {
                let tx = ctx.begin(workspace).await.expect("a transaction");
                tokio::time::sleep(LONG).await;
                tx.rollback().await.expect("its end");
            });
            *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = Some(writing);
            // From now on it is the next one, as SQLite has one writer at a time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

impl Crowded {
    async fn run(&self, world: &World) {
        let run = projection::run(&world.ctx, self, world.owner.workspace);
        run.await.expect("a run");
        let writing = {
            let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            writing.take()
        };
        if let Some(writing) = writing {
            writing.await.expect("somebody who writes");
        }
    }
}

/// Somebody does so many things.
async fn act(world: &World, name: &str, count: usize) {
    let events = (0..count).map(|number| NewEvent {
        external_id: format!("{name} {number}"),
        whose: "taro@customer.example".to_owned().into(),
        name: "seen".to_owned(),
        properties: json!({}),
        occurred_at: world.ctx.clock.now(),
    });
    let told = event::ingest(&world.ctx, &world.owner, events.collect()).await;
    told.expect("events");
    world.settle().await;
}

#[test]
fn a_batch_that_waited_for_its_turn_to_write_is_followed_by_one_as_large() {
    on_both(|world| async move {
        let mut tries = Vec::new();
        // On a machine that stands still meanwhile a batch may take long by itself.
        for number in 0..5 {
            let crowded = Crowded::default();
            act(&world, &format!("first {number}"), 2 * BATCH).await;
            crowded.run(&world).await;
            act(&world, &format!("then {number}"), BATCH).await;
            crowded.run(&world).await;
            let sizes = crowded.sizes.into_inner().expect("sizes");
            if sizes == [BATCH; 3] {
                return world;
            }
            tries.push(sizes);
        }
        panic!("{tries:?}")
    });
}
