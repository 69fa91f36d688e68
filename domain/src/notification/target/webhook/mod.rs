//! Webhooks of one's own, signed by the Standard Webhooks specification.
//!
//! [`body`] is what is sent, documented in `docs/notifications.md`; [`headers`] sign it; [`judge`]
//! reads the answer. Only a 2xx is success. A redirect is a failure and is never followed; 410 switches
//! the target off; 429, 502 and 504 leave the receiver alone for a while.

mod sign;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

pub use sign::{NewKey, SigningKey, signature};

use crate::{
    notification::{
        DisableReason, Verdict,
        notice::{Notice, NoticeKind},
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
    let there = |id: &str, value: Value| if id.is_empty() { Value::Null } else { value };
    let items: Vec<Value> = notice
        .items
        .iter()
        .map(|item| json!({ "deliveryId": item.delivery, "title": item.title, "text": item.text }))
        .collect();
    let named = |name: &str| there(name, json!({ "name": name }));
    let (rule, playbook) = match notice.kind {
        NoticeKind::Said => (Value::Null, named(&notice.by)),
        _ => (named(&notice.by), Value::Null),
    };
    json!({
        "type": kind,
        "timestamp": asked_at,
        "data": {
            "title": notice.title,
            "text": notice.text,
            "rule": rule,
            "playbook": playbook,
            "contact": facts.map(|facts| {
                let one = &facts.contact;
                there(&one.id, json!({
                    "id": one.id, "name": one.name, "email": one.email, "stage": one.stage,
                    "tags": one.tags, "account": named(&facts.account.name),
                    "health": { "score": facts.health.score, "band": facts.health.band },
                }))
            }),
            "account": facts.map(|facts| {
                let one = &facts.account;
                there(&one.id, json!({ "id": one.id, "name": one.name }))
            }),
            "conversation": facts.map(|facts| {
                let one = &facts.conversation;
                there(&one.id, json!({
                    "id": one.id, "subject": one.subject, "status": one.status,
                    "priority": one.priority, "tags": one.tags,
                }))
            }),
            "message": facts.map(|facts| {
                let one = &facts.message;
                there(&one.id, json!({
                    "id": one.id, "subject": one.subject, "excerpt": one.excerpt,
                    "channel": one.channel, "inbox": one.inbox,
                }))
            }),
            "link": notice.link.as_ref().map(Url::as_str),
            "items": items,
            "more": notice.more,
        },
    })
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
    let after = response.retry_after_s.map(seconds);
    match response.status {
        200..=299 => Verdict::Delivered,
        410 => Verdict::Disable {
            reason: DisableReason::WebhookRemoved,
        },
        429 | 502 | 504 => Verdict::Throttled { after },
        _ => Verdict::Retry { after },
    }
}

fn seconds(seconds: u64) -> TimeDelta {
    i64::try_from(seconds)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
