//! What is wrong with groups: rules of the group that tags or things break, and too many values.

use std::collections::BTreeMap;

use async_trait::async_trait;
use entity::{
    id::{TagGroupId, TagId},
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity, TagSelection},
    tag,
};
use sea_orm::FromQueryResult;

use super::{Check, Finding, Scope};
use crate::{
    error::Result,
    store::{Query, Rows},
};

/// Values from which a group asks too much of people who choose one.
const MANY_VALUES: usize = 30;
/// Values a group must have for its tail to count.
const LEAST_VALUES: usize = 10;
/// The share of a group's things below which a value is in the tail.
const TAIL_SHARE: f64 = 0.01;
/// Things a group must be on for its tail to say something.
const LEAST_THINGS: i64 = 200;

/// Tags and things that break the rules of their groups.
pub(super) struct Violations;

#[derive(FromQueryResult)]
struct Several {
    group_id: TagGroupId,
    things: i64,
}

#[async_trait]
impl Check for Violations {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let mut findings = several_values(scope).await?;
        for tag in scope.tags() {
            findings.extend(misplaced(scope, tag));
        }
        for (group, tags) in scope.by_group() {
            if let [only] = tags.as_slice() {
                findings.push(
                    Finding::new(Kind::GroupViolation, Severity::Low, vec![only.id])
                        .of_group(Some(group))
                        .count("values", 1),
                );
            }
        }
        Ok(findings)
    }
}

/// Things that carry several values of a group that allows one.
async fn several_values(scope: &Scope<'_>) -> Result<Vec<Finding>> {
    let single: Vec<(TagId, TagGroupId)> = scope
        .by_group()
        .into_iter()
        .filter(|(group, _)| {
            let group = scope.forest.group(*group);
            group.is_some_and(|group| group.selection == TagSelection::Single)
        })
        .flat_map(|(group, tags)| tags.into_iter().map(move |tag| (tag.id, group)))
        .collect();
    let rows: Vec<Several> = Query::new(
        "SELECT x.group_id, COUNT(*) AS things FROM (
             SELECT r.group_id, k.thing_id FROM {r} JOIN tag_quality_carried k
               ON k.workspace_id = $1 AND k.run_id = $2 AND k.tag_id = r.tag_id
             GROUP BY r.group_id, k.thing_id HAVING COUNT(*) > 1) AS x
         GROUP BY x.group_id ORDER BY x.group_id",
    )
    .bind(scope.tx.workspace)
    .bind(scope.run)
    .rows(
        "r",
        Rows::new()
            .ids("tag_id", single.iter().map(|(tag, _)| *tag))
            .ids("group_id", single.iter().map(|(_, group)| *group)),
    )
    .all(scope.tx.connection())
    .await?;
    let found = rows.into_iter().map(|row| {
        Finding::new(Kind::GroupViolation, Severity::High, Vec::new())
            .of_group(Some(row.group_id))
            .count("thingsWithSeveral", row.things)
            .count("sampled", i64::from(!scope.sample.is_exact()))
    });
    Ok(found.collect())
}

/// A tag whose place and group do not go together.
fn misplaced(scope: &Scope<'_>, tag: &tag::Model) -> Option<Finding> {
    let group = tag.group_id.and_then(|group| scope.forest.group(group));
    let parent = tag.parent_id.and_then(|parent| scope.forest.get(parent));
    let name = if group.is_some_and(|group| group.kind != tag.kind) {
        "ofAnotherKindThanGroup"
    } else if parent.is_some_and(|parent| parent.group_id != tag.group_id) {
        "inAnotherGroupThanParent"
    } else if group.is_some_and(|group| group.archived_at.is_some()) {
        "inArchivedGroup"
    } else {
        return None;
    };
    let (_, total) = scope.carried(tag.id);
    Some(
        Finding::new(Kind::GroupViolation, Severity::Medium, vec![tag.id])
            .of_group(tag.group_id)
            .count(name, 1)
            .count("things", total),
    )
}

/// Groups with more values than people tell apart.
pub(super) struct OverDetailed;

#[async_trait]
impl Check for OverDetailed {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let groups: BTreeMap<TagGroupId, Vec<&tag::Model>> = scope.by_group();
        Ok(groups
            .into_iter()
            .filter_map(|(group, tags)| judge(scope, group, &tags))
            .collect())
    }
}

fn judge(scope: &Scope<'_>, group: TagGroupId, tags: &[&tag::Model]) -> Option<Finding> {
    let carried: Vec<(TagId, i64)> = tags
        .iter()
        .map(|tag| (tag.id, scope.carried(tag.id).0))
        .collect();
    let things: i64 = carried.iter().map(|(_, count)| count).sum();
    let in_tail = |count: i64| (count as f64) < TAIL_SHARE * things as f64;
    let mut tail: Vec<(TagId, i64)> = carried
        .iter()
        .copied()
        .filter(|(_, count)| things >= LEAST_THINGS && in_tail(*count))
        .collect();
    tail.sort_by_key(|(tag, count)| (*count, *tag));
    let has_tail = tags.len() >= LEAST_VALUES && tail.len() * 2 > tags.len();
    if tags.len() < MANY_VALUES && !has_tail {
        return None;
    }
    let severity = if tags.len() >= MANY_VALUES && has_tail {
        Severity::High
    } else {
        Severity::Medium
    };
    let of_tail: i64 = tail.iter().map(|(_, count)| count).sum();
    Some(
        Finding::new(
            Kind::OverDetailed,
            severity,
            tail.iter().take(100).map(|(tag, _)| *tag).collect(),
        )
        .of_group(Some(group))
        .count("values", tags.len() as i64)
        .count("valuesInTail", tail.len() as i64)
        .count("things", things)
        .count("thingsInTail", of_tail)
        .with("valuesInEffect", effective(&carried, things)),
    )
}

/// How many values of equal use would tell as much: the exponential of the entropy.
fn effective(carried: &[(TagId, i64)], things: i64) -> f64 {
    let entropy: f64 = carried
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(_, count)| {
            let share = *count as f64 / things as f64;
            -share * share.ln()
        })
        .sum();
    if things > 0 { entropy.exp() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn values_of_equal_use_count_fully() {
        let of = |counts: &[i64]| {
            let carried: Vec<_> = counts.iter().map(|n| (TagId(Uuid::nil()), *n)).collect();
            effective(&carried, counts.iter().sum())
        };
        assert!((of(&[5, 5, 5, 5]) - 4.0).abs() < 1e-9);
        assert!((of(&[7, 0, 0]) - 1.0).abs() < 1e-9);
        assert!(of(&[0, 0]).abs() < 1e-9);
    }
}
