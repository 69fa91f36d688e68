//! Elastic Email's HTTP notifications: one event in the query string of each `GET`.
//!
//! Elastic Email signs nothing, so the secret address is all that tells it from others. It asks the address
//! without any event to see whether it answers. Its newer webhooks, which are signed, have no form that is
//! published; they are not read.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use entity::kind::{BounceKind, EmailEventKind, EmailProvider};
use url::form_urlencoded;

use super::told::{Facts, Told, What, made_id};
use crate::email::NewEmailEvent;

const PROVIDER: EmailProvider = EmailProvider::ElasticEmail;
/// How its times may be written, all in UTC.
const TIMES: &[&str] = &[
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
];

/// What the query says. An event whose time cannot be read happened at `now`.
pub(super) fn read(query: &str, campaign_key: Option<&str>, now: DateTime<Utc>) -> Told {
    let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
    let fields = Fields(pairs.collect());
    let mut told = Told::default();
    // Without a status it is a look whether somebody answers.
    if fields.get("status").is_some() {
        told.push(read_one(&fields, campaign_key, now));
    }
    told
}

fn read_one(
    fields: &Fields,
    campaign_key: Option<&str>,
    now: DateTime<Utc>,
) -> Option<NewEmailEvent> {
    let (status, recipient) = (fields.get("status")?, fields.get("to")?);
    let what = what(status, fields.get("category").unwrap_or_default())?;
    let names = ["transaction", "messageid", "date", "category", "target"];
    let given = names.map(|name| fields.get(name).unwrap_or_default());
    let tells_apart = [&[status, recipient][..], &given[..]].concat();
    let owned = |name: &str| fields.get(name).map(str::to_owned);
    let facts = Facts {
        external_id: made_id(PROVIDER, &tells_apart),
        message: owned("messageid").or_else(|| owned("transaction")),
        recipient: recipient.to_owned(),
        occurred_at: fields.get("date").and_then(moment).unwrap_or(now),
        campaign: owned(campaign_key.unwrap_or("channel")),
        url: owned("target"),
        user_agent: None,
        ip: None,
    };
    Some(facts.event(what))
}

struct Fields(HashMap<String, String>);

impl Fields {
    /// The value of a field, unless it is empty.
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    let mut forms = TIMES.iter();
    let moment = forms.find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    Some(moment.and_utc())
}

fn what(status: &str, category: &str) -> Option<What> {
    Some(match status {
        // Its word for what the recipient's server has accepted; what is still under way it does not tell.
        "Sent" => What::of(EmailEventKind::Delivered),
        "Opened" => What::of(EmailEventKind::Opened),
        "Clicked" => What::of(EmailEventKind::Clicked),
        "AbuseReport" => What::of(EmailEventKind::Complained),
        "Unsubscribed" => What::of(EmailEventKind::Unsubscribed),
        "Error" => What::bounced(bounce(category)?),
        _ => return None,
    })
}

/// Why it came back; nothing if it was never sent.
fn bounce(category: &str) -> Option<BounceKind> {
    match category {
        "Ignore" | "ManualCancel" => None,
        "NoMailbox" => Some(BounceKind::Hard),
        "Spam" | "BlackListed" | "ContentFilter" | "SPFProblem" | "WhitelistingProblem" => {
            Some(BounceKind::Block)
        }
        // `GreyListed`, `Throttled`, `Timeout`, `ConnectionProblem`, `Unknown`, and categories to come.
        _ => Some(BounceKind::Soft),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::source::told::shown;

    #[track_caller]
    fn check(query: &str, campaign_key: Option<&str>, expected: &[&str]) {
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(5);
        assert_eq!(shown(&read(query, campaign_key, now)), expected, "{query}");
    }

    #[test]
    fn an_error_as_elastic_email_tells_it() {
        let query = "transaction=3f2504e0-4f89-11d3-9a0c-0305e82c3301&messageid=AbC-1_x\
            &to=ada%40example.com&from=us%40x.example&date=10%2f13%2f2014+2%3a03%3a08+PM\
            &subject=%e7%b8%81&status=Error&channel=spring&account=us%40x.example\
            &category=NoMailbox&new_field=1";
        let expected = "BOUNCED HARD AbC-1_x ada@example.com 13T14:03:08 in spring";
        check(query, None, &[expected]);
        check(
            query,
            Some("new_field"),
            &[&expected.replace("spring", "1")],
        );
    }

    #[test]
    fn each_status_has_its_kind() {
        for (status, expected) in [
            ("Sent", "DELIVERED"),
            ("Opened", "OPENED"),
            ("Clicked", "CLICKED"),
            ("AbuseReport", "COMPLAINED"),
            ("Unsubscribed", "UNSUBSCRIBED"),
            ("Error&category=GreyListed", "BOUNCED SOFT"),
            ("Error&category=Spam", "BOUNCED BLOCK"),
            ("Error", "BOUNCED SOFT"),
        ] {
            let query = format!("to=a@x.example&transaction=t&status={status}");
            check(
                &query,
                None,
                &[&format!("{expected} t a@x.example 01T00:00:05")],
            );
        }
    }

    #[test]
    fn what_says_nothing_of_an_email_is_counted_and_a_look_is_not() {
        for query in [
            "status=SomethingNew&to=a@x.example",
            "status=Error&category=ManualCancel&to=a@x.example",
            "status=Opened",
        ] {
            check(query, None, &["1 ignored"]);
        }
        check("", None, &[]);
        check("hello=1", None, &[]);
    }

    #[test]
    fn times_are_read_in_each_form_and_missing_ones_are_now() {
        for (date, expected) in [
            ("1970-01-02T03:04:05Z", "02T03:04:05"),
            ("1970-01-02 03:04:05", "02T03:04:05"),
            ("1/2/1970 3:04:05 AM", "02T03:04:05"),
            ("01/02/1970 15:04:05", "02T15:04:05"),
            ("soon", "01T00:00:05"),
            ("", "01T00:00:05"),
        ] {
            let query = format!("to=a@x.example&messageid=m&status=Opened&date={date}");
            check(&query, None, &[&format!("OPENED m a@x.example {expected}")]);
        }
    }

    #[test]
    fn events_have_the_same_id_when_they_are_told_again() {
        let id = |query: &str| {
            let told = read(query, None, DateTime::UNIX_EPOCH);
            told.events[0].external_id.clone()
        };
        let query = "to=a@x.example&messageid=m&status=Clicked&target=https://x.example/a";
        assert_eq!(id(query), id(query));
        assert_ne!(id(query), id(&query.replace("/a", "/b")));
        assert_ne!(id(query), id(&query.replace("Clicked", "Opened")));
    }
}
