//! Webhooks of one's own, signed by the Standard Webhooks specification.
//!
//! [`body`] is what is sent, documented in `docs/notifications.md`; [`headers`] sign it; [`judge`]
//! reads the answer. Only a 2xx is success. A redirect is a failure and is never followed; 410 switches
//! the target off; 429, 502 and 504 leave the receiver alone for a while.

mod sign;

use std::fmt::Display;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

pub use sign::{NewKey, SigningKey, signature};

use crate::{
    notification::{
        DisableReason, Verdict,
        notice::{Notice, NoticeKind},
        template::facts::{AccountFacts, ConversationFacts, Facts, MessageFacts},
    },
    port::OutgoingResponse,
};

/// The JSON body: `type`, `timestamp` and `data`, as the specification recommends.
pub fn body(notice: &Notice, asked_at: DateTime<Utc>) -> Value {
    let kind = match notice.kind {
        NoticeKind::RuleFired => "rule.fired",
        NoticeKind::Said => "notification",
        NoticeKind::Digest => "notification.digest",
        NoticeKind::Test => "notification.test",
    };
    let facts = notice.facts.as_ref();
    let items: Vec<Value> = notice
        .items
        .iter()
        .map(|item| json!({ "deliveryId": item.delivery, "title": item.title, "text": item.text }))
        .collect();
    let (rule, playbook) = match notice.kind {
        NoticeKind::Said => (Value::Null, by(notice.playbook, &notice.by)),
        _ => (by(notice.rule, &notice.by), Value::Null),
    };
    json!({
        "type": kind,
        "timestamp": asked_at,
        "data": {
            "workspaceId": notice.workspace,
            "title": notice.title,
            "text": notice.text,
            "rule": rule,
            "playbook": playbook,
            "firingId": notice.firing,
            "trigger": notice.trigger,
            "contact": facts.map(contact),
            "account": facts.map(|facts| account(&facts.account)),
            "conversation": facts.map(|facts| conversation(&facts.conversation)),
            "message": facts.map(|facts| message(&facts.message)),
            "link": notice.link.as_ref().map(Url::as_str),
            "items": items,
            "more": notice.more,
        },
    })
}

/// What asked for it; null where nothing did. The id is unknown of playbooks in deliveries of earlier
/// releases.
fn by(id: Option<impl Display>, name: &str) -> Value {
    if name.is_empty() {
        return Value::Null;
    }
    json!({ "id": id.map(|id| id.to_string()), "name": name })
}

fn contact(facts: &Facts) -> Value {
    let one = &facts.contact;
    if one.id.is_empty() {
        return Value::Null;
    }
    let at = &facts.account;
    let account = if at.name.is_empty() {
        Value::Null
    } else {
        json!({ "id": at.id, "name": at.name })
    };
    json!({
        "id": one.id, "externalId": known(&one.external_id), "name": one.name,
        "email": known(&one.email), "phone": known(&one.phone), "stage": known(&one.stage),
        "tags": one.tags, "account": account,
        "health": { "score": facts.health.score, "band": known(&facts.health.band) },
    })
}

fn account(one: &AccountFacts) -> Value {
    if one.id.is_empty() {
        return Value::Null;
    }
    json!({
        "id": one.id, "externalId": known(&one.external_id), "name": one.name,
        "domain": known(&one.domain),
    })
}

fn conversation(one: &ConversationFacts) -> Value {
    if one.id.is_empty() {
        return Value::Null;
    }
    json!({
        "id": one.id, "subject": one.subject, "status": one.status, "priority": one.priority,
        "tags": one.tags,
    })
}

fn message(one: &MessageFacts) -> Value {
    if one.id.is_empty() {
        return Value::Null;
    }
    json!({
        "id": one.id, "subject": one.subject, "excerpt": one.excerpt, "channel": one.channel,
        "inbox": one.inbox,
    })
}

/// What is not known is null.
fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The headers of one attempt, signed with every key that is valid.
pub fn headers(
    keys: &[SigningKey],
    id: &str,
    now: DateTime<Utc>,
    body: &[u8],
) -> Vec<(String, String)> {
    let timestamp_s = now.timestamp();
    [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp_s.to_string()),
        ("webhook-signature", signature(keys, id, timestamp_s, body)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// What the answer means.
pub fn judge(response: &OutgoingResponse) -> Verdict {
    let after = response.retry_after();
    match response.status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Disable {
            reason: DisableReason::WebhookRemoved,
        },
        429 | 502 | 504 => Verdict::Throttled { after },
        _ => Verdict::Retry { after },
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::notification::template::facts::ContactFacts;

    #[test]
    fn what_is_not_known_of_a_contact_is_null() {
        let one = ContactFacts {
            id: "contact_1".to_owned(),
            ..ContactFacts::default()
        };
        let told = contact(&Facts {
            contact: one,
            ..Facts::default()
        });
        for field in ["externalId", "email", "phone", "stage", "account"] {
            assert_eq!(told[field], Value::Null, "{field}");
        }
        assert_eq!(told["health"], json!({ "score": null, "band": null }));
    }

    #[test]
    fn only_2xx_is_success_and_only_410_is_for_good() {
        let nine = Some(TimeDelta::seconds(9));
        for (status, expected) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (301, Verdict::Retry { after: nine }),
            (307, Verdict::Retry { after: nine }),
            (400, Verdict::Retry { after: nine }),
            (404, Verdict::Retry { after: nine }),
            (
                410,
                Verdict::Disable {
                    reason: DisableReason::WebhookRemoved,
                },
            ),
            (429, Verdict::Throttled { after: nine }),
            (500, Verdict::Retry { after: nine }),
            (502, Verdict::Throttled { after: nine }),
            (503, Verdict::Retry { after: nine }),
            (504, Verdict::Throttled { after: nine }),
        ] {
            let answer = OutgoingResponse {
                status,
                retry_after_s: Some(9),
                body: String::new(),
                duration_ms: 1,
            };
            assert_eq!(judge(&answer), expected, "{status}");
        }
    }
}
