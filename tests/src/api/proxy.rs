//! Behind a reverse proxy: who a request counts for, and pages at the address people see.

use reqwest::{StatusCode, header};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::support::{client::Client, installation::Installation, runtime::block_on};

/// Doors that anybody may knock at, each with something that is not behind it.
const GUESSES: [&str; 3] = ["/l/guess", "/survey/guess", "/hooks/email/guess"];

async fn guess(client: &Client, path: &str, header: &str, address: &str) -> StatusCode {
    let url = format!("http://{}{path}", client.address);
    let asked = client.http.get(url).header(header, address).send().await;
    asked.expect("an answer").status()
}

/// Guesses in the name of an address until it may not any more.
async fn exhaust(client: &Client, path: &str, header: &str, address: &str) {
    let mut guesses = 0;
    while guess(client, path, header, address).await != StatusCode::TOO_MANY_REQUESTS {
        guesses += 1;
        assert!(guesses < 1_000, "guesses are limited");
    }
}

#[test]
fn behind_a_trusted_proxy_each_visitor_counts_for_themselves() {
    block_on(async {
        let installation = Installation::alone_with(&[
            ("ENISHI_RATE_POINTS", "600"),
            ("ENISHI_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8"),
        ])
        .await;
        let owner = installation.owner();
        for path in GUESSES {
            // What the visitor makes up stands to the left of what the proxies write.
            exhaust(
                &owner,
                path,
                "x-forwarded-for",
                "9.9.9.9, 203.0.113.1, 10.0.0.7",
            )
            .await;
            let other = guess(&owner, path, "x-forwarded-for", "203.0.113.1, 203.0.113.2").await;
            assert_eq!(other, StatusCode::NOT_FOUND, "{path}");
            exhaust(&owner, path, "forwarded", "for=203.0.113.1;proto=https").await;
        }
        installation.end().await;
    });
}

#[test]
fn nobody_is_believed_who_is_not_trusted() {
    block_on(async {
        let installation = Installation::alone_with(&[
            ("ENISHI_RATE_POINTS", "600"),
            ("ENISHI_TRUSTED_PROXIES", "10.0.0.0/8"),
        ])
        .await;
        let owner = installation.owner();
        let mut guesses = 0;
        loop {
            let address = format!("203.0.113.{}", guesses % 250);
            let answered = guess(&owner, "/l/guess", "x-forwarded-for", &address).await;
            if answered == StatusCode::TOO_MANY_REQUESTS {
                break;
            }
            guesses += 1;
            assert!(guesses < 1_000, "the connection's address counts");
        }
        installation.end().await;
    });
}

/// Whether a page of this origin may open a socket.
async fn opens(owner: &Client, origin: &'static str) -> bool {
    let url = owner.url().replace("http", "ws");
    let mut request = url.into_client_request().expect("a request");
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    let headers = request.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", protocol);
    headers.insert("Origin", HeaderValue::from_static(origin));
    match connect_async(request).await {
        Ok(_) => true,
        Err(Error::Http(refused)) => {
            assert_eq!(refused.status().as_u16(), 403, "{origin}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn pages_at_the_address_people_see_may_call_whatever_the_proxy_calls_us() {
    block_on(async {
        let settings = [("ENISHI_PUBLIC_URL", "https://enishi.example/crm")];
        let installation = Installation::alone_with(&settings).await;
        let owner = installation.owner();
        for (origin, expected) in [
            ("https://enishi.example", true),
            ("http://enishi.example", false),
            ("https://elsewhere.example", false),
        ] {
            assert_eq!(opens(&owner, origin).await, expected, "{origin}");
            let asked = owner.http.get(owner.url()).header(header::ORIGIN, origin);
            let answer = asked.send().await.expect("an answer");
            let allowed = answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(allowed.is_some(), expected, "{origin}");
        }
        installation.end().await;
    });
}
