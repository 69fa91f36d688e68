//! A bulk operation whose workers are killed in the middle: it ends, and nothing of it happens twice.

use std::time::Duration;

use domain::store::{Db, Query};
use sea_orm::DatabaseBackend;
use serde_json::json;

use crate::support::{
    client::{Client, text},
    installation::{Installation, block_on},
    process::until,
};

const CONTACTS: i64 = 30_000;
const KILLS: i64 = 2;
/// How long it may take through all crashes: a lease of 30 s for each.
const LIMIT: Duration = Duration::from_mins(4);

async fn count(database: &Db, what: &str) -> i64 {
    let count: Option<i64> = Query::new(format!("SELECT COUNT(*) FROM {what}"))
        .scalar(database.reader())
        .await
        .expect("a count");
    count.unwrap_or_default()
}

async fn people(database: &Db) {
    let (id, now) = match database.backend() {
        DatabaseBackend::Postgres => ("gen_random_uuid()", "now()"),
        _ => ("randomblob(16)", "'2026-03-01T00:00:00+00:00'"),
    };
    Query::new(format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CONTACTS})
         INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
         SELECT w.id, {id}, 'P', 'p', {now}, {now} FROM workspace w CROSS JOIN n"
    ))
    .execute(database.writer())
    .await
    .expect("contacts");
}

async fn done(owner: &Client, id: &str) -> Option<(String, i64, serde_json::Value)> {
    let query = "query($id: ID!) { operation(id: $id) { state done total counts { name value } } }";
    let answer = owner.try_ask(query, &json!({ "id": id })).await?;
    let operation = answer["data"]["operation"].clone();
    let state = operation["state"].as_str()?.to_owned();
    Some((state, operation["done"].as_i64()?, operation))
}

async fn run(mut installation: Installation) {
    let database = installation.database();
    people(&database).await;
    let owner = installation.owner();
    let tag = owner.tag("CONTACT", "Everybody").await;
    let input = json!({ "things": { "contacts": {} }, "addTagIds": [tag], "reason": "all" });
    let asked = owner.change("tagByFilter", input, "operation { id }").await;
    let id = text(&asked["operation"]["id"]);
    for kill in 0..KILLS {
        let far = until("the operation to get further", LIMIT, async || {
            let (_, far, _) = done(&owner, &id).await?;
            (far > kill * 5_000).then_some(far)
        })
        .await;
        if installation.is_alone() {
            installation.crash_server(0);
        } else {
            for worker in 0..installation.workers.len() {
                installation.crash_worker(worker);
            }
        }
        println!("killed after {far}");
    }
    let ended = until("the operation to end", LIMIT, async || {
        let (state, _, operation) = done(&owner, &id).await?;
        (state != "WAITING" && state != "RUNNING").then_some(operation)
    })
    .await;
    assert_eq!(ended["state"], "DONE", "{ended}");
    assert_eq!(
        (&ended["done"], &ended["total"]),
        (&json!(CONTACTS), &json!(CONTACTS))
    );
    assert!(
        ended["counts"].to_string().contains(&CONTACTS.to_string()),
        "{ended}"
    );
    for what in [
        "tagging",
        "change WHERE kind = 'tagging.added'",
        "(SELECT DISTINCT subject_id FROM change WHERE kind = 'tagging.added') x",
        "tag_rank WHERE taggings = 1",
    ] {
        assert_eq!(count(&database, what).await, CONTACTS, "{what}");
    }
    let total = "SELECT CAST(SUM(total) AS bigint) FROM tag_count";
    let total: Option<i64> = Query::new(total)
        .scalar(database.reader())
        .await
        .expect("a sum");
    assert_eq!(total, Some(CONTACTS));
    drop(database);
    installation.end().await;
}

#[test]
fn a_bulk_operation_survives_its_workers_and_does_nothing_twice() {
    block_on(async {
        run(Installation::alone().await).await;
        match Installation::cluster(1, 2).await {
            Some(cluster) => run(cluster).await,
            None => println!("TEST_DATABASE_URL or TEST_REDIS_URL is not set: SQLite only"),
        }
    });
}
