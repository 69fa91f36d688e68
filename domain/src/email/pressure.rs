//! Whether a contact gets too much or too little email. Definitions, "Pressure": how much was sent in 7
//! and 28 days; flagged are many emails with falling opens, and a long silence.
//!
//! Read from the daily roll-ups of one contact; nothing is kept here.

use async_graphql::Enum;
use chrono::{Days, NaiveDate};
use entity::id::{ContactId, WorkspaceId};
use sea_orm::FromQueryResult;

use super::{Figures, rate::Rate};
use crate::{
    contact::subscription::EVERYTHING,
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
    workspace,
};

/// So many emails in 7 days are many.
pub const MANY_IN_7_DAYS: i64 = 5;
/// So many emails in 28 days are many: one on as many days as a daily reader reads.
pub const MANY_IN_28_DAYS: i64 = 12;
/// Of fewer emails that arrived than this, opens say nothing.
pub const MIN_DELIVERED: i64 = 5;
/// After so many days without an email it is silent.
pub const SILENCE_DAYS: i64 = 56;

/// Whether a contact gets too much or too little email.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
#[graphql(name = "EmailPressureLevel")]
pub enum PressureLevel {
    /// Many emails (5 in 7 days or 12 in 28), and the share that was opened fell by a quarter or more from
    /// the 28 days before, with at least 5 emails delivered in both.
    TooMuch,
    /// Nothing was sent for more than 56 days, though the contact has not asked for that.
    TooLittle,
    /// Neither.
    Usual,
}

/// How much email a contact gets, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct Sent {
    /// The recipient.
    pub contact_id: ContactId,
    /// The day of the last email, in the workspace's time zone.
    pub last_sent_on: NaiveDate,
    /// Emails sent today and on the 6 days before.
    pub sent_in_7_days: i64,
    /// Emails sent today and on the 27 days before.
    pub sent_in_28_days: i64,
    /// Those of them that arrived and whose opens are tracked.
    pub delivered: i64,
    /// Those of them that a person opened.
    pub opened: i64,
    /// Emails of the 28 days before these that arrived and whose opens are tracked.
    pub delivered_before: i64,
    /// Those of them that a person opened.
    pub opened_before: i64,
    /// Whether the contact wants no email at all.
    pub is_unsubscribed: bool,
}

impl Sent {
    /// Opened by a person, of delivered, in the last 28 days.
    pub fn open_rate(&self) -> Rate {
        open_rate(self.opened, self.delivered)
    }

    /// Opened by a person, of delivered, in the 28 days before these.
    pub fn open_rate_before(&self) -> Rate {
        open_rate(self.opened_before, self.delivered_before)
    }

    /// Whether it is too much or too little.
    pub fn level(&self, today: NaiveDate) -> PressureLevel {
        let many = self.sent_in_7_days >= MANY_IN_7_DAYS || self.sent_in_28_days >= MANY_IN_28_DAYS;
        if many && self.opens_fall() {
            PressureLevel::TooMuch
        } else if !self.is_unsubscribed && (today - self.last_sent_on).num_days() > SILENCE_DAYS {
            PressureLevel::TooLittle
        } else {
            PressureLevel::Usual
        }
    }

    /// Whether the share that was opened fell by a quarter or more; not known of too few.
    fn opens_fall(&self) -> bool {
        let known = self.delivered.min(self.delivered_before) >= MIN_DELIVERED;
        // opened / delivered <= 3/4 opened_before / delivered_before, without dividing.
        let now = 4 * self.opened * self.delivered_before;
        known && self.opened_before > 0 && now <= 3 * self.opened_before * self.delivered
    }
}

fn open_rate(human_openers: i64, delivered: i64) -> Rate {
    let figures = Figures {
        delivered,
        human_openers,
        ..Figures::default()
    };
    figures.human_open_rate()
}

/// How much email those of `ids` get to whom any was ever sent, and today, in the workspace's time zone;
/// for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<(Vec<Sent>, NaiveDate)> {
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let today = ctx.clock.now().with_timezone(&zone).date_naive();
    let before = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let sum = |column: &str, days: &str| {
        format!("CAST(SUM(CASE WHEN {days} THEN d.{column} ELSE 0 END) AS bigint)")
    };
    let delivered = "delivered - d.untracked_delivered";
    let opened = "human_openers - d.untracked_human_openers";
    let (week, month) = ("d.day > $3", "d.day > $4");
    let earlier = "d.day > $5 AND d.day <= $4";
    let rows = Query::new(format!(
        "SELECT r.id AS contact_id, MAX(d.day) AS last_sent_on,
                {} AS sent_in_7_days, {} AS sent_in_28_days,
                {} AS delivered, {} AS opened, {} AS delivered_before, {} AS opened_before,
                EXISTS (SELECT 1 FROM subscription s
                        WHERE s.workspace_id = $1 AND s.contact_id = r.id AND s.channel = 'EMAIL'
                          AND s.topic = $6 AND s.state = 'UNSUBSCRIBED') AS is_unsubscribed
         FROM {{r}} CROSS JOIN email_day AS d
         WHERE d.workspace_id = $1 AND d.scope = 'CONTACT' AND d.scope_id = r.id
           AND d.attempted > 0 AND d.day <= $2
         GROUP BY r.id",
        sum("attempted", week),
        sum("attempted", month),
        sum(delivered, month),
        sum(opened, month),
        sum(delivered, earlier),
        sum(opened, earlier),
    ))
    .bind(workspace)
    .bind(today)
    .bind(before(7))
    .bind(before(28))
    .bind(before(56))
    .bind(EVERYTHING)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?;
    Ok((rows, today))
}

#[cfg(test)]
mod tests {
    use PressureLevel::{TooLittle, TooMuch, Usual};

    use super::*;

    fn sent() -> Sent {
        Sent {
            contact_id: ContactId(uuid::Uuid::from_u128(1)),
            last_sent_on: day("2026-03-01"),
            sent_in_7_days: 5,
            sent_in_28_days: 10,
            delivered: 10,
            opened: 3,
            delivered_before: 8,
            opened_before: 4,
            is_unsubscribed: false,
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn it_is_too_much_when_it_is_a_lot_and_less_of_it_is_opened() {
        let level = |change: fn(&mut Sent)| {
            let mut sent = sent();
            change(&mut sent);
            sent.level(day("2026-03-01"))
        };
        assert_eq!(level(|_| {}), TooMuch);
        assert_eq!(level(|sent| sent.opened = 4), Usual, "fell by a fifth");
        assert_eq!(level(|sent| sent.sent_in_7_days = 4), Usual, "not much");
        let steady = |sent: &mut Sent| (sent.sent_in_7_days, sent.sent_in_28_days) = (3, 12);
        assert_eq!(level(steady), TooMuch);
        assert_eq!(level(|sent| sent.delivered_before = 4), Usual, "too few");
        assert_eq!(level(|sent| sent.opened_before = 0), Usual, "never opened");
    }

    #[test]
    fn it_is_too_little_after_a_long_silence_nobody_asked_for() {
        let mut sent = Sent {
            sent_in_7_days: 0,
            sent_in_28_days: 0,
            delivered: 0,
            opened: 0,
            ..sent()
        };
        assert_eq!(sent.level(day("2026-04-26")), Usual);
        assert_eq!(sent.level(day("2026-04-27")), TooLittle);
        sent.is_unsubscribed = true;
        assert_eq!(sent.level(day("2026-04-27")), Usual);
    }
}
