//! Long operations whose workers are killed in the middle: they end, and nothing of them happens twice.
//!
//! A killed worker's claim holds for half a minute. Nobody else holds one when all workers are dead, so
//! the tests end it at once instead of waiting.

use std::{fmt::Write as _, time::Duration};

use chrono::{DateTime, Utc};
use domain::store::{Db, Query};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::Installation,
    process::until,
    runtime::block_on,
};

/// Four steps of an import (4,000 lines each), and as many of putting a tag on everybody (5,000 each).
const PEOPLE: i64 = 16_000;
/// Fewer than steps, so that there is something to kill.
const KILLS: i64 = 2;
/// How long a step may take on a busy machine, a start included.
const LIMIT: Duration = Duration::from_mins(5);

async fn count(database: &Db, what: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {what}"));
    let count: Option<i64> = query.scalar(database.reader()).await.expect("a count");
    count.unwrap_or_default()
}

async fn now(owner: &Client, id: &str) -> Option<(String, i64, Value)> {
    let query =
        "query($id: ID!) { operation(id: $id) { state done failed total counts { name value } } }";
    let answer = owner.try_ask(query, &json!({ "id": id })).await?;
    let operation = answer["data"]["operation"].clone();
    let state = operation["state"].as_str()?.to_owned();
    Some((state, operation["done"].as_i64()?, operation))
}

/// Kills every worker whenever the operation has got further, and waits for its end.
async fn kill_until_done(installation: &mut Installation, database: &Db, id: &str) -> Value {
    let owner = installation.owner();
    let (mut seen, mut in_the_middle) = (0, 0);
    for _ in 0..KILLS {
        let far = until("the operation to get further", LIMIT, async || {
            let (state, far, _) = now(&owner, id).await?;
            (far > seen || state == "DONE").then_some(far)
        })
        .await;
        seen = far;
        in_the_middle += i64::from(far < PEOPLE);
        if installation.workers.is_empty() {
            installation.crash_server(0);
        } else {
            for worker in 0..installation.workers.len() {
                installation.crash_worker(worker);
            }
        }
        println!("killed after {far}");
        // Nobody is to blame for the kills: three of them would set aside what was going on each time.
        for forgiven in [
            "due_item SET crashes = 0, lease_until = $1 WHERE state = 'RUNNING'",
            "projection_cursor SET crashes = 0, lease_until = $1 WHERE lease_until IS NOT NULL",
        ] {
            until("the claim to be ended", LIMIT, async || {
                let query = Query::new(format!("UPDATE {forgiven}"));
                let query = query.bind(DateTime::<Utc>::UNIX_EPOCH);
                query.execute(database.writer()).await.ok()
            })
            .await;
        }
    }
    // On a busy machine it may be over before the next look at it, but not before the first.
    assert!(in_the_middle > 0, "it was over before it was killed");
    until("the operation to end", LIMIT, async || {
        let (state, _, operation) = now(&owner, id).await?;
        (state != "WAITING" && state != "RUNNING").then_some(operation)
    })
    .await
}

/// Takes people in from a file, then tags all of them.
async fn run(mut installation: Installation) {
    let database = installation.database();
    let owner = installation.owner();
    let mut file = "email,name\n".to_owned();
    for n in 0..PEOPLE {
        writeln!(file, "p{n}@example.com,Person {n}").expect("a line");
    }
    let url = format!("http://{}/v1/uploads?name=people.csv", owner.address);
    let sent = owner.http.post(url).bearer_auth(&owner.token).body(file);
    let sent = sent.send().await.expect("an answer").text().await;
    let sent: Value = serde_json::from_str(&sent.expect("a text")).expect("JSON");
    let input = json!({ "uploadId": sent["id"] });
    let asked = owner
        .change("importContacts", input, "operation { id }")
        .await;
    let id = text(&asked["operation"]["id"]);
    let ended = kill_until_done(&mut installation, &database, &id).await;
    assert_eq!(ended["state"], "DONE", "{ended}");
    assert_eq!(
        (&ended["done"], &ended["failed"]),
        (&json!(PEOPLE), &json!(0))
    );
    for what in [
        "contact",
        "contact_identity",
        "contact_health",
        "change WHERE kind = 'contact.created'",
    ] {
        assert_eq!(count(&database, what).await, PEOPLE, "{what}");
    }

    let tag = owner.tag("CONTACT", "Everybody").await;
    let input = json!({ "things": { "contacts": {} }, "addTagIds": [tag], "reason": "all" });
    let asked = owner.change("tagByFilter", input, "operation { id }").await;
    let id = text(&asked["operation"]["id"]);
    let ended = kill_until_done(&mut installation, &database, &id).await;
    assert_eq!(ended["state"], "DONE", "{ended}");
    assert_eq!(ended["done"], json!(PEOPLE));
    for what in [
        "tagging",
        "change WHERE kind = 'tagging.added'",
        "(SELECT DISTINCT subject_id FROM change WHERE kind = 'tagging.added') x",
        "tag_rank WHERE taggings = 1",
    ] {
        assert_eq!(count(&database, what).await, PEOPLE, "{what}");
    }
    let total = "SELECT CAST(SUM(total) AS bigint) FROM tag_count";
    let total: Option<i64> = Query::new(total)
        .scalar(database.reader())
        .await
        .expect("a sum");
    assert_eq!(total, Some(PEOPLE));
    installation.drain(Duration::from_mins(5)).await;
    drop(database);
    installation.end().await;
}

#[test]
fn operations_survive_their_workers_and_do_nothing_twice() {
    block_on(async {
        run(Installation::alone().await).await;
        match Installation::cluster(1, 2).await {
            Some(cluster) => run(cluster).await,
            None => println!("TEST_DATABASE_URL or TEST_REDIS_URL is not set: SQLite only"),
        }
    });
}
