//! Events for tests, at seconds after a fixed moment: 2026-03-01 23:59:00 in Tokyo.

use chrono::{DateTime, Utc};
use entity::{
    id::EmailEventId,
    kind::{BounceKind, EmailEventKind, EmailEventOrigin},
};

use super::UnitEvent;

pub(crate) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_377_140 + second, 0).unwrap()
}

pub(crate) fn event(second: i64, kind: EmailEventKind) -> UnitEvent {
    UnitEvent {
        id: EmailEventId(uuid::Uuid::from_u128(second.cast_unsigned().into())),
        kind,
        origin: EmailEventOrigin::Unknown,
        bounce: None,
        url: None,
        user_agent: None,
        ip_hash: None,
        tracks_opens: true,
        occurred_at: at(second),
    }
}

pub(crate) fn open(second: i64, agent: &str) -> UnitEvent {
    UnitEvent {
        user_agent: Some(agent.to_owned()),
        ..event(second, EmailEventKind::Opened)
    }
}

pub(crate) fn click(second: i64, link: &str, agent: &str) -> UnitEvent {
    UnitEvent {
        url: Some(format!("https://example.com/{link}")),
        user_agent: Some(agent.to_owned()),
        ..event(second, EmailEventKind::Clicked)
    }
}

pub(crate) fn bounce(second: i64, kind: BounceKind) -> UnitEvent {
    UnitEvent {
        bounce: Some(kind),
        ..event(second, EmailEventKind::Bounced)
    }
}
