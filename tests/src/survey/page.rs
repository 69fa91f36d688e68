//! The form over real HTTP, as a browser without a login sees it.

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    runtime::block_on,
};

const FORM: &str = "application/x-www-form-urlencoded";

struct Shown {
    status: StatusCode,
    headers: header::HeaderMap,
    body: String,
}

async fn send(client: &Client, method: Method, path: &str, kind: &str, body: String) -> Shown {
    let url = format!("http://{}{path}", client.address);
    let mut request = client.http.request(method, url);
    if !kind.is_empty() {
        request = request.header(header::CONTENT_TYPE, kind).body(body);
    }
    let answer = request.send().await.expect("an answer");
    Shown {
        status: answer.status(),
        headers: answer.headers().clone(),
        body: answer.text().await.expect("a body"),
    }
}

async fn get(client: &Client, path: &str) -> Shown {
    send(client, Method::GET, path, "", String::new()).await
}

async fn post(client: &Client, path: &str, body: &str) -> Shown {
    send(client, Method::POST, path, FORM, body.to_owned()).await
}

/// A contact who is asked by a link; the path of the form, and the contact.
async fn asked(owner: &Client, key: &str) -> (String, String) {
    let input = json!({ "key": key, "kind": "CSAT", "name": "After <closing>",
        "texts": [{ "locale": "EN", "question": "Was it \"good\" & <b>quick</b>?" }] });
    let made = owner.change("createSurvey", input, "survey { id }").await;
    let input = json!({ "name": "Taro", "locale": "en" });
    let contact = owner.change("createContact", input, "contact { id }").await;
    let contact = text(&contact["contact"]["id"]);
    let input = json!({
        "surveyId": made["survey"]["id"], "contactId": contact, "medium": "LINK",
    });
    let sent = owner
        .change(
            "sendSurvey",
            input,
            "link invitation { state survey { key } }",
        )
        .await;
    assert_eq!(sent["invitation"]["state"], "SENT");
    assert_eq!(sent["invitation"]["survey"]["key"], key);
    (text(&sent["link"]), contact)
}

async fn answers(owner: &Client) -> Value {
    let query = "{ surveyAnswers { nodes { surveyKey kind score comment contact { id } } } }";
    let found = owner.must(query, json!({})).await;
    found["nodes"].clone()
}

#[test]
fn a_form_is_shown_answered_and_answered_anew_without_a_login() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let (path, contact) = asked(&owner, "closing").await;
        assert!(path.starts_with("/survey/"), "{path}");

        let shown = get(&owner, &path).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert!(
            shown
                .body
                .contains("Was it &quot;good&quot; &amp; &lt;b&gt;quick&lt;/b&gt;?"),
            "{}",
            shown.body
        );
        assert_eq!(shown.body.matches("type=\"radio\"").count(), 5);
        assert!(!shown.body.contains(" checked>") && !shown.body.contains("<script"));
        let policy = shown.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(shown.headers[name], value, "{name}");
        }

        // What scanners do: they follow every link, and nothing is answered.
        for score in 0..7 {
            let shown = get(&owner, &format!("{path}?score={score}")).await;
            assert_eq!(shown.status, 200);
            let chosen = format!("value=\"{score}\" required checked>");
            assert_eq!(shown.body.contains(&chosen), (1..=5).contains(&score));
        }
        let shown = send(&owner, Method::HEAD, &path, "", String::new()).await;
        assert_eq!((shown.status.as_u16(), shown.body.as_str()), (200, ""));
        assert_eq!(answers(&owner).await, json!([]));

        for (body, says) in [
            ("comment=x", "Choose one of the numbers"),
            ("score=6", "Choose one of the numbers"),
            ("score=ten", "Choose one of the numbers"),
        ] {
            let shown = post(&owner, &path, body).await;
            assert_eq!(shown.status, 422, "{body}");
            assert!(shown.body.contains(says), "{}", shown.body);
        }
        let long = format!("score=4&comment={}", "x".repeat(2_001));
        let shown = post(&owner, &path, &long).await;
        assert_eq!(shown.status, 422);
        assert!(shown.body.contains("value=\"4\" required checked>"));
        assert_eq!(answers(&owner).await, json!([]));

        let shown = post(&owner, &path, "score=5&comment=%E7%B8%81+%3Cb%3E").await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert!(shown.body.contains("Thank you"), "{}", shown.body);
        let expected = json!([{
            "surveyKey": "closing", "kind": "CSAT", "score": 5, "comment": "縁 <b>",
            "contact": { "id": contact },
        }]);
        assert_eq!(answers(&owner).await, expected);
        assert!(get(&owner, &path).await.body.contains("answered already"));
        assert_eq!(post(&owner, &path, "score=2").await.status, 200);
        let now = answers(&owner).await;
        assert_eq!(now.as_array().map(Vec::len), Some(1));
        assert_eq!(
            (&now[0]["score"], &now[0]["comment"]),
            (&json!(2), &Value::Null)
        );
        let said = installation.servers[0].0.said();
        assert!(said.contains("about=\"surveyinvitation_"), "{said}");
        let token = path.trim_start_matches("/survey/");
        assert!(!said.contains(token), "the log has the link");
        installation
    });
}

#[test]
fn the_button_of_a_mail_program_ends_further_surveys() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let parts = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\n\
                     One-Click\r\n--x--\r\n";
        for (key, kind, body) in [
            ("one", FORM, "List-Unsubscribe=One-Click"),
            ("two", "multipart/form-data; boundary=x", parts),
        ] {
            let (path, contact) = asked(&owner, key).await;
            // Following the link says nothing yet, and a form in parts is none.
            assert_eq!(get(&owner, &path).await.status, 200);
            let other = parts.replace("List-Unsubscribe", "score");
            let other = send(&owner, Method::POST, &path, "multipart/form-data", other).await;
            assert_eq!(other.status, 415);
            let query = "query($id: ID!) { contact(id: $id) {
                subscriptions { channel topic state source } } }";
            let variables = json!({ "id": contact });
            let found = owner.must(query, variables.clone()).await;
            assert_eq!(found["subscriptions"], json!([]));

            let said = send(&owner, Method::POST, &path, kind, body.to_owned()).await;
            assert_eq!(said.status, 200, "{}", said.body);
            assert!(said.body.contains("no more surveys"), "{}", said.body);
            let found = owner.must(query, variables).await;
            let no = json!([{ "channel": "EMAIL", "topic": "surveys", "state": "UNSUBSCRIBED",
                "source": "UNSUBSCRIBE" }]);
            assert_eq!(found["subscriptions"], no);
        }
        assert_eq!(answers(&owner).await, json!([]));
        installation
    });
}

#[test]
fn what_opens_no_form_is_answered_alike_and_nothing_large_is_read() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let (path, contact) = asked(&owner, "closing").await;
        let unknown = format!("/survey/{}", "A".repeat(43));
        let nothing = get(&owner, &unknown).await;
        assert_eq!(nothing.status, 404);
        assert!(nothing.headers.contains_key("content-security-policy"));
        for other in ["/survey/x", "/survey/%00", "/survey/..%2Fgraphql"] {
            let shown = get(&owner, other).await;
            assert_eq!(
                (shown.status, &shown.body),
                (nothing.status, &nothing.body),
                "{other}"
            );
        }
        let shown = post(&owner, &unknown, "score=5").await;
        assert_eq!((shown.status, &shown.body), (nothing.status, &nothing.body));

        let shown = send(&owner, Method::DELETE, &path, "", String::new()).await;
        assert_eq!(shown.status, 405);
        assert_eq!(shown.headers["allow"], "GET, HEAD, POST");
        let json = send(
            &owner,
            Method::POST,
            &path,
            "application/json",
            "{}".to_owned(),
        )
        .await;
        assert_eq!(json.status, 415);
        let large = format!("score=5&comment={}", "x".repeat(80 * 1024));
        assert_eq!(post(&owner, &path, &large).await.status, 413);
        assert_eq!(answers(&owner).await, json!([]));

        assert_eq!(post(&owner, &path, "score=4").await.status, 200);
        let input = json!({ "id": contact });
        owner.change("eraseContact", input, "erasedId").await;
        let gone = get(&owner, &path).await;
        assert_eq!((gone.status, &gone.body), (nothing.status, &nothing.body));
        assert_eq!(post(&owner, &path, "score=1").await.status, 404);
        assert_eq!(answers(&owner).await, json!([]));
        installation
    });
}

#[test]
fn whoever_guesses_keeps_nobody_from_a_form() {
    // The buckets are the process's own, whatever the database is.
    block_on(async {
        let installation = Installation::alone_with(&[("ENISHI_RATE_POINTS", "600")]).await;
        let owner = installation.owner();
        let (path, _) = asked(&owner, "closing").await;
        let mut refused = None;
        // A bucket of 500 points is 50 guesses, and one more each second.
        for guess in 0..1_000 {
            let shown = get(&owner, &format!("/survey/{guess:043}")).await;
            if shown.status == StatusCode::TOO_MANY_REQUESTS {
                refused = Some(shown);
                break;
            }
            assert_eq!(shown.status, StatusCode::NOT_FOUND);
        }
        let refused = refused.expect("guesses are limited");
        assert!(refused.headers.contains_key(header::RETRY_AFTER));
        let shown = get(&owner, &path).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        installation.end().await;
    });
}

#[test]
fn the_smallest_bucket_is_enough_to_open_a_form_and_to_answer_it() {
    block_on(async {
        let installation = Installation::alone_with(&[("ENISHI_RATE_POINTS", "600")]).await;
        let owner = installation.owner();
        let (path, _) = asked(&owner, "closing").await;
        assert_eq!(get(&owner, &path).await.status, 200);
        assert_eq!(post(&owner, &path, "comment=x").await.status, 422);
        let shown = post(&owner, &path, "score=5&comment=x").await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        let mut others = 0;
        while get(&owner, &path).await.status == StatusCode::OK {
            others += 1;
            assert!(others < 1_000, "a form's requests are limited");
        }
        installation.end().await;
    });
}
