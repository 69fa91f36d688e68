//! What is charged, what is given back, and what the answer says about it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    super::limits::{RateSettings, Settings},
    client::Client,
    fixture::{Server, door, quick},
    http::{plain, post, send},
};

fn asking(query: &str) -> Value {
    json!({ "query": query })
}

#[actix_web::test]
async fn what_was_charged_and_not_used_is_given_back() {
    let door = plain();
    for (query, requested, actual) in [
        ("{ few(first: 100) { value } }", 100, 3),
        ("{ few(first: 2) { value } }", 2, 2),
        (
            "{ few(first: 50) { value } ... on Query { more: few(first: 50) { value } } }",
            100,
            6,
        ),
        ("{ hello }", 1, 1),
        ("mutation { bump }", 10, 10),
        (
            "{ __schema { types { name fields { name } } } }",
            1_002,
            1_000,
        ),
    ] {
        let before = send(&door, post(&asking("{ hello }"))).await;
        let reply = send(&door, post(&asking(query))).await;
        let cost = &reply.body["extensions"]["cost"];
        assert_eq!(cost["requested"], requested, "{query}: {}", reply.body);
        assert_eq!(cost["actual"], actual, "{query}");
        let left = |body: &Value| body["extensions"]["cost"]["remaining"].as_u64().unwrap();
        let spent = left(&before.body) - left(&reply.body);
        // A point flows back each second.
        assert!(spent == actual || spent + 1 == actual, "{query}: {spent}");
        let header = reply.header("ratelimit-remaining").unwrap();
        assert_eq!(header, left(&reply.body).to_string());
    }
}

#[actix_web::test]
async fn a_result_with_errors_and_a_refused_document_keep_the_charge() {
    let door = plain();
    for query in [
        "{ few(first: 100) { value } coded }",
        "{ few(first: 100) { value } numbers(first: 1) { value nope } }",
    ] {
        let reply = send(&door, post(&asking(query))).await;
        let cost = &reply.body["extensions"]["cost"];
        assert!(reply.body["errors"].is_array(), "{query}");
        assert_eq!(cost["actual"], cost["requested"], "{query}");
    }
}

#[actix_web::test]
async fn a_dry_run_tells_the_cost_runs_nothing_and_costs_a_point() {
    let door = plain();
    let heavy = "query($n: Int, $dry: Boolean! = true, $no: Boolean = false) {
        rateLimit(dryRun: $dry) { ...Limit } panics ...Rest
    } fragment Limit on Limit { cost again: cost @include(if: $no) } fragment Rest on Query { numbers(first: $n) { value } }";
    let body = json!({"query": heavy, "variables": {"n": 50}});
    let reply = send(&door, post(&body)).await;
    assert_eq!(
        reply.body["data"],
        json!({"rateLimit": {"cost": 51}}),
        "{}",
        reply.body
    );
    assert_eq!(reply.body["extensions"]["cost"]["requested"], 1);
    let body = json!({"query": heavy, "variables": {"n": 50, "dry": false}});
    assert_eq!(send(&door, post(&body)).await.code(), "INTERNAL");
    let plain = "{ rateLimit { cost } numbers(first: 4) { value } }";
    let reply = send(&door, post(&asking(plain))).await;
    assert_eq!(reply.body["data"]["rateLimit"]["cost"], 5);
    assert_eq!(reply.body["data"]["numbers"][3]["value"], 3);
}

#[actix_web::test]
async fn what_costs_too_much_to_run_can_be_measured() {
    let mut settings: Settings = quick();
    settings.document.cost = 10;
    let door = door(settings);
    let query = "query A { numbers(first: 90) { value } } query B { rateLimit(dryRun: true) { cost } numbers(first: 90) { value } }";
    let ask = |name: &str| post(&json!({"query": query, "operationName": name}));
    assert_eq!(send(&door, ask("A")).await.code(), "COST_LIMIT");
    let reply = send(&door, ask("B")).await;
    assert_eq!(
        reply.body["data"],
        json!({"rateLimit": {"cost": 91}}),
        "{}",
        reply.body
    );
}

#[actix_web::test]
async fn deprecated_members_are_named_in_the_answer() {
    let door = plain();
    let query = "{ hi(loud: true) again: hi hello }";
    let reply = send(&door, post(&asking(query))).await;
    assert_eq!(
        reply.body["extensions"]["deprecations"],
        json!([
            {"member": "Query.hi", "reason": "Use `hello`."},
            {"member": "Query.hi(loud)", "reason": "It is ignored."},
        ])
    );
    let reply = send(&door, post(&asking("{ hello }"))).await;
    assert!(reply.body["extensions"].get("deprecations").is_none());
}

#[actix_web::test]
async fn large_messages_of_a_subscription_wait_until_they_are_paid_and_queries_do_not() {
    let settings = Settings {
        rate: RateSettings {
            burst: 100,
            per_second: 1,
        },
        ..quick()
    };
    let server = Server::start(&door(settings));
    let mut client = Client::accepted(&server, json!({})).await;
    let query = "subscription { crowds(of: 120) { value } }";
    client.subscribe("1", query).await;
    // The second was read when the first had emptied the bucket; it is the last for more than a minute.
    for _ in 0..2 {
        let message = client.message().await;
        let crowd = &message["payload"]["data"]["crowds"];
        assert_eq!(crowd.as_array().map(Vec::len), Some(120), "{message}");
    }
    client.subscribe("2", "{ hello }").await;
    let message = client.message().await;
    assert_eq!(message["id"], "2", "{message}");
    assert_eq!(message["payload"]["data"]["hello"], "Hello you");
}

#[actix_web::test]
async fn small_messages_of_a_subscription_cost_nothing() {
    let settings = Settings {
        rate: RateSettings {
            burst: 30,
            per_second: 1,
        },
        ..quick()
    };
    let server = Server::start(&door(settings));
    let mut client = Client::accepted(&server, json!({})).await;
    client
        .subscribe("1", "subscription { crowds(of: 20) { value } }")
        .await;
    let reading = async {
        for _ in 0..300 {
            let message = client.message().await;
            assert!(message["payload"]["errors"].is_null(), "{message}");
        }
    };
    // If each cost a single point, the last would come after four and a half minutes.
    let read = timeout(Duration::from_mins(2), reading).await;
    assert!(read.is_ok(), "they wait to be paid");
}
