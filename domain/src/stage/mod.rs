//! The lifecycle stage and the owner of a contact or an account.
//!
//! Written only through `set` and `set_owner`, so that the row, the dated histories and the change
//! log always say the same. Called by the use cases of `contact` and `account`; rules, playbooks and
//! edits of everything a filter finds move many at once (`each`).

mod each;
mod owner;

use entity::{
    id::{ContactId, MemberId, StageChangeId, WorkspaceId},
    kind::{LifecycleStage, SubjectKind},
    member, stage_change,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, Iterable as _, PaginatorTrait as _, QueryFilter as _,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::owner::load_owner_changes;
use self::owner::{Given, set_owners};
pub(crate) use self::{
    each::{OwnerMove, StageMove, give_each, move_each, would_give, would_move},
    owner::set_owner,
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Result, UserError, UserErrorCode},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx, rows_by_id},
    subject::Subject,
    work::change::{Change, Fact},
};

/// A stage's place in the order of stages, from 1; 0 for none.
pub fn rank(stage: Option<LifecycleStage>) -> i64 {
    let place = stage.and_then(|stage| LifecycleStage::iter().position(|one| one == stage));
    place.map_or(0, |place| place as i64 + 1)
}

/// A new stage and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewStage {
    /// The stage; nothing takes the thing out of the lifecycle.
    pub stage: Option<LifecycleStage>,
    /// Why, in words.
    pub reason: String,
}

/// Notes that `subject` went from one stage to another. The caller writes the row itself, with
/// [`rank`]; nothing is noted when the stage stays.
pub(crate) async fn set(
    tx: &mut Tx<'_>,
    origin: Origin,
    subject: Subject,
    from: Option<LifecycleStage>,
    new: &NewStage,
) -> Result<()> {
    if from == new.stage {
        return Ok(());
    }
    let id: StageChangeId = tx.id();
    Query::new(
        "INSERT INTO stage_change (workspace_id, id, subject, subject_id, from_stage, to_stage,
                                   at, by_origin, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(subject.kind.word())
    .bind(subject.id)
    .bind(from.map(LifecycleStage::word))
    .bind(new.stage.map(LifecycleStage::word))
    .bind(tx.now)
    .bind(origin.json())
    .bind(new.reason.clone())
    .execute(tx.connection())
    .await?;
    let fact = Fact::StageChanged {
        stage_change_id: id,
        subject: subject.kind,
        subject_id: subject.id,
        from,
        to: new.stage,
    };
    tx.record(Change::new(origin, contact_of(subject), fact));
    Ok(())
}

/// A thing that was written with an owner and a stage: each as it was, and as it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moved {
    /// The thing.
    pub(crate) subject: Subject,
    /// Who looked after it, and who does.
    pub(crate) owner: (Option<MemberId>, Option<MemberId>),
    /// The stage it was at, and the one it is at.
    pub(crate) stage: (Option<LifecycleStage>, Option<LifecycleStage>),
}

/// Like [`set_owner`] and [`set`], for many things that all went for the same reason, in two statements.
pub(crate) async fn set_each(
    tx: &mut Tx<'_>,
    origin: Origin,
    reason: &str,
    moved: &[Moved],
) -> Result<()> {
    let given = moved.iter().map(|one| Given {
        subject: one.subject,
        from: one.owner.0,
        to: one.owner.1,
    });
    set_owners(tx, origin, &given.collect::<Vec<Given>>()).await?;
    set_stages(tx, origin, reason, moved).await
}

async fn set_stages(tx: &mut Tx<'_>, origin: Origin, reason: &str, moved: &[Moved]) -> Result<()> {
    let steps: Vec<(StageChangeId, &Moved)> = moved
        .iter()
        .filter(|step| step.stage.0 != step.stage.1)
        .map(|step| (tx.id(), step))
        .collect();
    if steps.is_empty() {
        return Ok(());
    }
    let each = || steps.iter().map(|(_, step)| step);
    let word = |stage: Option<LifecycleStage>| stage.map(|stage| stage.word().to_owned());
    let rows = Rows::new()
        .ids("id", steps.iter().map(|(id, _)| *id))
        .texts("subject", each().map(|step| step.subject.kind.word()))
        .uuids("subject_id", each().map(|step| step.subject.id))
        .opt_texts("from_stage", each().map(|step| word(step.stage.0)))
        .opt_texts("to_stage", each().map(|step| word(step.stage.1)));
    Query::new(
        "INSERT INTO stage_change (workspace_id, id, subject, subject_id, from_stage, to_stage,
                                   at, by_origin, reason)
         SELECT $1, r.id, r.subject, r.subject_id, r.from_stage, r.to_stage, $2, $3, $4 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(origin.json())
    .bind(reason)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    for (id, step) in steps {
        let fact = Fact::StageChanged {
            stage_change_id: id,
            subject: step.subject.kind,
            subject_id: step.subject.id,
            from: step.stage.0,
            to: step.stage.1,
        };
        tx.record(Change::new(origin, contact_of(step.subject), fact));
    }
    Ok(())
}

fn contact_of(subject: Subject) -> Option<ContactId> {
    (subject.kind == SubjectKind::Contact).then_some(ContactId(subject.id))
}

/// Refuses a member who is not, or no longer, one of the workspace.
pub(crate) async fn check_member(
    tx: &Tx<'_>,
    member: Option<MemberId>,
    field: &str,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let Some(id) = member else { return Ok(()) };
    let found = member::Entity::find_by_id((tx.workspace, id))
        .filter(member::Column::RemovedAt.is_null())
        .count(tx.connection())
        .await?;
    if found == 0 {
        let message = "There is no such member.";
        errors.push(UserError::new(&[field], UserErrorCode::NotFound, message));
    }
    Ok(())
}

/// The steps among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[StageChangeId],
) -> Result<Vec<stage_change::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// A page of the stages a thing went through, newest first.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subject: Uuid,
    page: &PageRequest,
) -> Result<Page<(String, stage_change::Model)>> {
    let keyset = Keyset {
        order: "stage",
        key: None,
        id: "s.id",
        descending: true,
    };
    let query = Query::new(
        "SELECT s.* FROM stage_change s WHERE s.workspace_id = $1 AND s.subject_id = $2",
    )
    .bind(workspace)
    .bind(subject);
    keyset
        .list_by_id(ctx, query, page, |row: &stage_change::Model| row.id)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_ordered_as_a_relationship_goes() {
        assert_eq!(rank(None), 0);
        assert_eq!(rank(Some(LifecycleStage::Subscriber)), 1);
        assert!(rank(Some(LifecycleStage::Lead)) < rank(Some(LifecycleStage::Customer)));
        assert_eq!(rank(Some(LifecycleStage::Former)), 7);
    }
}
