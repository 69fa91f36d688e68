//! The GraphQL-over-HTTP specification, point by point, where the other tests leave a gap.

use actix_web::test::TestRequest;
use serde_json::json;

use super::{
    super::budget::tests::INTROSPECTION,
    http::{RESPONSE_JSON, get, plain, post, send},
};

#[actix_web::test]
async fn the_media_type_is_the_one_asked_for() {
    for (accept, expected) in [
        (Some("application/json"), "application/json"),
        (Some(RESPONSE_JSON), RESPONSE_JSON),
        (Some("*/*"), "application/json"),
        (None, "application/json"),
        (
            Some("application/graphql-response+json, application/json;q=0.9"),
            RESPONSE_JSON,
        ),
    ] {
        let mut request = post(&json!({"query": "{ __typename }"}));
        if let Some(accept) = accept {
            request = request.insert_header(("Accept", accept));
        }
        let reply = send(&plain(), request).await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.header("content-type").unwrap(),
            format!("{expected}; charset=utf-8")
        );
    }
}

#[actix_web::test]
async fn parameters_of_the_wrong_type_are_bad_requests() {
    for body in [
        json!({"query": {"obj": "ect"}}),
        json!({"query": 0}),
        json!({"query": false}),
        json!({"query": ["array"]}),
        json!({"operationName": {}, "query": "{ __typename }"}),
        json!({"operationName": 0, "query": "{ __typename }"}),
        json!({"variables": "string", "query": "{ __typename }"}),
        json!({"variables": 0, "query": "{ __typename }"}),
        json!({"variables": [], "query": "{ __typename }"}),
        json!({"extensions": "string", "query": "{ __typename }"}),
        json!({"extensions": [], "query": "{ __typename }"}),
        json!({"notquery": 1}),
    ] {
        let reply = send(&plain(), post(&body)).await;
        assert_eq!(reply.status, 400, "{body}");
    }
}

#[actix_web::test]
async fn null_and_map_parameters_are_allowed() {
    for body in [
        json!({"operationName": null, "variables": null, "extensions": null, "query": "{ __typename }"}),
        json!({"query": "query T($name: String!) { hello(name: $name) }", "operationName": "T",
            "variables": {"name": "sometype"}}),
        json!({"extensions": {"some": "value"}, "query": "{ __typename }"}),
    ] {
        let reply = send(&plain(), post(&body)).await;
        assert_eq!(reply.status, 200, "{body}");
        assert!(reply.body.get("errors").is_none(), "{body}");
    }
}

#[actix_web::test]
async fn a_variable_that_cannot_be_coerced_is_a_400() {
    let body =
        json!({"query": "query CoerceFailure($id: ID!){ __typename }", "variables": {"id": null}});
    let request = post(&body).insert_header(("Accept", RESPONSE_JSON));
    assert_eq!(send(&plain(), request).await.status, 400);
}

#[actix_web::test]
async fn introspection_is_answered() {
    let reply = send(&plain(), post(&json!({ "query": INTROSPECTION }))).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.body["data"]["__schema"]["types"].is_array(),
        "{}",
        reply.body
    );
    let reply = send(&plain(), get(INTROSPECTION)).await;
    assert!(reply.body["data"]["__schema"]["types"].is_array());
}

#[actix_web::test]
async fn a_get_body_and_a_post_query_string_are_not_mixed() {
    let request = TestRequest::post()
        .uri("/graphql?query=%7Bhello%7D")
        .set_json(json!({"operationName": "A"}));
    assert_eq!(send(&plain(), request).await.status, 400);
}
