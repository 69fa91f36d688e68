//! The part of the leaf that the database answers: a statement over events, with what is counted of
//! them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseBackend;

use super::{
    EventMeasure, EventTest, FollowUp,
    property::{PropertyTest, property_number, property_text},
};
use crate::condition::{
    age,
    measure::{Bind, Frag, Holder, MAX_NUMBERS, Plan, Rows, frag},
    scalar::Number,
    test::{NumberTest, Test},
};

/// The part of [`Events`](super::Events) that the database answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct EventSource {
    pub(super) names: Vec<String>,
    pub(super) conditions: Vec<PropertyTest>,
    pub(super) within_days: Option<u32>,
    pub(super) from: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) followed_by: Option<FollowUp>,
    pub(super) counted: Counted,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// These, over all events.
    All(Vec<(EventMeasure, Option<String>)>),
    /// How many values of the property pass all tests.
    Same {
        property: String,
        tests: Vec<EventTest>,
    },
}

impl EventSource {
    /// The names of the events that can change it; nothing, if an event of any name can.
    pub(crate) fn names(&self) -> Option<BTreeSet<String>> {
        let follow = self.followed_by.as_ref().map(|follow| &follow.names);
        let lists = || std::iter::once(&self.names).chain(follow);
        if lists().any(Vec::is_empty) {
            return None;
        }
        Some(lists().flatten().cloned().collect())
    }

    /// The age of an event, in days, from which on it is known what did not follow it.
    fn known_after(&self) -> Option<u32> {
        let follow = self.followed_by.as_ref()?;
        (!follow.happened).then_some(follow.within_days.get())
    }

    /// One of its numbers by itself.
    pub(crate) fn number(&self, place: usize) -> Self {
        let mut one = self.clone();
        if let Counted::All(measures) = &mut one.counted {
            *measures = measures.get(place).cloned().into_iter().collect();
        }
        one
    }

    pub(crate) fn timed(&self) -> bool {
        self.within_days.is_some()
            || self.known_after().is_some()
            || match &self.counted {
                Counted::All(measures) => measures.iter().any(|(measure, _)| measure.is_an_age()),
                Counted::Same { tests, .. } => tests.iter().any(|test| test.measure.is_an_age()),
            }
    }

    /// Whether it counts days, by the clocks of the workspace.
    pub(crate) fn counts_days(&self) -> bool {
        let days = EventMeasure::Days;
        match &self.counted {
            Counted::All(measures) => measures.iter().any(|(measure, _)| *measure == days),
            Counted::Same { tests, .. } => tests.iter().any(|test| test.measure == days),
        }
    }

    /// The ages of events, in seconds, at which `test` of it can get another answer.
    pub(crate) fn ages(&self, test: &Test) -> Vec<i64> {
        let windows = self.within_days.into_iter().chain(self.known_after());
        let mut ages: Vec<i64> = windows.map(age::days).collect();
        let mut of = |measure: EventMeasure, test: &NumberTest| {
            if measure.is_an_age() {
                ages.extend(age::of_days(test));
            }
        };
        match (&self.counted, test) {
            (Counted::Same { tests, .. }, _) => {
                for test in tests {
                    of(test.measure, &test.is);
                }
            }
            (Counted::All(measures), Test::Numbers(tests)) => {
                for ((measure, _), test) in measures.iter().zip(tests) {
                    of(*measure, test);
                }
            }
            (Counted::All(_), _) => {}
        }
        ages
    }

    pub(crate) fn plan(&self, holder: Holder, backend: DatabaseBackend) -> Plan {
        let mut plan = Plan::one("event", "x.contact_id");
        if holder == Holder::Account {
            plan.from = "contact k CROSS JOIN event x".to_owned();
            plan.workspace = "k.workspace_id";
            plan.owner = "k.account_id";
            plan.wheres
                .push(" AND x.workspace_id = k.workspace_id AND x.contact_id = k.id");
        }
        plan.rows = Rows::Aggregate;
        if !self.names.is_empty() {
            plan.wheres.push(" AND ");
            let names = self.names.iter().cloned().map(Bind::Text);
            plan.wheres.append(Frag::one_of("x.name", names));
        }
        if let Some(days) = self.within_days {
            let since = Frag::new(" AND x.occurred_at >= ?").with(Bind::DaysAgo(days));
            plan.wheres.append(since);
        }
        for (sign, bound) in [(">=", self.from), ("<", self.until)] {
            if let Some(bound) = bound {
                let bound = Frag::new(format!(" AND x.occurred_at {sign} ?")).with(Bind::At(bound));
                plan.wheres.append(bound);
            }
        }
        for test in &self.conditions {
            test.append(backend, "x", &mut plan.wheres);
        }
        if let Some(follow) = &self.followed_by {
            follow.append(backend, &mut plan.wheres);
        }
        plan.base.push(("at", Frag::new("x.occurred_at")));
        match &self.counted {
            Counted::All(measures) => {
                for (index, (measure, property)) in measures.iter().enumerate() {
                    let column = COLUMNS[index.min(MAX_NUMBERS - 1)];
                    let number =
                        aggregate(backend, *measure, property.as_deref(), column, &mut plan);
                    plan.numbers.push((number, measure.nothing()));
                }
            }
            Counted::Same { property, tests } => {
                plan.base.push(("p", property_text(backend, "x", property)));
                let mut having = Frag::default();
                for (index, test) in tests.iter().enumerate() {
                    let column = COLUMNS[index.min(MAX_NUMBERS - 1)];
                    let number = aggregate(
                        backend,
                        test.measure,
                        test.property.as_deref(),
                        column,
                        &mut plan,
                    );
                    if index > 0 {
                        having.push(" AND ");
                    }
                    test.is.about(&number, &mut having);
                }
                if tests.is_empty() {
                    having.push("COUNT(*) > 0");
                }
                plan.per = Some(having);
                plan.numbers.push((Frag::new("COUNT(*)"), Some(0.0)));
            }
        }
        plan
    }
}

const COLUMNS: [&str; MAX_NUMBERS] = ["a0", "a1", "a2", "a3", "a4", "a5"];

/// The aggregate over `b`; adds the column it needs to `b` under the name `column`.
fn aggregate(
    backend: DatabaseBackend,
    measure: EventMeasure,
    property: Option<&str>,
    column: &'static str,
    plan: &mut Plan,
) -> Frag {
    let property = property.unwrap_or_default();
    match measure {
        EventMeasure::Count => Frag::new("COUNT(*)"),
        EventMeasure::Sum => {
            plan.base
                .push((column, property_number(backend, "x", property)));
            Frag::new(format!("COALESCE(SUM(b.{column}), 0)"))
        }
        EventMeasure::Distinct => {
            plan.base
                .push((column, property_text(backend, "x", property)));
            Frag::new(format!("COUNT(DISTINCT b.{column})"))
        }
        EventMeasure::Days => {
            let day = match backend {
                DatabaseBackend::Postgres => Frag::new(
                    "CAST(x.occurred_at AT TIME ZONE 'UTC' + ? * interval '1 second' AS date)",
                ),
                _ => Frag::new("date(x.occurred_at, ? || ' seconds')"),
            };
            let ahead = Bind::OffsetSeconds("x.occurred_at");
            plan.base.push((column, day.with(ahead)));
            Frag::new(format!("COUNT(DISTINCT b.{column})"))
        }
        EventMeasure::DaysSinceFirst => frag::days_since(backend, "MIN(b.at)"),
        EventMeasure::DaysSinceLast => frag::days_since(backend, "MAX(b.at)"),
    }
}

impl EventMeasure {
    /// What it is when there are no events.
    fn nothing(self) -> Option<f64> {
        match self {
            Self::DaysSinceFirst | Self::DaysSinceLast => None,
            _ => Some(0.0),
        }
    }

    /// Whether time alone changes it.
    fn is_an_age(self) -> bool {
        matches!(self, Self::DaysSinceFirst | Self::DaysSinceLast)
    }
}

impl NumberTest {
    /// Appends the test of what `number` says.
    pub(crate) fn about(&self, number: &Frag, to: &mut Frag) {
        to.push("(");
        let mut first = true;
        for (sign, bound) in self.parts() {
            if !first {
                to.push(" AND ");
            }
            first = false;
            to.append(number.clone());
            to.append(Frag::new(format!(" {sign} ?")).with(Bind::Number(Number::from(bound))));
        }
        if first {
            to.push("1 = 1");
        }
        to.push(")");
    }
}
