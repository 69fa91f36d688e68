//! Mailgun's webhooks: one event in each request, signed with HMAC.
//!
//! Signed are a time and a random token, not the event beside them. So a signature is believed only as long
//! as Mailgun may still be trying to hand over what it was made for; within that time an event that comes
//! again is known by its id, and whoever repeats a signature must know the secret address as well.

use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::{
    BounceKind, EmailEventKind, EmailEventOrigin, EmailProvider, EmailSourceRejection,
};
use ring::hmac;
use serde_json::Value;

use super::told::{
    Facts, Told, What, bare_id, first_text, made_id, own_id, read_json, seconds, text,
};
use crate::email::NewEmailEvent;

const PROVIDER: EmailProvider = EmailProvider::Mailgun;
/// For how long a signature is believed: Mailgun tries again for eight hours.
const BELIEVED: TimeDelta = TimeDelta::hours(12);
/// How far ahead of ours Mailgun's clock may be.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// The body as a value; nothing if it is not Mailgun's.
pub(super) fn parse(body: &[u8]) -> Option<Value> {
    let body: Value = read_json(body)?;
    let is_whole = body["signature"].is_object() && body["event-data"].is_object();
    is_whole.then_some(body)
}

/// Refuses what is not signed with `key`, or was signed too long ago.
pub(super) fn verify(
    body: &Value,
    key: &str,
    now: DateTime<Utc>,
) -> Result<(), EmailSourceRejection> {
    let signed = || {
        let signature = &body["signature"];
        let (time, token) = (text(&signature["timestamp"])?, text(&signature["token"])?);
        let tag = hex::decode(text(&signature["signature"])?).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        hmac::verify(&key, format!("{time}{token}").as_bytes(), &tag).ok()?;
        seconds(&signature["timestamp"])
    };
    let at = signed().ok_or(EmailSourceRejection::Signature)?;
    if at < now - BELIEVED || at > now + AHEAD {
        return Err(EmailSourceRejection::Expired);
    }
    Ok(())
}

/// What the event says.
pub(super) fn read(body: &Value, campaign_key: Option<&str>) -> Told {
    let mut told = Told::default();
    told.push(read_one(&body["event-data"], campaign_key));
    told
}

fn read_one(event: &Value, campaign_key: Option<&str>) -> Option<NewEmailEvent> {
    // Nothing was sent.
    if event["flags"]["is-test-mode"] == true {
        return None;
    }
    let what = what(event)?;
    let recipient = text(&event["recipient"])?;
    let message = text(&event["message"]["headers"]["message-id"]).map(|id| bare_id(&id));
    let external_id = match text(&event["id"]) {
        Some(id) => own_id(PROVIDER, &id),
        None => made_id(
            PROVIDER,
            &[
                what.kind.word(),
                &recipient,
                &event["timestamp"].to_string(),
                message.as_deref().unwrap_or_default(),
            ],
        ),
    };
    let facts = Facts {
        external_id,
        message,
        recipient,
        occurred_at: seconds(&event["timestamp"])?,
        campaign: match campaign_key {
            Some(key) => first_text(&event["user-variables"][key]),
            None => first_text(&event["tags"]).or_else(|| campaign(&event["campaigns"])),
        },
        url: text(&event["url"]),
        user_agent: text(&event["client-info"]["user-agent"]),
        ip: text(&event["ip"]),
    };
    Some(facts.event(what))
}

/// The first campaign: by its id, where it has several members.
fn campaign(campaigns: &Value) -> Option<String> {
    let first = campaigns.get(0)?;
    text(first).or_else(|| text(&first["id"]))
}

/// `rejected` was never sent, and `stored` says nothing of a recipient.
fn what(event: &Value) -> Option<What> {
    Some(match event["event"].as_str()? {
        "accepted" => What::of(EmailEventKind::Sent),
        "delivered" => What::of(EmailEventKind::Delivered),
        "opened" => What::by(EmailEventKind::Opened, origin(event)),
        "clicked" => What::by(EmailEventKind::Clicked, origin(event)),
        "failed" => What::bounced(bounce(event)?),
        "complained" => What::of(EmailEventKind::Complained),
        "unsubscribed" => What::of(EmailEventKind::Unsubscribed),
        _ => return None,
    })
}

fn origin(event: &Value) -> Option<EmailEventOrigin> {
    match event["client-info"]["bot"].as_str()? {
        "apple" => Some(EmailEventOrigin::MachinePrivacy),
        "gmail" => Some(EmailEventOrigin::Proxy),
        "" => None,
        // Also kinds of machines that are told apart one day.
        _ => Some(EmailEventOrigin::Scanner),
    }
}

/// Why it came back; nothing if it was never sent, because of what the recipient had said before.
fn bounce(event: &Value) -> Option<BounceKind> {
    let reason = event["reason"].as_str().unwrap_or_default();
    if matches!(reason, "suppress-unsubscribe" | "suppress-complaint") {
        return None;
    }
    let status = &event["delivery-status"];
    let code = text(&status["enhanced-code"]).or_else(|| text(&status["message"]));
    let is_policy = code.is_some_and(|code| code.starts_with("5.7."));
    Some(if event["severity"] == "temporary" || reason == "old" {
        BounceKind::Soft
    } else if reason == "espblock" || is_policy {
        BounceKind::Block
    } else {
        BounceKind::Hard
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::email::source::told::shown;

    const KEY: &str = "key-1f2e3d";

    #[track_caller]
    fn check(event: &Value, campaign_key: Option<&str>, expected: &str) {
        let body = json!({ "signature": {}, "event-data": event });
        let body = parse(body.to_string().as_bytes()).unwrap();
        assert_eq!(shown(&read(&body, campaign_key)), [expected], "{event}");
    }

    #[test]
    fn a_permanent_failure_as_mailgun_tells_it() {
        let event = json!({
            "id": "G9Bn5sl1TC6nu79C8C0bwg", "event": "failed", "timestamp": 1_521_233_195.375_624,
            "severity": "permanent", "reason": "bounce", "recipient": "alice@example.com",
            "recipient-domain": "example.com", "tags": [], "campaigns": [], "user-variables": {},
            "flags": { "is-test-mode": false, "is-routed": false },
            "envelope": { "sender": "bob@x.example", "targets": "alice@example.com" },
            "message": { "headers": { "message-id": "20130503192659.13651.20287@x.example" } },
            "delivery-status": { "code": 550, "attempt-no": 1, "mx-host": "mx.example.com",
                "message": "5.1.1 The email account that you tried to reach does not exist." },
        });
        let expected = "BOUNCED HARD 20130503192659.13651.20287@x.example alice@example.com \
                        16T20:46:35.375624";
        check(&event, None, expected);
        let body = json!({ "signature": {}, "event-data": event });
        let id = &read(&body, None).events[0].external_id;
        assert_eq!(id, "MAILGUN:G9Bn5sl1TC6nu79C8C0bwg");
    }

    #[test]
    fn each_word_has_its_kind() {
        for (event, expected) in [
            (json!({ "event": "accepted" }), "SENT"),
            (json!({ "event": "delivered" }), "DELIVERED"),
            (json!({ "event": "complained" }), "COMPLAINED"),
            (json!({ "event": "unsubscribed" }), "UNSUBSCRIBED"),
            (
                json!({ "event": "failed", "severity": "temporary" }),
                "BOUNCED SOFT",
            ),
            (
                json!({ "event": "failed", "severity": "permanent", "reason": "old" }),
                "BOUNCED SOFT",
            ),
            (
                json!({ "event": "failed", "severity": "permanent", "reason": "suppress-bounce" }),
                "BOUNCED HARD",
            ),
            (
                json!({ "event": "failed", "severity": "permanent",
                    "delivery-status": { "message": "5.7.1 rejected by policy" } }),
                "BOUNCED BLOCK",
            ),
            (
                json!({ "event": "opened", "client-info": { "bot": "" } }),
                "OPENED",
            ),
            (
                json!({ "event": "opened", "client-info": { "bot": "apple" } }),
                "OPENED MACHINE_PRIVACY",
            ),
            (
                json!({ "event": "opened", "client-info": { "bot": "gmail" } }),
                "OPENED PROXY",
            ),
            (
                json!({ "event": "clicked", "client-info": { "bot": "generic" } }),
                "CLICKED SCANNER",
            ),
        ] {
            let mut event = event;
            event["recipient"] = json!("a@x.example");
            event["timestamp"] = json!(1.5);
            event["message"] = json!({ "headers": { "message-id": "<m>" } });
            check(
                &event,
                None,
                &format!("{expected} m a@x.example 01T00:00:01.500"),
            );
        }
    }

    #[test]
    fn what_says_nothing_of_an_email_is_counted() {
        let sent = json!({ "event": "delivered", "recipient": "a@x.example", "timestamp": 1 });
        for change in [
            json!({ "event": "rejected" }),
            json!({ "event": "stored" }),
            json!({ "event": "something_new" }),
            json!({ "event": "failed", "reason": "suppress-unsubscribe" }),
            json!({ "flags": { "is-test-mode": true } }),
            json!({ "timestamp": null }),
            json!({ "recipient": "" }),
        ] {
            let mut event = sent.clone();
            for (name, value) in change.as_object().unwrap() {
                event[name] = value.clone();
            }
            check(&event, None, "1 ignored");
        }
    }

    #[test]
    fn tags_campaigns_and_variables_name_the_campaign() {
        let mut event = json!({ "event": "opened", "recipient": "a@x.example", "timestamp": 1,
            "message": { "headers": { "message-id": "m" } }, "tags": ["spring", "all"],
            "campaigns": [{ "id": "c1", "name": "One" }], "user-variables": { "mailing": 7 } });
        check(&event, None, "OPENED m a@x.example 01T00:00:01 in spring");
        check(
            &event,
            Some("mailing"),
            "OPENED m a@x.example 01T00:00:01 in 7",
        );
        event["tags"] = json!([]);
        check(&event, None, "OPENED m a@x.example 01T00:00:01 in c1");
    }

    #[test]
    fn only_what_is_signed_lately_with_the_key_is_believed() {
        use EmailSourceRejection::{Expired, Signature};
        let now = DateTime::from_timestamp(1_529_006_854, 0).unwrap();
        let token = "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0";
        let signed = |time: i64, key: &str| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
            let tag = hmac::sign(&key, format!("{time}{token}").as_bytes());
            json!({ "timestamp": time.to_string(), "token": token, "signature": hex::encode(tag) })
        };
        let check = |signature: Value, expected| {
            let body = json!({ "signature": signature, "event-data": {} });
            assert_eq!(verify(&body, KEY, now), expected, "{body}");
        };
        let time = now.timestamp();
        check(signed(time, KEY), Ok(()));
        check(signed(time - 8 * 3_600, KEY), Ok(()));
        check(signed(time - 13 * 3_600, KEY), Err(Expired));
        check(signed(time + 3_600, KEY), Err(Expired));
        check(signed(time, "another"), Err(Signature));
        check(json!({}), Err(Signature));
        for field in ["timestamp", "token", "signature"] {
            let mut changed = signed(time, KEY);
            changed[field] = json!("12");
            check(changed, Err(Signature));
        }
    }

    #[test]
    fn what_has_no_event_or_no_signature_is_not_read() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"event-data":{}}"#,
            r#"{"signature":{},"event-data":1}"#,
        ] {
            assert!(parse(body.as_bytes()).is_none(), "{body}");
        }
    }
}
