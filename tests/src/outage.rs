//! Redis and PostgreSQL come and go, and servers are replaced, while messages come in: nothing that
//! was acknowledged is lost, everything is followed up once, and no process has to be started again.
//!
//! `OUTAGE_ROUNDS` asks for more outages than a test run has time for.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    client::{Client, text},
    cluster::Cluster,
    database::TestDatabase,
    installation::Installation,
    load::{Load, RECOVERY},
    process::{Process, free_port, until},
    runtime::block_on,
    socket::{Heard, Socket},
};

fn rounds(usual: usize) -> usize {
    let asked = std::env::var("OUTAGE_ROUNDS").ok();
    asked.map_or(usual, |asked| {
        asked.parse().expect("OUTAGE_ROUNDS is a number")
    })
}

/// Whether the server says it is ready.
async fn is_ready(owner: &Client) -> bool {
    let url = format!("http://{}/readyz", owner.address);
    let answer = owner.http.get(&url).send().await;
    answer.is_ok_and(|answer| answer.status().is_success())
}

async fn becomes_ready(owner: &Client, wanted: bool) -> Duration {
    let began = Instant::now();
    let what = if wanted { "readiness" } else { "unreadiness" };
    until(what, RECOVERY, async || {
        (is_ready(owner).await == wanted).then_some(())
    })
    .await;
    began.elapsed()
}

#[test]
fn redis_may_be_absent_killed_emptied_and_stopped() {
    block_on(async {
        let folder = tempfile::TempDir::new().expect("a folder");
        let port = free_port();
        let url = format!("redis://127.0.0.1:{port}");
        // Absent at the start of everything.
        let Some(mut installation) = Installation::cluster_on(&url, 1, 1).await else {
            println!("TEST_DATABASE_URL is not set");
            return;
        };
        let owner = installation.owner();
        let load = Load::start(owner.clone()).await;
        load.goes_on().await;
        let mut server = Process::redis(port, folder.path());
        load.goes_on().await;
        let rounds = rounds(2);
        for round in 0..rounds * 3 {
            match round % 3 {
                0 => {
                    server.kill();
                    load.goes_on().await;
                    server = Process::redis(port, folder.path());
                }
                1 => {
                    // It was begun anew a moment ago, and may not answer yet.
                    let mut empty = std::process::Command::new("redis-cli");
                    empty.args(["-p", &port.to_string(), "FLUSHALL"]);
                    empty.stdout(std::process::Stdio::null());
                    until("Redis to be emptied", RECOVERY, async || {
                        let emptied = empty.status().expect("redis-cli");
                        emptied.success().then_some(())
                    })
                    .await;
                }
                _ => {
                    server.signal("STOP");
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    load.goes_on().await;
                    server.signal("CONT");
                }
            }
            load.goes_on().await;
        }
        // Nobody outside notices.
        let failures = load.failures.load(Ordering::SeqCst);
        assert_eq!(failures, 0, "requests failed for want of Redis");
        for worker in &mut installation.workers {
            assert!(worker.ended().is_none(), "a worker ended");
        }
        let began = Instant::now();
        let count = load.end(&installation).await;
        println!(
            "outage: {rounds} kills, flushes and pauses of Redis, {count} messages, 0 failed, \
             drained {:.1?} after",
            began.elapsed()
        );
        installation.end().await;
    });
}

#[test]
fn postgres_may_be_stopped_fast_and_immediately() {
    block_on(async {
        let Ok(redis) = std::env::var("TEST_REDIS_URL") else {
            println!("TEST_REDIS_URL is not set");
            return;
        };
        let Some(mut cluster) = Cluster::start().await else {
            println!("there are no PostgreSQL programs here");
            return;
        };
        let database = TestDatabase::postgres_on(&cluster.url()).await;
        let mut installation = Installation::cluster_in(database, &redis, 1, 1).await;
        let owner = installation.owner();
        let load = Load::start(owner.clone()).await;
        load.goes_on().await;
        let (rounds, mut slowest) = (rounds(2), Duration::ZERO);
        for round in 0..rounds * 2 {
            let signal = if round % 2 == 0 { "INT" } else { "QUIT" };
            cluster.stop(signal).await;
            becomes_ready(&owner, false).await;
            cluster.launch().await;
            slowest = slowest.max(becomes_ready(&owner, true).await);
            load.goes_on().await;
        }
        let (server, _) = &mut installation.servers[0];
        assert!(server.ended().is_none(), "the server ended");
        assert!(
            installation.workers[0].ended().is_none(),
            "the worker ended"
        );
        let failures = load.failures.load(Ordering::SeqCst);
        let count = load.end(&installation).await;
        println!(
            "outage: {rounds} fast and {rounds} immediate stops of PostgreSQL, {count} messages \
             acknowledged, none lost, {failures} tries failed, ready {slowest:.1?} after its return \
             at the latest"
        );
        installation.end().await;
        drop(cluster);
    });
}

#[test]
fn a_server_that_is_replaced_under_load_drops_nothing_and_its_sockets_resume() {
    block_on(async {
        let Some(mut installation) = Installation::cluster(2, 1).await else {
            println!("TEST_DATABASE_URL or TEST_REDIS_URL is not set");
            return;
        };
        let owners = installation.owners();
        let load = Load::start(owners[0].clone()).await;
        let watching = "subscription($after: String) { messageReceived(after: $after) \
            { cursor message { externalId } } }";
        let (rounds, sockets) = (rounds(2), 10);
        let mut heard: Vec<(String, Vec<String>)> = vec![("0.0".to_owned(), Vec::new()); sockets];
        for _ in 0..rounds {
            let mut open = Vec::new();
            for (cursor, _) in &heard {
                let from = json!({ "after": cursor });
                open.push(Socket::subscribe(&owners[1], watching, &from).await);
            }
            load.goes_on().await;
            let (server, address) = &mut installation.servers[1];
            let address = *address;
            server.terminate();
            for (socket, (cursor, ids)) in open.iter_mut().zip(&mut heard) {
                loop {
                    match socket.heard().await {
                        Heard::Next(payload) => {
                            let told = &payload["data"]["messageReceived"];
                            *cursor = text(&told["cursor"]);
                            ids.push(text(&told["message"]["externalId"]));
                        }
                        Heard::Closed(code) => {
                            assert_eq!(code, Some(1001), "a reason to come back");
                            break;
                        }
                        Heard::Complete | Heard::Error => {}
                    }
                }
            }
            let status = installation.servers[1].0.end(RECOVERY).await;
            assert!(status.success(), "{status}");
            installation.servers[1].0 = installation.spawn_server(address);
            becomes_ready(&owners[1], true).await;
        }
        assert_eq!(
            load.failures.load(Ordering::SeqCst),
            0,
            "of the other server"
        );
        let acknowledged = load.end(&installation).await;
        for (cursor, ids) in &mut heard {
            let from = json!({ "after": cursor });
            let mut socket = Socket::subscribe(&owners[1], watching, &from).await;
            while ids.len() < acknowledged {
                let told = socket.next().await["messageReceived"].clone();
                ids.push(text(&told["message"]["externalId"]));
            }
            let wanted: Vec<String> = (0..acknowledged)
                .map(|number| format!("hello {number}"))
                .collect();
            assert_eq!(*ids, wanted, "each once and in order");
        }
        println!("outage: {rounds} servers replaced, {sockets} sockets, {acknowledged} messages");
        installation.end().await;
    });
}

#[test]
fn a_database_that_does_not_exist_ends_a_command_at_once_and_is_named() {
    block_on(async {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            println!("TEST_DATABASE_URL is not set");
            return;
        };
        let mut url = url::Url::parse(&server).expect("a URL");
        url.set_path("enishi_test_nowhere");
        let folder = tempfile::TempDir::new().expect("a folder");
        let data = folder.path().to_string_lossy().into_owned();
        let settings = [
            ("DATABASE_URL", url.as_str()),
            ("ENISHI_DATA_DIR", &data),
            ("ENISHI_SECRET_KEY", crate::support::world::MASTER_KEY),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let program = crate::support::process::built("enishi");
        let folder = folder.path();
        let mut command = Process::start("check", &program, &["check"], &settings, folder);
        let status = command.end(RECOVERY).await;
        assert!(!status.success(), "{status}");
        let said = command.said();
        // Of one that does not answer, which it waits for, it says something else.
        assert!(
            said.contains("DATABASE_URL: the database refuses") && said.contains("does not exist"),
            "{said}"
        );
        assert!(!said.contains("at line"), "{said}");
    });
}
