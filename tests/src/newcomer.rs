//! The programs as somebody starts them who knows nothing of them yet: with no settings, and with settings that are
//! wrong.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    client::Client,
    process::{Process, built, free_port, until},
    runtime::block_on,
};

/// How long a start or an end may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(3);

/// Starts a server in `folder` that is told where to listen and nothing else, and waits until it is ready.
async fn start(folder: &Path, address: SocketAddr) -> Process {
    let settings = [("ENISHI_BIND".to_owned(), address.to_string())];
    let mut server = Process::start("enishi", &built("enishi"), &[], &settings, folder);
    let client = Client::new(address, "");
    let url = format!("http://{address}/readyz");
    until("the server to be ready", LIMIT, async || {
        assert!(server.ended().is_none(), "{}", server.said());
        let answer = client.http.get(&url).send().await.ok()?;
        answer.status().is_success().then_some(())
    })
    .await;
    server
}

/// The tokens that were shown.
fn shown(said: &str) -> Vec<&str> {
    let lines = said.lines().filter_map(|line| line.split_once("Token "));
    lines.map(|(_, token)| token.trim()).collect()
}

#[test]
fn a_first_start_without_settings_shows_the_owners_token_once_and_the_explorer() {
    block_on(async {
        let folder = TempDir::new().expect("a folder");
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut server = start(folder.path(), address).await;
        let said = server.said();
        let explorer = format!("http://localhost:{}/explorer", address.port());
        assert!(said.contains(&explorer), "{said}");
        let tokens = shown(&said);
        assert_eq!(tokens.len(), 1, "{said}");
        let owner = Client::new(address, tokens[0]);
        let viewer = owner.must("{ viewer { role } }", json!({})).await;
        assert_eq!(viewer, json!({ "role": "OWNER" }));
        assert!(folder.path().join("data/enishi.db").exists(), "{said}");
        server.terminate();
        assert!(server.end(LIMIT).await.success(), "{}", server.said());

        // Started again, it adds to what it said before.
        let mut server = start(folder.path(), address).await;
        assert_eq!(shown(&server.said()), tokens);
        let viewer = owner.must("{ viewer { role } }", json!({})).await;
        assert_eq!(viewer, json!({ "role": "OWNER" }));
        server.terminate();
        assert!(server.end(LIMIT).await.success(), "{}", server.said());
    });
}

#[test]
fn wrong_settings_are_all_named_before_anything_is_made() {
    block_on(async {
        let wrong = [
            ("DATABASE_URL", "mysql://user:s3cret@db/enishi"),
            ("REDIS_URL", "http://user:s3cret@redis"),
            ("ENISHI_LOG", "loud"),
        ];
        for (program, setting) in [
            ("enishi", ("ENISHI_BIND", "8080")),
            ("enishi-worker", ("ENISHI_METRICS_BIND", "9090")),
        ] {
            let folder = TempDir::new().expect("a folder");
            let logs = TempDir::new().expect("a folder");
            let data = folder.path().join("data");
            let data_dir = data.to_string_lossy().into_owned();
            let mut settings = vec![("ENISHI_DATA_DIR".to_owned(), data_dir)];
            let named = wrong.iter().chain([&setting]);
            for (name, value) in named.clone() {
                settings.push(((*name).to_owned(), (*value).to_owned()));
            }
            let mut refused = Process::start(program, &built(program), &[], &settings, logs.path());
            let status = refused.end(LIMIT).await;
            let said = refused.said();
            assert_eq!(status.code(), Some(2), "{said}");
            for (name, _) in named {
                let begin = format!("{program}: {name}: ");
                let lines = said.lines().filter(|line| line.starts_with(&begin));
                assert_eq!(lines.count(), 1, "{name}: {said}");
            }
            assert!(!said.contains("s3cret"), "{said}");
            assert!(!data.exists(), "{program} makes a folder");
        }
    });
}
