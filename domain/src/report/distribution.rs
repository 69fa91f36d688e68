//! How many things carried each value of a tag group, at the end of each period.
//!
//! Anonymous visitors are no people yet, and are not counted; accounts that were deleted are gone from
//! the past too.
//!
//! From the taggings' intervals, not from what holds today: a report on last year is the same
//! whenever it is asked for, as long as nobody is erased or merged. A tag below a value counts as
//! the value; a thing that carries two tags of one value counts once, and one that carries two
//! values counts for each. Every tagging is read once, whatever the number of periods.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{TagGroupId, TagId, WorkspaceId},
    kind::{TagKind, TagTarget},
    tag, tag_group,
};
use sea_orm::{EntityTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{
    bucket::bucket,
    period::{Period, Span},
};
use crate::{
    contact::VISITORS,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows},
    tag::tagging::table_of,
    workspace,
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The group.
    pub group: TagGroupId,
    /// Which things are counted.
    pub target: TagTarget,
    /// How long a period is.
    pub period: Period,
    /// A day of the first period.
    pub from: NaiveDate,
    /// A day of the last period.
    pub to: NaiveDate,
}

/// How the things were spread over the values of a group.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// The group.
    pub group: tag_group::Model,
    /// The values, in their order; archived ones, and deleted ones that were carried in a period, too.
    pub values: Vec<tag::Model>,
    /// The periods, in order.
    pub points: Vec<Point>,
}

/// How things stood at the end of one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The period.
    pub span: Span,
    /// The moment: the period's end, or now.
    pub at: DateTime<Utc>,
    /// Things there were.
    pub total: i64,
    /// Those that carried no value.
    pub without: i64,
    /// Those that carried each value, in the order of the values.
    pub counts: Vec<i64>,
}

/// The distribution; nothing when there is no such group.
pub async fn distribution(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ask: Ask,
) -> Result<Option<Distribution>> {
    let found = tag_group::Entity::find_by_id((workspace, ask.group))
        .one(ctx.reader())
        .await?;
    let Some(group) = found else {
        return Ok(None);
    };
    check_target(&group, ask.target)?;
    let now = ctx.clock.now();
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let spans = ask.period.spans(ask.from, ask.to, zone, now)?;
    let tags = tags_of(ctx, workspace, ask.group).await?;
    let value_of = values(&tags);
    let bounds: Vec<DateTime<Utc>> = spans.iter().map(|span| span.end).collect();
    let carried = Carried {
        ctx,
        workspace,
        target: ask.target,
        bounds: &bounds,
    };
    let by_value = carried.count(&value_of).await?;
    let any: Vec<(TagId, TagId)> = value_of.iter().map(|(tag, _)| (*tag, NO_VALUE)).collect();
    let any = carried.count(&any).await?.remove(&NO_VALUE);
    let any = any.unwrap_or_else(|| vec![0; bounds.len()]);
    let totals = carried.population().await?;
    let values: Vec<tag::Model> = tags
        .into_iter()
        .filter(|tag| value_of.contains(&(tag.id, tag.id)))
        .filter(|tag| {
            let counts = by_value.get(&tag.id);
            tag.deleted_at.is_none() || counts.is_some_and(|counts| counts.iter().any(|n| *n > 0))
        })
        .collect();
    let points = spans.iter().enumerate().map(|(index, span)| Point {
        span: *span,
        at: span.end.min(now),
        total: totals[index],
        without: (totals[index] - any[index]).max(0),
        counts: values
            .iter()
            .map(|tag| by_value.get(&tag.id).map_or(0, |counts| counts[index]))
            .collect(),
    });
    Ok(Some(Distribution {
        points: points.collect(),
        group,
        values,
    }))
}

/// Stands for "any value". Not the nil id, which travels as a missing one.
const NO_VALUE: TagId = TagId(Uuid::max());

fn check_target(group: &tag_group::Model, target: TagTarget) -> Result<()> {
    let fits = match group.kind {
        TagKind::Contact => target != TagTarget::Conversation,
        TagKind::Conversation => target == TagTarget::Conversation,
    };
    if fits {
        return Ok(());
    }
    let message = "Tags of this group are never on such things.";
    Err(Error::refused(
        &["target"],
        UserErrorCode::KindMismatch,
        message,
    ))
}

/// The tags of the group, those that were deleted too; not those that were merged into others, which
/// have what they were on.
async fn tags_of(ctx: &Ctx, workspace: WorkspaceId, group: TagGroupId) -> Result<Vec<tag::Model>> {
    Ok(Query::new(
        "SELECT t.* FROM tag t WHERE t.workspace_id = $1 AND t.group_id = $2
           AND t.merged_into IS NULL
         ORDER BY t.position, t.name_key, t.id",
    )
    .bind(workspace)
    .bind(group)
    .all(ctx.reader())
    .await?)
}

/// Each tag with the value it counts as: the one at the top of the group it is below.
fn values(tags: &[tag::Model]) -> Vec<(TagId, TagId)> {
    let parents: HashMap<TagId, Option<TagId>> =
        tags.iter().map(|tag| (tag.id, tag.parent_id)).collect();
    tags.iter()
        .map(|tag| {
            let mut top = tag.id;
            // No way is longer than there are tags, whatever the rows say.
            for _ in 0..tags.len() {
                match parents.get(&top).copied().flatten() {
                    Some(parent) if parents.contains_key(&parent) => top = parent,
                    _ => break,
                }
            }
            (tag.id, top)
        })
        .collect()
}

struct Carried<'a> {
    ctx: &'a Ctx,
    workspace: WorkspaceId,
    target: TagTarget,
    /// The ends of the periods.
    bounds: &'a [DateTime<Utc>],
}

#[derive(FromQueryResult)]
struct Step {
    value_id: TagId,
    at: i64,
    change: i64,
}

impl Carried<'_> {
    /// How many things carried each value at each bound.
    ///
    /// A tagging covers the bounds from the first after it began to the last before it ended. Of a
    /// thing's taggings with one value, in the order in which they began, each adds only what lies
    /// beyond the reach of those before it, so that the sum counts the thing once.
    async fn count(&self, value_of: &[(TagId, TagId)]) -> Result<BTreeMap<TagId, Vec<i64>>> {
        let mut query = Query::new("").bind(self.workspace).bind(self.target.word());
        let began = bucket(&mut query, "g.added_at", self.bounds);
        let ended = bucket(&mut query, "g.removed_at", self.bounds);
        let all = self.bounds.len();
        let (visitors, here) = self.here("g.target_id");
        query.push(&format!(
            "WITH {visitors}spell AS (
                 SELECT r.value_id, g.target_id, {began} AS began,
                        CASE WHEN g.removed_at IS NULL THEN {all} ELSE {ended} END AS ended
                 FROM {{r}} JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = r.tag_id
                 {here} AND g.target = $2
             ), reached AS (
                 SELECT s.value_id, s.began, s.ended, MAX(s.ended) OVER (
                     PARTITION BY s.value_id, s.target_id ORDER BY s.began, s.ended
                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
                 FROM spell s WHERE s.began < s.ended
             ), piece AS MATERIALIZED (
                 SELECT q.value_id, q.ended,
                        CASE WHEN q.reach > q.began THEN q.reach ELSE q.began END AS began
                 FROM reached q WHERE q.reach IS NULL OR q.reach < q.ended
             )
             SELECT x.value_id, CAST(x.at AS bigint) AS at, CAST(SUM(x.change) AS bigint) AS change
             FROM (SELECT p.value_id, p.began AS at, 1 AS change FROM piece p
                   UNION ALL SELECT p.value_id, p.ended AS at, -1 AS change FROM piece p) AS x
             GROUP BY x.value_id, x.at"
        ));
        let rows = Rows::new()
            .ids("tag_id", value_of.iter().map(|(tag, _)| *tag))
            .ids("value_id", value_of.iter().map(|(_, value)| *value));
        let steps: Vec<Step> = query.rows("r", rows).all(self.ctx.reader()).await?;
        let mut changes: BTreeMap<TagId, Vec<i64>> = BTreeMap::new();
        for step in steps {
            let of_value = changes.entry(step.value_id).or_insert_with(|| vec![0; all]);
            if let Some(change) = usize::try_from(step.at)
                .ok()
                .and_then(|at| of_value.get_mut(at))
            {
                *change += step.change;
            }
        }
        for of_value in changes.values_mut() {
            run_up(of_value);
        }
        Ok(changes)
    }

    /// A subquery for a `WITH`, and what joins it to the things whose id is the SQL `id` and begins the
    /// conditions, so that anonymous visitors and deleted accounts are left out.
    fn here(&self, id: &str) -> (String, String) {
        match self.target {
            TagTarget::Contact => (
                format!("visitor AS MATERIALIZED ({VISITORS}), "),
                format!("LEFT JOIN visitor w ON w.contact_id = {id} WHERE w.contact_id IS NULL"),
            ),
            TagTarget::Account => {
                let join = format!(
                    "JOIN account d ON d.workspace_id = $1 AND d.id = {id} AND d.deleted_at IS NULL
                     WHERE true"
                );
                (String::new(), join)
            }
            TagTarget::Conversation => (String::new(), "WHERE true".to_owned()),
        }
    }

    /// How many things there were at each bound, of those there are today.
    async fn population(&self) -> Result<Vec<i64>> {
        let mut query = Query::new("").bind(self.workspace);
        let made = bucket(&mut query, "x.created_at", self.bounds);
        let (visitors, here) = self.here("x.id");
        let visitors = visitors.strip_suffix(", ");
        let with = visitors.map_or_else(String::new, |visitors| format!("WITH {visitors} "));
        let unmerged = match self.target {
            TagTarget::Contact | TagTarget::Account => " AND x.merged_into_id IS NULL",
            TagTarget::Conversation => "",
        };
        query.push(&format!(
            "{with}SELECT CAST(y.made AS bigint), COUNT(*) FROM (
                 SELECT {made} AS made FROM {} x {here} AND x.workspace_id = $1{unmerged}) AS y
             GROUP BY y.made",
            table_of(self.target)
        ));
        let mut totals = vec![0; self.bounds.len()];
        for row in query.raw(self.ctx.reader()).await? {
            let (made, count): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            if let Some(total) = usize::try_from(made).ok().and_then(|at| totals.get_mut(at)) {
                *total += count;
            }
        }
        run_up(&mut totals);
        Ok(totals)
    }
}

/// Turns changes into sums of all changes so far.
fn run_up(numbers: &mut [i64]) {
    let mut sum = 0;
    for number in numbers {
        sum += *number;
        *number = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_run_up_to_what_there_is() {
        let mut numbers = [2, 0, -1, 3];
        run_up(&mut numbers);
        assert_eq!(numbers, [2, 2, 1, 4]);
    }
}
