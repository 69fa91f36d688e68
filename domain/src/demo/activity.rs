//! What customers do besides writing: product events, and what becomes of campaign email.

use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin};
use serde_json::json;

use super::{DAYS, Person, chance::Chance, tags::VIP};
use crate::{
    email::{NewCampaign, NewEmailEvent},
    event::NewEvent,
};

/// How a customer behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Important, there every day.
    Vip,
    /// There most days.
    Regular,
    /// Trying it out since two weeks.
    Trial,
    /// There once in a while.
    Occasional,
    /// Was there, and stopped weeks ago.
    Fading,
}

impl Habit {
    pub(super) fn of(number: usize) -> Self {
        match number % 10 {
            0 => Self::Vip,
            1 | 4 | 7 => Self::Regular,
            2 => Self::Trial,
            3 | 6 => Self::Fading,
            _ => Self::Occasional,
        }
    }

    /// The tags of the relationship.
    pub(super) fn tags(self) -> &'static [&'static str] {
        match self {
            Self::Vip => &[VIP, "リピーター"],
            Self::Regular => &["リピーター"],
            Self::Trial => &["トライアル中", "ホットリード"],
            Self::Occasional => &["フォロー中"],
            Self::Fading => &["休眠"],
        }
    }

    /// Conversations in the time told.
    pub(super) fn threads(self) -> usize {
        match self {
            Self::Vip => 3,
            Self::Regular => 2,
            Self::Trial | Self::Occasional | Self::Fading => 1,
        }
    }

    /// Days since anything was heard.
    pub(super) fn quiet_days(self) -> i64 {
        match self {
            Self::Fading => 30,
            Self::Vip | Self::Regular | Self::Trial | Self::Occasional => 0,
        }
    }

    fn since_days(self) -> i64 {
        if self == Self::Trial { 14 } else { DAYS }
    }

    /// How many days of a hundred the customer is there.
    fn presence(self) -> usize {
        match self {
            Self::Vip => 80,
            Self::Regular | Self::Fading => 45,
            Self::Trial => 60,
            Self::Occasional => 12,
        }
    }
}

/// What customers did in the product and on the site.
pub(super) fn events(people: &[Person], now: DateTime<Utc>) -> Vec<NewEvent> {
    let features = ["report", "automation", "segments", "import", "timeline"];
    let pages = [
        "/pricing",
        "/docs/getting-started",
        "/blog/customer-health",
        "/changelog",
    ];
    let mut events = Vec::new();
    for (number, person) in people.iter().enumerate() {
        let mut chance = Chance::new(1_000 + number as u64);
        for day in (person.habit.quiet_days()..person.habit.since_days()).rev() {
            if !chance.percent(person.habit.presence()) {
                continue;
            }
            let login = now - TimeDelta::days(day) - TimeDelta::minutes(chance.below(600) as i64);
            let feature = features[chance.below(features.len())];
            let page = pages[chance.below(pages.len())];
            let mut add = |name: &str, minutes: i64, properties| {
                events.push(NewEvent {
                    external_id: format!("demo-{number}-{day}-{name}"),
                    whose: person.email.clone().into(),
                    name: name.to_owned(),
                    properties,
                    occurred_at: (login + TimeDelta::minutes(minutes)).min(now),
                });
            };
            add("login", 0, json!({}));
            add("feature_used", 3, json!({ "feature": feature }));
            if chance.percent(40) {
                let seconds = 20 + chance.below(400);
                add(
                    "page_viewed",
                    9,
                    json!({ "path": page, "dwellSeconds": seconds }),
                );
            }
            if chance.percent(4) {
                let amount = 3_000 + 500 * chance.below(60);
                add(
                    "purchase",
                    14,
                    json!({ "amount": amount, "currency": "JPY" }),
                );
            }
        }
    }
    events
}

/// Days ago, id and name of each campaign.
const CAMPAIGNS: [(i64, &str, &str); 4] = [
    (52, "demo-welcome", "はじめての Enishi / Welcome"),
    (33, "demo-webinar", "ウェビナーのご案内 / 线上研讨会"),
    (16, "demo-release", "新機能のお知らせ / What's new"),
    (4, "demo-survey", "ご利用アンケート / 满意度调查"),
];

/// What became of each campaign's email to each customer.
pub(super) fn email_events(people: &[Person], now: DateTime<Utc>) -> Vec<NewEmailEvent> {
    let mut events = Vec::new();
    for (days_ago, id, name) in CAMPAIGNS {
        for (number, person) in people.iter().enumerate() {
            let mut chance = Chance::new(days_ago as u64 * 1_000 + number as u64);
            let sent_at = now - TimeDelta::days(days_ago) - TimeDelta::hours(2);
            let mut add = |kind: EmailEventKind, minutes: i64, origin, bounce| {
                events.push(NewEmailEvent {
                    external_id: format!("{id}-{number}-{}-{minutes}", kind.word()),
                    email_key: format!("{id}-{number}"),
                    recipient: person.email.clone(),
                    kind,
                    occurred_at: (sent_at + TimeDelta::minutes(minutes)).min(now),
                    campaign: Some(NewCampaign {
                        external_id: id.to_owned(),
                        name: name.to_owned(),
                    }),
                    origin,
                    bounce,
                    url: (kind == EmailEventKind::Clicked)
                        .then(|| format!("https://www.demo.example/{id}")),
                    user_agent: None,
                });
            };
            let human = Some(EmailEventOrigin::Human);
            let is_there = person.habit != Habit::Fading || days_ago > person.habit.quiet_days();
            add(EmailEventKind::Sent, 0, None, None);
            if chance.percent(3) {
                add(EmailEventKind::Bounced, 1, None, Some(BounceKind::Soft));
                continue;
            }
            add(EmailEventKind::Delivered, 1, None, None);
            if chance.percent(20) {
                // A mail program that loads everything by itself, for who never looked.
                add(
                    EmailEventKind::Opened,
                    2,
                    Some(EmailEventOrigin::MachinePrivacy),
                    None,
                );
            }
            let likes_it = if is_there {
                30 + person.habit.presence() / 2
            } else {
                5
            };
            if !chance.percent(likes_it) {
                continue;
            }
            let opened = 20 + chance.below(1_500) as i64;
            add(EmailEventKind::Opened, opened, human, None);
            if chance.percent(45) {
                add(EmailEventKind::Clicked, opened + 1, human, None);
            }
            if chance.percent(8) {
                add(EmailEventKind::Replied, opened + 30, human, None);
            }
            if chance.percent(2) {
                add(EmailEventKind::Unsubscribed, opened + 2, human, None);
            }
        }
    }
    events
}
