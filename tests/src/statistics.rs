//! What PostgreSQL knows of its tables keeps up with what comes in.

use std::time::Duration;

use domain::store::{Db, Query, statistics};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use tokio::time::sleep;

use crate::support::{on_both, process::until};

/// How long it may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// How many rows the planner takes the table for; -1 if it has never looked.
async fn believed(db: &Db) -> f32 {
    Query::new("SELECT reltuples FROM pg_class WHERE oid = CAST('campaign' AS regclass)")
        .scalar(db.reader())
        .await
        .unwrap()
        .unwrap()
}

/// Lets the server look, as sweeps do, until it has counted what came in: a session tells it what it wrote about
/// once a second.
async fn looked(db: &Db, rows: f32) {
    until("the table to be looked at", LIMIT, async || {
        statistics::refresh(db).await.unwrap();
        (believed(db).await >= rows).then_some(())
    })
    .await;
}

#[test]
fn a_table_that_has_outgrown_what_is_known_of_it_is_looked_at_and_then_left_alone() {
    on_both(|world| async move {
        let db = &world.ctx.db;
        if db.backend() != DatabaseBackend::Postgres {
            assert_eq!(statistics::refresh(db).await.unwrap(), 0);
            return world;
        }
        let owner = db.owner();
        let lone = "ALTER TABLE campaign SET (autovacuum_enabled = off)";
        owner.execute_unprepared(lone).await.unwrap();
        let fill = |from: usize, to: usize| {
            format!(
                "INSERT INTO campaign (workspace_id, id, external_id, name, created_at)
                 SELECT '{}', gen_random_uuid(), 'c' || n, 'c' || n, now()
                 FROM generate_series({from}, {to}) n",
                world.owner.workspace.0
            )
        };
        owner.execute_unprepared(&fill(1, 10)).await.unwrap();
        assert!(believed(db).await < 1.0);
        owner.execute_unprepared(&fill(11, 2_000)).await.unwrap();
        looked(db, 2_000.0).await;
        // Half as many again is no reason to look.
        owner.execute_unprepared(&fill(2_001, 3_000)).await.unwrap();
        sleep(Duration::from_millis(1_500)).await;
        statistics::refresh(db).await.unwrap();
        assert!(believed(db).await < 2_500.0);
        owner.execute_unprepared(&fill(3_001, 5_000)).await.unwrap();
        looked(db, 5_000.0).await;
        world
    });
}
