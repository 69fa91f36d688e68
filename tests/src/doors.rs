//! What the log says of requests by the doors beside GraphQL: which route, and what it was about, never what
//! opens something.

use reqwest::Method;
use serde_json::json;

use crate::support::{
    client::{Client, text},
    installation::Installation,
    runtime::block_on,
};

/// Sends a request without a token in its headers; the status of the answer.
async fn send(client: &Client, method: Method, path: &str, body: String) -> u16 {
    let url = format!("http://{}{path}", client.address);
    let request = client.http.request(method, url).body(body);
    request.send().await.expect("an answer").status().as_u16()
}

/// The one line with this message about this.
fn line<'a>(said: &'a str, message: &str, about: &str) -> &'a str {
    let mut lines = said
        .lines()
        .filter(|line| line.contains(message) && line.contains(about));
    let found = lines.next().unwrap_or_else(|| panic!("{message}: {said}"));
    assert_eq!(lines.next(), None, "{message}");
    found
}

#[test]
fn the_log_says_which_link_source_or_token_a_request_was_about_and_tells_no_secret() {
    block_on(async {
        let installation = Installation::alone().await;
        let owner = installation.owner();
        let input =
            json!({ "name": "Spring", "targetUrl": "https://shop.example/", "slug": "spring" });
        owner
            .change("createTrackedLink", input, "trackedLink { id }")
            .await;
        let input = json!({ "name": "Elastic", "provider": "ELASTIC_EMAIL" });
        let source = owner
            .change("createEmailSource", input, "url emailSource { id }")
            .await;
        let (hook, source) = (text(&source["url"]), text(&source["emailSource"]["id"]));
        let input = json!({ "name": "web", "scopes": ["TRACK"], "integration": true });
        let token = owner
            .change("createAccessToken", input, "secret accessToken { id }")
            .await;
        let (key, token) = (text(&token["secret"]), text(&token["accessToken"]["id"]));

        let personal = "a-token-of-one-contact";
        let path = format!("/l/spring/{personal}.svg");
        send(&owner, Method::GET, &path, String::new()).await;
        assert_eq!(send(&owner, Method::GET, &hook, String::new()).await, 200);
        let guess = "a-guess-of-a-form";
        let path = format!("/survey/{guess}");
        let status = send(&owner, Method::GET, &path, String::new()).await;
        assert_eq!(status, 404);
        let call = json!({ "writeKey": key, "userId": "u-1", "event": "Paid" });
        let status = send(&owner, Method::POST, "/v1/track", call.to_string()).await;
        assert_eq!(status, 200);

        let said = installation.servers[0].0.said();
        let about = |what: &str| format!("about=\"{what}\"");
        let spring = line(&said, "tracked link request ended", &about("spring"));
        assert!(spring.contains("route=\"/l/{slug}/{token}\""), "{spring}");
        let told = line(&said, "email hook request ended", &about(&source));
        assert!(told.contains("route=\"/hooks/email/{token}\""), "{told}");
        assert!(told.contains("status=200"), "{told}");
        let form = line(&said, "survey request ended", "status=404");
        assert!(form.contains("route=\"/survey/{token}\""), "{form}");
        assert!(!form.contains("about="), "{form}");
        let tracked = line(&said, "tracking request ended", &about(&token));
        assert!(tracked.contains("route=\"/v1/track\""), "{tracked}");
        for secret in [
            personal,
            guess,
            key.as_str(),
            hook.rsplit('/').next().expect("a token"),
        ] {
            assert!(!said.contains(secret), "{secret}");
        }
        installation.end().await;
    });
}
