//! Carrying out merges of a plan, one in each step of an operation, each at most once.
//!
//! Tags that were merged meanwhile, by hand or by the same plan before, are passed over, as are those
//! that are values of another group by now. A merge that is refused (the tree would grow too deep,
//! things would carry several values of a group) leaves everything as it was, says why in the plan,
//! and does not keep the others from being done.

use async_trait::async_trait;
use entity::{
    id::{TagGroupId, TagId, TagQualityRunId},
    kind::OperationKind,
    operation, tag_quality_run,
};
use sea_orm::{ConnectionTrait as _, EntityTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Confidence, Plan,
    plan::{Outcome, PlannedMerge},
};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    operation::{Kind, NewOperation, Step},
    store::{Query, Rows, Tx, dialect},
    tag::catalogue::{self, DEPTH_LIMIT, Merge},
};

/// Which merges of a plan are to be carried out, and how.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// The run whose plan it is.
    pub run: TagQualityRunId,
    /// The targets of the merges meant; left out, all of high confidence.
    pub targets: Option<Vec<TagId>>,
    /// Where things would carry several values of a group that allows one: keep the one put on last.
    pub keep_newest: bool,
}

/// What is asked for, as stored.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    run: TagQualityRunId,
    targets: Vec<TagId>,
    keep_newest: bool,
}

/// How far it is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    next: usize,
    counts: Counts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    merged: i64,
    skipped: i64,
    refused: i64,
}

/// Asks for merges of a plan.
pub async fn apply(ctx: &Ctx, actor: &Actor, new: NewApplication) -> Result<operation::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let run = tag_quality_run::Entity::find_by_id((tx.workspace, new.run))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["runId"], "run"))?;
    if run.finished_at.is_none() {
        let message = "The run has not finished yet, so there is no plan.";
        return Err(Error::refused(&["runId"], UserErrorCode::Invalid, message));
    }
    let plan: Plan = serde_json::from_value(run.plan)?;
    let targets = targets(&plan, new.targets)?;
    let operation = crate::operation::start(
        ctx,
        &mut tx,
        NewOperation {
            kind: OperationKind::ApplyTagPlan,
            total: Some(targets.len() as i64),
            request: json!(Request {
                run: new.run,
                targets: targets.clone(),
                keep_newest: new.keep_newest,
            }),
            dry_run: false,
            origin: actor.origin(),
        },
    )
    .await?;
    let said = json!({ "targets": targets, "operation": operation.id });
    tx.audit(actor, Record::made("tag_plan.apply", new.run, said));
    tx.commit().await?;
    Ok(operation)
}

/// The targets meant, in the plan's order.
fn targets(plan: &Plan, asked: Option<Vec<TagId>>) -> Result<Vec<TagId>> {
    let all = || plan.merges.iter();
    let Some(asked) = asked else {
        let sure = all().filter(|merge| merge.confidence == Confidence::High);
        return Ok(sure.map(|merge| merge.target).collect());
    };
    let mut errors = Vec::new();
    for (index, target) in asked.iter().enumerate() {
        if all().all(|merge| merge.target != *target) {
            let index = index.to_string();
            let path = ["targetIds", index.as_str()];
            let message = "The plan merges nothing into this tag.";
            errors.push(UserError::new(&path, UserErrorCode::NotFound, message));
        }
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let meant = all().filter(|merge| asked.contains(&merge.target));
    Ok(meant.map(|merge| merge.target).collect())
}

/// Carries out merges of a plan.
#[derive(Debug, Clone, Copy)]
pub struct ApplyTagPlan;

#[async_trait]
impl Kind for ApplyTagPlan {
    fn kind(&self) -> OperationKind {
        OperationKind::ApplyTagPlan
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &operation::Model,
    ) -> Result<Step> {
        let request: Request = serde_json::from_value(operation.request.clone())?;
        let mut progress: Progress =
            serde_json::from_value(operation.progress.clone()).unwrap_or_default();
        let Some(target) = request.targets.get(progress.next) else {
            return Ok(Step {
                progress: json!(progress),
                is_last: true,
                ..Step::default()
            });
        };
        let origin: Origin = serde_json::from_value(operation.created_by.clone())?;
        let done = carry_out(tx, origin, &request, *target).await?;
        let count = match done {
            Done::Merged => &mut progress.counts.merged,
            Done::Skipped => &mut progress.counts.skipped,
            Done::Refused => &mut progress.counts.refused,
        };
        *count += 1;
        progress.next += 1;
        Ok(Step {
            is_last: progress.next >= request.targets.len(),
            progress: json!(progress),
            done: 1,
            failed: i64::from(matches!(done, Done::Refused)),
            total: None,
        })
    }
}

#[derive(Clone, Copy)]
enum Done {
    Merged,
    Skipped,
    Refused,
}

async fn carry_out(
    tx: &mut Tx<'_>,
    origin: Origin,
    request: &Request,
    target: TagId,
) -> Result<Done> {
    let Some(mut plan) = plan(tx, request.run).await? else {
        return Ok(Done::Skipped);
    };
    let planned = plan.merges.iter_mut().find(|one| one.target == target);
    let Some(planned) = planned else {
        return Ok(Done::Skipped);
    };
    let Some(merge) = still_to_do(tx, planned, request.keep_newest).await? else {
        return Ok(Done::Skipped);
    };
    let mark = tx.mark().await?;
    let merged = catalogue::merge_within(tx, origin.into(), &merge).await;
    let (done, refusal) = match merged {
        Ok(_) => (Done::Merged, None),
        Err(Error::Refused(errors)) => {
            tx.undo_to(mark).await?;
            let messages: Vec<String> = errors.into_iter().map(|error| error.message).collect();
            (Done::Refused, Some(messages.join(" ")))
        }
        Err(error) => return Err(error),
    };
    planned.outcome = Some(Outcome {
        at: tx.now,
        refusal,
    });
    Query::new("UPDATE tag_quality_run SET plan = $3 WHERE workspace_id = $1 AND id = $2")
        .bind(tx.workspace)
        .bind(request.run)
        .bind(json!(plan))
        .execute(tx.connection())
        .await?;
    Ok(done)
}

/// The plan, held until the transaction ends.
async fn plan(tx: &Tx<'_>, run: TagQualityRunId) -> Result<Option<Plan>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let plan: Option<serde_json::Value> = Query::new(format!(
        "SELECT u.plan FROM tag_quality_run u WHERE u.workspace_id = $1 AND u.id = $2 {lock}"
    ))
    .bind(tx.workspace)
    .bind(run)
    .scalar(tx.connection())
    .await?;
    Ok(plan.map(serde_json::from_value).transpose()?)
}

#[derive(Clone, Copy, FromQueryResult)]
struct State {
    id: TagId,
    group_id: Option<TagGroupId>,
    merged_into: Option<TagId>,
    is_there: bool,
}

/// What is left of a planned merge: its target, or what that became, and the sources that are there.
async fn still_to_do(
    tx: &Tx<'_>,
    planned: &PlannedMerge,
    keep_newest: bool,
) -> Result<Option<Merge>> {
    let states = states(tx, planned.sources.iter().copied()).await?;
    let Some(target) = living(tx, planned.target).await? else {
        return Ok(None);
    };
    // Values of two groups say different things, whatever they were when the plan was made.
    let first = || states.iter().find_map(|state| state.group_id);
    let group = target.group_id.or_else(first);
    let fits =
        |state: &State| state.is_there && (state.group_id.is_none() || state.group_id == group);
    let there = |id: &TagId| states.iter().any(|state| state.id == *id && fits(state));
    let sources: Vec<TagId> = planned
        .sources
        .iter()
        .copied()
        .filter(|source| *source != target.id && there(source))
        .collect();
    Ok((!sources.is_empty()).then_some(Merge {
        sources,
        target: target.id,
        keep_newest,
    }))
}

/// The tag, or what it was merged into, if that is there.
async fn living(tx: &Tx<'_>, tag: TagId) -> Result<Option<State>> {
    let mut id = tag;
    // A merge points at what stays, so the way is short; the bound is for rows that are wrong.
    for _ in 0..DEPTH_LIMIT {
        let Some(state) = states(tx, [id]).await?.first().copied() else {
            return Ok(None);
        };
        match state.merged_into {
            _ if state.is_there => return Ok(Some(state)),
            Some(into) => id = into,
            None => return Ok(None),
        }
    }
    Ok(None)
}

async fn states(tx: &Tx<'_>, tags: impl IntoIterator<Item = TagId>) -> Result<Vec<State>> {
    Ok(Query::new(
        "SELECT t.id, t.group_id, t.merged_into, t.deleted_at IS NULL AS is_there
         FROM {r} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", tags))
    .all(tx.connection())
    .await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "run": "qualityrun_01900000000070008000000000000001",
            "targets": ["tag_01900000000070008000000000000002"], "keep_newest": true,
        });
        let request: Request = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(request), stored);
    }
}
