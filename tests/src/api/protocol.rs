//! The specifications, judged by their own libraries, and nobody without a token.

use reqwest::{StatusCode, header};
use serde_json::json;

use crate::support::{
    client::Client,
    installation::Installation,
    runtime::block_on,
    script,
    sdl::{Root, Sdl},
};

#[test]
fn the_specifications_own_audits_hold() {
    block_on(async {
        let installation = Installation::alone().await;
        let owner = installation.owner();
        let audits = script::run("audit.mjs", &[&owner.url(), &owner.token]).await;
        let broken: Vec<_> = audits
            .lines
            .iter()
            .filter(|line| line["status"] != "ok")
            .collect();
        assert!(audits.ok, "{broken:?} {}", audits.said);
        assert!(audits.lines.len() > 60, "{audits:?}");
        let query = "subscription { changes { cursor } }";
        let sockets = script::run("protocol-ws.mjs", &[&owner.url(), &owner.token, query]).await;
        let broken: Vec<_> = sockets
            .lines
            .iter()
            .filter(|line| line["ok"] != true)
            .collect();
        assert!(sockets.ok, "{broken:?} {}", sockets.said);
        installation.end().await;
    });
}

#[test]
fn nobody_without_a_good_token_gets_in() {
    block_on(async {
        let installation = Installation::alone().await;
        let address = installation.servers[0].1;
        let sdl = Sdl::current();
        for token in ["", "enishi_forged"] {
            let nobody = Client::new(address, token);
            for root in Root::ALL {
                for field in sdl.fields(root.name()) {
                    let document = sdl.operation(root, field, 1);
                    let body = json!({ "query": document, "variables": {} }).to_string();
                    let (status, answer) = nobody.post(body).await.expect("an answer");
                    let code = &answer["errors"][0]["extensions"]["code"];
                    assert_eq!(*code, "UNAUTHENTICATED", "{document}: {answer}");
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{document}");
                    assert!(answer["data"].is_null(), "{document}: {answer}");
                }
            }
        }
        installation.end().await;
    });
}

#[test]
fn the_explorer_comes_with_all_its_files_and_asks_nobody_else() {
    block_on(async {
        let installation = Installation::alone().await;
        let address = installation.servers[0].1;
        let client = Client::new(address, "");
        let page = client.http.get(format!("http://{address}/explorer"));
        let page = page
            .header(header::ACCEPT, "text/html")
            .send()
            .await
            .expect("a page");
        assert_eq!(page.status(), StatusCode::OK);
        let policy = page.headers().get("content-security-policy").cloned();
        let mut base = page.url().clone();
        let html = page.text().await.expect("a text");
        if let Some((_, rest)) = html.split_once("<base href=\"") {
            let given = rest.split('"').next().expect("an address");
            base = base.join(given).expect("an address");
        }
        let named: Vec<_> = ["src=\"", "href=\""]
            .iter()
            .flat_map(|attribute| html.split(attribute).skip(1))
            .filter_map(|rest| rest.split('"').next())
            .filter(|path| !path.starts_with("data:") && !path.starts_with('#'))
            .collect();
        assert!(named.len() > 2, "{html}");
        for path in named {
            assert!(!path.contains("//"), "{path} is elsewhere");
            let url = base.join(path).expect("an address");
            let file = client.http.get(url.as_str()).send().await;
            let file = file.expect("a file");
            assert_eq!(file.status(), StatusCode::OK, "{url}");
            assert!(!file.bytes().await.expect("its bytes").is_empty(), "{url}");
        }
        assert!(
            policy.is_some(),
            "a policy keeps the page from asking elsewhere"
        );
        installation.end().await;
    });
}

/// What the audit log says of a tag's making under `id`: its request and whether it names a token.
async fn entry_of(owner: &Client, name: &str) -> (serde_json::Value, bool) {
    let query = "{ auditLog(first: 50) { nodes { action requestId accessTokenId after } } }";
    let answer = ask(owner, None, &json!({ "query": query })).await;
    let nodes = answer["data"]["auditLog"]["nodes"].as_array();
    let mut nodes = nodes.unwrap_or_else(|| panic!("{answer}")).iter();
    let entry = nodes.find(|node| node["after"].to_string().contains(name));
    let entry = entry.expect("an entry");
    (
        entry["requestId"].clone(),
        entry["accessTokenId"].is_string(),
    )
}

async fn ask(owner: &Client, id: Option<&str>, body: &serde_json::Value) -> serde_json::Value {
    let mut request = owner
        .http
        .post(owner.url())
        .header(header::CONTENT_TYPE, "application/json")
        .bearer_auth(&owner.token)
        .body(body.to_string());
    if let Some(id) = id {
        request = request
            .header("X-Request-Id", id)
            .header("Idempotency-Key", id);
    }
    let answer = request.send().await.expect("an answer");
    let bytes = answer.bytes().await.expect("a body");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn the_audit_log_names_the_request_and_the_token_of_every_change() {
    block_on(async {
        let installation = Installation::alone().await;
        let owner = installation.owner();
        let make = |name: &str| {
            let document = "mutation($input: CreateTagInput!) { createTag(input: $input) \
                { tag { id } userErrors { message } } }";
            json!({ "query": document,
                    "variables": { "input": { "name": name, "kind": "CONTACT" } } })
        };
        let made = ask(&owner, Some("given-7"), &make("Given")).await;
        assert!(made["data"]["createTag"]["tag"]["id"].is_string(), "{made}");
        assert_eq!(entry_of(&owner, "Given").await, (json!("given-7"), true));
        let made = ask(&owner, None, &make("Fresh")).await;
        assert!(made["data"]["createTag"]["tag"]["id"].is_string(), "{made}");
        let (id, has_token) = entry_of(&owner, "Fresh").await;
        assert!(
            id.as_str().is_some_and(|id| id.starts_with("request_")),
            "{id}"
        );
        assert!(has_token);
        installation.end().await;
    });
}
