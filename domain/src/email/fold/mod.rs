//! The state of one email, made of all its events.
//!
//! The rules are those of the definitions, "Email". States are monotone: a click implies an open,
//! and an open, click, reply, complaint or unsubscription implies delivery. Implication stays within
//! a class: a person's click implies a person's open, a machine's click only a machine's. A bounce,
//! complaint or unsubscription implies no open.
//!
//! Where the definitions leave room, this is what holds here:
//!
//! - Any event shows that the email was attempted, whether or not its SENT has been told.
//! - A hard bounce or a block is final. A soft bounce is final unless something shows delivery at
//!   the same time or later; a bounce whose kind is not told counts as soft.
//! - A delivery that was told is outdone by a final bounce (delivered = attempted - final bounces);
//!   a delivery that is implied is not, since somebody or something has seen the email.
//! - A click on an unsubscribe or preference link implies delivery and nothing else.
//! - An automatic reply (its event says that a machine caused it) implies delivery and nothing else.
//! - Opens of an email are not tracked if any of its events says so, also if an open is told. Were an open
//!   to disprove it, of the emails of a sender who is mistaken just the opened ones would count.
//!
//! The result depends on the set of events alone: not on their order, nor on repetitions.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    id::EmailEventId,
    kind::{BounceKind, EmailEventKind, EmailEventOrigin},
};
use serde::{Deserialize, Serialize};

use super::{link, origin};

/// What the fold needs to know of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitEvent {
    /// The event; two with the same id are one.
    pub id: EmailEventId,
    /// Which kind it is.
    pub kind: EmailEventKind,
    /// The provider's own verdict; `Unknown` when it gave none.
    pub origin: EmailEventOrigin,
    /// Why it came back.
    pub bounce: Option<BounceKind>,
    /// The link that was followed.
    pub url: Option<String>,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// What stands for the address it came from.
    pub ip_hash: Option<String>,
    /// Whether opens of the email are tracked, as far as the event says.
    pub tracks_opens: bool,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
}

/// Where one email to one recipient stands. Stored as JSON: fields are added, never renamed, and
/// left out while they say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a state of its own: an email can be opened, answered and complained about"
)]
pub struct EmailState {
    /// The day it counts for, in the workspace's time zone: that of sending, or of the earliest
    /// event as long as the sending is unknown.
    pub day: NaiveDate,
    /// Its opens are not tracked: that nobody opened it is not known.
    #[serde(skip_serializing_if = "is_default")]
    pub untracked: bool,
    /// It arrived, by report or by implication, and did not come back.
    #[serde(skip_serializing_if = "is_default")]
    pub delivered: bool,
    /// A person opened it, or is implied to have by a click.
    #[serde(skip_serializing_if = "is_default")]
    pub human_opened: bool,
    /// A person or a machine opened it, or is implied to have by a click.
    #[serde(skip_serializing_if = "is_default")]
    pub opened: bool,
    /// A person followed a link.
    #[serde(skip_serializing_if = "is_default")]
    pub human_clicked: bool,
    /// A person or a machine followed a link.
    #[serde(skip_serializing_if = "is_default")]
    pub clicked: bool,
    /// A person answered.
    #[serde(skip_serializing_if = "is_default")]
    pub replied: bool,
    /// It came back for good.
    #[serde(skip_serializing_if = "is_default")]
    pub hard_bounced: bool,
    /// It came back for a passing reason, and no delivery followed.
    #[serde(skip_serializing_if = "is_default")]
    pub soft_bounced: bool,
    /// It was refused by a policy or a filter.
    #[serde(skip_serializing_if = "is_default")]
    pub blocked: bool,
    /// The recipient called it spam.
    #[serde(skip_serializing_if = "is_default")]
    pub complained: bool,
    /// The recipient asked for no more.
    #[serde(skip_serializing_if = "is_default")]
    pub unsubscribed: bool,
    /// How often people opened it; implied opens are not in it.
    #[serde(skip_serializing_if = "is_default")]
    pub human_opens: i64,
    /// How often machines opened it; implied opens are not in it.
    #[serde(skip_serializing_if = "is_default")]
    pub machine_opens: i64,
    /// How often people followed its links, ways out left aside.
    #[serde(skip_serializing_if = "is_default")]
    pub human_clicks: i64,
    /// How often machines followed its links, ways out left aside.
    #[serde(skip_serializing_if = "is_default")]
    pub machine_clicks: i64,
    /// Seconds from sending (or delivery, when the sending is unknown) to the first reply of a
    /// person.
    #[serde(skip_serializing_if = "is_default")]
    pub first_reply_seconds: Option<i64>,
    /// How many acts of a person (opens, clicks, replies) it got on each day.
    #[serde(skip_serializing_if = "is_default")]
    pub acts: BTreeMap<NaiveDate, i64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The state that `events`, all of one email, amount to; none without events.
pub fn fold(events: &[UnitEvent], zone: Tz) -> Option<EmailState> {
    let mut sorted: Vec<&UnitEvent> = events.iter().collect();
    sorted.sort_by_key(|event| (event.occurred_at, event.id));
    sorted.dedup_by_key(|event| event.id);
    let earliest = |kind| {
        sorted
            .iter()
            .find(|event| event.kind == kind)
            .map(|event| event.occurred_at)
    };
    let sent_at = earliest(EmailEventKind::Sent);
    let start = sent_at.or_else(|| sorted.first().map(|event| event.occurred_at))?;
    let day_of = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();

    let mut state = EmailState {
        day: day_of(start),
        untracked: sorted.iter().any(|event| !event.tracks_opens),
        ..EmailState::default()
    };
    let (mut told, mut implied) = (false, false);
    let mut last_seen_delivered = None;
    let mut last_soft = None;
    let mut first_reply = None;
    for (event, verdict) in sorted.iter().zip(origin::classify(&sorted)) {
        let human = verdict.is_human();
        let mut act = false;
        match event.kind {
            EmailEventKind::Sent => {}
            EmailEventKind::Delivered => told = true,
            EmailEventKind::Opened => {
                state.opened = true;
                if human {
                    state.human_opened = true;
                    state.human_opens += 1;
                    act = true;
                } else {
                    state.machine_opens += 1;
                }
            }
            EmailEventKind::Clicked if event.url.as_deref().is_some_and(link::is_way_out) => {}
            EmailEventKind::Clicked => {
                state.clicked = true;
                state.opened = true;
                if human {
                    state.human_clicked = true;
                    state.human_opened = true;
                    state.human_clicks += 1;
                    act = true;
                } else {
                    state.machine_clicks += 1;
                }
            }
            EmailEventKind::Replied => {
                if human {
                    state.replied = true;
                    first_reply = first_reply.or(Some(event.occurred_at));
                    act = true;
                }
            }
            EmailEventKind::Bounced => match event.bounce {
                Some(BounceKind::Hard) => state.hard_bounced = true,
                Some(BounceKind::Block) => state.blocked = true,
                Some(BounceKind::Soft) | None => last_soft = Some(event.occurred_at),
            },
            EmailEventKind::Complained => state.complained = true,
            EmailEventKind::Unsubscribed => state.unsubscribed = true,
        }
        match event.kind {
            EmailEventKind::Sent | EmailEventKind::Bounced => {}
            kind => {
                implied |= kind != EmailEventKind::Delivered;
                last_seen_delivered = Some(event.occurred_at);
            }
        }
        if act {
            *state.acts.entry(day_of(event.occurred_at)).or_default() += 1;
        }
    }
    // No time is before every time: a soft bounce without any sign of delivery stands.
    state.soft_bounced = last_soft > last_seen_delivered;
    let returned = state.hard_bounced || state.blocked || state.soft_bounced;
    state.delivered = implied || (told && !returned);
    state.first_reply_seconds = first_reply
        .zip(sent_at.or_else(|| earliest(EmailEventKind::Delivered)))
        .map(|(reply, start)| (reply - start).num_seconds().max(0));
    Some(state)
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
