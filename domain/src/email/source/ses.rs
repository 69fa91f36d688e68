//! What Amazon SES tells, inside the envelope of SNS (`sns`): event publishing, and the feedback
//! notifications of identities, which differ in the name of one field.
//!
//! One notice may be about several recipients. Opens and clicks of an email to several say nothing of who
//! it was, so they are only counted.

use entity::kind::{BounceKind, EmailEventKind, EmailProvider};
use serde_json::Value;

use super::told::{Facts, Told, What, first_text, made_id, moment, read_json, text};

const PROVIDER: EmailProvider = EmailProvider::AmazonSes;
/// The message tag that names the campaign, if no other is chosen.
const CAMPAIGN_TAG: &str = "campaign";

/// What the message says. One that is no notice of SES, such as its greeting to a new topic, is counted.
pub(super) fn read(message: &str, campaign_key: Option<&str>) -> Told {
    let notice: Value = read_json(message.as_bytes()).unwrap_or_default();
    let mut told = Told::default();
    let Some(kind) = text(&notice["eventType"]).or_else(|| text(&notice["notificationType"]))
    else {
        told.ignored = 1;
        return told;
    };
    let Some(Happened {
        what,
        part,
        recipients,
    }) = happened(&kind, &notice)
    else {
        told.ignored = 1;
        return told;
    };
    let mail = &notice["mail"];
    let occurred_at = moment(&part["timestamp"]);
    for recipient in recipients {
        let recipient = address(&recipient);
        let Some(occurred_at) = occurred_at else {
            told.ignored += 1;
            continue;
        };
        let message = text(&mail["messageId"]);
        let tells_apart = [
            what.kind.word(),
            message.as_deref().unwrap_or_default(),
            recipient.as_str(),
            part["timestamp"].as_str().unwrap_or_default(),
            part["feedbackId"].as_str().unwrap_or_default(),
            part["link"].as_str().unwrap_or_default(),
            part["userAgent"].as_str().unwrap_or_default(),
        ];
        let facts = Facts {
            external_id: made_id(PROVIDER, &tells_apart),
            message,
            recipient,
            occurred_at,
            campaign: first_text(&mail["tags"][campaign_key.unwrap_or(CAMPAIGN_TAG)]),
            url: text(&part["link"]),
            user_agent: text(&part["userAgent"]),
            ip: text(&part["ipAddress"]),
        };
        told.push(Some(facts.event(what)));
    }
    told
}

/// What a notice is about.
struct Happened<'n> {
    what: What,
    /// The part of the notice that tells it, and when.
    part: &'n Value,
    recipients: Vec<String>,
}

/// `DeliveryDelay` is on its way still; `Reject` and `Rendering Failure` were never sent.
fn happened<'n>(kind: &str, notice: &'n Value) -> Option<Happened<'n>> {
    let mail = &notice["mail"];
    let (what, part, recipients) = match kind {
        "Send" => (
            What::of(EmailEventKind::Sent),
            mail,
            texts(&mail["destination"]),
        ),
        "Delivery" => {
            let part = notice.get("delivery")?;
            let recipients = texts(&part["recipients"]);
            (What::of(EmailEventKind::Delivered), part, recipients)
        }
        "Bounce" => {
            let part = notice.get("bounce")?;
            let recipients = addresses(&part["bouncedRecipients"]);
            (What::bounced(bounce(part)), part, recipients)
        }
        "Complaint" if notice["complaint"]["complaintFeedbackType"] != "not-spam" => {
            let part = notice.get("complaint")?;
            let recipients = addresses(&part["complainedRecipients"]);
            (What::of(EmailEventKind::Complained), part, recipients)
        }
        "Open" => (
            What::of(EmailEventKind::Opened),
            notice.get("open")?,
            only(mail),
        ),
        "Click" => (
            What::of(EmailEventKind::Clicked),
            notice.get("click")?,
            only(mail),
        ),
        "Subscription"
            if notice["subscription"]["newTopicPreferences"]["unsubscribeAll"] == true =>
        {
            let part = notice.get("subscription")?;
            (What::of(EmailEventKind::Unsubscribed), part, only(mail))
        }
        _ => return None,
    };
    (!recipients.is_empty()).then_some(Happened {
        what,
        part,
        recipients,
    })
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(text).collect()
}

fn addresses(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|one| text(&one["emailAddress"])).collect()
}

/// The recipient of an email that has one.
fn only(mail: &Value) -> Vec<String> {
    let recipients = texts(&mail["destination"]);
    if recipients.len() == 1 {
        recipients
    } else {
        Vec::new()
    }
}

/// The address alone, where a name stands before it.
fn address(text: &str) -> String {
    let inside = text.rsplit_once('<');
    let inside = inside.and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(text, |(address, _)| address).to_owned()
}

fn bounce(part: &Value) -> BounceKind {
    let kind = part["bounceType"].as_str().unwrap_or_default();
    match (kind, part["bounceSubType"].as_str().unwrap_or_default()) {
        ("Permanent", _) => BounceKind::Hard,
        (_, "ContentRejected" | "AttachmentRejected") => BounceKind::Block,
        _ => BounceKind::Soft,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::email::source::told::shown;

    #[track_caller]
    fn check(notice: &Value, campaign_key: Option<&str>, expected: &[&str]) {
        let told = read(&notice.to_string(), campaign_key);
        assert_eq!(shown(&told), expected, "{notice}");
    }

    fn notice(kind: &str, name: &str, part: Value) -> Value {
        let mut notice = json!({
            "eventType": kind,
            "mail": {
                "timestamp": "2026-03-01T00:00:01.000Z", "messageId": "m", "source": "us@x.example",
                "destination": ["a@x.example"], "headersTruncated": false,
                "headers": [{ "name": "Subject", "value": "Hello" }], "commonHeaders": {},
                "tags": { "ses:configuration-set": ["all"], "campaign": ["spring"],
                          "mailing": ["7"] },
            },
        });
        notice[name] = part;
        notice
    }

    #[test]
    fn half_a_character_in_a_header_loses_nothing() {
        let notice = notice(
            "Open",
            "open",
            json!({ "timestamp": "2026-03-01T00:00:02Z" }),
        );
        let cut = notice.to_string().replace("Hello", r"Hel\ud83d");
        assert_eq!(
            shown(&read(&cut, None)),
            shown(&read(&notice.to_string(), None))
        );
        assert_eq!(read(&cut, None).ignored, 0);
    }

    #[test]
    fn a_bounce_is_about_each_recipient() {
        let part = json!({
            "bounceType": "Permanent", "bounceSubType": "General", "feedbackId": "f1",
            "timestamp": "2026-03-01T00:00:02.500Z", "reportingMTA": "dsn; x",
            "bouncedRecipients": [
                { "emailAddress": "a@x.example", "action": "failed", "status": "5.1.1",
                  "diagnosticCode": "smtp; 550 5.1.1 user unknown" },
                { "emailAddress": "Bo <b@x.example>" },
            ],
        });
        let notice = notice("Bounce", "bounce", part);
        let expected = [
            "BOUNCED HARD m a@x.example 01T00:00:02.500 in spring",
            "BOUNCED HARD m b@x.example 01T00:00:02.500 in spring",
        ];
        check(&notice, None, &expected);
        let told = read(&notice.to_string(), None);
        assert_ne!(told.events[0].external_id, told.events[1].external_id);
        let again = read(&notice.to_string(), None);
        assert_eq!(told.events[1].external_id, again.events[1].external_id);

        // The feedback of an identity has another name for its kind.
        let mut feedback = notice.clone();
        feedback["notificationType"] = feedback["eventType"].take();
        let expected = expected.map(|line| line.replace("spring", "7"));
        check(
            &feedback,
            Some("mailing"),
            &expected.each_ref().map(String::as_str),
        );
    }

    #[test]
    fn each_kind_of_notice_is_read() {
        let at = "2026-03-01T00:00:03Z";
        for (kind, name, part, expected) in [
            ("Send", "send", json!({}), "SENT m a@x.example 01T00:00:01"),
            (
                "Delivery",
                "delivery",
                json!({ "recipients": ["a@x.example"], "timestamp": at }),
                "DELIVERED m a@x.example 01T00:00:03",
            ),
            (
                "Complaint",
                "complaint",
                json!({ "complainedRecipients": [{ "emailAddress": "a@x.example" }],
                    "complaintFeedbackType": "abuse", "timestamp": at }),
                "COMPLAINED m a@x.example 01T00:00:03",
            ),
            (
                "Subscription",
                "subscription",
                json!({ "newTopicPreferences": { "unsubscribeAll": true }, "timestamp": at }),
                "UNSUBSCRIBED m a@x.example 01T00:00:03",
            ),
            (
                "Bounce",
                "bounce",
                json!({ "bounceType": "Transient", "bounceSubType": "MailboxFull",
                    "bouncedRecipients": [{ "emailAddress": "a@x.example" }], "timestamp": at }),
                "BOUNCED SOFT m a@x.example 01T00:00:03",
            ),
            (
                "Bounce",
                "bounce",
                json!({ "bounceType": "Transient", "bounceSubType": "ContentRejected",
                    "bouncedRecipients": [{ "emailAddress": "a@x.example" }], "timestamp": at }),
                "BOUNCED BLOCK m a@x.example 01T00:00:03",
            ),
        ] {
            let expected = format!("{expected} in spring");
            check(&notice(kind, name, part), None, &[&expected]);
        }
        let open = json!({ "ipAddress": "192.0.2.1", "timestamp": at, "userAgent": "Safari" });
        let expected = "OPENED m a@x.example 01T00:00:03 in spring Safari";
        check(&notice("Open", "open", open), None, &[expected]);
        let click = json!({ "link": "https://x.example/a", "linkTags": {}, "timestamp": at });
        let expected = "CLICKED m a@x.example 01T00:00:03 in spring https://x.example/a";
        check(&notice("Click", "click", click), None, &[expected]);
    }

    #[test]
    fn what_says_nothing_of_one_email_is_counted() {
        let at = "2026-03-01T00:00:03Z";
        let mut several = notice("Open", "open", json!({ "timestamp": at }));
        several["mail"]["destination"] = json!(["a@x.example", "b@x.example"]);
        let not_spam = json!({ "complainedRecipients": [{ "emailAddress": "a@x.example" }],
            "complaintFeedbackType": "not-spam", "timestamp": at });
        for notice in [
            several,
            notice("Complaint", "complaint", not_spam),
            notice("Open", "open", json!({ "timestamp": "soon" })),
            notice("DeliveryDelay", "deliveryDelay", json!({ "timestamp": at })),
            notice("Reject", "reject", json!({ "reason": "Bad content" })),
            notice("Rendering Failure", "failure", json!({})),
            notice("Something New", "new", json!({})),
            json!({ "eventType": "Bounce" }),
            json!([]),
        ] {
            check(&notice, None, &["1 ignored"]);
        }
        let greeting = "Successfully validated SNS topic for Amazon SES event publishing.";
        assert_eq!(shown(&read(greeting, None)), ["1 ignored"]);
    }
}
