//! The edges of windows: whom the passing of an hour concerns, where all that matters is how old events
//! are.
//!
//! "Nothing for 90 days" and "5 in 30 days" change their answer by time alone only when an event becomes 90
//! or 30 days old. Who has such an event is found by its time, whatever its name.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::Result,
    store::{Query, Rows, Tx},
};

/// By how much more than the time that passed events are looked at: databases calculate ages with
/// rounding.
const MARGIN_S: i64 = 60;
/// Ages beyond this no event has, in days.
const OLDEST: f64 = 1e6;

/// Which time has passed, and how far whoever it concerns was evaluated.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Edges {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    /// The last one evaluated.
    pub(super) after: Option<Uuid>,
    /// Whether all were.
    pub(super) done: bool,
}

impl Edges {
    /// What has passed at `now` need not be looked at.
    pub(super) fn passed(now: DateTime<Utc>) -> Self {
        Self {
            from: now,
            until: now,
            after: None,
            done: true,
        }
    }

    /// The time from there to `now`.
    pub(super) fn until(&self, now: DateTime<Utc>) -> Self {
        Self {
            from: if self.done { self.until } else { self.from },
            until: now,
            after: None,
            done: false,
        }
    }
}

/// The ages, in days, as whole seconds, each once.
pub(super) fn ages<'a>(days: impl Iterator<Item = &'a Vec<f64>>) -> BTreeSet<i64> {
    let days = days.flatten().filter(|days| days.abs() <= OLDEST);
    days.map(|days| (days * 86_400.0).round() as i64).collect()
}

/// The next contacts with an event that came to be as old as one of `ages`, at most `size`, in the order
/// of their ids.
pub(super) async fn holders(
    tx: &Tx<'_>,
    edges: &Edges,
    ages: &BTreeSet<i64>,
    size: usize,
) -> Result<Vec<Uuid>> {
    let ago = |moment: DateTime<Utc>, seconds: i64| moment - TimeDelta::seconds(seconds);
    let since = ages.iter().map(|&age| ago(edges.from, age + MARGIN_S));
    let until = ages.iter().map(|&age| ago(edges.until, age));
    let rows = Rows::new().times("since", since).times("until", until);
    let mut query = Query::new(
        "SELECT DISTINCT x.contact_id FROM {r} CROSS JOIN event x
         WHERE x.workspace_id = $1 AND x.occurred_at > r.since AND x.occurred_at <= r.until",
    )
    .bind(tx.workspace);
    if let Some(after) = edges.after {
        let after = query.arg(after);
        query.push(&format!(" AND x.contact_id > {after}"));
    }
    query.push(&format!(" ORDER BY x.contact_id LIMIT {size}"));
    Ok(query.rows("r", rows).column(tx.connection()).await?)
}
