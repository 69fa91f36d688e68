//! At which ages of what time alone gives a condition another answer: "in the last 30 days" does when
//! something becomes 30 days old, and at no other time.
//!
//! Each measure says it of itself; `segment::edge` finds by it whom the passing of an hour concerns. What
//! changes when the day turns needs no age: then everybody is asked. What time changes in another way
//! (scores that others move, the time of day), or of an account, has no such ages at all: of that,
//! everybody is asked every hour. It never looks at anybody.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    measure::{Holder, Source},
    test::{Ask, NumberTest, Test},
};

/// The seconds of a day, as windows count it.
const DAY_S: i64 = 24 * 60 * 60;
/// Ages beyond this nothing has, in days.
const OLDEST: f64 = 1e6;

/// What of a contact grows old. Stored as JSON: variants are added, never renamed.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Aging {
    /// What the contact did last.
    Activity,
    /// The moment that is the value of this custom attribute.
    Attribute(Uuid),
    /// The contact itself.
    Created,
    /// An event.
    Event,
    /// An invoice.
    Invoice,
    /// The day by which an open invoice was to be paid.
    InvoiceDue,
    /// The last message.
    Message,
    /// An opportunity.
    Opportunity,
    /// An order.
    Order,
    /// Being in this segment.
    Segment(Uuid),
    /// An answer to a survey.
    Survey,
    /// A support ticket.
    Ticket,
}

impl Aging {
    /// Each of the ages, of this.
    pub(crate) fn aged(self, ages: impl IntoIterator<Item = i64>) -> Vec<Age> {
        let ages = ages.into_iter();
        ages.map(|is| Age { of: self, is }).collect()
    }
}

/// How old something has to become for an answer to be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Age {
    pub(crate) of: Aging,
    /// In seconds; below zero for what is to come.
    pub(crate) is: i64,
}

/// So many days in seconds.
pub(crate) fn days(days: u32) -> i64 {
    i64::from(days) * DAY_S
}

/// The ages in seconds at which a test of days gets another answer, to the nearest second.
pub(crate) fn of_days(test: &NumberTest) -> impl Iterator<Item = i64> {
    let bounds = test.parts().map(|(_, days)| days);
    bounds
        .filter(|days| days.abs() <= OLDEST)
        .map(|days| (days * DAY_S as f64).round() as i64)
}

impl Ask {
    /// The ages at which time alone can give it another answer while it is the same day; nothing, if it can
    /// in other ways. Asked only of those that time can change.
    pub(super) fn ages(&self) -> Option<Vec<Age>> {
        if self.measure.holder != Holder::Contact {
            return None;
        }
        match (&self.measure.source, &self.test) {
            (Source::Field(field), Test::Time(test)) => Some(field.aging()?.aged(test.ages())),
            (Source::Attribute(source), Test::Time(test)) => Some(source.aging().aged(test.ages())),
            (Source::Events(source), test) => Some(Aging::Event.aged(source.ages(test))),
            // By the day.
            (Source::Email(_), _) => Some(Vec::new()),
            (Source::Records(source), test) => Some(source.ages(test)),
            (Source::Segments(source), test) => Some(source.ages(test)),
            (Source::Surveys(source), test) => Some(Aging::Survey.aged(source.ages(test))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::condition::Condition;

    fn ages(stored: Value) -> Option<Vec<(Aging, i64)>> {
        let condition: Condition = serde_json::from_value(stored).unwrap();
        assert!(condition.timed(), "{condition:?}");
        let ages = condition.ages()?.into_iter();
        Some(ages.map(|age| (age.of, age.is)).collect())
    }

    #[test]
    fn what_grows_old_says_at_which_ages_it_matters() {
        let renewal = Uuid::from_u128(7);
        for (stored, expected) in [
            (
                json!({"contact": {
                    "lastActivity": {"withinDays": 7, "moreThanMinutesAgo": 90},
                    "lastMessage": {"moreThanDaysAgo": 2},
                    "created": {"withinMinutes": 5},
                }}),
                vec![
                    (Aging::Activity, 5_400),
                    (Aging::Activity, days(7)),
                    (Aging::Created, 300),
                    (Aging::Message, days(2)),
                ],
            ),
            (
                json!({"attribute": {"attributeId": renewal, "of": "CONTACT",
                                     "time": {"withinDays": 1}}}),
                vec![(Aging::Attribute(renewal), days(1))],
            ),
            // What is to come is younger than nothing.
            (
                json!({"attribute": {"attributeId": renewal, "of": "CONTACT",
                                     "time": {"withinNextDays": 30, "atLeastDaysAhead": 20}}}),
                vec![
                    (Aging::Attribute(renewal), -days(30)),
                    (Aging::Attribute(renewal), -days(20)),
                    (Aging::Attribute(renewal), 0),
                ],
            ),
            (
                json!({"any": [
                    {"events": {"withinDays": 30}},
                    {"not": {"events": {"tests": [
                        {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 1.5, "lessThan": 1e9}},
                    ]}}},
                ]}),
                vec![(Aging::Event, days(3) / 2), (Aging::Event, days(30))],
            ),
            (
                json!({"email": {"withinDays": 30, "tiers": ["LAPSED"],
                                 "tests": [{"measure": "OPENED", "is": {"atLeast": 1}}]}}),
                vec![],
            ),
            (
                json!({"orders": {"withinDays": 90, "daysSinceLast": {"moreThan": 60}}}),
                vec![(Aging::Order, days(60)), (Aging::Order, days(90))],
            ),
            (
                json!({"invoices": {"overdue": true}}),
                vec![(Aging::InvoiceDue, 0)],
            ),
            (
                json!({"segments": {"segmentIds": [renewal], "since": {"moreThanDaysAgo": 14}}}),
                vec![(Aging::Segment(renewal), days(14))],
            ),
            (
                json!({"survey": {"kind": "NPS", "withinDays": 9, "daysSinceLast": {"atMost": 3}}}),
                vec![(Aging::Survey, days(3)), (Aging::Survey, days(9))],
            ),
            (
                json!({"all": [
                    {"tickets": {"daysSinceFirst": {"equals": 2}}},
                    {"opportunities": {"withinDays": 4}},
                    {"contact": {"stages": ["LEAD"]}},
                ]}),
                vec![(Aging::Opportunity, days(4)), (Aging::Ticket, days(2))],
            ),
        ] {
            assert_eq!(ages(stored.clone()), Some(expected), "{stored}");
        }
    }

    #[test]
    fn what_time_changes_in_another_way_has_no_ages() {
        let active = json!({"contact": {"lastActivity": {"withinDays": 7}}});
        for other in [
            json!({"businessHours": {}}),
            json!({"profile": {"activeDays": {"atLeast": 4}}}),
            json!({"health": {"changeIn7Days": {"lessThan": -10}}}),
            json!({"account": {"lastActivity": {"withinDays": 7}}}),
            json!({"events": {"of": "ACCOUNT", "withinDays": 7}}),
            json!({"orders": {"of": "ACCOUNT", "withinDays": 7}}),
            json!({"segments": {"of": "ACCOUNT", "segmentIds": [Uuid::from_u128(7)],
                                "since": {"moreThanDaysAgo": 7}}}),
        ] {
            assert_eq!(ages(json!({"any": [active, other]})), None, "{other}");
        }
    }

    #[test]
    fn email_of_all_time_is_not_changed_by_time() {
        let stored = json!({"email": {"tests": [{"measure": "SENT", "is": {"atLeast": 1}}]}});
        let condition: Condition = serde_json::from_value(stored).unwrap();
        assert!(!condition.timed() && !condition.counts_days());
        let stored = json!({"email": {"tiers": ["LAPSED"]}});
        let condition: Condition = serde_json::from_value(stored).unwrap();
        assert!(condition.timed() && condition.counts_days());
    }
}
