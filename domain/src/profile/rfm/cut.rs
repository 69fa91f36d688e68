//! Where the fifths of all customers begin, the scores that makes, and their segments. Pure.
//!
//! A value is in the fifth that its average rank is in, so equal values always have equal scores.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use entity::kind::RfmSegment;
use serde::{Deserialize, Serialize};

/// Among fewer customers than this, fifths say little: nobody is scored. Definitions: "refuse below
/// about 50 customers and say why".
pub const MIN_CUSTOMERS: i64 = 50;

/// The least values of the second to the fifth fifth, ascending. One that is empty, because many share
/// a value, begins with the next; empty ones at the top are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edges<T>(Vec<T>);

impl<T: Copy + PartialOrd> Edges<T> {
    /// Of the fifths that are not empty: the number of each, from 0, with its least value; ascending.
    pub fn of(fifths: &[(i64, T)]) -> Self {
        let least = |fifth: i64| {
            let mut fifths = fifths.iter();
            fifths
                .find(|(number, _)| *number >= fifth)
                .map(|(_, least)| *least)
        };
        Self((1..=4).map_while(least).collect())
    }

    /// The score of a value, 1 to 5.
    pub fn score(&self, value: T) -> i64 {
        1 + self.0.iter().filter(|edge| **edge <= value).count() as i64
    }
}

/// What all customers are scored by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Cuts {
    /// Of the days of the last order; nothing where there are too few customers.
    pub recency: Option<Edges<NaiveDate>>,
    /// Of the numbers of orders; nothing where there are too few customers.
    pub frequency: Option<Edges<i64>>,
    /// Of the revenue, by currency; without those in which too few pay.
    pub monetary: BTreeMap<String, Edges<i64>>,
}

/// A customer's scores, each from 1 to 5, the best. Nothing where too few customers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scores {
    /// How lately they bought.
    pub recency: Option<i64>,
    /// How often.
    pub frequency: Option<i64>,
    /// For how much.
    pub monetary: Option<i64>,
}

impl Cuts {
    /// The scores of a customer.
    pub fn scores(
        &self,
        last_order_on: NaiveDate,
        orders: i64,
        currency: &str,
        revenue: i64,
    ) -> Scores {
        let recency = self.recency.as_ref();
        let frequency = self.frequency.as_ref();
        let monetary = self.monetary.get(currency);
        Scores {
            recency: recency.map(|edges| edges.score(last_order_on)),
            frequency: frequency.map(|edges| edges.score(orders)),
            monetary: monetary.map(|edges| edges.score(revenue)),
        }
    }
}

impl Scores {
    /// The segment they make; nothing when they make none, or one is missing.
    pub fn segment(&self) -> Option<RfmSegment> {
        let high = |score: i64| score >= 4;
        let low = |score: i64| score <= 2;
        let (recency, others) = (self.recency?, [self.frequency?, self.monetary?]);
        if high(recency) && others.into_iter().all(high) {
            Some(RfmSegment::Champions)
        } else if low(recency) && others.into_iter().all(high) {
            Some(RfmSegment::AtRisk)
        } else if low(recency) && others.into_iter().all(low) {
            Some(RfmSegment::Hibernating)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_score_of_the_fifth_it_is_in() {
        let edges = Edges::of(&[(0, 1), (1, 10), (2, 20), (3, 30), (4, 40)]);
        let scores = [0, 1, 9, 10, 25, 39, 40, 1_000].map(|value| edges.score(value));
        assert_eq!(scores, [1, 1, 1, 2, 3, 4, 5, 5]);
    }

    #[test]
    fn empty_fifths_are_stepped_over_and_nobody_is_in_those_at_the_top() {
        // Everybody has bought once: all are in the middle.
        assert_eq!(Edges::of(&[(2, 1)]).score(1), 3);
        // Most once, some twice.
        let edges = Edges::of(&[(1, 1), (4, 2)]);
        assert_eq!((edges.score(1), edges.score(2)), (2, 5));
        assert_eq!(Edges::<i64>::of(&[]).score(7), 1);
    }

    #[test]
    fn segments_are_as_defined() {
        use RfmSegment::{AtRisk, Champions, Hibernating};
        for (scores, segment) in [
            ([5, 4, 4], Some(Champions)),
            ([4, 5, 3], None),
            ([2, 4, 5], Some(AtRisk)),
            ([3, 5, 5], None),
            ([1, 2, 2], Some(Hibernating)),
            ([2, 1, 4], None),
        ] {
            let [recency, frequency, monetary] = scores.map(Some);
            let found = Scores {
                recency,
                frequency,
                monetary,
            };
            assert_eq!(found.segment(), segment, "{scores:?}");
        }
        assert_eq!(Scores::default().segment(), None);
    }

    #[test]
    fn cuts_that_were_stored_are_read_back_and_without_any_nobody_is_scored() {
        let day: NaiveDate = "2026-03-01".parse().unwrap();
        let cuts = Cuts {
            recency: Some(Edges::of(&[(0, day), (4, day + chrono::Days::new(1))])),
            frequency: Some(Edges::of(&[(2, 1)])),
            monetary: [("JPY".to_owned(), Edges::of(&[(0, 5), (3, 900)]))].into(),
        };
        let stored = serde_json::to_value(&cuts).unwrap();
        assert_eq!(serde_json::from_value::<Cuts>(stored).unwrap(), cuts);
        let scores = cuts.scores(day, 1, "JPY", 900);
        let shown = (scores.recency, scores.frequency, scores.monetary);
        assert_eq!(shown, (Some(1), Some(3), Some(4)));
        assert_eq!(cuts.scores(day, 1, "USD", 900).monetary, None);
        let none: Cuts = serde_json::from_value(serde_json::json!({})).unwrap();
        assert_eq!(none.scores(day, 1, "JPY", 900), Scores::default());
    }
}
