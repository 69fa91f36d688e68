//! What providers tell, over real HTTP as they send it: verified, stored once, and by nobody else.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::port::{Clock as _, SystemClock};
use reqwest::Method;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use crate::support::{
    client::{Client, text},
    installation::{Installation, on_each},
    process::until,
};

/// What the DER form of a public key on P-256 begins with.
const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";

/// Sends a request as a provider does; the status of the answer.
async fn send(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> u16 {
    let url = format!("http://{}{path}", client.address);
    let mut request = client.http.request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer").status().as_u16()
}

/// Makes a source; the path of its address, and its id.
async fn make(owner: &Client, input: Value) -> (String, String) {
    let made = owner
        .change("createEmailSource", input, "url emailSource { id }")
        .await;
    (text(&made["url"]), text(&made["emailSource"]["id"]))
}

/// The workspace's one source: its counts, and why a request was refused last.
async fn counts(owner: &Client) -> (Value, Value, Value, Value) {
    let query = "{ emailSources { receivedCount ignoredCount rejectedCount lastRejection } }";
    let found = owner.must(query, json!({})).await;
    let one = &found[0];
    (
        one["receivedCount"].clone(),
        one["ignoredCount"].clone(),
        one["rejectedCount"].clone(),
        one["lastRejection"].clone(),
    )
}

/// The kinds of the events of a contact and the campaigns they belong to, sorted, and whether email to them
/// has ended; nothing for a contact who is not there.
async fn contact(owner: &Client, email: &str) -> Value {
    let query = "query($email: String!) { contactByEmail(email: $email) {
        emailEvents { nodes { kind bounce campaign { externalId } } }
        subscriptions { channel state source } } }";
    let found = owner.must(query, json!({ "email": email })).await;
    if found.is_null() {
        return Value::Null;
    }
    let nodes = found["emailEvents"]["nodes"].as_array().expect("events");
    let mut events: Vec<String> = nodes
        .iter()
        .map(|event| {
            let parts = [
                &event["kind"],
                &event["bounce"],
                &event["campaign"]["externalId"],
            ];
            let parts = parts.into_iter().filter_map(Value::as_str);
            parts.collect::<Vec<_>>().join(" ")
        })
        .collect();
    events.sort();
    let ended = found["subscriptions"].as_array().expect("subscriptions");
    let ended = ended.iter().find(|one| one["state"] == "UNSUBSCRIBED");
    json!({ "events": events, "ended": ended.map(|one| one["source"].clone()) })
}

/// Another workspace has nothing of it.
async fn nothing_elsewhere(installation: &mut Installation, path: &str, email: &str) {
    let other = installation.workspace("Elsewhere").await;
    assert_eq!(contact(&other, email).await, Value::Null);
    let sources = other.must("{ emailSources { id } }", json!({})).await;
    assert_eq!(sources, json!([]));
    // Nor does a token that is nearly the one of the source open anything.
    let near = format!("{}x", &path[..path.len() - 1]);
    let status = send(&other, Method::POST, &near, &[], "{}").await;
    assert!(status == 404 || near == path, "{status}");
}

#[test]
fn elastic_email_tells_by_get() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Elastic", "provider": "ELASTIC_EMAIL" });
        let (path, _) = make(&owner, input).await;
        assert!(path.starts_with("/hooks/email/"), "{path}");
        let get = async |query: &str| {
            let path = format!("{path}?{query}");
            send(&owner, Method::GET, &path, &[], "").await
        };
        // A look whether somebody answers.
        assert_eq!(send(&owner, Method::GET, &path, &[], "").await, 200);
        let bounce = "status=Error&category=NoMailbox&to=ada%40example.com&from=us%40x.example\
            &date=10%2F13%2F2014+2%3A03%3A08+PM&channel=spring&messageid=m1\
            &transaction=3f2504e0-4f89-11d3-9a0c-0305e82c3301&account=us%40x.example";
        assert_eq!(get(bounce).await, 200);
        assert_eq!(get(bounce).await, 200);
        assert_eq!(get("status=SomethingNew&to=ada%40example.com").await, 200);
        let expected = json!({ "events": ["BOUNCED HARD spring"], "ended": "BOUNCE" });
        assert_eq!(contact(&owner, "ada@example.com").await, expected);
        assert_eq!(send(&owner, Method::POST, &path, &[], "").await, 405);
        assert_eq!(
            counts(&owner).await,
            (json!(2), json!(1), json!(0), json!(null))
        );
        nothing_elsewhere(&mut installation, &path, "ada@example.com").await;

        // What it calls sent has arrived, whether or not somebody opens it.
        for (id, to) in [("m2", "ben"), ("m3", "cy")] {
            let sent = format!("status=Sent&to={to}%40example.com&messageid={id}&channel=spring");
            assert_eq!(get(&sent).await, 200);
        }
        assert_eq!(
            get("status=Opened&to=ben%40example.com&messageid=m2").await,
            200
        );
        let rates = "{ workspace { emailMetrics { total { attempted delivered deliveryUnknown \
            humanOpenRate { value } } } } }";
        let wanted = json!({ "attempted": 2, "delivered": 2, "deliveryUnknown": 0,
            "humanOpenRate": { "value": 0.5 } });
        until("the figures", Duration::from_mins(1), async || {
            let found = owner.must(rates, json!({})).await;
            (found["emailMetrics"]["total"] == wanted).then_some(())
        })
        .await;
        installation
    });
}

#[test]
fn sendgrid_signs_with_a_key_that_is_given_later() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "SendGrid", "provider": "SENDGRID", "campaignKey": "mailing" });
        let (path, id) = make(&owner, input).await;
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = || {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap()
        };
        let (pair, stranger) = (pair(), pair());
        let body = json!([
            { "email": "ada@example.com", "timestamp": 1_513_299_569, "event": "delivered",
              "sg_event_id": "d1", "sg_message_id": "m1.filter0001", "mailing": "spring" },
            { "email": "ada@example.com", "timestamp": 1_513_299_570, "event": "open",
              "sg_machine_open": true, "sg_event_id": "o1", "sg_message_id": "m1.recvd",
              "mailing": "spring" },
            { "email": "ada@example.com", "timestamp": 1_513_299_571, "event": "group_unsubscribe",
              "sg_event_id": "u1", "sg_message_id": "m1", "asm_group_id": 7 },
            { "email": "ada@example.com", "timestamp": 1_513_299_572, "event": "deferred" },
        ])
        .to_string();
        let tell = async |pair: &EcdsaKeyPair, body: &str, signed: &str| {
            let message = format!("1513299600{signed}");
            let signature = pair.sign(&random, message.as_bytes()).unwrap();
            let signature = STANDARD.encode(signature);
            let headers = [(SIGNATURE, signature.as_str()), (TIMESTAMP, "1513299600")];
            send(&owner, Method::POST, &path, &headers, body.to_owned()).await
        };
        assert_eq!(tell(&pair, &body, &body).await, 401);
        assert_eq!(counts(&owner).await.3, "NO_KEY");
        let spki = hex(SPKI);
        let key = STANDARD.encode([&spki[..], pair.public_key().as_ref()].concat());
        let input = json!({ "id": id, "signingKey": key });
        let selection = "emailSource { hasSigningKey }";
        let changed = owner.change("updateEmailSource", input, selection).await;
        assert_eq!(changed["emailSource"]["hasSigningKey"], true);

        assert_eq!(tell(&stranger, &body, &body).await, 401);
        assert_eq!(tell(&pair, &body.replace("ada@", "eve@"), &body).await, 401);
        assert_eq!(
            send(&owner, Method::POST, &path, &[], body.clone()).await,
            401
        );
        assert_eq!(
            counts(&owner).await,
            (json!(0), json!(0), json!(4), json!("SIGNATURE"))
        );
        assert_eq!(contact(&owner, "ada@example.com").await, Value::Null);

        assert_eq!(tell(&pair, &body, &body).await, 200);
        assert_eq!(tell(&pair, &body, &body).await, 200);
        assert_eq!(tell(&pair, "{}", "{}").await, 400);
        let events = ["DELIVERED spring", "OPENED spring", "UNSUBSCRIBED"];
        let expected = json!({ "events": events, "ended": "UNSUBSCRIBE" });
        assert_eq!(contact(&owner, "ada@example.com").await, expected);
        assert_eq!(
            counts(&owner).await,
            (json!(6), json!(2), json!(5), json!("UNREADABLE"))
        );
        assert_eq!(send(&owner, Method::GET, &path, &[], "").await, 405);
        nothing_elsewhere(&mut installation, &path, "ada@example.com").await;
        installation
    });
}

fn hex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("digits");
    (0..text.len()).step_by(2).map(digit).collect()
}

#[test]
fn mailgun_signs_and_what_it_signed_long_ago_is_refused() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let input = json!({ "name": "Mailgun", "provider": "MAILGUN", "signingKey": "key-1" });
        let (path, _) = make(&owner, input).await;
        let tell = async |key: &str, age_s: i64, id: &str| {
            let time = SystemClock.now().timestamp() - age_s;
            let token = "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0";
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
            let tag = hmac::sign(&key, format!("{time}{token}").as_bytes());
            let tag = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
            let body = json!({
                "signature": { "timestamp": time.to_string(), "token": token,
                    "signature": tag.collect::<String>() },
                "event-data": { "id": id, "event": "complained", "timestamp": 1_521_233_195.375,
                    "recipient": "ada@example.com", "tags": ["spring"], "flags": {},
                    "message": { "headers": { "message-id": "m1@x.example" } } },
            });
            send(&owner, Method::POST, &path, &[], body.to_string()).await
        };
        assert_eq!(tell("another", 0, "e1").await, 401);
        assert_eq!(tell("key-1", 24 * 3_600, "e1").await, 401);
        assert_eq!(contact(&owner, "ada@example.com").await, Value::Null);
        assert_eq!(tell("key-1", 0, "e1").await, 200);
        assert_eq!(tell("key-1", 3_600, "e1").await, 200);
        let expected = json!({ "events": ["COMPLAINED spring"], "ended": "COMPLAINT" });
        assert_eq!(contact(&owner, "ada@example.com").await, expected);
        assert_eq!(
            send(&owner, Method::POST, &path, &[], "nonsense").await,
            400
        );
        assert_eq!(
            counts(&owner).await,
            (json!(2), json!(0), json!(3), json!("UNREADABLE"))
        );
        nothing_elsewhere(&mut installation, &path, "ada@example.com").await;
        installation
    });
}

#[test]
fn postmark_comes_with_user_and_password() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let input =
            json!({ "name": "Postmark", "provider": "POSTMARK", "signingKey": "me:secret" });
        let (path, id) = make(&owner, input).await;
        let body = json!({
            "RecordType": "Open", "FirstOpen": true, "MessageID": "883953f4-6105-42a2-a16a",
            "Recipient": "ada@example.com", "Tag": "spring", "UserAgent": "Safari",
            "ReceivedAt": "2025-04-05T16:33:54.9070259Z", "Metadata": {},
        })
        .to_string();
        let tell = async |credentials: &str| {
            let basic = format!("Basic {}", STANDARD.encode(credentials));
            let headers = [("authorization", basic.as_str())];
            send(&owner, Method::POST, &path, &headers, body.clone()).await
        };
        assert_eq!(tell("me:other").await, 401);
        assert_eq!(
            send(&owner, Method::POST, &path, &[], body.clone()).await,
            401
        );
        assert_eq!(contact(&owner, "ada@example.com").await, Value::Null);
        assert_eq!(tell("me:secret").await, 200);
        assert_eq!(tell("me:secret").await, 200);
        let expected = json!({ "events": ["OPENED spring"], "ended": null });
        assert_eq!(contact(&owner, "ada@example.com").await, expected);
        assert_eq!(
            counts(&owner).await,
            (json!(2), json!(0), json!(2), json!("CREDENTIALS"))
        );

        // Without credentials of its own the address alone opens it.
        let input = json!({ "id": id, "signingKey": null });
        owner
            .change("updateEmailSource", input, "emailSource { id }")
            .await;
        assert_eq!(
            send(&owner, Method::POST, &path, &[], body.clone()).await,
            200
        );
        nothing_elsewhere(&mut installation, &path, "ada@example.com").await;
        installation
    });
}

#[test]
fn the_door_of_ses_asks_nobody_but_sns_and_every_door_has_its_limits() {
    on_each(|mut installation| async move {
        let owner = installation.owner();
        let topic = "arn:aws:sns:eu-west-1:123456789012:ses";
        let input = json!({ "name": "SES", "provider": "AMAZON_SES", "topicArn": topic });
        let (path, id) = make(&owner, input).await;
        let notice = include_str!("../../../domain/src/email/source/samples/sns_notification.json");
        let post = async |body: String| send(&owner, Method::POST, &path, &[], body).await;
        // A certificate of somebody else's is not even looked at.
        let forged = notice.replace("sns.eu-west-1.amazonaws.com", "127.0.0.1");
        assert_eq!(post(forged).await, 401);
        assert_eq!(counts(&owner).await.3, "CERTIFICATE");
        assert_eq!(
            post(notice.replace(topic, "arn:aws:sns:x:1:other")).await,
            401
        );
        assert_eq!(counts(&owner).await.3, "TOPIC");
        assert_eq!(post("x".repeat(4 * 1024 * 1024 + 1)).await, 413);
        assert_eq!(
            counts(&owner).await,
            (json!(0), json!(0), json!(3), json!("TOO_LARGE"))
        );

        let input = json!({ "id": id, "enabled": false });
        owner
            .change("updateEmailSource", input, "emailSource { id }")
            .await;
        assert_eq!(post(notice.to_owned()).await, 404);
        let input = json!({ "id": id });
        owner
            .change("deleteEmailSource", input, "emailSource { id }")
            .await;
        assert_eq!(post(notice.to_owned()).await, 404);
        let unknown = "/hooks/email/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(send(&owner, Method::GET, unknown, &[], "").await, 404);
        nothing_elsewhere(&mut installation, &path, "ada@example.com").await;
        installation
    });
}
