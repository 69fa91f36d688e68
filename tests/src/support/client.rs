//! GraphQL over HTTP, as a client outside sees it.

use std::{net::SocketAddr, sync::Once, time::Duration};

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

/// Somebody with a token, at one server.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Client {
    #[expect(clippy::disallowed_methods, reason = "this is the outside, calling in")]
    pub(crate) fn new(address: SocketAddr, token: &str) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Nothing here speaks TLS; the client only wants to know who would.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let http = reqwest::Client::builder()
            // The server gives up earlier.
            .timeout(Duration::from_mins(2))
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            http,
            address,
            token: token.to_owned(),
        }
    }

    /// Where GraphQL is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// Sends a body as it is.
    pub(crate) async fn post(
        &self,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<(StatusCode, Value)> {
        let mut request = self
            .http
            .post(self.url())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/graphql-response+json")
            .body(body);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let bytes = answer.bytes().await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok((
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::String(text)),
        ))
    }

    /// Asks, and gives back the whole answer; nothing when none came.
    pub(crate) async fn try_ask(&self, document: &str, variables: &Value) -> Option<Value> {
        let body = json!({ "query": document, "variables": variables }).to_string();
        self.post(body).await.ok().map(|(_, answer)| answer)
    }

    /// Asks, and gives back the whole answer.
    pub(crate) async fn ask(&self, document: &str, variables: &Value) -> Value {
        let answer = self.try_ask(document, variables).await;
        answer.unwrap_or_else(|| panic!("no answer to {document}"))
    }

    /// Asks for one field that must work, and gives it back.
    pub(crate) async fn must(&self, document: &str, variables: Value) -> Value {
        let answer = self.ask(document, &variables).await;
        only_field(answer, document, &variables)
    }

    /// Carries out a mutation on an `input`, choosing `selection` of its payload.
    pub(crate) async fn change(&self, field: &str, input: Value, selection: &str) -> Value {
        let mut kind = field.to_owned();
        kind[..1].make_ascii_uppercase();
        let document = format!(
            "mutation($input: {kind}Input!) {{ {field}(input: $input) \
             {{ {selection} userErrors {{ path code message }} }} }}"
        );
        self.must(&document, json!({ "input": input })).await
    }

    /// The id of the inbox every workspace has.
    pub(crate) async fn inbox(&self) -> String {
        let inboxes = self.must("{ inboxes { id } }", json!({})).await;
        text(&inboxes[0]["id"])
    }

    /// Makes a tag.
    pub(crate) async fn tag(&self, kind: &str, name: &str) -> String {
        let input = json!({ "kind": kind, "name": name });
        let made = self.change("createTag", input, "tag { id }").await;
        text(&made["tag"]["id"])
    }

    /// Makes a rule on every message.
    pub(crate) async fn rule(&self, name: &str, condition: &Value, action: &Value) -> String {
        let input = json!({
            "name": name, "trigger": { "messageReceived": {} }, "condition": condition,
            "actions": [action],
        });
        let made = self.change("createRule", input, "rule { id }").await;
        text(&made["rule"]["id"])
    }

    /// Makes a token of a new member with this role and every scope of it.
    pub(crate) async fn member(&self, role: &str) -> (Self, String) {
        let email = format!("{}@staff.example", role.to_lowercase());
        let input = json!({ "email": email, "name": role, "role": role });
        let member = self.change("addMember", input, "member { id }").await;
        let input = json!({
            "name": role, "memberId": member["member"]["id"],
            "scopes": ["READ", "WRITE", "INGEST", "CONFIGURE", "ADMINISTER"],
        });
        let made = self
            .change("createAccessToken", input, "secret accessToken { id }")
            .await;
        let client = Self {
            token: text(&made["secret"]),
            ..self.clone()
        };
        (client, text(&made["accessToken"]["id"]))
    }
}

/// The one field of an answer that must be whole and refuse nothing; `document` and `variables` are what was
/// asked.
pub(crate) fn only_field(mut answer: Value, document: &str, variables: &Value) -> Value {
    assert!(
        answer["errors"].is_null(),
        "{document} {variables}: {answer}"
    );
    let data = answer["data"].as_object_mut().expect("data");
    let mut field = std::mem::take(data).into_iter().next().expect("a field").1;
    let mistakes = field
        .get_mut("userErrors")
        .map(Value::take)
        .unwrap_or_default();
    let is_clean = mistakes.as_array().is_none_or(Vec::is_empty);
    assert!(is_clean, "{document} {variables}: {mistakes}");
    field
}

/// A JSON text as it is.
pub(crate) fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

/// A message to be taken in.
pub(crate) fn message(id: &str, email: &str, body: &str) -> Value {
    json!({
        "externalId": id, "contactEmail": email, "body": body,
        "threadKeys": [format!("thread of {email}")], "sentAt": "2026-03-01T03:00:00Z",
    })
}
