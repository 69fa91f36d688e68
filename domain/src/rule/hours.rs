//! When the notices of rules may set off: outside of the quiet hours of their rules, and within the business
//! hours if those keep to them.
//!
//! [`super::limits::earliest`] says when that is. It is asked wherever a moment is found at which something
//! sets off (digests, budgets, retries of notices and of survey mails), and once more before it does: work
//! may be late. What counts are the limits a rule has now, by the clocks the workspace has now.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::id::{RuleId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Deserialize;

use super::limits::{Limits, earliest};
use crate::{
    condition::Moment,
    error::Result,
    store::{Query, Rows},
    workspace::BusinessHours,
};

/// The hours that one notice keeps to: those of its rule, or of all rules it tells of.
#[derive(Debug, Clone)]
pub(crate) struct Hours {
    limits: Vec<Limits>,
    clock: Moment,
}

impl Hours {
    /// The earliest moment, `at` or a later one, at which the notice may set off.
    pub(crate) fn earliest(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        earliest(&self.limits, &self.clock.at(at))
    }
}

#[derive(FromQueryResult)]
struct Row {
    workspace_id: WorkspaceId,
    id: RuleId,
    definition: serde_json::Value,
    time_zone: String,
    business_hours: Option<serde_json::Value>,
}

/// The part of a stored rule that is read here.
#[derive(Deserialize)]
struct Limited {
    #[serde(default)]
    limits: Limits,
}

/// The hours of notices that come from these rules, each by the notice's key; a notice that tells of several
/// rules is there with each of them. Those without any hours are left out. One statement.
pub(crate) async fn load<K: Copy + Eq + Hash>(
    connection: &impl ConnectionTrait,
    notices: &[(K, WorkspaceId, RuleId)],
) -> Result<HashMap<K, Hours>> {
    let rules: BTreeSet<(WorkspaceId, RuleId)> = notices
        .iter()
        .map(|(_, workspace, rule)| (*workspace, *rule))
        .collect();
    if rules.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = Query::new(
        "SELECT u.workspace_id, u.id, u.definition, w.time_zone, w.business_hours
         FROM {r} JOIN rule u ON u.workspace_id = r.workspace_id AND u.id = r.id
         JOIN workspace w ON w.id = u.workspace_id",
    )
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", rules.iter().map(|rule| rule.0))
            .ids("id", rules.iter().map(|rule| rule.1)),
    )
    .all(connection)
    .await?;
    let mut of_rules: HashMap<(WorkspaceId, RuleId), (Limits, Moment)> = HashMap::new();
    for row in rows {
        // A rule that cannot be read does nothing, and keeps to nothing.
        let Ok(Limited { limits }) = serde_json::from_value(row.definition) else {
            continue;
        };
        if !limits.has_hours() {
            continue;
        }
        let clock = Moment {
            now: DateTime::UNIX_EPOCH,
            zone: row.time_zone.parse().unwrap_or(Tz::UTC),
            hours: Arc::new(BusinessHours::from_stored(row.business_hours)),
        };
        of_rules.insert((row.workspace_id, row.id), (limits, clock));
    }
    let mut hours: HashMap<K, Hours> = HashMap::new();
    for (key, workspace, rule) in notices {
        let Some((limits, clock)) = of_rules.get(&(*workspace, *rule)) else {
            continue;
        };
        let known = hours.entry(*key).or_insert_with(|| Hours {
            limits: Vec::new(),
            clock: clock.clone(),
        });
        if !known.limits.contains(limits) {
            known.limits.push(limits.clone());
        }
    }
    Ok(hours)
}
