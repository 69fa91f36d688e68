//! What one contact's days add to the traffic of the workspace. Pure.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::session::Visits;
use crate::report::Period;

/// The lengths of periods that are counted.
pub const PERIODS: [Period; 5] = [
    Period::Day,
    Period::Week,
    Period::Month,
    Period::Quarter,
    Period::Year,
];

/// The word a length is stored as.
pub fn word(period: Period) -> &'static str {
    match period {
        Period::Day => "DAY",
        Period::Week => "WEEK",
        Period::Month => "MONTH",
        Period::Quarter => "QUARTER",
        Period::Year => "YEAR",
    }
}

/// The days on which a contact viewed pages.
pub type Days = BTreeMap<NaiveDate, Visits>;

/// A period: the word of its length, and its first day.
pub type PeriodKey = (&'static str, NaiveDate);

/// The traffic of one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// What was viewed.
    pub visits: Visits,
    /// Contacts who viewed something; each counts once in a period, however long it is.
    pub visitors: i64,
    /// Those of them who had never viewed anything before the period.
    pub new_visitors: i64,
}

impl Traffic {
    /// Contacts who had viewed something before the period and did again.
    pub fn returning_visitors(&self) -> i64 {
        self.visitors - self.new_visitors
    }
}

/// What the traffic of periods has to be changed by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta(BTreeMap<PeriodKey, Traffic>);

impl Delta {
    /// One contact's days were `before` and are `after`.
    pub fn change(&mut self, before: &Days, after: &Days) {
        for (key, traffic) in of_contact(before) {
            let sum = self.0.entry(key).or_default();
            sum.visits -= traffic.visits;
            sum.visitors -= traffic.visitors;
            sum.new_visitors -= traffic.new_visitors;
        }
        for (key, traffic) in of_contact(after) {
            let sum = self.0.entry(key).or_default();
            sum.visits += traffic.visits;
            sum.visitors += traffic.visitors;
            sum.new_visitors += traffic.new_visitors;
        }
    }

    /// The periods that change, in order.
    pub fn changes(self) -> Vec<(PeriodKey, Traffic)> {
        let changes = self.0.into_iter();
        changes
            .filter(|(_, traffic)| *traffic != Traffic::default())
            .collect()
    }
}

/// What a contact is in the traffic of each period.
fn of_contact(days: &Days) -> BTreeMap<PeriodKey, Traffic> {
    let mut traffic: BTreeMap<PeriodKey, Traffic> = BTreeMap::new();
    let first = days.keys().next().copied();
    for (day, visits) in days {
        for period in PERIODS {
            let key = (word(period), period.start(*day));
            let of_period = traffic.entry(key).or_default();
            of_period.visits += *visits;
            of_period.visitors = 1;
            if Some(*day) == first {
                of_period.new_visitors = 1;
            }
        }
    }
    traffic
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn days(texts: &[&str]) -> Days {
        let visits = Visits {
            sessions: 1,
            pages: 3,
            dwell_seconds: 60,
        };
        let day = |text: &&str| (text.parse().unwrap(), visits);
        texts.iter().map(day).collect()
    }

    fn traffic(key: &PeriodKey, changes: &[(PeriodKey, Traffic)]) -> (i64, i64, i64) {
        let found = changes.iter().find(|(one, _)| one == key);
        let found = found.map_or_else(Traffic::default, |(_, traffic)| *traffic);
        (found.visits.pages, found.visitors, found.new_visitors)
    }

    fn periods_of(days: &[NaiveDate]) -> BTreeSet<PeriodKey> {
        let each = days.iter();
        each.flat_map(|day| PERIODS.map(|period| (word(period), period.start(*day))))
            .collect()
    }

    fn key(word: &'static str, day: &str) -> PeriodKey {
        (word, day.parse().unwrap())
    }

    #[test]
    fn a_visitor_counts_once_in_a_period_and_is_new_in_the_first() {
        let mut delta = Delta::default();
        let after = days(&["2026-02-26", "2026-02-27", "2026-03-02"]);
        delta.change(&Days::new(), &after);
        let changes = delta.changes();
        for (word, day, expected) in [
            ("DAY", "2026-02-26", (3, 1, 1)),
            ("DAY", "2026-02-27", (3, 1, 0)),
            ("WEEK", "2026-02-23", (6, 1, 1)),
            ("WEEK", "2026-03-02", (3, 1, 0)),
            ("MONTH", "2026-03-01", (3, 1, 0)),
            ("QUARTER", "2026-01-01", (9, 1, 1)),
            ("YEAR", "2026-01-01", (9, 1, 1)),
        ] {
            let found = traffic(&key(word, day), &changes);
            assert_eq!(found, expected, "{word} {day}");
        }
        let keys: BTreeSet<PeriodKey> = changes.iter().map(|(key, _)| *key).collect();
        let all: Vec<NaiveDate> = after.keys().copied().collect();
        assert_eq!(keys, periods_of(&all));
    }

    #[test]
    fn an_earlier_day_told_late_makes_the_former_first_one_a_return() {
        let mut delta = Delta::default();
        let before = days(&["2026-03-10"]);
        delta.change(&before, &days(&["2026-02-28", "2026-03-10"]));
        let changes = delta.changes();
        let day = |text| traffic(&key("DAY", text), &changes);
        assert_eq!(day("2026-02-28"), (3, 1, 1));
        assert_eq!(day("2026-03-10"), (0, 0, -1));
        assert_eq!(traffic(&key("YEAR", "2026-01-01"), &changes), (3, 0, 0));
    }

    #[test]
    fn what_stays_as_it_was_changes_nothing() {
        let mut delta = Delta::default();
        let same = days(&["2026-03-10", "2026-03-11"]);
        delta.change(&same, &same);
        assert!(delta.changes().is_empty());
    }
}
