//! The edges of windows: whom the passing of an hour concerns, where all that matters is how old something
//! is.
//!
//! "Nothing for 90 days" and "5 in 30 days" change their answer by time alone only when something becomes
//! 90 or 30 days old (`condition::age`). Who has that is found by its time, whatever else it must be: by an
//! index of the times where there is one; otherwise by going through the holders, so many in each step.
//! Either costs a small part of evaluating everybody.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::Value;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    attribute::value,
    condition::age::{Age, Aging},
    error::Result,
    store::{Query, Tx},
};

/// By how much more than the time that passed is looked at, in seconds: databases calculate ages with
/// rounding, and who was evaluated last by something that happened may have been so by an earlier clock.
const MARGIN_S: i64 = 300;
/// Spans of time a statement asks for at most.
const SPANS: usize = 100;
/// Rows of holders a step goes through.
const WALK: usize = 50_000;

/// Which time has passed, and how far whoever it concerns was evaluated.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Edges {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    /// Of what grows old those were evaluated last whom it concerns.
    #[serde(default)]
    pub(super) of: Option<Aging>,
    /// The last one evaluated of these, unless all were.
    pub(super) after: Option<Uuid>,
    /// Whether all were, of everything.
    pub(super) done: bool,
}

impl Edges {
    /// What has passed at `now` need not be looked at.
    pub(super) fn passed(now: DateTime<Utc>) -> Self {
        Self {
            from: now,
            until: now,
            of: None,
            after: None,
            done: true,
        }
    }

    /// The time from there to `now`.
    pub(super) fn until(&self, now: DateTime<Utc>) -> Self {
        Self {
            from: if self.done { self.until } else { self.from },
            until: now,
            of: None,
            after: None,
            done: false,
        }
    }

    /// How much time that is.
    pub(super) fn span(&self) -> TimeDelta {
        self.until - self.from
    }

    /// What is to be looked at next of all that has `ages`, with its own.
    pub(super) fn next_of<'a>(
        &self,
        ages: impl Iterator<Item = &'a Age>,
    ) -> Option<(Aging, BTreeSet<i64>)> {
        let mut each: BTreeMap<Aging, BTreeSet<i64>> = BTreeMap::new();
        for age in ages {
            each.entry(age.of).or_default().insert(age.is);
        }
        each.into_iter().find(|(of, _)| match self.of {
            Some(last) if self.after.is_some() => *of >= last,
            Some(last) => *of > last,
            None => true,
        })
    }
}

/// Some whom time concerns.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) ids: Vec<Uuid>,
    /// Up to whom they were found; nothing, if these are the last.
    pub(super) last: Option<Uuid>,
}

/// Where something that grows old stands.
struct Place {
    table: &'static str,
    /// The column of the contact.
    holder: &'static str,
    /// The column of its time.
    at: &'static str,
    /// What else has to hold of the row.
    only: &'static str,
    /// Whether there is an index of the times; otherwise there is one of the holders.
    by_time: bool,
}

impl Place {
    const fn timed(table: &'static str, at: &'static str) -> Self {
        Self {
            table,
            holder: "x.contact_id",
            at,
            only: "",
            by_time: true,
        }
    }

    const fn held(table: &'static str, holder: &'static str, at: &'static str) -> Self {
        Self {
            table,
            holder,
            at,
            only: "",
            by_time: false,
        }
    }

    fn of(aging: Aging) -> Self {
        match aging {
            Aging::Activity => Self::timed("contact_activity", "x.last_activity_at"),
            // The order of the sort keys is that of the times.
            Aging::Attribute(_) => Self {
                holder: "x.subject_id",
                ..Self::timed("attribute_value", "x.sort_key")
            },
            Aging::Created => Self::held("contact", "x.id", "x.created_at"),
            Aging::Event => Self::timed("event", "x.occurred_at"),
            Aging::Invoice => Self::timed("invoice", "x.issued_at"),
            Aging::InvoiceDue => Self {
                only: " AND x.status = 'OPEN'",
                ..Self::timed("invoice", "x.due_at")
            },
            Aging::Message => Self::held("contact_activity", "x.contact_id", "x.last_message_at"),
            Aging::Opportunity => Self::timed("opportunity", "x.opened_at"),
            Aging::Order => Self::timed("sales_order", "x.placed_at"),
            Aging::Segment(_) => Self::held("segment_member", "x.subject_id", "x.entered_at"),
            Aging::Survey => Self::timed("survey_answer", "x.answered_at"),
            Aging::Ticket => Self::timed("ticket", "x.opened_at"),
        }
    }

    /// The rows of the workspace, which is the first argument, that may count.
    fn rows(&self) -> String {
        let Self { table, only, .. } = self;
        format!("FROM {table} x WHERE x.workspace_id = $1{only}")
    }

    /// That a row's time is in the span.
    fn within(&self, query: &mut Query, span: (Value, Value)) -> String {
        let at = self.at;
        let (since, until) = (query.arg(span.0), query.arg(span.1));
        format!("{at} > {since} AND {at} <= {until}")
    }
}

/// The next contacts of whom something, `of` this kind, came to be as old as one of `ages`, at most `size`,
/// in the order of their ids.
pub(super) async fn holders(
    tx: &Tx<'_>,
    edges: &Edges,
    of: Aging,
    ages: &BTreeSet<i64>,
    size: usize,
) -> Result<Found> {
    let spans = spans(edges, of, ages);
    let after = edges.after.filter(|_| edges.of == Some(of));
    let place = Place::of(of);
    if place.by_time {
        by_time(tx, &place, of, spans, after, size).await
    } else {
        by_holder(tx, &place, of, spans, after, size).await
    }
}

/// The spans of time in which there is whatever came to be as old as one of `ages`, each after its first
/// moment and up to its last.
fn spans(edges: &Edges, of: Aging, ages: &BTreeSet<i64>) -> Vec<(Value, Value)> {
    let from = edges.from - TimeDelta::seconds(MARGIN_S);
    // Ages are whole seconds, rounded.
    let until = edges.until + TimeDelta::seconds(1);
    let ago = ages.iter().map(|&age| TimeDelta::seconds(age));
    let spans = joined(ago.map(|age| (from - age, until - age)));
    let bound = |at: DateTime<Utc>| match of {
        Aging::Attribute(_) => Value::from(value::time_sort_key(at)),
        _ => Value::from(at),
    };
    let spans = spans.into_iter();
    spans
        .map(|(since, until)| (bound(since), bound(until)))
        .collect()
}

/// The spans in their order, those that meet made one; where they are more than [`SPANS`], neighbours too,
/// by which only more is found.
fn joined<T: Ord + Copy>(spans: impl Iterator<Item = (T, T)>) -> Vec<(T, T)> {
    let mut spans: Vec<(T, T)> = spans.collect();
    spans.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::new();
    for (since, until) in spans {
        match joined.last_mut() {
            Some(last) if since <= last.1 => last.1 = last.1.max(until),
            _ => joined.push((since, until)),
        }
    }
    let each = joined.len().div_ceil(SPANS).max(1);
    let parts = joined.chunks(each);
    parts
        .filter_map(|part| Some((part.first()?.0, part.last()?.1)))
        .collect()
}

/// Which rows of its table are meant, as a further condition.
fn which(query: &mut Query, of: Aging) -> String {
    match of {
        Aging::Attribute(id) => format!(" AND x.attribute_id = {}", query.arg(id)),
        Aging::Segment(id) => format!(" AND x.segment_id = {}", query.arg(id)),
        _ => String::new(),
    }
}

/// Those with a time in one of the spans, which the database finds by an index of the times: a span at a
/// time, and in their order only when it has them all.
async fn by_time(
    tx: &Tx<'_>,
    place: &Place,
    of: Aging,
    spans: Vec<(Value, Value)>,
    after: Option<Uuid>,
    size: usize,
) -> Result<Found> {
    let (holder, rows) = (place.holder, place.rows());
    let mut query = Query::new("WITH found AS MATERIALIZED (").bind(tx.workspace);
    let which = which(&mut query, of);
    for (number, span) in spans.into_iter().enumerate() {
        let joint = if number == 0 { "" } else { " UNION ALL " };
        let within = place.within(&mut query, span);
        query.push(&format!(
            "{joint}SELECT {holder} AS id {rows}{which} AND {within}"
        ));
    }
    query.push(") SELECT DISTINCT f.id FROM found f WHERE f.id IS NOT NULL");
    push_after(&mut query, "f.id", after);
    query.push(&format!(" ORDER BY f.id LIMIT {size}"));
    let ids: Vec<Uuid> = query.column(tx.connection()).await?;
    let last = ids.last().copied().filter(|_| ids.len() == size);
    Ok(Found { ids, last })
}

/// Those with a time in one of the spans among the next holders, of whom there is an index.
async fn by_holder(
    tx: &Tx<'_>,
    place: &Place,
    of: Aging,
    spans: Vec<(Value, Value)>,
    after: Option<Uuid>,
    size: usize,
) -> Result<Found> {
    let (holder, rows) = (place.holder, place.rows());
    let mut end = Query::new(format!("SELECT {holder} {rows}")).bind(tx.workspace);
    push_which(&mut end, of);
    push_after(&mut end, holder, after);
    end.push(&format!(" ORDER BY {holder} LIMIT 1 OFFSET {WALK}"));
    let end: Option<Uuid> = end.scalar(tx.connection()).await?;

    let mut query = Query::new(format!("SELECT DISTINCT {holder} {rows}")).bind(tx.workspace);
    push_which(&mut query, of);
    push_after(&mut query, holder, after);
    if let Some(end) = end {
        let end = query.arg(end);
        query.push(&format!(" AND {holder} <= {end}"));
    }
    for (number, span) in spans.into_iter().enumerate() {
        let joint = if number == 0 { " AND (" } else { " OR " };
        let within = place.within(&mut query, span);
        query.push(&format!("{joint}({within})"));
    }
    query.push(&format!(") ORDER BY {holder} LIMIT {size}"));
    let ids: Vec<Uuid> = query.column(tx.connection()).await?;
    let last = match ids.last() {
        Some(&last) if ids.len() == size => Some(last),
        _ => end,
    };
    Ok(Found { ids, last })
}

/// Appends which rows of the table are meant.
fn push_which(query: &mut Query, of: Aging) {
    let which = which(query, of);
    query.push(&which);
}

/// Appends that `holder` comes after the last one, if there is one.
fn push_after(query: &mut Query, holder: &str, after: Option<Uuid>) {
    if let Some(after) = after {
        let after = query.arg(after);
        query.push(&format!(" AND {holder} > {after}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_meet_are_one_and_too_many_are_joined() {
        let joined = |spans: &[(i64, i64)]| joined(spans.iter().copied());
        assert_eq!(joined(&[]), []);
        let given = [(10, 20), (1, 5), (5, 7), (12, 15), (21, 22)];
        assert_eq!(joined(&given), [(1, 7), (10, 20), (21, 22)]);
        let many: Vec<_> = (0..250).map(|place| (place * 10, place * 10 + 1)).collect();
        let fewer = joined(&many);
        assert!(fewer.len() <= SPANS);
        for (since, until) in many {
            assert!(fewer.iter().any(|one| one.0 <= since && until <= one.1));
        }
    }

    #[test]
    fn one_kind_comes_after_the_other_and_goes_on_where_it_was_left() {
        let age = |of, is| Age { of, is };
        let ages = [
            age(Aging::Event, 7),
            age(Aging::Activity, 3),
            age(Aging::Event, 5),
        ];
        let mut edges = Edges::passed(DateTime::UNIX_EPOCH).until(DateTime::UNIX_EPOCH);
        let first = (Aging::Activity, BTreeSet::from([3]));
        let second = (Aging::Event, BTreeSet::from([5, 7]));
        assert_eq!(edges.next_of(ages.iter()), Some(first.clone()));
        edges.of = Some(Aging::Activity);
        edges.after = Some(Uuid::nil());
        assert_eq!(edges.next_of(ages.iter()), Some(first));
        edges.after = None;
        assert_eq!(edges.next_of(ages.iter()), Some(second.clone()));
        // Nobody asks any more for what it was left at.
        edges.of = Some(Aging::Created);
        edges.after = Some(Uuid::nil());
        assert_eq!(edges.next_of(ages.iter()), Some(second));
        edges.of = Some(Aging::Event);
        edges.after = None;
        assert_eq!(edges.next_of(ages.iter()), None);
    }
}
