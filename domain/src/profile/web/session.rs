//! One contact's page views of one day, as sessions. Pure.
//!
//! A session ends when no page is viewed for 30 minutes, and with the day: this is how web analytics
//! has counted since it began, and it lets a late view change its own day only. The result depends on
//! the set of page views alone, not on the order in which they were told.

use chrono::{DateTime, TimeDelta, Utc};

/// After this long without another page view the next one begins a session.
pub const GAP: TimeDelta = TimeDelta::minutes(30);

/// The longest a page is taken to have been looked at, in seconds: a day.
const MAX_DWELL: f64 = 86_400.0;

/// A page view.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageView {
    /// When it began.
    pub at: DateTime<Utc>,
    /// For how many seconds the page was looked at, where that is told.
    pub dwell_seconds: Option<f64>,
}

/// What page views come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visits {
    /// Sessions.
    pub sessions: i64,
    /// Pages that were viewed, each view counted.
    pub pages: i64,
    /// For how many seconds pages were looked at: as told, or else until the next page of the session.
    /// Nothing is known of the last page of a session where it is not told.
    pub dwell_seconds: i64,
}

impl Visits {
    /// What the page views of a day come to.
    pub fn of(mut views: Vec<PageView>) -> Self {
        let told = |view: &PageView| view.dwell_seconds.unwrap_or(-1.0);
        views.sort_by(|one, other| {
            let dwell = || told(one).total_cmp(&told(other));
            one.at.cmp(&other.at).then_with(dwell)
        });
        let mut visits = Self::default();
        let mut dwell = 0.0;
        for (index, view) in views.iter().enumerate() {
            let until_next = views
                .get(index + 1)
                .map(|next| next.at - view.at)
                .filter(|wait| *wait < GAP);
            visits.pages += 1;
            // The last of a session counts it.
            visits.sessions += i64::from(until_next.is_none());
            dwell += match (view.dwell_seconds, until_next) {
                (Some(seconds), _) => seconds.clamp(0.0, MAX_DWELL),
                (None, Some(wait)) => wait.num_milliseconds() as f64 / 1_000.0,
                (None, None) => 0.0,
            };
        }
        visits.dwell_seconds = dwell.round() as i64;
        visits
    }

    /// Whether nothing was viewed.
    pub fn is_none(&self) -> bool {
        self.pages == 0
    }

    /// The mean number of pages of a session; nothing without any.
    pub fn pages_per_session(&self) -> Option<f64> {
        per(self.pages, self.sessions)
    }

    /// The mean time pages were looked at in a session, in seconds; nothing without any.
    pub fn dwell_per_session(&self) -> Option<f64> {
        per(self.dwell_seconds, self.sessions)
    }
}

fn per(sum: i64, count: i64) -> Option<f64> {
    (count > 0).then(|| sum as f64 / count as f64)
}

impl std::ops::AddAssign for Visits {
    fn add_assign(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.pages += other.pages;
        self.dwell_seconds += other.dwell_seconds;
    }
}

impl std::ops::SubAssign for Visits {
    fn sub_assign(&mut self, other: Self) {
        self.sessions -= other.sessions;
        self.pages -= other.pages;
        self.dwell_seconds -= other.dwell_seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views(seconds: &[(i64, Option<f64>)]) -> Vec<PageView> {
        let view = |(at, dwell_seconds): &(i64, Option<f64>)| PageView {
            at: DateTime::from_timestamp(1_772_334_000 + at, 0).unwrap(),
            dwell_seconds: *dwell_seconds,
        };
        seconds.iter().map(view).collect()
    }

    fn visits(sessions: i64, pages: i64, dwell_seconds: i64) -> Visits {
        Visits {
            sessions,
            pages,
            dwell_seconds,
        }
    }

    #[test]
    fn half_an_hour_without_a_page_ends_a_session() {
        for (seconds, expected) in [
            (vec![], visits(0, 0, 0)),
            (vec![0], visits(1, 1, 0)),
            (vec![0, 1_799], visits(1, 2, 1_799)),
            (vec![0, 1_800], visits(2, 2, 0)),
            // A session goes on as long as pages do.
            (vec![0, 1_700, 3_400, 9_000], visits(2, 4, 3_400)),
        ] {
            let told: Vec<_> = seconds.iter().map(|at| (*at, None)).collect();
            assert_eq!(Visits::of(views(&told)), expected, "{seconds:?}");
        }
    }

    #[test]
    fn dwell_time_is_as_told_and_else_until_the_next_page() {
        let told = [(0, Some(12.4)), (60, None), (100, Some(30.2))];
        assert_eq!(Visits::of(views(&told)), visits(1, 3, 83));
        let odd = [(0, Some(-5.0)), (60, Some(1e12))];
        assert_eq!(Visits::of(views(&odd)), visits(1, 2, 86_400));
    }

    #[test]
    fn the_order_in_which_views_are_told_means_nothing() {
        let all = [(0, Some(3.0)), (0, None), (40, Some(5.0)), (4_000, None)];
        let mut turned = all;
        turned.reverse();
        let found = Visits::of(views(&all));
        assert_eq!(Visits::of(views(&turned)), found);
        assert_eq!(found.pages_per_session(), Some(2.0));
        assert_eq!(found.dwell_per_session(), Some(4.0));
        assert_eq!(Visits::default().pages_per_session(), None);
    }
}
