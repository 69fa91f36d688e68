//! SendGrid's Event Webhook: a JSON array of events of all kinds, signed with ECDSA.
//!
//! Signed are the header with the time and the bytes of the body. The key is public: SendGrid shows it
//! where the signature is switched on. An event that is sent again has the same id, so an old request
//! that somebody repeats changes nothing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin, EmailProvider};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::Value;

use super::{
    Call,
    told::{Facts, Told, What, bare_id, first_text, made_id, own_id, read_json, seconds, text},
};
use crate::email::NewEmailEvent;

const PROVIDER: EmailProvider = EmailProvider::Sendgrid;
const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// What the DER form of a public key on P-256 begins with; the point follows.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// Bytes of a point that is not compressed.
const POINT: usize = 65;

/// Whether `key` is a public key as SendGrid shows it.
pub(super) fn is_key(key: &str) -> bool {
    point(key).is_some()
}

/// Whether the request is signed with `key`.
pub(super) fn is_signed(call: &Call, key: &str) -> bool {
    let signed = || {
        let signature = STANDARD.decode(call.header(SIGNATURE)?.trim()).ok()?;
        let message = [call.header(TIMESTAMP)?.as_bytes(), &call.body].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point(key)?);
        key.verify(&message, &signature).ok()
    };
    signed().is_some()
}

/// The point of a public key in base64, with or without the lines of PEM.
fn point(key: &str) -> Option<Vec<u8>> {
    let lines = key.lines().map(str::trim);
    let text: String = lines.filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(text).ok()?;
    let point = der.strip_prefix(&SPKI)?;
    (point.len() == POINT && point[0] == 4).then(|| point.to_vec())
}

/// What the body says; nothing if it is not SendGrid's.
pub(super) fn read(body: &[u8], campaign_key: Option<&str>) -> Option<Told> {
    let events: Vec<Value> = read_json(body)?;
    let mut told = Told::default();
    for event in &events {
        told.push(read_one(event, campaign_key));
    }
    Some(told)
}

fn read_one(event: &Value, campaign_key: Option<&str>) -> Option<NewEmailEvent> {
    let what = what(event)?;
    let recipient = text(&event["email"])?;
    let message = text(&event["sg_message_id"]);
    let external_id = match text(&event["sg_event_id"]) {
        Some(id) => own_id(PROVIDER, &id),
        None => made_id(
            PROVIDER,
            &[
                what.kind.word(),
                &recipient,
                &event["timestamp"].to_string(),
                message.as_deref().unwrap_or_default(),
                event["url"].as_str().unwrap_or_default(),
            ],
        ),
    };
    // Behind the first stop the id names the server that sent it, which differs from event to event.
    let message = message.map(|id| id.split('.').next().unwrap_or_default().to_owned());
    let facts = Facts {
        external_id,
        message: message.or_else(|| text(&event["smtp-id"]).map(|id| bare_id(&id))),
        recipient,
        occurred_at: seconds(&event["timestamp"])?,
        campaign: match campaign_key {
            // Custom arguments stand beside SendGrid's own fields.
            Some(key) => first_text(&event[key]),
            None => first_text(&event["category"]),
        },
        url: text(&event["url"]),
        user_agent: text(&event["useragent"]),
        ip: text(&event["ip"]),
    };
    Some(facts.event(what))
}

/// `deferred` is on its way still, and `dropped` was never sent.
fn what(event: &Value) -> Option<What> {
    Some(match event["event"].as_str()? {
        "processed" => What::of(EmailEventKind::Sent),
        "delivered" => What::of(EmailEventKind::Delivered),
        "open" => {
            let is_machines = event["sg_machine_open"] == true;
            let origin = is_machines.then_some(EmailEventOrigin::MachinePrivacy);
            What::by(EmailEventKind::Opened, origin)
        }
        "click" => What::of(EmailEventKind::Clicked),
        "bounce" => What::bounced(bounce(event)),
        "spamreport" => What::of(EmailEventKind::Complained),
        "unsubscribe" | "group_unsubscribe" => What::of(EmailEventKind::Unsubscribed),
        _ => return None,
    })
}

fn bounce(event: &Value) -> BounceKind {
    if event["type"] == "blocked" {
        return BounceKind::Block;
    }
    match event["bounce_classification"].as_str() {
        Some("Content" | "Reputation") => BounceKind::Block,
        Some("Technical" | "Mailbox Unavailable" | "Frequency or Volume Too High") => {
            BounceKind::Soft
        }
        _ if text(&event["status"]).is_some_and(|status| status.starts_with('4')) => {
            BounceKind::Soft
        }
        _ => BounceKind::Hard,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::json;

    use super::*;
    use crate::email::source::told::shown;

    #[track_caller]
    fn check(body: &Value, campaign_key: Option<&str>, expected: &[&str]) {
        let told = read(body.to_string().as_bytes(), campaign_key).unwrap();
        assert_eq!(shown(&told), expected, "{body}");
    }

    #[test]
    fn events_of_all_kinds_in_one_request() {
        let body = json!([
            { "email": "ada@example.com", "timestamp": 1_513_299_569, "event": "delivered",
              "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>", "category": ["spring", "all"],
              "sg_event_id": "d1", "sg_message_id": "14c5d75ce93.filter0001.16648.5515E0B88.0",
              "response": "250 OK", "ip": "127.0.0.1", "tls": 1, "new_field": { "a": [1] } },
            { "email": "ada@example.com", "timestamp": 1_513_299_570, "event": "open",
              "sg_machine_open": true, "category": "spring", "useragent": "Mozilla/5.0",
              "sg_event_id": "o1", "sg_message_id": "14c5d75ce93.recvd-5.16648.5515E0B88.0" },
            { "email": "ada@example.com", "timestamp": 1_513_299_580, "event": "click",
              "url": "https://example.com/a", "sg_event_id": "c1", "sg_message_id": "14c5d75ce93" },
            { "email": "ada@example.com", "timestamp": 1, "event": "deferred" },
            { "email": "ada@example.com", "timestamp": 1, "event": "dropped" },
            { "email": "ada@example.com", "timestamp": 1, "event": "group_resubscribe" },
            { "email": "ada@example.com", "timestamp": 1, "event": "something_new" },
            { "event": "delivered", "timestamp": 1 },
            "nonsense",
        ]);
        check(
            &body,
            None,
            &[
                "DELIVERED 14c5d75ce93 ada@example.com 15T00:59:29 in spring",
                "OPENED MACHINE_PRIVACY 14c5d75ce93 ada@example.com 15T00:59:30 in spring \
                 Mozilla/5.0",
                "CLICKED 14c5d75ce93 ada@example.com 15T00:59:40 https://example.com/a",
                "6 ignored",
            ],
        );
    }

    #[test]
    fn half_a_character_in_one_event_loses_none() {
        let body = br#"[
            {"email": "a@x.example", "timestamp": 1, "event": "open", "sg_message_id": "m",
             "subject": "cut \ud83d"},
            {"email": "b@x.example", "timestamp": 1, "event": "open", "sg_message_id": "m"}]"#;
        let told = read(body, None).unwrap();
        let expected = [
            "OPENED m a@x.example 01T00:00:01",
            "OPENED m b@x.example 01T00:00:01",
        ];
        assert_eq!(shown(&told), expected);
    }

    #[test]
    fn each_word_has_its_kind() {
        for (event, expected) in [
            (json!({ "event": "processed" }), "SENT"),
            (
                json!({ "event": "open", "sg_machine_open": false }),
                "OPENED",
            ),
            (json!({ "event": "spamreport" }), "COMPLAINED"),
            (json!({ "event": "unsubscribe" }), "UNSUBSCRIBED"),
            (
                json!({ "event": "group_unsubscribe", "asm_group_id": 10 }),
                "UNSUBSCRIBED",
            ),
            (
                json!({ "event": "bounce", "type": "bounce", "status": "5.1.1" }),
                "BOUNCED HARD",
            ),
            (
                json!({ "event": "bounce", "type": "bounce", "status": "4.2.2" }),
                "BOUNCED SOFT",
            ),
            (
                json!({ "event": "bounce", "type": "blocked", "status": "5.7.1" }),
                "BOUNCED BLOCK",
            ),
            (
                json!({ "event": "bounce", "bounce_classification": "Invalid Address" }),
                "BOUNCED HARD",
            ),
            (
                json!({ "event": "bounce", "bounce_classification": "Mailbox Unavailable" }),
                "BOUNCED SOFT",
            ),
            (
                json!({ "event": "bounce", "bounce_classification": "Reputation" }),
                "BOUNCED BLOCK",
            ),
        ] {
            let mut event = event;
            event["email"] = json!("a@x.example");
            event["timestamp"] = json!(1);
            event["sg_message_id"] = json!("m");
            let expected = format!("{expected} m a@x.example 01T00:00:01");
            check(&json!([event]), None, &[expected.as_str()]);
        }
    }

    #[test]
    fn a_custom_argument_may_name_the_campaign() {
        let event = json!({ "email": "a@x.example", "timestamp": 1, "event": "open",
            "category": "all", "mailing": 77, "smtp-id": "<id@x.example>" });
        let expected = "OPENED id@x.example a@x.example 01T00:00:01 in 77";
        check(&json!([event]), Some("mailing"), &[expected]);
        let expected = "OPENED id@x.example a@x.example 01T00:00:01";
        check(&json!([event]), Some("other"), &[expected]);
    }

    #[test]
    fn an_event_without_an_id_has_the_same_one_when_it_is_told_again() {
        let id = |timestamp: i64| {
            let event =
                json!([{ "email": "a@x.example", "timestamp": timestamp, "event": "open" }]);
            let told = read(event.to_string().as_bytes(), None).unwrap();
            told.events[0].external_id.clone()
        };
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
    }

    #[test]
    fn what_is_no_list_is_not_read() {
        for body in ["", "{}", "null", "[", "\u{1}"] {
            assert!(read(body.as_bytes(), None).is_none(), "{body}");
        }
    }

    #[test]
    fn only_what_is_signed_with_the_key_is_believed() {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pair = || {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap()
        };
        let shown =
            |pair: &EcdsaKeyPair| STANDARD.encode([&SPKI[..], pair.public_key().as_ref()].concat());
        let (pair, other) = (pair(), pair());
        let key = shown(&pair);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n");
        assert!(is_key(&key) && is_key(&pem));
        assert!(!is_key("") && !is_key(&key[..60]) && !is_key(&STANDARD.encode([4_u8; 91])));
        let call = |time: &str, signature: Option<&str>, body: &'static str| {
            let mut headers = vec![(TIMESTAMP.to_owned(), time.to_owned())];
            headers.extend(signature.map(|text| (SIGNATURE.to_owned(), text.to_owned())));
            Call {
                headers,
                body: Bytes::from_static(body.as_bytes()),
                ..Call::default()
            }
        };
        let signature = pair.sign(&random, b"1600112502[]\r\n").unwrap();
        let signature = STANDARD.encode(signature);
        let good = call("1600112502", Some(&signature), "[]\r\n");
        assert!(is_signed(&good, &key) && is_signed(&good, &pem));
        assert!(!is_signed(&good, &shown(&other)));
        for bad in [
            call("1600112503", Some(&signature), "[]\r\n"),
            call("1600112502", Some(&signature), "[ ]\r\n"),
            call("1600112502", Some("AAAA"), "[]\r\n"),
            call("1600112502", None, "[]\r\n"),
        ] {
            assert!(!is_signed(&bad, &key), "{bad:?}");
        }
    }
}
