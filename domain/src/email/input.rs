//! What an email event must look like to be taken in. Pure.
//!
//! `clean` refuses a call with all its mistakes, for integrations, which can mend them; `clean_each` leaves out what
//! does not fit, for providers, which cannot.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin};

use crate::{
    error::{UserError, UserErrorCode, keep},
    mail::EmailAddress,
    text,
};

/// How many events one call takes.
pub const MAX_EVENTS: usize = 1_000;
/// Characters in an id of another system.
pub(super) const MAX_KEY: usize = 255;
/// Bytes in such an id: it is part of index entries, which PostgreSQL limits to about 2,700.
const MAX_KEY_BYTES: usize = 1_020;
/// Characters in a campaign's name.
pub(super) const MAX_NAME: usize = 200;
/// Characters in a link.
pub(super) const MAX_URL: usize = 8_192;
/// Characters in a user agent.
pub(super) const MAX_AGENT: usize = 2_048;
/// How far ahead of ours a provider's clock may be.
const MAX_AHEAD: TimeDelta = TimeDelta::days(1);

/// What a provider or a sender tells about an email.
#[derive(Debug, Clone)]
pub struct NewEmailEvent {
    /// The teller's id of the event: a second event with it is a repetition.
    pub external_id: String,
    /// The sender's id of the email; one email to several recipients may share it.
    pub email_key: String,
    /// The address the email went to.
    pub recipient: String,
    /// What happened.
    pub kind: EmailEventKind,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The campaign the email belongs to.
    pub campaign: Option<NewCampaign>,
    /// The provider's own verdict on who caused an open, a click or a reply. A reply that a machine
    /// caused is an automatic one.
    pub origin: Option<EmailEventOrigin>,
    /// Why the email came back; of bounces only. A bounce without a reason counts as soft.
    pub bounce: Option<BounceKind>,
    /// The link that was followed.
    pub url: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// The IP address a click came from; of other events it is passed over.
    pub ip: Option<String>,
    /// Whether opens of the email are tracked; left out, what the campaign says.
    pub tracks_opens: Option<bool>,
}

/// A campaign as events name it; made when it is not known yet.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// The id the campaign has where it is sent from.
    pub external_id: String,
    /// The name shown to people; empty to keep the known one, or to show the id.
    pub name: String,
}

/// An event that can be stored as it is.
#[derive(Debug, Clone)]
pub(super) struct CleanEvent {
    pub(super) external_id: String,
    pub(super) email_key: String,
    pub(super) recipient: EmailAddress,
    pub(super) kind: EmailEventKind,
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) campaign: Option<NewCampaign>,
    pub(super) origin: EmailEventOrigin,
    pub(super) bounce: Option<BounceKind>,
    pub(super) url: Option<String>,
    pub(super) user_agent: Option<String>,
    pub(super) ip: Option<IpAddr>,
    pub(super) tracks_opens: Option<bool>,
}

/// Checks `events` and brings them to the form in which they are stored. Every mistake is told, with
/// the place of its event in the list.
pub(super) fn clean(
    events: Vec<NewEmailEvent>,
    now: DateTime<Utc>,
) -> Result<Vec<CleanEvent>, Vec<UserError>> {
    if events.len() > MAX_EVENTS {
        let message = format!("Send at most {MAX_EVENTS} events at once.");
        return Err(vec![UserError::new(
            &["events"],
            UserErrorCode::LimitReached,
            message,
        )]);
    }
    let mut errors = Vec::new();
    let mut clean = Vec::with_capacity(events.len());
    for (index, event) in events.into_iter().enumerate() {
        clean.extend(clean_one(event, &index.to_string(), now, &mut errors));
    }
    if errors.is_empty() {
        Ok(clean)
    } else {
        Err(errors)
    }
}

/// Brings `events` to the form in which they are stored, and leaves out those that have none: for tellers
/// who cannot mend anything.
pub(super) fn clean_each(events: Vec<NewEmailEvent>, now: DateTime<Utc>) -> Vec<CleanEvent> {
    let clean = |event| clean_one(event, "0", now, &mut Vec::new());
    events.into_iter().filter_map(clean).collect()
}

fn clean_one(
    event: NewEmailEvent,
    index: &str,
    now: DateTime<Utc>,
    errors: &mut Vec<UserError>,
) -> Option<CleanEvent> {
    let external_id = keep(
        key(&event.external_id, &["events", index, "externalId"]),
        errors,
    );
    let email_key = keep(
        key(&event.email_key, &["events", index, "emailKey"]),
        errors,
    );
    let recipient = EmailAddress::parse(&event.recipient).map_err(|error| {
        UserError::new(
            &["events", index, "recipient"],
            UserErrorCode::Invalid,
            error.to_string(),
        )
    });
    let recipient = keep(recipient, errors);
    let occurred_at = keep(time(event.occurred_at, index, now), errors);
    let campaign = event.campaign.map(|campaign| {
        let id_path = ["events", index, "campaign", "externalId"];
        let name_path = ["events", index, "campaign", "name"];
        let external_id = keep(key(&campaign.external_id, &id_path), errors);
        let name = keep(
            text::short_text(&campaign.name, &name_path, MAX_NAME),
            errors,
        );
        external_id
            .zip(name)
            .map(|(external_id, name)| NewCampaign { external_id, name })
    });
    let bounce = keep(bounce(event.kind, event.bounce, index), errors);
    let url = keep(
        optional(event.url, &["events", index, "url"], MAX_URL),
        errors,
    );
    let agent_path = ["events", index, "userAgent"];
    let user_agent = keep(optional(event.user_agent, &agent_path, MAX_AGENT), errors);
    let ip = keep(address(event.kind, event.ip.as_deref(), index), errors);
    Some(CleanEvent {
        external_id: external_id?,
        email_key: email_key?,
        recipient: recipient?,
        kind: event.kind,
        occurred_at: occurred_at?,
        campaign: match campaign {
            Some(campaign) => Some(campaign?),
            None => None,
        },
        origin: event.origin.unwrap_or(EmailEventOrigin::Unknown),
        bounce: bounce?,
        url: url?,
        user_agent: user_agent?,
        ip: ip?,
        tracks_opens: event.tracks_opens,
    })
}

/// An id of another system: not empty, and short enough for an index.
pub(super) fn key(raw: &str, path: &[&str]) -> Result<String, UserError> {
    let key = text::short_text(raw, path, MAX_KEY)?;
    if key.is_empty() {
        return Err(UserError::new(path, UserErrorCode::Required, "Give an id."));
    }
    if key.len() > MAX_KEY_BYTES {
        let message = format!("Use at most {MAX_KEY_BYTES} bytes.");
        return Err(UserError::new(path, UserErrorCode::TooLong, message));
    }
    Ok(key)
}

fn optional(raw: Option<String>, path: &[&str], limit: usize) -> Result<Option<String>, UserError> {
    let text = raw
        .map(|raw| text::short_text(&raw, path, limit))
        .transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// Microseconds are what both databases keep. Times before 1970 or after tomorrow are mistakes of
/// units, and would make days that no report ever asks for.
fn time(time: DateTime<Utc>, index: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, UserError> {
    if time < DateTime::UNIX_EPOCH || time > now + MAX_AHEAD {
        return Err(UserError::new(
            &["events", index, "occurredAt"],
            UserErrorCode::Invalid,
            "Give a time that is neither before 1970 nor in the future.",
        ));
    }
    Ok(time.trunc_subsecs(6))
}

/// The address a click came from. That of another event tells nothing of clicks, so it is not kept.
fn address(
    kind: EmailEventKind,
    ip: Option<&str>,
    index: &str,
) -> Result<Option<IpAddr>, UserError> {
    let Some(ip) = ip.map(str::trim).filter(|ip| !ip.is_empty()) else {
        return Ok(None);
    };
    let address: IpAddr = ip.parse().map_err(|_| {
        UserError::new(
            &["events", index, "ip"],
            UserErrorCode::Invalid,
            "This is not an IP address, such as 192.0.2.1 or 2001:db8::1.",
        )
    })?;
    Ok((kind == EmailEventKind::Clicked).then(|| lasting_part(address)))
}

/// What of an address stays with a device: of IPv6 the first 64 bits, as the rest changes by the day.
fn lasting_part(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn bounce(
    kind: EmailEventKind,
    bounce: Option<BounceKind>,
    index: &str,
) -> Result<Option<BounceKind>, UserError> {
    if bounce.is_some() && kind != EmailEventKind::Bounced {
        return Err(UserError::new(
            &["events", index, "bounce"],
            UserErrorCode::Contradictory,
            "Only a bounce has a reason for coming back.",
        ));
    }
    Ok(bounce)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> NewEmailEvent {
        NewEmailEvent {
            external_id: "e1".to_owned(),
            email_key: "m1".to_owned(),
            recipient: "Ada@Example.com".to_owned(),
            kind: EmailEventKind::Opened,
            occurred_at: DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(1_999),
            campaign: None,
            origin: None,
            bounce: None,
            url: Some(" ".to_owned()),
            user_agent: None,
            ip: None,
            tracks_opens: None,
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    #[test]
    fn an_event_is_brought_to_its_stored_form() {
        let clean = clean(vec![event()], now()).unwrap().remove(0);
        assert_eq!(clean.recipient.as_str(), "ada@example.com");
        assert_eq!(clean.occurred_at.timestamp_subsec_nanos(), 1_000);
        assert_eq!(clean.origin, EmailEventOrigin::Unknown);
        assert_eq!(clean.url, None);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let bad = NewEmailEvent {
            external_id: " ".to_owned(),
            email_key: "👩‍👩‍👧‍👦".repeat(255),
            recipient: "nobody".to_owned(),
            occurred_at: now() + TimeDelta::days(2),
            bounce: Some(BounceKind::Hard),
            campaign: Some(NewCampaign {
                external_id: String::new(),
                name: "n".repeat(201),
            }),
            url: Some("u".repeat(MAX_URL + 1)),
            ip: Some("192.0.2".to_owned()),
            ..event()
        };
        let errors = clean(vec![event(), bad], now()).unwrap_err();
        let paths: Vec<String> = errors.iter().map(|error| error.path.join(".")).collect();
        assert_eq!(
            paths,
            [
                "events.1.externalId",
                "events.1.emailKey",
                "events.1.recipient",
                "events.1.occurredAt",
                "events.1.campaign.externalId",
                "events.1.campaign.name",
                "events.1.bounce",
                "events.1.url",
                "events.1.ip",
            ]
        );
    }

    #[test]
    fn of_addresses_only_those_of_clicks_are_kept_and_of_ipv6_the_network() {
        for (kind, ip, kept) in [
            (EmailEventKind::Clicked, "192.0.2.1", Some("192.0.2.1")),
            (
                EmailEventKind::Clicked,
                " ::ffff:192.0.2.1 ",
                Some("192.0.2.1"),
            ),
            (
                EmailEventKind::Clicked,
                "2001:db8:0:7:a::1",
                Some("2001:db8:0:7::"),
            ),
            (EmailEventKind::Clicked, " ", None),
            (EmailEventKind::Opened, "192.0.2.1", None),
            (EmailEventKind::Delivered, "192.0.2.1", None),
        ] {
            let event = NewEmailEvent {
                kind,
                ip: Some(ip.to_owned()),
                ..event()
            };
            let clean = clean(vec![event], now()).unwrap().remove(0);
            assert_eq!(
                clean.ip,
                kept.map(|ip| ip.parse::<IpAddr>().unwrap()),
                "{kind:?} {ip}"
            );
        }
    }

    #[test]
    fn too_many_events_are_refused_as_a_whole() {
        let errors = clean(vec![event(); MAX_EVENTS + 1], now()).unwrap_err();
        assert_eq!(errors[0].path, ["events"]);
    }

    #[test]
    fn of_tellers_who_cannot_mend_anything_what_cannot_be_stored_is_left_out() {
        let bad = NewEmailEvent {
            recipient: "nobody".to_owned(),
            ..event()
        };
        let clean = clean_each(vec![bad, event()], now());
        let kept: Vec<_> = clean.iter().map(|event| event.recipient.as_str()).collect();
        assert_eq!(kept, ["ada@example.com"]);
    }
}
