//! Putting accounts away, and bringing them back.
//!
//! An archived account keeps everything and goes on being answered by its id; its people and what comes from
//! other systems still find it. It leaves lists, searches and live segments, and comes back to them when it
//! is restored. In lists kept by hand it keeps its place.

use entity::{account, id::AccountId};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, Set};

use super::write::held;
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::Result,
    work::change::{Change, Fact},
};

/// Puts an account away (`archived`), or brings it back; nothing happens to one that is as wanted.
pub async fn set_archived(
    ctx: &Ctx,
    actor: &Actor,
    id: AccountId,
    archived: bool,
) -> Result<account::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let before = held(&tx, id).await?;
    if before.archived_at.is_some() == archived {
        tx.rollback().await?;
        return Ok(before);
    }
    let was = serde_json::json!({ "archivedAt": before.archived_at });
    let mut active = before.into_active_model();
    active.archived_at = Set(archived.then_some(tx.now));
    active.updated_at = Set(tx.now);
    let after = active.update(tx.connection()).await?;
    let (action, fact) = if archived {
        ("account.archive", Fact::AccountArchived { account_id: id })
    } else {
        ("account.restore", Fact::AccountRestored { account_id: id })
    };
    let is = serde_json::json!({ "archivedAt": after.archived_at });
    tx.audit(actor, Record::changed(action, id, was, is));
    tx.record(Change::new(actor.origin(), None, fact));
    tx.commit().await?;
    Ok(after)
}
