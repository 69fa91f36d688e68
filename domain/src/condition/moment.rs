//! When a condition is judged: the moment itself, and what day and hour that is in the workspace.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{
    error::{Error, Result},
    store::Query,
    workspace::BusinessHours,
};

const DAY: i64 = 24 * 60 * 60;
/// From when on changes of the clocks are known, in seconds after 1970: the year 1990, before which nobody
/// told of events.
const FIRST: i64 = 631_152_000;
/// In steps of how many seconds they are looked for: clocks are not turned and turned back within a week.
const STRIDE: i64 = 7 * DAY;

/// A moment in a workspace. Windows such as “within 30 days” end with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The moment.
    pub now: DateTime<Utc>,
    /// The workspace's time zone.
    pub zone: Tz,
    /// When the workspace is open for business.
    pub hours: Arc<BusinessHours>,
}

#[derive(FromQueryResult)]
struct Clock {
    time_zone: String,
    business_hours: Option<serde_json::Value>,
}

impl Moment {
    /// The moment in the workspace's time zone. One statement.
    pub async fn of(
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let clock: Clock =
            Query::new("SELECT w.time_zone, w.business_hours FROM workspace w WHERE w.id = $1")
                .bind(workspace)
                .one(connection)
                .await?
                .ok_or_else(|| Error::Internal("a moment of no workspace".to_owned()))?;
        Ok(Self {
            now,
            zone: clock.time_zone.parse().unwrap_or(Tz::UTC),
            hours: Arc::new(BusinessHours::from_stored(clock.business_hours)),
        })
    }

    /// The moment in a zone, with the usual business hours.
    pub fn usual(now: DateTime<Utc>, zone: Tz) -> Self {
        Self {
            now,
            zone,
            hours: Arc::default(),
        }
    }

    /// Another moment in the same workspace.
    pub(crate) fn at(&self, now: DateTime<Utc>) -> Self {
        Self {
            now,
            ..self.clone()
        }
    }

    /// What the clocks in the workspace show.
    pub fn local(&self) -> NaiveDateTime {
        self.now.with_timezone(&self.zone).naive_local()
    }

    /// The day it is in the workspace.
    pub fn today(&self) -> NaiveDate {
        self.local().date()
    }

    /// As many days before now.
    pub(crate) fn days_ago(&self, days: u32) -> DateTime<Utc> {
        self.now - TimeDelta::days(i64::from(days))
    }

    /// As many days after now.
    pub(crate) fn days_ahead(&self, days: u32) -> DateTime<Utc> {
        self.now + TimeDelta::days(i64::from(days))
    }

    /// As many minutes before now.
    pub(crate) fn minutes_ago(&self, minutes: u32) -> DateTime<Utc> {
        self.now - TimeDelta::minutes(i64::from(minutes))
    }

    /// By how many seconds the workspace's clocks are ahead of UTC: at first, and from which moments on by
    /// how many others, from [`FIRST`] until after now, in their order.
    pub(crate) fn offsets(&self) -> (i64, Vec<(DateTime<Utc>, i64)>) {
        let first = self.ahead(FIRST);
        let mut changes = Vec::new();
        let (mut at, mut seconds) = (FIRST, first);
        // Events may be told up to a day ahead.
        let end = self.now.timestamp() + 2 * DAY;
        while at < end {
            let next = (at + STRIDE).min(end);
            let then = self.ahead(next);
            if then != seconds {
                let turn = DateTime::from_timestamp(self.turn(at, next), 0);
                changes.extend(turn.map(|turn| (turn, then)));
                seconds = then;
            }
            at = next;
        }
        (first, changes)
    }

    /// The first second after `before`, up to `after`, at which the clocks are not ahead by as much as at
    /// `before`; they are not at `after`.
    fn turn(&self, mut before: i64, mut after: i64) -> i64 {
        let seconds = self.ahead(before);
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.ahead(middle) == seconds {
                before = middle;
            } else {
                after = middle;
            }
        }
        after
    }

    /// Seconds by which the clocks are ahead of UTC, so many seconds after 1970.
    fn ahead(&self, at: i64) -> i64 {
        DateTime::from_timestamp(at, 0).map_or(0, |at| {
            let local = at.with_timezone(&self.zone);
            i64::from(local.offset().fix().local_minus_utc())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(zone: Tz) -> Vec<(String, i64)> {
        let now = DateTime::from_timestamp(1_772_323_200, 0).unwrap();
        let (_, changes) = Moment::usual(now, zone).offsets();
        let shown = |(at, seconds): (DateTime<Utc>, i64)| (at.to_rfc3339(), seconds);
        changes.into_iter().map(shown).collect()
    }

    #[test]
    fn the_clocks_turn_when_the_zone_says() {
        assert_eq!(changes(Tz::Asia__Tokyo), []);
        assert_eq!(changes(Tz::UTC), []);
        let new_york = changes(Tz::America__New_York);
        // Twice a year from 1990 until March 2026.
        assert_eq!(new_york.len(), 72);
        let last = |n: usize| (new_york[72 - n].0.as_str(), new_york[72 - n].1);
        assert_eq!(last(1), ("2025-11-02T06:00:00+00:00", -18_000));
        assert_eq!(last(2), ("2025-03-09T07:00:00+00:00", -14_400));
    }
}
