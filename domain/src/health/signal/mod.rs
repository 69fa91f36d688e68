//! The signals a health score is made of.
//!
//! A signal measures one thing about each of many contacts as of a day, in one statement, from the
//! daily roll-ups: it never reads the history behind them. How the value is judged and how much it
//! counts is the model's business; the signal only proposes a start.
//!
//! No data is what never was; what was and stopped is the value 0, for good, where the signal counts
//! what the contact does. Otherwise whoever is gone would be forgotten by and by, or healed by what is
//! left.
//!
//! To add one: write `signal/<kind>.rs` and add its line to [`SIGNALS`]. A released signal keeps
//! its name and meaning for good, because stored scores are explained by them. The default model is
//! frozen for the same reason: a later signal has weight 0, which keeps it out of it.

mod billing_overdue;
mod email_activity;
mod facts;
mod marketing_clicks;
mod opportunity_outlook;
mod product_usage;
mod support_urgent;
mod support_wait;
mod survey_score;
mod voice_csat;

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, Utc};
use entity::id::{ContactId, WorkspaceId};
use sea_orm::DbErr;

use super::{curve::Curve, input::Input, model::Category};
use crate::store::{Rows, Transaction};

/// Every signal there is, by name.
pub static SIGNALS: &[&dyn Signal] = &[
    &billing_overdue::BILLING_OVERDUE,
    &email_activity::EmailActivity,
    &marketing_clicks::MarketingClicks,
    &opportunity_outlook::OPPORTUNITY_OUTLOOK,
    &product_usage::ProductUsage,
    &support_urgent::SUPPORT_URGENT,
    &support_wait::SupportWait,
    &survey_score::SURVEY_CSAT,
    &survey_score::SURVEY_NPS,
    &voice_csat::VOICE_CSAT,
];

/// The signal stored as `name`.
pub fn find(name: &str) -> Option<&'static dyn Signal> {
    SIGNALS
        .iter()
        .copied()
        .find(|signal| signal.definition().name == name)
}

/// How far back any signal that looks back may look.
const WINDOW_DAYS: u32 = 180;

/// What a signal is, and how a workspace that has decided nothing uses it.
#[derive(Debug)]
pub struct SignalDefinition {
    /// The stored name, `<area>.<what it measures>`.
    pub name: &'static str,
    /// The area it belongs to.
    pub category: Category,
    /// What it measures and when it has no data, for people.
    pub description: &'static str,
    /// The unit of its values, for people.
    pub unit: &'static str,
    /// How much it counts in the default model; 0 keeps it out.
    pub weight: u32,
    /// How many days it looks back in the default model; nothing for a signal that does not.
    pub window_days: Option<u32>,
    /// How the default model judges it.
    pub curve: fn() -> Curve,
}

impl SignalDefinition {
    /// How many days it may look back at most, if it looks back: as far as is proposed, at the least.
    pub fn max_window_days(&self) -> Option<u32> {
        self.window_days.map(|days| days.max(WINDOW_DAYS))
    }
}

/// One signal.
#[async_trait]
pub trait Signal: Send + Sync + fmt::Debug {
    /// What it is.
    fn definition(&self) -> &'static SignalDefinition;

    /// Measures the contacts of `source`. Those without data are not in the answer.
    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr>;
}

/// What a signal is measured on.
#[derive(Debug)]
pub struct Source<'a> {
    /// Where statements run.
    pub connection: &'a Transaction,
    /// The workspace of the contacts.
    pub workspace: WorkspaceId,
    /// The contacts, in the column `contact_id`.
    pub contacts: &'a Rows,
    /// The moment to measure for; what happened later is not seen.
    pub as_of: DateTime<Utc>,
    /// The day of that moment in the workspace.
    pub today: NaiveDate,
    /// How many days to look back, today included.
    pub window_days: u32,
}

impl Source<'_> {
    /// The last day before the `windows` latest windows.
    fn before_windows(&self, windows: u32) -> NaiveDate {
        let days = u64::from(self.window_days) * u64::from(windows);
        self.today
            .checked_sub_days(Days::new(days))
            .unwrap_or(NaiveDate::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_stand_in_the_order_of_their_names_and_are_found_by_them() {
        let names: Vec<_> = SIGNALS
            .iter()
            .map(|signal| signal.definition().name)
            .collect();
        assert!(names.is_sorted(), "{names:?}");
        for name in names {
            assert_eq!(find(name).unwrap().definition().name, name);
        }
        assert!(find("email").is_none());
    }

    #[test]
    fn default_curves_prefer_the_better_value() {
        for (name, better, worse) in [
            (
                "billing.overdue_share",
                Input::plain(0.0),
                Input::plain(0.4),
            ),
            (
                "opportunities.outlook",
                Input::plain(1.0),
                Input::plain(0.2),
            ),
            (
                "support.urgent_tickets",
                Input::plain(0.0),
                Input::plain(2.0),
            ),
            (
                "voice.ticket_satisfaction",
                Input::plain(4.0),
                Input::plain(3.0),
            ),
            ("email.active_days", Input::plain(12.0), Input::plain(1.0)),
            (
                "marketing.click_rate",
                Input::plain(0.08),
                Input::plain(0.01),
            ),
            (
                "product.active_days",
                Input::against(9.0, 10.0),
                Input::against(3.0, 10.0),
            ),
            (
                "support.waiting_hours",
                Input::plain(2.0),
                Input::plain(48.0),
            ),
            ("survey.csat", Input::plain(4.0), Input::plain(3.0)),
            ("survey.nps", Input::plain(8.0), Input::plain(7.0)),
        ] {
            let curve = (find(name).unwrap().definition().curve)();
            assert!(curve.judge(better) > curve.judge(worse), "{name}");
        }
    }
}
