//! The doors beside GraphQL: files on their way in and out, as every role, as nobody, and with what
//! belongs to another workspace.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    process::until,
};

const FILE: &str = "email,name\nfiled@example.com,Filed\n";

/// Sends one request; its status, and its body.
async fn send(client: &Client, method: Method, path: &str, body: &str) -> (StatusCode, String) {
    let url = format!("http://{}{path}", client.address);
    let mut request = client.http.request(method.clone(), url);
    if !client.token.is_empty() {
        request = request.bearer_auth(&client.token);
    }
    if method == Method::PATCH {
        request = request.header("Upload-Offset", "0");
    }
    if !body.is_empty() && matches!(method, Method::POST | Method::PATCH) {
        request = request.body(body.to_owned());
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    (status, answer.text().await.expect("a body"))
}

/// Begins an upload with nothing in it yet; its id.
async fn begun(client: &Client) -> String {
    let path = "/v1/uploads?name=a.csv&complete=false";
    let (status, body) = send(client, Method::POST, path, "").await;
    assert_eq!(status, 201, "{body}");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    text(&made["id"])
}

/// Takes a file in; the id of the operation, which has ended.
async fn imported(client: &Client) -> String {
    let (status, body) = send(client, Method::POST, "/v1/uploads?name=b.csv", FILE).await;
    assert_eq!(status, 201, "{body}");
    let made: Value = serde_json::from_str(&body).expect("JSON");
    let input = json!({ "uploadId": made["id"] });
    let asked = client
        .change("importContacts", input, "operation { id }")
        .await;
    let operation = text(&asked["operation"]["id"]);
    until("the import to end", Duration::from_mins(1), async || {
        let query = "query($id: ID!) { operation(id: $id) { state } }";
        let now = client.must(query, json!({ "id": operation })).await;
        (now["state"] == "DONE").then_some(())
    })
    .await;
    operation
}

/// Asks for a file of all contacts; the path that opens it.
async fn exported(client: &Client) -> String {
    let asked = client.change("exportContacts", json!({}), "url").await;
    text(&asked["url"])
}

/// What an answer says but for the id of its request, which is always another.
fn said(body: &str) -> Value {
    let mut said: Value = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    // The answer to HEAD has no body.
    if let Some(error) = said.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("requestId");
    }
    said
}

/// The requests for one upload, with the statuses they have for those who may.
const REQUESTS: [(&str, u16); 4] = [("GET", 200), ("HEAD", 200), ("PATCH", 200), ("DELETE", 204)];

fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

async fn as_every_role(owner: &Client) {
    let lines = format!("/v1/imports/{}/lines.csv", imported(owner).await);
    let nobody = Client {
        token: String::new(),
        ..owner.clone()
    };
    for role in ["VIEWER", "AGENT", "ADMIN", "OWNER", ""] {
        let client = match role {
            "" => nobody.clone(),
            role => owner.member(role).await.0,
        };
        let refused = |status: u16| match role {
            "" => 401,
            "VIEWER" => 403,
            _ => status,
        };
        let path = "/v1/uploads?name=a.csv&complete=false";
        let (status, body) = send(&client, Method::POST, path, "").await;
        assert_eq!(status, refused(201), "POST as {role:?}: {body}");
        let upload = format!("/v1/uploads/{}", begun(owner).await);
        for (name, allowed) in REQUESTS {
            let (status, body) = send(&client, method(name), &upload, "email\n").await;
            assert_eq!(status, refused(allowed), "{name} as {role:?}: {body}");
        }
        // Whoever may read may know what became of the lines.
        let (status, body) = send(&client, Method::GET, &lines, "").await;
        let expected = if role.is_empty() { 401 } else { 200 };
        assert_eq!(status, expected, "lines as {role:?}: {body}");
        // Whoever may read may have a list as a file. Its ticket is all that opens it.
        if !role.is_empty() {
            let ticket = exported(&client).await;
            let (status, body) = send(&nobody, Method::GET, &ticket, "").await;
            assert_eq!(status, 200, "an export of {role}: {body}");
            assert!(body.contains("filed@example.com"), "{body}");
        }
    }
}

async fn as_strangers(owner: &Client, stranger: &Client) {
    let theirs = begun(stranger).await;
    let theirs_done = imported(stranger).await;
    let unknown = "0190000000007000800000000000000f";
    for (name, _) in REQUESTS {
        let ask = async |id: &str| {
            let path = format!("/v1/uploads/{id}");
            let (status, body) = send(owner, method(name), &path, "email\n").await;
            (status, said(&body))
        };
        let answered = ask(&theirs).await;
        assert_eq!(answered.0, 404, "{name}");
        assert_eq!(answered, ask(&format!("upload_{unknown}")).await, "{name}");
    }
    let (status, body) = send(stranger, Method::GET, &format!("/v1/uploads/{theirs}"), "").await;
    assert_eq!(status, 200, "theirs is there: {body}");
    assert_eq!(said(&body)["size"], 0, "and nothing was added to it");

    let lines = async |id: &str| {
        let path = format!("/v1/imports/{id}/lines.csv");
        let (status, body) = send(owner, Method::GET, &path, "").await;
        (status, said(&body))
    };
    let answered = lines(&theirs_done).await;
    assert_eq!(answered.0, 404);
    let prefix = theirs_done.split('_').next().unwrap_or_default();
    assert_eq!(answered, lines(&format!("{prefix}_{unknown}")).await);
    // Nor does it help to have it taken in.
    let document = "mutation($input: ImportContactsInput!) { importContacts(input: $input) \
        { operation { id } userErrors { path } } }";
    let input = json!({ "input": { "uploadId": theirs } });
    let refused = owner.ask(document, &input).await;
    assert_eq!(
        refused["data"]["importContacts"]["userErrors"][0]["path"],
        json!(["uploadId"]),
        "{refused}"
    );
}

/// A ticket opens the one file it was made for, whoever comes with it, as long as the token that asked
/// for it is good.
async fn with_tickets(owner: &Client, stranger: &Client) {
    let input = json!({ "name": "Only here", "email": "only@here.example" });
    owner.change("createContact", input, "contact { id }").await;
    let (ours, theirs) = (exported(owner).await, exported(stranger).await);
    for client in [owner, stranger] {
        let (status, body) = send(client, Method::GET, &ours, "").await;
        assert!(
            status == 200 && body.contains("only@here.example"),
            "{body}"
        );
        let (status, body) = send(client, Method::GET, &theirs, "").await;
        assert!(
            status == 200 && !body.contains("only@here.example"),
            "{body}"
        );
    }
    let wrong = send(owner, Method::GET, "/v1/exports/nothing", "").await;
    assert_eq!(wrong.0, 404);
    let (last, changed) = (ours.chars().last(), ours.len() - 1);
    let other = if last == Some('a') { 'b' } else { 'a' };
    let near = format!("{}{other}", &ours[..changed]);
    let answered = send(owner, Method::GET, &near, "").await;
    assert_eq!((answered.0, said(&answered.1)), (wrong.0, said(&wrong.1)));

    let input = json!({ "email": "leaving@staff.example", "name": "Leaving", "role": "AGENT" });
    let member = owner.change("addMember", input, "member { id }").await;
    let input =
        json!({ "name": "leaving", "memberId": member["member"]["id"], "scopes": ["READ"] });
    let made = owner
        .change("createAccessToken", input, "secret accessToken { id }")
        .await;
    let leaving = Client {
        token: text(&made["secret"]),
        ..owner.clone()
    };
    let ticket = exported(&leaving).await;
    let input = json!({ "id": made["accessToken"]["id"] });
    owner
        .change("revokeAccessToken", input, "accessToken { id }")
        .await;
    let answered = send(owner, Method::GET, &ticket, "").await;
    assert_eq!((answered.0, said(&answered.1)), (wrong.0, said(&wrong.1)));
}

async fn every_door(mut installation: Installation) -> Installation {
    let owner = installation.owner();
    let stranger = installation.workspace("Elsewhere").await;
    as_every_role(&owner).await;
    as_strangers(&owner, &stranger).await;
    with_tickets(&owner, &stranger).await;
    installation
}

#[test]
fn files_are_for_those_who_may_and_never_for_strangers() {
    on_each(every_door);
}
