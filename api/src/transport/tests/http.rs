//! Statuses, headers and bodies of plain requests.

use actix_web::{
    App,
    body::MessageBody,
    http::Method,
    test::{self, TestRequest},
};
use serde_json::{Value, json};

use super::{
    super::{Settings, configure},
    fixture::{Door, door, quick},
};

pub(super) const RESPONSE_JSON: &str = "application/graphql-response+json";

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
    headers: Vec<(String, String)>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"]
            .as_str()
            .unwrap_or_default()
    }
}

pub(super) async fn send(door: &Door, request: TestRequest) -> Reply {
    let app = test::init_service(App::new().configure(configure(door.clone()))).await;
    let response = test::call_service(&app, request.to_request()).await;
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let status = response.status().as_u16();
    let body = response.into_body().try_into_bytes();
    let body = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    Reply {
        status,
        headers,
        body: body.unwrap_or_default(),
    }
}

pub(super) fn post(body: &Value) -> TestRequest {
    TestRequest::post().uri("/graphql").set_json(body)
}

pub(super) fn get(query: &str) -> TestRequest {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    TestRequest::get().uri(&format!("/graphql?query={query}"))
}

pub(super) fn plain() -> Door {
    door(quick())
}

#[actix_web::test]
async fn a_query_is_answered_with_its_cost_and_the_bucket() {
    let request = post(&json!({"query": "{ numbers(first: 3) { value } }"}))
        .insert_header(("X-Request-Id", "abc"));
    let reply = send(&plain(), request).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["data"]["numbers"][2]["value"], 2);
    assert_eq!(
        reply.body["extensions"]["cost"],
        json!({
            "requested": 3, "actual": 3, "costLimit": 10_000, "limit": 1_000_000,
            "remaining": 999_997,
        })
    );
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(reply.header("x-request-id"), Some("abc"));
    assert_eq!(reply.header("ratelimit-remaining"), Some("999997"));
    assert!(reply.header("vary").unwrap().contains("Accept"));
}

#[actix_web::test]
async fn resolvers_find_the_session_the_request_id_and_the_cost() {
    let request = post(&json!({"query": "{ seen caller }"}))
        .insert_header(("X-Request-Id", "abc"))
        .insert_header(("Authorization", "Bearer token"));
    let reply = send(&plain(), request).await;
    assert_eq!(
        reply.body["data"],
        json!({"seen": "abc 1", "caller": "token"})
    );
}

#[actix_web::test]
async fn get_reads_operation_name_and_variables() {
    let uri = "/graphql?query=query%20A(%24n%3AString)%7Bhello(name%3A%24n)%7D%20query%20B%7B\
        hello%7D&operationName=A&variables=%7B%22n%22%3A%22Ada%22%7D";
    let reply = send(&plain(), TestRequest::get().uri(uri)).await;
    assert_eq!(reply.body["data"]["hello"], "Hello Ada");
}

#[actix_web::test]
async fn a_mutation_over_get_is_not_allowed() {
    let reply = send(&plain(), get("mutation { bump }")).await;
    assert_eq!((reply.status, reply.code()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(reply.header("allow"), Some("POST, OPTIONS"));
    assert!(reply.body.get("data").is_none());
}

#[actix_web::test]
async fn other_methods_are_not_allowed_and_options_says_which_are() {
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD] {
        let request = TestRequest::default().method(method).uri("/graphql");
        let reply = send(&plain(), request).await;
        assert_eq!(reply.status, 405);
        assert_eq!(reply.header("allow"), Some("GET, POST, OPTIONS"));
    }
    let request = TestRequest::default()
        .method(Method::OPTIONS)
        .uri("/graphql")
        .insert_header(("Origin", "https://app.example.com"));
    let reply = send(&plain(), request).await;
    assert_eq!(reply.status, 204);
    assert_eq!(reply.header("allow"), Some("GET, POST, OPTIONS"));
    assert_eq!(
        reply.header("access-control-allow-origin"),
        Some("https://app.example.com")
    );
}

#[actix_web::test]
async fn only_json_in_utf_8_is_read() {
    for (content_type, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("application/json; charset=\"UTF-8\"", 200),
        ("application/json; charset=iso-8859-1", 415),
        ("application/graphql", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ] {
        let request = TestRequest::post()
            .uri("/graphql")
            .insert_header(("Content-Type", content_type))
            .set_payload(r#"{"query":"{hello}"}"#);
        let reply = send(&plain(), request).await;
        assert_eq!(reply.status, status, "{content_type}");
    }
}

#[actix_web::test]
async fn bodies_that_are_no_request_are_bad_requests() {
    for body in [
        "",
        "{",
        "[]",
        "1",
        "{}",
        r#"{"query":""}"#,
        r#"{"query":1}"#,
        "[{\"query\":\"{hello}\"}]",
    ] {
        for accept in ["application/json", RESPONSE_JSON] {
            let request = TestRequest::post()
                .uri("/graphql")
                .insert_header(("Content-Type", "application/json"))
                .insert_header(("Accept", accept))
                .set_payload(body);
            let reply = send(&plain(), request).await;
            assert_eq!((reply.status, reply.code()), (400, "BAD_REQUEST"), "{body}");
        }
    }
    assert_eq!(
        send(&plain(), TestRequest::get().uri("/graphql"))
            .await
            .status,
        400
    );
}

#[actix_web::test]
async fn a_long_body_is_refused() {
    let reply = send(&plain(), post(&json!({"query": "x".repeat(5_000)}))).await;
    assert_eq!((reply.status, reply.code()), (413, "PAYLOAD_TOO_LARGE"));
}

#[actix_web::test]
async fn request_errors_are_400_in_the_new_media_type_and_200_in_the_old() {
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        (
            "query A { hello } query B { hello }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query($n: Int!) { numbers(first: $n) { value } }",
            "BAD_USER_INPUT",
        ),
        (
            "{ numbers { ...F } } fragment F on Number { ...F }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ] {
        for (accept, status) in [
            (RESPONSE_JSON, 400),
            ("application/json", 200),
            ("*/*", 200),
        ] {
            let request = post(&json!({ "query": query })).insert_header(("Accept", accept));
            let reply = send(&plain(), request).await;
            assert_eq!((reply.status, reply.code()), (status, code), "{query}");
            assert!(reply.body.get("data").is_none(), "{query}");
            assert!(reply.body["errors"][0]["extensions"]["requestId"].is_string());
        }
    }
}

#[actix_web::test]
async fn an_operation_over_the_budget_is_refused_with_its_cost() {
    let mut settings = quick();
    settings.document.cost = 50;
    let request = post(&json!({"query": "{ numbers(first: 60) { value } }"}))
        .insert_header(("Accept", RESPONSE_JSON));
    let reply = send(&door(settings), request).await;
    assert_eq!((reply.status, reply.code()), (400, "COST_LIMIT"));
    assert_eq!(
        reply.body["extensions"]["cost"],
        json!({"requested": 60, "costLimit": 50})
    );
}

#[actix_web::test]
async fn nothing_acceptable_is_406() {
    for (accept, query) in [
        ("image/png", "{ hello }"),
        ("application/json", "subscription { never }"),
        ("text/html", "{ hello }"),
    ] {
        let request = post(&json!({ "query": query })).insert_header(("Accept", accept));
        let reply = send(&plain(), request).await;
        assert_eq!(
            (reply.status, reply.code()),
            (406, "NOT_ACCEPTABLE"),
            "{accept}"
        );
    }
}

#[actix_web::test]
async fn credentials_are_checked() {
    for (value, status, code) in [
        ("Bearer bad", 401, "UNAUTHENTICATED"),
        ("Basic abc", 401, "UNAUTHENTICATED"),
        ("Bearer barred", 403, "FORBIDDEN"),
        ("Bearer down", 503, "UNAVAILABLE"),
    ] {
        let request = post(&json!({"query": "{ hello }"})).insert_header(("Authorization", value));
        let reply = send(&plain(), request).await;
        assert_eq!((reply.status, reply.code()), (status, code), "{value}");
    }
}

#[actix_web::test]
async fn an_empty_bucket_is_429_with_the_time_to_wait() {
    let mut settings = quick();
    settings.rate.burst = 10;
    let door = door(settings);
    let request = || post(&json!({"query": "{ numbers(first: 8) { value } }"}));
    assert_eq!(send(&door, request()).await.status, 200);
    let reply = send(&door, request()).await;
    assert_eq!((reply.status, reply.code()), (429, "RATE_LIMITED"));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.header("ratelimit-remaining"), Some("2"));
    let other = request().insert_header(("Authorization", "Bearer other"));
    assert_eq!(send(&door, other).await.status, 200);
}

#[actix_web::test]
async fn errors_of_resolvers_keep_their_code_and_faults_of_ours_tell_nothing() {
    let request =
        post(&json!({"query": "{ hello coded leaky }"})).insert_header(("Accept", RESPONSE_JSON));
    let reply = send(&plain(), request).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["data"]["hello"], "Hello you");
    let text = reply.body.to_string();
    assert!(text.contains("FORBIDDEN") && text.contains("INTERNAL"));
    assert!(!text.contains("664"));
}

#[actix_web::test]
async fn a_result_that_is_null_is_a_result() {
    let request = post(&json!({"query": "{ strict }"})).insert_header(("Accept", RESPONSE_JSON));
    let reply = send(&plain(), request).await;
    assert_eq!((reply.status, reply.code()), (200, "UNAVAILABLE"));
    assert_eq!(reply.body["data"], Value::Null);
    assert!(reply.body.get("data").is_some());
}

#[actix_web::test]
async fn an_argument_of_the_wrong_type_is_the_callers_mistake() {
    let request = post(&json!({"query": "{ numbers(first: \"x\") { value } }"}));
    let reply = send(&plain(), request).await;
    assert_eq!(reply.code(), "GRAPHQL_VALIDATION_FAILED");
}

#[actix_web::test]
async fn panics_and_endless_resolvers_are_answered() {
    for (query, status, code) in [
        ("{ panics }", 500, "INTERNAL"),
        ("{ hangs }", 504, "TIMEOUT"),
    ] {
        let reply = send(&plain(), post(&json!({ "query": query }))).await;
        assert_eq!((reply.status, reply.code()), (status, code));
        assert!(reply.body.get("data").is_none());
    }
}

#[actix_web::test]
async fn at_most_twenty_short_errors_go_out() {
    let long = "x".repeat(40);
    let fields = (0..60).fold(String::new(), |text, n| text + &format!("{long}{n} "));
    let query = format!("{{ hello {fields} }}");
    let mut settings = Settings::default();
    settings.document.root_fields = 1_000;
    let reply = send(&door(settings), post(&json!({ "query": query }))).await;
    assert_eq!(reply.body["errors"].as_array().unwrap().len(), 20);
}

#[actix_web::test]
async fn typename_can_be_skipped_by_a_variable() {
    let query = "query($no: Boolean! = false) { hello __typename @include(if: $no) }";
    let reply = send(&plain(), post(&json!({ "query": query }))).await;
    assert_eq!(reply.body["data"], json!({"hello": "Hello you"}));
    let body = json!({ "query": query, "variables": {"no": true} });
    let reply = send(&plain(), post(&body)).await;
    assert_eq!(reply.body["data"]["__typename"], "Query");
}

#[actix_web::test]
async fn a_known_document_is_answered_with_the_variables_of_each_request() {
    let door = plain();
    let app = test::init_service(App::new().configure(configure(door))).await;
    for name in ["Ada", "Grace"] {
        let body =
            json!({"query": "query($n: String) { hello(name: $n) }", "variables": {"n": name}});
        let response = test::call_service(&app, post(&body).to_request()).await;
        let body: Value = test::read_body_json(response).await;
        assert_eq!(body["data"]["hello"], format!("Hello {name}"));
    }
}

#[actix_web::test]
async fn a_condition_that_is_not_given_has_its_default() {
    let query = "query($yes: Boolean! = true, $no: Boolean = false) \
        { hello @include(if: $yes) seen @include(if: $no) caller @skip(if: $no) }";
    for (variables, fields) in [
        (json!({}), vec!["caller", "hello"]),
        (json!({ "yes": false }), vec!["caller"]),
        (json!({ "no": true }), vec!["hello", "seen"]),
    ] {
        let body = json!({ "query": query, "variables": variables });
        let reply = send(&plain(), post(&body)).await;
        let data = reply.body["data"].as_object().unwrap();
        let told: Vec<_> = data.keys().collect();
        assert_eq!(told, fields, "{variables}: {}", reply.body);
    }
}

#[actix_web::test]
async fn headers_that_count_once_are_not_taken_twice() {
    for (name, values, code) in [
        ("Idempotency-Key", ["a", "b"], "BAD_USER_INPUT"),
        (
            "Authorization",
            ["Bearer good", "Bearer bad"],
            "UNAUTHENTICATED",
        ),
    ] {
        let mut request = post(&json!({"query": "{ hello }"}));
        for value in values {
            request = request.append_header((name, value));
        }
        let reply = send(&plain(), request).await;
        assert_eq!(reply.code(), code, "{}", reply.body);
    }
}
