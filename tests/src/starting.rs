//! A start that takes long: whoever asks is told that the process lives and is not ready.

use std::{net::SocketAddr, time::Duration};

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};

use crate::support::{
    client::Client,
    installation::{Installation, TOKEN},
    process::{free_port, until},
    runtime::block_on,
};

/// How long a start may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// What a path answers, if anything does.
async fn page(client: &Client, path: &str) -> Option<(u16, String)> {
    let url = format!("http://{}{path}", client.address);
    let answer = client.http.get(url).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[test]
fn while_the_tables_are_brought_up_to_date_a_server_lives_and_is_not_ready() {
    block_on(async {
        let mut installation = Installation::alone().await;
        installation.stop();
        // Somebody is at the tables.
        let database = installation.database();
        let held = database.begin().await.expect("a transaction");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut server = installation.spawn_server(address);
        let client = Client::new(address, TOKEN);
        let lives = until("a sign of life", LIMIT, async || {
            page(&client, "/healthz").await
        });
        assert_eq!(lives.await, (200, "ok\n".to_owned()));
        let (status, said) = page(&client, "/readyz").await.expect("an answer");
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let wanted = json!({ "ready": false, "reason": "starting", "degraded": [] });
        assert_eq!((status, said), (503, wanted));

        held.rollback().await.expect("the end of it");
        until("readiness", LIMIT, async || {
            assert!(server.ended().is_none(), "{}", server.said());
            let (status, _) = page(&client, "/readyz").await?;
            (status == 200).then_some(())
        })
        .await;
        installation.servers.push((server, address));
        installation.end().await;
    });
}

#[test]
fn the_log_names_each_step_when_it_begins_and_the_end_of_all() {
    block_on(async {
        let mut installation = Installation::new().await;
        let first = installation.servers[0].0.said();
        assert!(first.contains("the tables are up to date"), "{first}");
        assert!(!first.contains("m0042_hidden"), "{first}");
        installation.stop();
        let database = installation.database();
        let undone = "DELETE FROM seaql_migrations WHERE version = 'm0042_hidden'";
        let owner = database.owner();
        owner.execute_unprepared(undone).await.expect("a change");
        let (status, said) = installation.command(&["migrate"]).await;
        assert!(status.success(), "{said}");
        let begins: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("bringing the tables up to date"))
            .collect();
        assert_eq!(begins.len(), 1, "{said}");
        assert!(begins[0].contains("step=m0042_hidden"), "{said}");
        let ends = said
            .lines()
            .find(|line| line.contains("the tables are up to date"));
        let ends = ends.expect("a line of the end");
        assert!(
            ends.contains("steps=1") && ends.contains("seconds="),
            "{ends}"
        );

        let (status, said) = installation.command(&["migrate"]).await;
        assert!(status.success(), "{said}");
        assert!(!said.contains("up to date"), "{said}");
        installation.start_server().await;
        installation.end().await;
    });
}

#[test]
fn a_server_that_waits_for_another_at_the_tables_says_so_and_calls_nothing_slow() {
    block_on(async {
        let Some(mut installation) = Installation::cluster(1, 1).await else {
            println!("TEST_DATABASE_URL or TEST_REDIS_URL is not set");
            return;
        };
        let database = installation.database();
        let held = database.owner().begin().await.expect("a transaction");
        let lock = format!("SELECT pg_advisory_xact_lock({})", migration::LOCK);
        held.execute_unprepared(&lock).await.expect("the lock");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let server = installation.spawn_server(address);
        until("the server to say so", LIMIT, async || {
            let said = server.said();
            said.contains("another process is at the tables")
                .then_some(())
        })
        .await;
        // Longer than what is called slow.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        held.rollback().await.expect("the end of it");
        until("readiness", LIMIT, async || {
            server.said().contains("serving").then_some(())
        })
        .await;
        let said = server.said();
        assert!(!said.contains("pg_advisory_xact_lock"), "{said}");
        installation.servers.push((server, address));
        installation.end().await;
    });
}

#[test]
fn variables_that_are_set_to_nothing_count_as_not_set() {
    block_on(async {
        let nothing = [
            "ENISHI_DATABASE_CONNECTIONS",
            "ENISHI_WORKER_CONCURRENCY",
            "ENISHI_KEEP_WORK_DAYS",
            "ENISHI_API_THREADS",
            "ENISHI_REDIS_PREFIX",
            "ENISHI_LOG_FORMAT",
            "ENISHI_LOG",
            "REDIS_URL",
        ];
        let installation = Installation::alone_with(&nothing.map(|name| (name, ""))).await;
        let said = installation.servers[0].0.said();
        assert!(said.contains("serving"), "the usual level: {said}");
        installation.end().await;
    });
}
