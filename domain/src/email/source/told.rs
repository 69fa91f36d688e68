//! What a request of a provider comes to, and what the readers of all providers have in common: fields
//! out of JSON, ids, and bounds. Pure.
//!
//! Nobody can mend what a provider sends: what is too long is cut here, and what is no event that counts
//! is only counted.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin, EmailProvider};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    email::input::{MAX_AGENT, MAX_KEY, MAX_URL, NewCampaign, NewEmailEvent},
    json::replace_halves,
};

/// What a request comes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// The events that count.
    pub(super) events: Vec<NewEmailEvent>,
    /// How many others there were: of kinds that do not count or are not known, or without what an event
    /// needs.
    pub(super) ignored: usize,
}

impl Told {
    /// Takes an event in, or counts that there was one.
    pub(super) fn push(&mut self, event: Option<NewEmailEvent>) {
        match event {
            Some(event) => self.events.push(event),
            None => self.ignored += 1,
        }
    }
}

/// What happened, in the words of the ingest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct What {
    pub(super) kind: EmailEventKind,
    pub(super) bounce: Option<BounceKind>,
    pub(super) origin: Option<EmailEventOrigin>,
}

impl What {
    pub(super) fn of(kind: EmailEventKind) -> Self {
        Self {
            kind,
            bounce: None,
            origin: None,
        }
    }

    pub(super) fn bounced(bounce: BounceKind) -> Self {
        Self {
            bounce: Some(bounce),
            ..Self::of(EmailEventKind::Bounced)
        }
    }

    /// By whom, if the provider says so.
    pub(super) fn by(kind: EmailEventKind, origin: Option<EmailEventOrigin>) -> Self {
        Self {
            origin,
            ..Self::of(kind)
        }
    }
}

/// The rest of an event, as the provider has it.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// The id of the event, from [`own_id`] or [`made_id`].
    pub(super) external_id: String,
    /// The provider's id of the email.
    pub(super) message: Option<String>,
    pub(super) recipient: String,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) campaign: Option<String>,
    pub(super) url: Option<String>,
    pub(super) user_agent: Option<String>,
    /// Where a click came from; of other events it may be anything.
    pub(super) ip: Option<String>,
}

impl Facts {
    pub(super) fn event(self, what: What) -> NewEmailEvent {
        // Without the email's id the event is all that is known of the email.
        let email_key = self.message.unwrap_or_else(|| self.external_id.clone());
        NewEmailEvent {
            external_id: self.external_id,
            email_key: within_key(email_key),
            recipient: self.recipient,
            kind: what.kind,
            occurred_at: self.occurred_at,
            campaign: self.campaign.map(|name| NewCampaign {
                external_id: cut(&name, MAX_KEY),
                // Its id is shown until somebody gives it a name; that name is never taken away.
                name: String::new(),
            }),
            origin: what.origin,
            bounce: what.bounce,
            url: self.url.map(|url| cut(&url, MAX_URL)),
            user_agent: self.user_agent.map(|agent| cut(&agent, MAX_AGENT)),
            ip: self.ip.filter(|ip| ip.parse::<IpAddr>().is_ok()),
            // No provider says it beside an event.
            tracks_opens: None,
        }
    }
}

/// The id of an event that has one from its provider. Each provider has ids of its own, so that two never
/// come to the same.
pub(super) fn own_id(provider: EmailProvider, id: &str) -> String {
    within_key(format!("{}:{id}", provider.word()))
}

/// The id of an event that has none: made of all that tells it from others, so that it is the same when
/// the event is told again.
pub(super) fn made_id(provider: EmailProvider, parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        // With its length before it, no part can run into the next.
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    format!("{}:{}", provider.word(), hex::encode(digest.finalize()))
}

/// A key as it is, or what stands for it where it is too long to be one.
fn within_key(key: String) -> String {
    if key.chars().count() <= MAX_KEY {
        return key;
    }
    hex::encode(Sha256::digest(key.as_bytes()))
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

/// What a body of JSON says; nothing if it cannot be read. Providers repeat what pages and mails had, such as
/// a subject that was cut within a character, and all events of a request stand beside it.
pub(super) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let mut json = body.to_vec();
    replace_halves(&mut json);
    serde_json::from_slice(&json).ok()
}

/// The text of a field, a number as it is written; nothing for what is empty.
pub(super) fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The text of a field, or the first one where there are several.
pub(super) fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(values) => values.iter().find_map(text),
        value => text(value),
    }
}

/// A moment as RFC 3339 has it.
pub(super) fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(value.as_str()?.trim()).ok()?;
    Some(moment.to_utc())
}

/// A moment in seconds since 1970, with or without a fraction.
pub(super) fn seconds(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = match value {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    DateTime::from_timestamp_micros((seconds * 1e6).round() as i64)
}

/// A Message-ID without its angle brackets.
pub(super) fn bare_id(id: &str) -> String {
    id.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>'))
        .to_owned()
}

/// What requests came to, one line for each event, for tables of tests.
#[cfg(test)]
pub(super) fn shown(told: &Told) -> Vec<String> {
    let line = |event: &NewEmailEvent| {
        let origin = event.origin.map(EmailEventOrigin::word);
        let bounce = event.bounce.map(BounceKind::word);
        let campaign = event.campaign.as_ref();
        let campaign = campaign.map(|campaign| format!("in {}", campaign.external_id));
        let parts = [
            Some(event.kind.word().to_owned()),
            bounce.map(str::to_owned),
            origin.map(str::to_owned),
            Some(event.email_key.clone()),
            Some(event.recipient.clone()),
            Some(event.occurred_at.format("%dT%H:%M:%S%.f").to_string()),
            campaign,
            event.url.clone(),
            event.user_agent.clone(),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = told.events.iter().map(line).collect();
    if told.ignored > 0 {
        lines.push(format!("{} ignored", told.ignored));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::email::source::{mailgun, postmark, sendgrid, ses};

    #[test]
    fn clicks_have_the_address_they_came_from_if_it_is_one() {
        let (to, at) = ("a@x.example", "2026-03-01T00:00:00Z");
        for (ip, kept) in [("192.0.2.1", Some("192.0.2.1")), ("unknown", None)] {
            let click = json!([{ "event": "click", "email": to, "timestamp": 1, "ip": ip }]);
            let by_sendgrid = sendgrid::read(click.to_string().as_bytes(), None);
            let click = json!({ "event-data":
                { "event": "clicked", "recipient": to, "timestamp": 1, "ip": ip } });
            let by_mailgun = Some(mailgun::read(&click, None));
            let click = json!({ "RecordType": "Click", "Recipient": to, "ReceivedAt": at,
                "Geo": { "IP": ip } });
            let by_postmark = postmark::read(click.to_string().as_bytes(), None);
            let click = json!({ "eventType": "Click", "mail": { "destination": [to] },
                "click": { "timestamp": at, "ipAddress": ip } });
            let by_ses = Some(ses::read(&click.to_string(), None));
            for told in [by_sendgrid, by_mailgun, by_postmark, by_ses] {
                let events = told.expect("it is read").events;
                assert_eq!(events[0].ip.as_deref(), kept, "{events:?}");
            }
        }
    }

    #[test]
    fn times_are_read_in_seconds_and_as_texts() {
        let expected = DateTime::from_timestamp_micros(1_521_472_262_908_181);
        for value in [json!(1_521_472_262.908_181), json!("1521472262.908181")] {
            assert_eq!(seconds(&value), expected, "{value}");
        }
        let expected = DateTime::from_timestamp_micros(1_743_870_834_907_025);
        let read = moment(&json!("2025-04-05T16:33:54.9070259Z")).unwrap();
        assert_eq!(
            DateTime::from_timestamp_micros(read.timestamp_micros()),
            expected
        );
        for value in [json!("soon"), json!(null), json!([1])] {
            assert_eq!((seconds(&value), moment(&value)), (None, None), "{value}");
        }
    }

    #[test]
    fn a_body_with_half_a_character_is_read() {
        let read: Option<Vec<Value>> = read_json(br#"[{"subject": "cut \ud83d"}, 1]"#);
        assert_eq!(
            read,
            Some(vec![json!({ "subject": "cut \u{fffd}" }), json!(1)])
        );
        assert_eq!(read_json::<Value>(b"[1"), None);
    }

    #[test]
    fn ids_are_their_providers_and_short_enough() {
        let of = |parts: &[&str]| made_id(EmailProvider::Postmark, parts);
        assert_eq!(of(&["a", "bc"]), of(&["a", "bc"]));
        assert_ne!(of(&["a", "bc"]), of(&["ab", "c"]));
        assert_eq!(own_id(EmailProvider::Sendgrid, "e1"), "SENDGRID:e1");
        assert_ne!(
            own_id(EmailProvider::Sendgrid, "e1"),
            own_id(EmailProvider::Mailgun, "e1")
        );
        let long = "e".repeat(300);
        assert_eq!(own_id(EmailProvider::Mailgun, &long).len(), 64);
        assert_ne!(
            own_id(EmailProvider::Mailgun, &long),
            own_id(EmailProvider::Mailgun, &"e".repeat(301))
        );
    }
}
