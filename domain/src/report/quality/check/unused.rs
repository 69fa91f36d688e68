//! Tags nobody uses: none put on for so many days, or ever put on a single thing.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::TagId,
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity},
};
use sea_orm::FromQueryResult;

use super::{Check, Finding, Scope};
use crate::{
    error::Result,
    store::{Query, Rows},
};

/// Days a tag is given before it can be a one-off.
const ONE_OFF_DAYS: i64 = 30;

pub(super) struct Unused;

/// The taggings a tag ever had.
#[derive(FromQueryResult)]
struct Use {
    tag_id: TagId,
    last_at: Option<DateTime<Utc>>,
    /// 0, 1, or 2 for more.
    ever: i64,
}

#[async_trait]
impl Check for Unused {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let uses = uses(scope).await?;
        // A tag above one that is used orders the tree: it is used too.
        let mut last: HashMap<TagId, DateTime<Utc>> = HashMap::new();
        for (tag, one) in &uses {
            let Some(at) = one.last_at else { continue };
            for tag in std::iter::once(*tag).chain(scope.above(*tag)) {
                let latest = last.entry(tag).or_insert(at);
                *latest = at.max(*latest);
            }
        }
        let mut findings = Vec::new();
        for tag in scope.tags() {
            let age = (scope.as_of - tag.created_at).num_days();
            let (direct, total) = scope.carried(tag.id);
            let idle = last.get(&tag.id).map(|at| (scope.as_of - *at).num_days());
            if idle.unwrap_or(age) >= scope.unused_days && age >= scope.unused_days {
                let severity = if total == 0 {
                    Severity::High
                } else {
                    Severity::Low
                };
                let finding = Finding::new(Kind::Unused, severity, vec![tag.id])
                    .of_group(tag.group_id)
                    .count("things", total)
                    .count("daysSinceMade", age);
                findings.push(match idle {
                    Some(days) => finding.count("daysSincePutOn", days),
                    None => finding,
                });
                continue;
            }
            let is_once = uses.get(&tag.id).is_some_and(|one| one.ever == 1);
            if is_once && total <= 1 && age >= ONE_OFF_DAYS {
                findings.push(
                    Finding::new(Kind::OneOff, Severity::Medium, vec![tag.id])
                        .of_group(tag.group_id)
                        .count("taggingsEver", 1)
                        .count("things", direct)
                        .count("daysSinceMade", age),
                );
            }
        }
        Ok(findings)
    }
}

/// One look into the index for each tag, not one for each tagging.
async fn uses(scope: &Scope<'_>) -> Result<HashMap<TagId, Use>> {
    let since = scope.as_of - TimeDelta::days(36_500);
    let rows: Vec<Use> = Query::new(
        "SELECT r.id AS tag_id,
                (SELECT MAX(g.added_at) FROM tagging g
                 WHERE g.workspace_id = $1 AND g.tag_id = r.id AND g.added_at > $2) AS last_at,
                (SELECT COUNT(*) FROM (
                     SELECT 1 FROM tagging g WHERE g.workspace_id = $1 AND g.tag_id = r.id
                     LIMIT 2) AS few) AS ever
         FROM {r}",
    )
    .bind(scope.tx.workspace)
    .bind(since)
    .rows("r", Rows::new().ids("id", scope.tags().map(|tag| tag.id)))
    .all(scope.tx.connection())
    .await?;
    Ok(rows.into_iter().map(|one| (one.tag_id, one)).collect())
}
