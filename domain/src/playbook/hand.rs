//! Taking single enrolments in hand: ending them, moving them on, trying again what failed.

use entity::{
    enrolment,
    id::EnrolmentId,
    kind::{EnrolmentState, StepOutcome},
};
use serde_json::json;

use super::{
    count::{Counts, What},
    ending::BY_HAND,
    enrol::{Ended, end},
    flow,
    history::{Left, leave},
    read,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    port::Work,
    store::{Query, Tx, hold_by_id},
};

/// Ends an enrolment that is under way.
pub async fn cancel(ctx: &Ctx, actor: &Actor, id: EnrolmentId) -> Result<enrolment::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = lock(&tx, id).await?;
    refuse_ended(&row)?;
    let ended = Ended {
        by: actor.origin(),
        depth: 0,
        root: None,
        why: BY_HAND,
    };
    end(&mut tx, std::slice::from_ref(&row), ended).await?;
    finish(tx, actor, "enrolment.cancel", &row).await
}

/// Takes an enrolment that is under way to another step at once, whatever it waits for: to `step`, or
/// to the one that comes next.
pub async fn move_on(
    ctx: &Ctx,
    actor: &Actor,
    id: EnrolmentId,
    step: Option<&str>,
) -> Result<enrolment::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = lock(&tx, id).await?;
    refuse_ended(&row)?;
    let version = read::find_version(tx.connection(), tx.workspace, row.playbook_id, row.version)
        .await?
        .ok_or_else(|| Error::Internal("an enrolment in no version".to_owned()))?;
    let definition = version.definition;
    let place = if let Some(step) = step {
        definition.place(step).ok_or_else(|| {
            let what = "step in the version this enrolment is on";
            Error::not_found(&["step"], what)
        })?
    } else {
        let here = definition.place(&row.step);
        here.and_then(|place| flow::after(&definition, place))
            .ok_or_else(|| {
                let message = "Nothing comes after this step. Cancel the enrolment instead.";
                Error::refused(&["step"], UserErrorCode::Invalid, message)
            })?
    };
    let next = definition.steps[place].id.as_str();
    Query::new(
        "UPDATE enrolment SET state = 'WAITING', step = $3, step_at = $4, passed = passed + 1,
             wait_until = NULL, due_at = $4, lease_until = NULL, fence = fence + 1, failures = 0,
             crashes = 0
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(next)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let detail = json!({ "by": actor.origin().json() });
    let left = Left::at(&row, StepOutcome::Moved, Some(next), detail);
    leave(&tx, vec![left]).await?;
    let key = (row.playbook_id, row.version);
    let mut counts = Counts::default();
    counts.at(key, &row.step, What::Here, -1);
    counts.at(key, &row.step, What::Passed, 1);
    counts.at(key, next, What::Here, 1);
    counts.write(&tx).await?;
    tx.wake(Work::Enrolment);
    finish(tx, actor, "enrolment.move", &row).await
}

/// Lets an enrolment that failed go on from the step it failed at.
pub async fn retry(ctx: &Ctx, actor: &Actor, id: EnrolmentId) -> Result<enrolment::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = lock(&tx, id).await?;
    if row.state != EnrolmentState::Failed {
        let message = "This enrolment has not failed.";
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    }
    let other: Option<EnrolmentId> = Query::new(
        "SELECT id FROM enrolment WHERE workspace_id = $1 AND playbook_id = $2
           AND contact_id = $3 AND ended_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(row.playbook_id)
    .bind(row.contact_id)
    .scalar(tx.connection())
    .await?;
    if other.is_some() {
        let message = "The contact has been enrolled again since.";
        return Err(Error::refused(&["id"], UserErrorCode::Taken, message));
    }
    Query::new(
        "UPDATE enrolment SET state = 'WAITING', due_at = $3, ended_at = NULL, ending = NULL,
             error = NULL, failures = 0, crashes = 0, fence = fence + 1, step_at = $3
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let key = (row.playbook_id, row.version);
    let mut counts = Counts::default();
    counts.at(key, &row.step, What::Here, 1);
    counts.at(key, &row.step, What::Failed, -1);
    counts.whole(key, What::Here, 1);
    counts.whole(key, What::Failed, -1);
    counts.write(&tx).await?;
    tx.wake(Work::Enrolment);
    finish(tx, actor, "enrolment.retry", &row).await
}

async fn finish(
    mut tx: Tx<'_>,
    actor: &Actor,
    action: &'static str,
    before: &enrolment::Model,
) -> Result<enrolment::Model> {
    let row = lock(&tx, before.id).await?;
    let said = |row: &enrolment::Model| {
        json!({
            "playbook": row.playbook_id, "contact": row.contact_id, "state": row.state,
            "step": row.step,
        })
    };
    let record = Record::changed(action, row.id, said(before), said(&row));
    tx.audit(actor, record.of(row.contact_id));
    tx.commit().await?;
    Ok(row)
}

fn refuse_ended(row: &enrolment::Model) -> Result<()> {
    if row.ended_at.is_some() {
        let message = "This enrolment has ended.";
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    }
    Ok(())
}

async fn lock(tx: &Tx<'_>, id: EnrolmentId) -> Result<enrolment::Model> {
    hold_by_id(tx, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "enrolment"))
}
