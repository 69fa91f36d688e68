//! The tracking API over HTTP, as the libraries for browsers and servers send it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    runtime::block_on,
};

/// `{"batch": [{"type": "track", "userId": "u-1", "event": "Zipped", "messageId": "m-zip"}]}`, packed.
const ZIPPED: &str = "H4sIAAAAAAACA6tWSkosSc5QslKIrlYqqSxIBbKUSooSk7OVdBSUSotTizxTQEKluoYggdSy1LwSED8qs6AgNQUklJtaXJyYngpRlq\
                      tblVmgVBtbCwDnpxLzWAAAAA==";

/// Makes an access token with these scopes.
async fn key(owner: &Client, scopes: &[&str]) -> String {
    let input = json!({ "name": "web", "scopes": scopes, "integration": true });
    let made = owner.change("createAccessToken", input, "secret").await;
    text(&made["secret"])
}

/// A request to a path, with nothing in it yet.
fn to(owner: &Client, path: &str) -> RequestBuilder {
    let url = format!("http://{}/v1/{path}", owner.address);
    owner.http.request(Method::POST, url)
}

async fn said(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body = answer.text().await.expect("a body");
    (status, serde_json::from_str(&body).unwrap_or(json!(body)))
}

/// What of a contact's events the owner sees.
async fn events(owner: &Client, user: &str) -> Value {
    let query = "query($value: String!) { contactByIdentity(kind: EXTERNAL_ID, value: $value) \
                 { name events(first: 50) { nodes { name properties } } } }";
    owner.must(query, json!({ "value": user })).await
}

async fn as_libraries_send(owner: &Client, key: &str) {
    // A server: the key is the user name.
    let body = json!({
        "batch": [
            { "type": "identify", "userId": "u-1", "traits": { "name": "Taro" }, "messageId": "m-1" },
            { "type": "track", "userId": "u-1", "event": "Paid", "messageId": "m-2",
              "timestamp": "2026-03-01T11:00:00.000Z" },
            { "type": "track", "userId": "u-1" },
        ],
        "sentAt": "2026-03-01T11:00:05.000Z",
    });
    let request = to(owner, "batch").basic_auth(key, Some(""));
    let request = request
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.to_string());
    assert_eq!(
        said(request).await,
        (StatusCode::OK, json!({ "success": true }))
    );
    // A page of any site: a plain text, so that it need not ask first.
    let body = json!({
        "writeKey": key, "userId": "u-1", "anonymousId": "a-1", "messageId": "m-3",
        "properties": { "path": "/" }, "type": "page", "sentAt": "2026-03-01T11:00:05.000Z",
        "context": { "library": { "name": "analytics.js" } },
    });
    let request = to(owner, "p")
        .header(header::CONTENT_TYPE, "text/plain")
        .header(header::ORIGIN, "https://shop.example")
        .body(body.to_string());
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    // Packed, with the key as a bearer token.
    let packed = STANDARD.decode(ZIPPED).expect("bytes");
    let request = to(owner, "import").bearer_auth(key);
    let request = request
        .header(header::CONTENT_ENCODING, "gzip")
        .body(packed);
    assert_eq!(said(request).await.0, 200);

    let found = events(owner, "u-1").await;
    assert_eq!(found["name"], "Taro", "{found}");
    let nodes = found["events"]["nodes"].as_array().expect("events");
    let mut names: Vec<&str> = nodes
        .iter()
        .filter_map(|node| node["name"].as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Paid", "Zipped", "page_viewed"], "{found}");
    let page = nodes.iter().find(|node| node["name"] == "page_viewed");
    let page = page.expect("the page");
    assert_eq!(
        page["properties"]["context"]["library"]["name"],
        "analytics.js"
    );
}

async fn what_cannot_be_read(owner: &Client, key: &str) {
    let body = r#"{"batch": [
        {"type": "track", "userId": "u-2", "event": "Cut", "properties": {"title": "smile \ud83d"}},
        {"type": "track", "userId": "u-2", "event": "Huge", "properties": {"revenue": 1e400}},
        {"type": "track", "userId": "u-2", "event": "Fine"}
    ]}"#;
    let request = to(owner, "b").bearer_auth(key).body(body);
    assert_eq!(said(request).await.0, 200);
    let found = events(owner, "u-2").await;
    let nodes = found["events"]["nodes"].as_array().expect("events");
    assert_eq!(nodes.len(), 2, "{found}");
    let cut = nodes.iter().find(|node| node["name"] == "Cut");
    let title = &cut.expect("the event")["properties"]["title"];
    assert_eq!(*title, "smile \u{fffd}");
}

async fn refusals(owner: &Client, key: &str) {
    let call = json!({ "userId": "u-1", "event": "x" }).to_string();
    let reader = self::key(owner, &["READ"]).await;
    let long = json!({ "userId": "u-1", "event": "x", "properties": { "x": "x".repeat(33_000) } });
    for (name, request, status, code) in [
        (
            "no key",
            to(owner, "track").body(call.clone()),
            401,
            "UNAUTHENTICATED",
        ),
        (
            "a wrong key",
            to(owner, "track")
                .basic_auth("x", Some(""))
                .body(call.clone()),
            401,
            "UNAUTHENTICATED",
        ),
        (
            "a key for reading",
            to(owner, "track").bearer_auth(&reader).body(call.clone()),
            403,
            "FORBIDDEN",
        ),
        (
            "no JSON",
            to(owner, "track").bearer_auth(key).body("{"),
            400,
            "BAD_REQUEST",
        ),
        (
            "too long",
            to(owner, "track").bearer_auth(key).body(long.to_string()),
            400,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            "no event",
            to(owner, "track")
                .bearer_auth(key)
                .body("{\"userId\": \"u-1\"}"),
            400,
            "BAD_REQUEST",
        ),
        (
            "no batch",
            to(owner, "batch").bearer_auth(key).body(call.clone()),
            400,
            "BAD_REQUEST",
        ),
    ] {
        let (found, body) = said(request).await;
        assert_eq!(found, status, "{name}: {body}");
        assert_eq!(body["success"], false, "{name}: {body}");
        assert_eq!(body["code"], code, "{name}: {body}");
    }
    // Whoever finds a key in a page learns nothing by it.
    let finder = Client {
        token: key.to_owned(),
        ..owner.clone()
    };
    let answer = finder.ask("{ viewer { memberId } }", &json!({})).await;
    assert_eq!(
        answer["errors"][0]["extensions"]["code"], "FORBIDDEN",
        "{answer}"
    );
    let url = format!("http://{}/v1/track", owner.address);
    let request = owner.http.request(Method::OPTIONS, &url);
    let asked = request.header(header::ORIGIN, "https://shop.example");
    let asked = asked.send().await.expect("an answer");
    assert_eq!(asked.status(), 204);
    assert_eq!(asked.headers()["access-control-allow-origin"], "*");
    let allowed = &asked.headers()["access-control-allow-methods"];
    assert_eq!(allowed, "POST, OPTIONS");
    // The library for browsers counts its repetitions in a header of its own.
    let request = owner.http.request(Method::OPTIONS, &url);
    let request = request.header(header::ORIGIN, "https://shop.example");
    let wanted = "authorization,content-type,x-retry-count";
    let request = request.header(header::ACCESS_CONTROL_REQUEST_HEADERS, wanted);
    let asked = request.send().await.expect("an answer");
    let allowed = &asked.headers()["access-control-allow-headers"];
    assert_eq!(allowed, "authorization, content-type, x-retry-count");
    assert_eq!(said(owner.http.get(&url)).await.0, 405);
}

async fn over_http(installation: Installation) -> Installation {
    let owner = installation.owner();
    let key = key(&owner, &["TRACK"]).await;
    as_libraries_send(&owner, &key).await;
    what_cannot_be_read(&owner, &key).await;
    refusals(&owner, &key).await;
    let url = format!("http://{}/metrics", owner.address);
    let figures = owner.http.get(url).send().await.expect("figures");
    let figures = figures.text().await.expect("a body");
    let refused = "enishi_track_refused_total{reason=\"no_event\"} 2";
    assert!(figures.contains(refused), "{figures}");
    installation.drain(Duration::from_mins(1)).await;
    installation
}

#[test]
fn libraries_send_what_they_always_send() {
    on_each(over_http);
}

#[test]
fn whoever_sends_too_much_is_told_when_to_come_back() {
    block_on(async {
        let installation = Installation::alone_with(&[("ENISHI_RATE_POINTS", "600")]).await;
        let owner = installation.owner();
        let key = key(&owner, &["TRACK"]).await;
        // Points flow back meanwhile, ten a second.
        let calls: Vec<Value> = (0..590)
            .map(|_| json!({ "type": "track", "userId": "u-1", "event": "x" }))
            .collect();
        let body = json!({ "batch": calls }).to_string();
        let first = to(&owner, "batch").bearer_auth(&key).body(body.clone());
        assert_eq!(said(first).await.0, 200);
        let second = to(&owner, "batch").bearer_auth(&key).body(body);
        let answer = second.send().await.expect("an answer");
        assert_eq!(answer.status(), 429);
        let wait = answer.headers()[header::RETRY_AFTER].to_str();
        let wait: u64 = wait.expect("a text").parse().expect("seconds");
        assert!((1..=60).contains(&wait), "{wait}");
        installation.end().await;
    });
}
