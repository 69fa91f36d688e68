//! Idempotency keys over HTTP: many copies at once, changed bodies, another workspace, a kill in the
//! middle. `ONCE_KEYS` asks for more keys than a test run has time for.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use domain::{
    port::{Clock as _, SystemClock},
    store::Query,
};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    process::until,
};

const COPIES: usize = 32;

fn keys() -> usize {
    let asked = std::env::var("ONCE_KEYS").ok();
    asked.map_or(6, |asked| asked.parse().expect("ONCE_KEYS is a number"))
}

fn body(name: &str) -> String {
    let document = "mutation($input: CreateContactInput!) { createContact(input: $input) \
        { contact { id createdAt name } userErrors { message } } }";
    json!({ "query": document, "variables": { "input": { "name": name } } }).to_string()
}

/// Sends the request under the key; its answer to the byte, or nothing when none came.
async fn send(client: &Client, key: &str, body: &str) -> Option<(StatusCode, Vec<u8>)> {
    let answer = client
        .http
        .post(client.url())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/graphql-response+json")
        .header("Idempotency-Key", key)
        .bearer_auth(&client.token)
        .body(body.to_owned())
        .send()
        .await
        .ok()?;
    let status = answer.status();
    Some((status, answer.bytes().await.ok()?.to_vec()))
}

/// The answer without what is told of this request alone: its cost and its id.
fn told(answer: &[u8]) -> Value {
    let mut answer: Value = serde_json::from_slice(answer).expect("JSON");
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("extensions");
    }
    answer
}

fn code(answer: &[u8]) -> String {
    text(&told(answer)["errors"][0]["extensions"]["code"])
}

async fn contacts(installation: &Installation, name: &str) -> i64 {
    let database = installation.database();
    let query = Query::new("SELECT COUNT(*) FROM contact WHERE name = $1").bind(name);
    let count = query.scalar(database.reader()).await;
    count.expect("a count").expect("a row")
}

#[test]
fn many_copies_of_a_request_take_effect_once_and_are_answered_alike() {
    on_each(|mut installation| async move {
        if !installation.is_alone() {
            installation.start_server().await;
        }
        let owners = installation.owners();
        let other = installation.workspace("Elsewhere").await;
        for number in 0..keys() {
            let (key, name) = (format!("key {number}"), format!("Copy {number}"));
            let body = body(&name);
            let copies = (0..COPIES).map(|copy| send(&owners[copy % owners.len()], &key, &body));
            let answers = futures::future::join_all(copies).await;
            let first = answers[0].clone().expect("an answer");
            assert_eq!(first.0, StatusCode::OK);
            let data = told(&first.1)["data"].to_string();
            for answer in answers {
                let (status, answer) = answer.expect("an answer");
                assert_eq!(status, first.0);
                assert_eq!(told(&answer)["data"].to_string(), data, "to the letter");
            }
            assert_eq!(contacts(&installation, &name).await, 1);

            let (status, answer) = send(&owners[0], &key, &self::body("Changed"))
                .await
                .expect("an answer");
            assert_eq!(code(&answer), "IDEMPOTENCY_MISMATCH");
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
            // Somebody else's key of the same name is another key.
            let (status, answer) = send(&other, &key, &body).await.expect("an answer");
            assert_eq!(status, StatusCode::OK);
            assert_ne!(told(&answer)["data"].to_string(), data);
            assert_eq!(contacts(&installation, &name).await, 2);
        }
        assert_eq!(contacts(&installation, "Changed").await, 0);
        installation
    });
}

#[test]
fn a_request_whose_server_is_killed_takes_effect_once_when_it_is_repeated() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let mut ends = BTreeSet::new();
        for number in 0..keys().min(200) {
            let (key, name) = (format!("kill {number}"), format!("Killed {number}"));
            let body = body(&name);
            let sending = tokio::spawn({
                let (owner, key, body) = (owner.clone(), key.clone(), body.clone());
                async move { send(&owner, &key, &body).await }
            });
            tokio::time::sleep(Duration::from_micros(700 * (number as u64 % 12))).await;
            installation.crash_server(0);
            let _ = sending.await;
            let (status, answer) = until("an answer", Duration::from_mins(1), async || {
                let answer = send(&owner, &key, &body).await?;
                (answer.0 != StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
            })
            .await;
            let end = if status == StatusCode::OK {
                "OK".to_owned()
            } else {
                code(&answer)
            };
            assert!(["OK", "ANSWER_LOST"].contains(&end.as_str()), "{end}");
            assert_eq!(contacts(&installation, &name).await, 1, "{name}: {end}");
            ends.insert(end);
        }
        println!("once: repeated after a kill: {ends:?}");
        installation
    });
}

#[test]
fn a_repetition_is_told_by_a_header() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let body = body("Told apart");
        let mut told = Vec::new();
        for _ in 0..2 {
            let request = owner.http.post(owner.url()).bearer_auth(&owner.token);
            let answer = request
                .header(header::CONTENT_TYPE, "application/json")
                .header("Idempotency-Key", "told apart")
                .body(body.clone())
                .send();
            let answer = answer.await.expect("an answer");
            let replayed = answer.headers().get("Idempotency-Replayed").cloned();
            let answer = answer.bytes().await.expect("a body");
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            let extension = answer["extensions"]["idempotencyReplayed"].clone();
            told.push((replayed.is_some_and(|value| value == "true"), extension));
        }
        assert_eq!(told, [(false, Value::Null), (true, Value::Bool(true))]);
        installation
    });
}

#[test]
fn a_repetition_does_not_wait_for_the_day_of_a_clock_that_was_ahead() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let (key, body) = ("ahead", body("Ahead"));
        let first = send(&owner, key, &body).await.expect("an answer");
        assert_eq!(first.0, StatusCode::OK);
        let database = installation.database();
        let tomorrow = SystemClock.now() + TimeDelta::days(1);
        Query::new("UPDATE idempotency_key SET result = NULL, created_at = $1")
            .bind(tomorrow)
            .execute(database.writer())
            .await
            .expect("an update");
        let again = send(&owner, key, &body).await.expect("an answer");
        assert_eq!(code(&again.1), "ANSWER_LOST");
        assert_eq!(contacts(&installation, "Ahead").await, 1);
        installation
    });
}
