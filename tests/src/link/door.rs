//! The addresses of links over real HTTP, as a browser without a login sees them.

use std::time::Duration;

use reqwest::{Method, StatusCode, header, redirect::Policy};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    runtime::block_on,
};

const BROWSER: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1";
const TARGET: &str = "https://shop.example/spring?size=m";

/// Somebody with a browser, who sees where they are sent.
struct Visitor {
    http: reqwest::Client,
    server: String,
}

struct Shown {
    status: StatusCode,
    headers: header::HeaderMap,
    body: String,
}

impl Visitor {
    #[expect(clippy::disallowed_methods, reason = "this is the outside, calling in")]
    fn of(client: &Client) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            http,
            server: format!("http://{}", client.address),
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Shown {
        let url = format!("{}{path}", self.server);
        let mut request = self.http.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.expect("an answer");
        Shown {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.text().await.expect("a body"),
        }
    }

    async fn get(&self, path: &str) -> Shown {
        self.send(Method::GET, path, &[("user-agent", BROWSER)])
            .await
    }
}

/// Where somebody is sent; nothing but that is told, and nothing is left in the browser.
fn sent_to(shown: &Shown) -> String {
    assert_eq!(shown.status, StatusCode::FOUND, "{}", shown.body);
    assert_eq!(shown.headers["cache-control"], "no-store");
    assert!(!shown.headers.contains_key("set-cookie"));
    let location = shown.headers["location"].to_str();
    location.expect("a URL").to_owned()
}

async fn make(owner: &Client, input: Value) -> (String, String) {
    let made = owner
        .change("createTrackedLink", input, "trackedLink { id url }")
        .await;
    (
        text(&made["trackedLink"]["id"]),
        text(&made["trackedLink"]["url"]),
    )
}

async fn personal(owner: &Client, link: &str, ids: &[&str]) -> Value {
    let query = "query($id: ID!, $ids: [ID!]!) { trackedLink(id: $id) {
        personalLinks(ids: $ids) { url contact { id } } } }";
    let found = owner.must(query, json!({ "id": link, "ids": ids })).await;
    found["personalLinks"].clone()
}

/// Clicks, scans, machines and contacts.
async fn counts(owner: &Client, link: &str) -> Value {
    let query = "query($id: ID!) { trackedLink(id: $id) {
        clickCount scanCount machineCount contactCount } }";
    let found = owner.must(query, json!({ "id": link })).await;
    json!([
        found["clickCount"],
        found["scanCount"],
        found["machineCount"],
        found["contactCount"],
    ])
}

#[test]
fn a_link_leads_to_its_target_alone_and_notes_who_came() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let visitor = Visitor::of(&owner);
        let tag = owner.tag("CONTACT", "Spring").await;
        let input = json!({ "name": "Taro", "email": "taro@a.example" });
        let taro = owner.change("createContact", input, "contact { id }").await;
        let taro = text(&taro["contact"]["id"]);
        let (link, path) = make(
            &owner,
            json!({
                "name": "Spring on LINE", "targetUrl": TARGET, "slug": "spring", "channel": "LINE",
                "tagIds": [tag], "utm": { "source": "line" },
            }),
        )
        .await;
        assert_eq!(path, "/l/spring");
        let target = format!("{TARGET}&utm_source=line");

        // Nothing in the request says where it leads.
        for query in [
            "",
            "?qr",
            "?url=https://evil.example/&utm_source=x",
            "?anonymousId=nobody",
        ] {
            assert_eq!(
                sent_to(&visitor.get(&format!("/l/Spring{query}")).await),
                target
            );
        }
        assert_eq!(counts(&owner, &link).await, json!([3, 1, 0, 0]));

        let nobody = "contact_01900000000070008000000000000001";
        let links = personal(&owner, &link, &[&taro, nobody, "x"]).await;
        assert_eq!(links[0]["contact"]["id"], json!(taro));
        assert_eq!((&links[1], &links[2]), (&Value::Null, &Value::Null));
        let own = text(&links[0]["url"]);
        assert!(!own.contains(&taro["contact_".len()..]), "{own}");
        assert_eq!(
            personal(&owner, &link, &[&taro]).await[0]["url"],
            json!(own)
        );
        for query in ["", "", "?qr"] {
            assert_eq!(
                sent_to(&visitor.get(&format!("{own}{query}")).await),
                target
            );
        }
        assert_eq!(counts(&owner, &link).await, json!([5, 2, 0, 1]));

        // A token that nobody gave is no contact's, and one of another link neither.
        let (_, other) = make(&owner, json!({ "name": "Other", "targetUrl": TARGET })).await;
        let token = own.rsplit('/').next().unwrap();
        assert_eq!(
            sent_to(&visitor.get(&format!("{other}/{token}")).await),
            TARGET
        );
        let near = format!("{path}/{}x", &token[..token.len() - 1]);
        let near_target = sent_to(&visitor.get(&near).await);
        assert_eq!(near_target, target);

        let found = owner
            .must(
                "query($id: ID!) { contact(id: $id) {
                    events { nodes { name } }
                    taggings { tag { id } addedBy { kind name trackedLink { slug } } }
                    timeline(first: 20) { nodes { kind } } } }",
                json!({ "id": taro }),
            )
            .await;
        let mut names: Vec<_> = found["events"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| text(&event["name"]))
            .collect();
        names.sort();
        assert_eq!(names, ["link_clicked", "link_clicked", "qr_scanned"]);
        let expected = json!([{
            "tag": { "id": tag },
            "addedBy": {
                "kind": "TRACKED_LINK", "name": "Spring on LINE", "trackedLink": { "slug": "spring" },
            },
        }]);
        assert_eq!(found["taggings"], expected);
        let timeline = found["timeline"]["nodes"].as_array().unwrap();
        let events = timeline.iter().filter(|entry| entry["kind"] == "EVENT");
        assert_eq!(events.count(), 3, "{timeline:?}");

        let elsewhere = installation.workspace("Elsewhere").await;
        let query = "query($id: ID!) { trackedLink(id: $id) { id } }";
        let found = elsewhere.must(query, json!({ "id": link })).await;
        assert_eq!(found, Value::Null);
        let found = elsewhere
            .must("{ trackedLinks { nodes { id } } }", json!({}))
            .await;
        assert_eq!(found["nodes"], json!([]));
        installation
    });
}

#[test]
fn rules_see_that_a_link_was_followed_like_any_event() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let visitor = Visitor::of(&owner);
        let tag = owner.tag("CONTACT", "Scanned").await;
        let input = json!({
            "name": "Scanned", "trigger": { "eventTracked": { "names": ["qr_scanned"] } },
            "actions": [{ "tagContact": { "tagIds": [tag] } }],
        });
        owner.change("createRule", input, "rule { id }").await;
        let (link, _) = make(&owner, json!({ "name": "Spring", "targetUrl": TARGET })).await;
        let mut ids = Vec::new();
        for name in ["Taro", "Hanako"] {
            let input = json!({ "name": name });
            let made = owner.change("createContact", input, "contact { id }").await;
            ids.push(text(&made["contact"]["id"]));
        }
        let links = personal(&owner, &link, &[&ids[0], &ids[1]]).await;
        let scanned = format!("{}?qr", text(&links[0]["url"]));
        assert_eq!(sent_to(&visitor.get(&scanned).await), TARGET);
        assert_eq!(sent_to(&visitor.get(&text(&links[1]["url"])).await), TARGET);
        installation.drain(Duration::from_mins(1)).await;
        let query = "query($id: ID!) { contact(id: $id) { taggings { tag { id } } } }";
        let mut tagged = Vec::new();
        for id in &ids {
            let found = owner.must(query, json!({ "id": id })).await;
            tagged.push(found["taggings"].clone());
        }
        assert_eq!(tagged, [json!([{ "tag": { "id": tag } }]), json!([])]);
        installation
    });
}

#[test]
fn machines_are_sent_on_and_counted_apart() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let visitor = Visitor::of(&owner);
        let (link, path) = make(&owner, json!({ "name": "Spring", "targetUrl": TARGET })).await;
        let browser = ("user-agent", BROWSER);
        for (method, headers) in [
            (Method::HEAD, vec![browser]),
            (Method::GET, vec![browser, ("purpose", "prefetch")]),
            (
                Method::GET,
                vec![browser, ("sec-purpose", "prefetch;prerender")],
            ),
            (Method::GET, vec![("user-agent", "curl/8.5.0")]),
            (Method::GET, vec![]),
        ] {
            let shown = visitor.send(method, &path, &headers).await;
            assert_eq!(sent_to(&shown), TARGET);
        }
        assert_eq!(counts(&owner, &link).await, json!([0, 0, 5, 0]));
        let query = "query($id: ID!) { trackedLink(id: $id) {
            lastFollowedAt series { machineCount clickCount } } }";
        let found = owner.must(query, json!({ "id": link })).await;
        assert_eq!(found["lastFollowedAt"], Value::Null);
        let series = found["series"].as_array().unwrap();
        assert_eq!(series.len(), 30);
        assert_eq!(series[29], json!({ "machineCount": 5, "clickCount": 0 }));
        installation
    });
}

#[test]
fn what_leads_nowhere_says_so_in_the_visitors_language() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let visitor = Visitor::of(&owner);
        let (link, path) = make(&owner, json!({ "name": "Spring", "targetUrl": TARGET })).await;
        let headers = [
            ("user-agent", BROWSER),
            ("accept-language", "ja-JP,en;q=0.5"),
        ];
        for unknown in ["/l/nobody-has-this", "/l/a%2Fb", "/l/nobody/token"] {
            let shown = visitor.send(Method::GET, unknown, &headers).await;
            assert_eq!(shown.status, StatusCode::NOT_FOUND, "{unknown}");
            assert!(shown.body.contains("<html lang=\"ja\">"), "{}", shown.body);
        }
        // Without the address people see, there is nothing a code could say.
        let drawn = visitor.get(&format!("{path}.svg")).await;
        assert_eq!(drawn.status, StatusCode::NOT_FOUND);
        let posted = visitor.send(Method::POST, &path, &headers).await;
        assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(posted.headers["allow"], "GET, HEAD");

        let input = json!({ "id": link });
        owner
            .change(
                "archiveTrackedLink",
                input.clone(),
                "trackedLink { archivedAt }",
            )
            .await;
        let shown = visitor.send(Method::GET, &path, &headers).await;
        assert_eq!(shown.status, StatusCode::GONE);
        assert!(shown.body.contains("<html lang=\"ja\">"), "{}", shown.body);
        assert!(shown.headers.contains_key("content-security-policy"));
        assert_eq!(counts(&owner, &link).await, json!([0, 0, 0, 0]));
        owner
            .change("restoreTrackedLink", input, "trackedLink { archivedAt }")
            .await;
        assert_eq!(sent_to(&visitor.get(&path).await), TARGET);
        installation
    });
}

#[test]
fn whoever_guesses_or_never_stops_keeps_nobody_from_the_other_links() {
    block_on(async {
        let installation = Installation::alone_with(&[("ENISHI_RATE_POINTS", "600")]).await;
        let owner = installation.owner();
        let visitor = Visitor::of(&owner);
        let (_, spring) = make(&owner, json!({ "name": "Spring", "targetUrl": TARGET })).await;
        let (_, summer) = make(&owner, json!({ "name": "Summer", "targetUrl": TARGET })).await;
        // A bucket of 500 points is 50 guesses, and one more each second.
        let mut guesses = 0;
        while visitor.get(&format!("/l/guess-{guesses}")).await.status == StatusCode::NOT_FOUND {
            guesses += 1;
            assert!(guesses < 1_000, "guesses are limited");
        }
        let mut followed = 0;
        let refused = loop {
            let shown = visitor.get(&spring).await;
            if shown.status != StatusCode::FOUND {
                break shown;
            }
            followed += 1;
            assert!(followed < 1_000, "a link's requests are limited");
        };
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(refused.headers.contains_key(header::RETRY_AFTER));
        assert!(followed >= 100, "{followed}");
        for _ in 0..20 {
            assert_eq!(sent_to(&visitor.get(&summer).await), TARGET);
        }
        installation.end().await;
    });
}

#[test]
fn a_qr_code_leads_to_the_address_people_see() {
    block_on(async {
        let settings = [("ENISHI_PUBLIC_URL", "https://enishi.example/crm")];
        let installation = Installation::alone_with(&settings).await;
        let owner = installation.owner();
        let visitor = Visitor::of(&owner);
        let input = json!({ "name": "Poster", "targetUrl": TARGET, "slug": "poster" });
        let (link, url) = make(&owner, input).await;
        assert_eq!(url, "https://enishi.example/crm/l/poster");
        let query = "query($id: ID!) { trackedLink(id: $id) { qrCodeSvg } }";
        let found = owner.must(query, json!({ "id": link })).await;
        let picture = text(&found["qrCodeSvg"]);
        assert_eq!(
            Some(picture.as_str()),
            domain::link::svg("https://enishi.example/crm/l/poster?qr").as_deref()
        );
        let drawn = visitor.get("/l/poster.svg").await;
        assert_eq!(drawn.status, StatusCode::OK);
        assert_eq!(drawn.headers["content-type"], "image/svg+xml");
        assert_eq!(drawn.body, picture);
        let drawn = visitor.get("/l/poster/forged.svg").await;
        assert_eq!(drawn.body, picture);
        assert_eq!(counts(&owner, &link).await, json!([0, 0, 0, 0]));

        let input = json!({ "name": "Circle", "targetUrl": url });
        let document = "mutation($input: CreateTrackedLinkInput!) {
            createTrackedLink(input: $input) { userErrors { path code } } }";
        let answer = owner.ask(document, &json!({ "input": input })).await;
        assert_eq!(
            answer["data"]["createTrackedLink"]["userErrors"],
            json!([{ "path": ["targetUrl"], "code": "INVALID" }])
        );
        installation.end().await;
    });
}
