//! Documents that are named by their hash, over HTTP, and the schema's text.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::{
    super::documents::hash,
    fixture::{REGISTERED, door, quick},
    http::{RESPONSE_JSON, plain, post, send},
};

fn digits(text: &str) -> String {
    hex::encode(hash(text))
}

pub(super) fn extension(text: &str) -> Value {
    json!({"persistedQuery": {"version": 1, "sha256Hash": digits(text)}})
}

pub(super) fn registered_id() -> String {
    format!("sha256:{}", digits(REGISTERED))
}

fn as_token(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header(("Authorization", format!("Bearer {token}")))
}

#[actix_web::test]
async fn a_document_sent_once_with_its_hash_is_known_to_its_workspace_only() {
    let door = plain();
    let query = "{ numbers(first: 2) { value } }";
    let by_hash = || post(&json!({"extensions": extension(query)}));
    let unknown = send(&door, as_token(by_hash(), "a")).await;
    assert_eq!(
        (unknown.status, unknown.code()),
        (200, "PERSISTED_QUERY_NOT_FOUND")
    );
    assert_eq!(
        unknown.body["errors"][0]["message"],
        "PersistedQueryNotFound"
    );
    let strict = by_hash().insert_header(("Accept", RESPONSE_JSON));
    assert_eq!(send(&door, as_token(strict, "a")).await.status, 400);

    let both = post(&json!({"query": query, "extensions": extension(query)}));
    let sent = send(&door, as_token(both, "a")).await;
    assert_eq!(sent.body["data"]["numbers"][1]["value"], 1);
    let known = send(&door, as_token(by_hash(), "a")).await;
    assert_eq!(known.body["data"], sent.body["data"]);

    let extensions = extension(query).to_string();
    let encoded: String = url::form_urlencoded::byte_serialize(extensions.as_bytes()).collect();
    let get = TestRequest::get().uri(&format!("/graphql?extensions={encoded}"));
    let got = send(&door, as_token(get, "a")).await;
    assert_eq!(got.body["data"], sent.body["data"]);

    let elsewhere = send(&door, as_token(by_hash(), "b")).await;
    assert_eq!(elsewhere.code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[actix_web::test]
async fn a_wrong_hash_and_a_bad_document_are_not_remembered() {
    let door = plain();
    let wrong = json!({"query": "{ hello }", "extensions": extension("{ caller }")});
    let reply = send(&door, post(&wrong)).await;
    assert_eq!((reply.status, reply.code()), (400, "BAD_REQUEST"));
    let by_hash = |text: &str| post(&json!({"extensions": extension(text)}));
    let reply = send(&door, by_hash("{ caller }")).await;
    assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_FOUND");

    let bad = json!({"query": "{ hello", "extensions": extension("{ hello")});
    assert_eq!(send(&door, post(&bad)).await.code(), "GRAPHQL_PARSE_FAILED");
    let reply = send(&door, by_hash("{ hello")).await;
    assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_FOUND");

    let odd = json!({"query": "{ hello }", "extensions": {"persistedQuery": {"version": 2}}});
    assert_eq!(send(&door, post(&odd)).await.code(), "BAD_REQUEST");
}

#[actix_web::test]
async fn a_mutation_named_by_its_hash_still_needs_a_post() {
    let door = plain();
    let query = "mutation { bump }";
    let both = json!({"query": query, "extensions": extension(query)});
    assert_eq!(send(&door, post(&both)).await.body["data"]["bump"], 1);
    let extensions = extension(query).to_string();
    let encoded: String = url::form_urlencoded::byte_serialize(extensions.as_bytes()).collect();
    let get = TestRequest::get().uri(&format!("/graphql?extensions={encoded}"));
    assert_eq!(send(&door, get).await.status, 405);
}

#[actix_web::test]
async fn a_registered_document_costs_half_and_only_its_workspace_finds_it() {
    let door = plain();
    let body = json!({"documentId": registered_id()});
    let reply = send(&door, as_token(post(&body), "owner")).await;
    assert_eq!(reply.body["data"]["numbers"][2]["value"], 2);
    let cost = &reply.body["extensions"]["cost"];
    assert_eq!(
        (&cost["requested"], &cost["actual"]),
        (&json!(2), &json!(2))
    );
    let get = TestRequest::get().uri(&format!("/graphql?documentId={}", registered_id()));
    let got = send(&door, as_token(get, "owner")).await;
    assert_eq!(got.body["data"], reply.body["data"]);
    let by_hash = post(&json!({"extensions": extension(REGISTERED)}));
    let got = send(&door, as_token(by_hash, "owner")).await;
    assert_eq!(got.body["data"], reply.body["data"]);

    let reply = send(&door, as_token(post(&body), "other")).await;
    assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_FOUND");
    let both = json!({"documentId": registered_id(), "query": "{ hello }"});
    let reply = send(&door, as_token(post(&both), "owner")).await;
    assert_eq!(reply.code(), "BAD_REQUEST");
    let odd = json!({"documentId": "nonsense"});
    let reply = send(&door, as_token(post(&odd), "owner")).await;
    assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_FOUND");
}

#[actix_web::test]
async fn to_guess_hashes_is_paid_for() {
    let mut settings = quick();
    settings.rate.burst = 3;
    let door = door(settings);
    let guess = |n: u8| {
        let id = format!("{n:02x}").repeat(32);
        send(&door, post(&json!({ "documentId": id })))
    };
    for n in 0..3 {
        assert_eq!(guess(n).await.code(), "PERSISTED_QUERY_NOT_FOUND");
    }
    assert_eq!(guess(3).await.status, 429);
}

#[actix_web::test]
async fn the_schemas_text_is_for_whoever_may_introspect() {
    let door = plain();
    let at = || TestRequest::get().uri("/graphql/schema.graphql");
    let reply = send(&door, at()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(reply.header("ratelimit-remaining"), Some("999000"));
    let tag = reply.header("etag").unwrap().to_owned();
    let known = send(&door, at().insert_header(("If-None-Match", tag))).await;
    assert_eq!(known.status, 304);
    let refused = send(&door, as_token(at(), "bad")).await;
    assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED"));
}
