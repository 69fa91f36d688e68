//! When the notices of rules and playbooks may set off: outside of their quiet hours, and within the business
//! hours if they keep to those.
//!
//! [`super::limits::earliest`] says when that is. It is asked wherever a moment is found at which something
//! sets off (digests, budgets, retries of notices and of survey mails), and once more before it does: work
//! may be late. What counts are the limits a rule has now, or the published version of a playbook, by the
//! clocks the workspace has now.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::Arc,
};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::Deserialize;
use uuid::Uuid;

use super::limits::{Limits, earliest};
use crate::{
    condition::Moment,
    error::Result,
    store::{Query, Rows},
    workspace::BusinessHours,
};

/// The hours that one notice keeps to: those of the rule or playbook it comes from, or of all it tells of.
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
    id: Uuid,
    definition: serde_json::Value,
    time_zone: String,
    business_hours: Option<serde_json::Value>,
}

/// The part of a stored rule or playbook that is read here. A playbook has fewer limits, by the same names.
#[derive(Deserialize)]
struct Limited {
    #[serde(default)]
    limits: Limits,
}

/// The hours of notices that come from these rules and playbooks, each by the notice's key; a notice that
/// tells of several is there with each of them. Those without any hours are left out. One statement.
pub(crate) async fn load<K: Copy + Eq + Hash>(
    connection: &impl ConnectionTrait,
    notices: &[(K, WorkspaceId, Uuid)],
) -> Result<HashMap<K, Hours>> {
    let asked: BTreeSet<(WorkspaceId, Uuid)> = notices
        .iter()
        .map(|(_, workspace, by)| (*workspace, *by))
        .collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = Query::new(
        "WITH n AS MATERIALIZED (SELECT r.workspace_id, r.id FROM {r})
         SELECT u.workspace_id, u.id, u.definition, w.time_zone, w.business_hours
         FROM n JOIN rule u ON u.workspace_id = n.workspace_id AND u.id = n.id
         JOIN workspace w ON w.id = u.workspace_id
         UNION ALL
         SELECT p.workspace_id, p.id, v.definition, w.time_zone, w.business_hours
         FROM n JOIN playbook p ON p.workspace_id = n.workspace_id AND p.id = n.id
         JOIN playbook_version v ON v.workspace_id = p.workspace_id AND v.playbook_id = p.id
           AND v.version = p.version
         JOIN workspace w ON w.id = p.workspace_id",
    )
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", asked.iter().map(|one| one.0))
            .uuids("id", asked.iter().map(|one| one.1)),
    )
    .all(connection)
    .await?;
    let mut limited: HashMap<(WorkspaceId, Uuid), (Limits, Moment)> = HashMap::new();
    for row in rows {
        // What cannot be read does nothing, and keeps to nothing.
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
        limited.insert((row.workspace_id, row.id), (limits, clock));
    }
    let mut hours: HashMap<K, Hours> = HashMap::new();
    for (key, workspace, by) in notices {
        let Some((limits, clock)) = limited.get(&(*workspace, *by)) else {
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
