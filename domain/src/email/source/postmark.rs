//! Postmark's webhooks: one event in each request, told apart by `RecordType`.
//!
//! Postmark signs nothing; it can send a user and a password (HTTP Basic), which then are asked for.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use entity::kind::{BounceKind, EmailEventKind, EmailProvider};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use super::{
    Call,
    told::{Facts, Told, What, made_id, moment, own_id, read_json, text},
};
use crate::email::NewEmailEvent;

const PROVIDER: EmailProvider = EmailProvider::Postmark;
/// What stands where an event has no email, such as a subscription that was changed by hand.
const NO_MESSAGE: &str = "00000000-0000-0000-0000-000000000000";

/// Whether `key` is a user and a password with a colon between them.
pub(super) fn is_key(key: &str) -> bool {
    key.split_once(':')
        .is_some_and(|(user, password)| !user.is_empty() && !password.is_empty())
}

/// Whether the request comes with `key`.
pub(super) fn is_allowed(call: &Call, key: &str) -> bool {
    let given = || {
        let (scheme, text) = call.header("authorization")?.split_once(' ')?;
        let is_basic = scheme.eq_ignore_ascii_case("basic");
        STANDARD.decode(text.trim()).ok().filter(|_| is_basic)
    };
    given().is_some_and(|given| given.ct_eq(key.as_bytes()).into())
}

/// What the body says; nothing if it is not Postmark's.
pub(super) fn read(body: &[u8], campaign_key: Option<&str>) -> Option<Told> {
    let record: Value = read_json(body)?;
    let kind = text(&record["RecordType"])?;
    let mut told = Told::default();
    told.push(read_one(&kind, &record, campaign_key));
    Some(told)
}

fn read_one(kind: &str, record: &Value, campaign_key: Option<&str>) -> Option<NewEmailEvent> {
    let (what, time) = what(kind, record)?;
    let recipient = text(&record["Recipient"]).or_else(|| text(&record["Email"]))?;
    let message = text(&record["MessageID"]).filter(|id| id != NO_MESSAGE);
    let user_agent = text(&record["UserAgent"]);
    let url = text(&record["OriginalLink"]);
    let external_id = match text(&record["ID"]) {
        Some(id) => own_id(PROVIDER, &format!("{kind}:{id}")),
        None => made_id(
            PROVIDER,
            &[
                kind,
                message.as_deref().unwrap_or_default(),
                &recipient,
                record[time].as_str().unwrap_or_default(),
                url.as_deref().unwrap_or_default(),
                user_agent.as_deref().unwrap_or_default(),
            ],
        ),
    };
    let facts = Facts {
        external_id,
        message,
        recipient,
        occurred_at: moment(&record[time])?,
        campaign: match campaign_key {
            Some(key) => text(&record["Metadata"][key]),
            None => text(&record["Tag"]),
        },
        url,
        user_agent,
        ip: text(&record["Geo"]["IP"]),
    };
    Some(facts.event(what))
}

/// What happened, and the field that says when.
fn what(kind: &str, record: &Value) -> Option<(What, &'static str)> {
    Some(match kind {
        "Delivery" => (What::of(EmailEventKind::Delivered), "DeliveredAt"),
        "Open" => (What::of(EmailEventKind::Opened), "ReceivedAt"),
        "Click" => (What::of(EmailEventKind::Clicked), "ReceivedAt"),
        "Bounce" => (bounce(record)?, "BouncedAt"),
        "SpamComplaint" => (What::of(EmailEventKind::Complained), "BouncedAt"),
        // Bounces and complaints that end a subscription are told as such.
        "SubscriptionChange"
            if record["SuppressSending"] == true
                && record["SuppressionReason"] == "ManualSuppression" =>
        {
            (What::of(EmailEventKind::Unsubscribed), "ChangedAt")
        }
        _ => return None,
    })
}

/// Some of what Postmark calls a bounce is an answer, and no email that came back.
fn bounce(record: &Value) -> Option<What> {
    Some(match record["Type"].as_str().unwrap_or_default() {
        "HardBounce" | "BadEmailAddress" | "ManuallyDeactivated" => What::bounced(BounceKind::Hard),
        "Blocked" | "SpamNotification" | "VirusNotification" | "DMARCPolicy" => {
            What::bounced(BounceKind::Block)
        }
        "SpamComplaint" => What::of(EmailEventKind::Complained),
        "Unsubscribe" => What::of(EmailEventKind::Unsubscribed),
        "Subscribe"
        | "AutoResponder"
        | "AddressChange"
        | "ChallengeVerification"
        | "OpenRelayTest"
        | "TemplateRenderingFailed" => return None,
        // `SoftBounce`, `Transient`, `DnsError`, `SMTPApiError`, and types to come.
        _ => What::bounced(BounceKind::Soft),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::email::source::told::shown;

    #[track_caller]
    fn check(record: &Value, campaign_key: Option<&str>, expected: &str) {
        let told = read(record.to_string().as_bytes(), campaign_key).unwrap();
        assert_eq!(shown(&told), [expected], "{record}");
    }

    fn delivery() -> Value {
        json!({
            "RecordType": "Delivery", "ServerID": 23, "MessageStream": "outbound",
            "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Recipient": "john@example.com",
            "Tag": "welcome-email", "DeliveredAt": "2025-04-05T16:33:54.9070259Z",
            "Details": "Test delivery", "Metadata": { "a_key": "a_value" },
        })
    }

    #[test]
    fn a_delivery_as_postmark_tells_it() {
        let expected = "DELIVERED 883953f4-6105-42a2-a16a-77a8eac79483 john@example.com \
                        05T16:33:54.907025900 in welcome-email";
        check(&delivery(), None, expected);
        check(
            &delivery(),
            Some("a_key"),
            &expected.replace("welcome-email", "a_value"),
        );
    }

    #[test]
    fn each_record_has_its_kind() {
        let soft = "BOUNCED SOFT";
        for (record, expected) in [
            (
                json!({ "RecordType": "Open", "FirstOpen": true, "Tag": "" }),
                "OPENED",
            ),
            (
                json!({ "RecordType": "Click", "ClickLocation": "HTML" }),
                "CLICKED",
            ),
            (
                json!({ "RecordType": "SpamComplaint", "TypeCode": 512 }),
                "COMPLAINED",
            ),
            (
                json!({ "RecordType": "Bounce", "Type": "HardBounce" }),
                "BOUNCED HARD",
            ),
            (
                json!({ "RecordType": "Bounce", "Type": "BadEmailAddress" }),
                "BOUNCED HARD",
            ),
            (
                json!({ "RecordType": "Bounce", "Type": "SpamNotification" }),
                "BOUNCED BLOCK",
            ),
            (json!({ "RecordType": "Bounce", "Type": "Transient" }), soft),
            (
                json!({ "RecordType": "Bounce", "Type": "SomethingNew" }),
                soft,
            ),
            (
                json!({ "RecordType": "Bounce", "Type": "Unsubscribe" }),
                "UNSUBSCRIBED",
            ),
            (
                json!({ "RecordType": "SubscriptionChange", "SuppressSending": true,
                    "SuppressionReason": "ManualSuppression", "Origin": "Recipient" }),
                "UNSUBSCRIBED",
            ),
        ] {
            let mut record = record;
            for field in ["ReceivedAt", "BouncedAt", "ChangedAt"] {
                record[field] = json!("2025-04-05T18:00:00+02:00");
            }
            // Bounces and complaints have the address elsewhere.
            record["Email"] = json!("a@x.example");
            record["MessageID"] = json!("m");
            check(
                &record,
                None,
                &format!("{expected} m a@x.example 05T16:00:00"),
            );
        }
    }

    #[test]
    fn what_says_nothing_of_an_email_is_counted() {
        for change in [
            json!({ "RecordType": "SomethingNew" }),
            json!({ "RecordType": "Inbound" }),
            json!({ "RecordType": "Bounce", "Type": "AutoResponder" }),
            json!({ "RecordType": "SubscriptionChange", "SuppressSending": false }),
            json!({ "RecordType": "SubscriptionChange", "SuppressSending": true,
                "SuppressionReason": "HardBounce" }),
            json!({ "DeliveredAt": "yesterday" }),
            json!({ "Recipient": null }),
        ] {
            let mut record = delivery();
            for (name, value) in change.as_object().unwrap() {
                record[name] = value.clone();
            }
            check(&record, None, "1 ignored");
        }
        for body in ["", "[]", "{}", "null"] {
            assert!(read(body.as_bytes(), None).is_none(), "{body}");
        }
    }

    #[test]
    fn records_have_the_same_id_when_they_are_told_again() {
        let id = |record: &Value| {
            let told = read(record.to_string().as_bytes(), None).unwrap();
            told.events[0].external_id.clone()
        };
        assert_eq!(id(&delivery()), id(&delivery()));
        let mut later = delivery();
        later["DeliveredAt"] = json!("2025-04-05T16:33:55Z");
        assert_ne!(id(&delivery()), id(&later));
        let bounce = json!({ "RecordType": "Bounce", "ID": 692_560_173, "Type": "HardBounce",
            "Email": "a@x.example", "BouncedAt": "2025-04-05T16:33:55Z" });
        assert_eq!(id(&bounce), "POSTMARK:Bounce:692560173");
    }

    #[test]
    fn an_event_without_an_email_stands_alone() {
        let record = json!({ "RecordType": "SubscriptionChange", "MessageID": NO_MESSAGE,
            "Recipient": "a@x.example", "ChangedAt": "2025-04-05T16:33:55Z",
            "SuppressSending": true, "SuppressionReason": "ManualSuppression" });
        let told = read(record.to_string().as_bytes(), None).unwrap();
        assert_eq!(told.events[0].email_key, told.events[0].external_id);
    }

    #[test]
    fn user_and_password_are_asked_for() {
        let call = |header: Option<&str>| Call {
            headers: header
                .map(|text| ("authorization".to_owned(), text.to_owned()))
                .into_iter()
                .collect(),
            ..Call::default()
        };
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert!(is_allowed(&call(Some(&basic("me:secret"))), "me:secret"));
        assert!(!is_allowed(&call(None), "me:secret"));
        for wrong in [basic("me:other"), basic(""), "Bearer me:secret".to_owned()] {
            assert!(!is_allowed(&call(Some(&wrong)), "me:secret"), "{wrong}");
        }
        assert!(is_key("me:a:b") && !is_key("me") && !is_key(":b") && !is_key("a:"));
    }
}
