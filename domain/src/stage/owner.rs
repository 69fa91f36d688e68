//! Who looks after a contact or an account, and the dated history of it: the log is forgotten after a while,
//! and the history is not.

use entity::{
    id::{MemberId, OwnerChangeId, WorkspaceId},
    owner_change,
};

use super::contact_of;
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, rows_by_id},
    subject::Subject,
    work::change::{Change, Fact},
};

/// One thing that went from one owner to another, or to nobody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    /// What went.
    pub(crate) subject: Subject,
    /// Who looked after it.
    pub(crate) from: Option<MemberId>,
    /// Who looks after it since.
    pub(crate) to: Option<MemberId>,
}

impl Given {
    /// That somebody else looks after it.
    pub(super) fn fact(self) -> Fact {
        Fact::OwnerChanged {
            subject: self.subject.kind,
            subject_id: self.subject.id,
            from: self.from,
            to: self.to,
        }
    }
}

/// Notes that somebody else looks after `subject`; the caller writes the row itself. Nothing is noted when
/// nobody else does.
pub(crate) async fn set_owner(
    tx: &mut Tx<'_>,
    origin: Origin,
    subject: Subject,
    from: Option<MemberId>,
    to: Option<MemberId>,
) -> Result<()> {
    set_owners(tx, origin, &[Given { subject, from, to }]).await
}

/// Like [`set_owner`], for many things, in one statement.
pub(crate) async fn set_owners(tx: &mut Tx<'_>, origin: Origin, all: &[Given]) -> Result<()> {
    let moved = all.iter().filter(|one| one.from != one.to);
    let moved: Vec<(Given, Origin)> = moved.map(|one| (*one, origin)).collect();
    enter(tx, &moved).await?;
    for (one, origin) in moved {
        tx.record(Change::new(origin, contact_of(one.subject), one.fact()));
    }
    Ok(())
}

/// Enters what went to somebody else in the history, with who gave it.
pub(super) async fn enter(tx: &Tx<'_>, moved: &[(Given, Origin)]) -> Result<()> {
    if moved.is_empty() {
        return Ok(());
    }
    let each = || moved.iter().map(|(one, _)| one);
    let rows = Rows::new()
        .ids("id", moved.iter().map(|_| tx.id::<OwnerChangeId>()))
        .texts("subject", each().map(|one| one.subject.kind.word()))
        .uuids("subject_id", each().map(|one| one.subject.id))
        .opt_ids("from_owner_id", each().map(|one| one.from))
        .opt_ids("to_owner_id", each().map(|one| one.to))
        .json("by_origin", moved.iter().map(|(_, origin)| origin.json()));
    Query::new(
        "INSERT INTO owner_change (workspace_id, id, subject, subject_id, from_owner_id, to_owner_id,
                                   at, by_origin)
         SELECT $1, r.id, r.subject, r.subject_id, r.from_owner_id, r.to_owner_id, $2, r.by_origin
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The changes among `ids`, in no particular order; for loaders.
pub async fn load_owner_changes(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[OwnerChangeId],
) -> Result<Vec<owner_change::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
