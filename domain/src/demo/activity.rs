//! What customers do besides writing: product events, and what becomes of campaign email.

use chrono::{DateTime, TimeDelta, Utc};
use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin};
use serde_json::json;

use super::{
    DAYS, Person,
    chance::Chance,
    tags::{COMPETITOR, VIP},
};
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

const FEATURES: [&str; 5] = ["report", "automation", "segments", "import", "timeline"];
const PAGES: [&str; 4] = [
    "/pricing",
    "/docs/getting-started",
    "/blog/customer-health",
    "/changelog",
];

/// What customers did in the product and on the site.
pub(super) fn events(people: &[Person], now: DateTime<Utc>) -> Vec<NewEvent> {
    let people = people.iter().enumerate();
    people
        .flat_map(|(number, person)| Life::of(number, person, now).told())
        .collect()
}

/// The days of one customer.
struct Life<'p> {
    number: usize,
    person: &'p Person,
    now: DateTime<Utc>,
    chance: Chance,
    events: Vec<NewEvent>,
}

impl<'p> Life<'p> {
    fn of(number: usize, person: &'p Person, now: DateTime<Utc>) -> Self {
        Self {
            number,
            person,
            now,
            chance: Chance::new(1_000 + number as u64),
            events: Vec::new(),
        }
    }

    fn told(mut self) -> Vec<NewEvent> {
        let habit = self.person.habit;
        if habit == Habit::Trial {
            let begun = self.now - TimeDelta::days(habit.since_days());
            self.add("trial", "trial_started", begun, json!({ "plan": "trial" }));
        }
        for day in (habit.quiet_days()..habit.since_days()).rev() {
            if self.chance.percent(habit.presence()) {
                self.day(day);
            }
        }
        self.events
    }

    fn day(&mut self, day: i64) {
        let minute = self.chance.below(600) as i64;
        let login = self.now - TimeDelta::days(day) - TimeDelta::minutes(minute);
        let after = |minutes| login + TimeDelta::minutes(minutes);
        // Those who fade came for one thing, and came no more.
        let is_usual = self.person.habit == Habit::Fading && self.chance.percent(70);
        let any = self.chance.below(FEATURES.len());
        let feature = FEATURES[if is_usual { 0 } else { any }];
        self.add(&format!("{day}-login"), "login", login, json!({}));
        let properties = json!({ "feature": feature });
        self.add(
            &format!("{day}-feature"),
            "feature_used",
            after(3),
            properties,
        );
        if self.chance.percent(40) {
            for view in 0..=self.chance.below(3) {
                let minutes = 9 + 5 * view as i64;
                self.view(&format!("{day}-page-{view}"), after(minutes));
            }
            // Whoever comes back in the evening begins another session.
            if self.chance.percent(25) {
                self.view(&format!("{day}-page-late"), after(200));
            }
        }
        if self.chance.percent(4) {
            let amount = 3_000 + 500 * self.chance.below(60);
            let properties = json!({ "amount": amount, "currency": "JPY" });
            self.add(
                &format!("{day}-purchase"),
                "purchase",
                after(14),
                properties,
            );
        }
    }

    fn view(&mut self, key: &str, at: DateTime<Utc>) {
        let page = PAGES[self.chance.below(PAGES.len())];
        let seconds = 20 + self.chance.below(240);
        let properties = json!({ "path": page, "dwellSeconds": seconds });
        self.add(key, "page_viewed", at, properties);
    }

    fn add(&mut self, key: &str, name: &str, at: DateTime<Utc>, properties: serde_json::Value) {
        self.events.push(NewEvent {
            external_id: format!("demo-{}-{key}", self.number),
            whose: self.person.email.clone().into(),
            name: name.to_owned(),
            properties,
            occurred_at: at.min(self.now),
        });
    }
}

/// Days ago, id and name of each campaign.
const CAMPAIGNS: [(i64, &str, &str); 5] = [
    (
        75,
        "demo-opening",
        "正式リリースのお知らせ / Now open / 正式发布",
    ),
    (52, "demo-welcome", "はじめての Enishi / Welcome"),
    (33, "demo-webinar", "ウェビナーのご案内 / 线上研讨会"),
    (16, "demo-release", "新機能のお知らせ / What's new"),
    (4, "demo-survey", "ご利用アンケート / 满意度调查"),
];

/// What became of each campaign's email to each customer.
pub(super) fn email_events(people: &[Person], now: DateTime<Utc>) -> Vec<NewEmailEvent> {
    let mut events = Vec::new();
    for (days_ago, id, name) in CAMPAIGNS {
        // A competitor is written to no more once it is known as one.
        let is_told =
            |person: &Person| days_ago > DAYS || !person.company.tags.contains(&COMPETITOR);
        let everybody = people.iter().enumerate();
        for (number, person) in everybody.filter(|(_, person)| is_told(person)) {
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
                    ip: None,
                    tracks_opens: None,
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
