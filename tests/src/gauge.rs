//! What a process tells of itself: what is open, its connections, its link to Redis.

use std::time::Duration;

use reqwest::header;
use serde_json::json;

use crate::support::{
    client::Client,
    installation::{Installation, on_each},
    process::until,
    socket::Socket,
};

const CHANGES: &str = "subscription { changes(after: \"0.0\") { cursor } }";
/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// What the first server tells of itself.
pub(crate) async fn figures(installation: &Installation) -> String {
    let owner = installation.owner();
    let url = format!("http://{}/metrics", owner.address);
    let answer = owner.http.get(url).send().await.expect("an answer");
    answer.text().await.expect("a text")
}

/// The value of a figure, if it is told.
pub(crate) fn value(figures: &str, name: &str) -> Option<f64> {
    let mut lines = figures.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    Some(value.parse().expect("a number"))
}

async fn until_open(installation: &Installation, sockets: f64, streams: f64) {
    until("as much to be open", LIMIT, async || {
        let told = figures(installation).await;
        let wanted = [
            ("enishi_sockets_open", sockets),
            ("enishi_streams_open", streams),
            ("enishi_subscriptions_open", sockets + streams),
        ];
        let mut wanted = wanted.into_iter();
        wanted
            .all(|(name, count)| value(&told, name) == Some(count))
            .then_some(())
    })
    .await;
}

/// An event stream that has begun.
async fn stream(client: &Client) -> reqwest::Response {
    let request = client.http.post(client.url()).bearer_auth(&client.token);
    let answer = request
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "text/event-stream")
        .body(json!({ "query": CHANGES }).to_string())
        .send();
    let answer = answer.await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
    answer
}

#[test]
fn what_is_open_is_counted_and_what_is_closed_no_more() {
    on_each(|installation| async move {
        let owner = installation.owner();
        until_open(&installation, 0.0, 0.0).await;
        let mut sockets = Vec::new();
        for _ in 0..3 {
            sockets.push(Socket::subscribe(&owner, CHANGES, &json!({})).await);
        }
        let mut events = stream(&owner).await;
        events.chunk().await.expect("bytes").expect("a beginning");
        until_open(&installation, 3.0, 1.0).await;
        drop(events);
        sockets.pop();
        // That nobody reads a stream any more shows at the next event or sign of life.
        let input = json!({ "name": "Somebody" });
        owner.change("createContact", input, "contact { id }").await;
        until_open(&installation, 2.0, 0.0).await;
        drop(sockets);
        until_open(&installation, 0.0, 0.0).await;
        installation
    });
}

#[test]
fn a_process_tells_how_it_stands_with_the_database_and_redis() {
    on_each(|installation| async move {
        let told = figures(&installation).await;
        let value = |name: &str| value(&told, name);
        let most = value("enishi_database_connections_max").expect("a number");
        // SQLite has one more for writing.
        assert!((4.0..=13.0).contains(&most), "{most}");
        for state in ["in_use", "idle"] {
            let name = format!("enishi_database_connections{{state=\"{state}\"}}");
            let count = value(&name).unwrap_or_else(|| panic!("{name}: {told}"));
            assert!((0.0..=most).contains(&count), "{name}: {count}");
        }
        assert!(value("enishi_database_waiting").is_some(), "{told}");
        assert!(
            value("enishi_database_wait_seconds_count") > Some(0.0),
            "{told}"
        );
        // The request that asks.
        assert!(
            value("enishi_http_requests_in_flight") >= Some(1.0),
            "{told}"
        );
        assert!(value("process_start_time_seconds") > Some(1.5e9), "{told}");
        assert_eq!(value("enishi_secret_key_replaced"), Some(0.0));
        // A Redis that does not answer at once on a busy machine is down for a moment.
        let redis = (!installation.is_alone()).then_some(1.0);
        until("Redis to be up", LIMIT, async || {
            let told = figures(&installation).await;
            (self::value(&told, "enishi_redis_up") == redis).then_some(())
        })
        .await;
        installation
    });
}

#[test]
fn errors_are_counted_by_their_code_though_they_come_with_status_200() {
    const ERRORS: &str = "enishi_graphql_errors_total";
    on_each(|installation| async move {
        let of = |told: &str, code: &str| value(told, &format!("{ERRORS}{{code=\"{code}\"}}"));
        let before = figures(&installation).await;
        assert_eq!(of(&before, "INTERNAL"), Some(0.0), "{before}");
        assert_eq!(of(&before, "GRAPHQL_VALIDATION_FAILED"), None, "{before}");
        let owner = installation.owner();
        for document in [
            "{ workspace { id } }",
            "{ nothing }",
            "{ workspace { nothing } }",
        ] {
            owner.ask(document, &json!({})).await;
        }
        let after = figures(&installation).await;
        assert_eq!(
            of(&after, "GRAPHQL_VALIDATION_FAILED"),
            Some(2.0),
            "{after}"
        );
        assert_eq!(of(&after, "INTERNAL"), Some(0.0), "{after}");
        installation
    });
}
