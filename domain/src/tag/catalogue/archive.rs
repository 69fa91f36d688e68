//! Putting tags away with everything below them, and bringing them back.

use entity::{Scoped as _, id::TagId, tag, tag_group};
use sea_orm::{ColumnTrait as _, PaginatorTrait as _, QueryFilter as _};

use super::{
    check::{self, Tree},
    hold,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
    work::change::{Change, Fact},
};

/// Archives a tag with everything below it: they keep their taggings and cannot be put on anything.
/// Nothing happens to one that already is archived.
pub async fn archive(ctx: &Ctx, actor: &Actor, id: TagId) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    if tag.archived_at.is_some() {
        tx.rollback().await?;
        return Ok(tag);
    }
    let changed: Vec<TagId> = Query::new(
        "UPDATE tag SET archived_at = $3, updated_at = $3
         WHERE workspace_id = $1 AND archived_at IS NULL AND deleted_at IS NULL
           AND id IN (SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2)
         RETURNING id",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .column(tx.connection())
    .await?;
    finish(tx, actor, changed, id, "tag.archive").await
}

/// Restores a tag with what was archived together with it; what was archived before stays archived.
/// Nothing happens to one that is not archived.
pub async fn restore(ctx: &Ctx, actor: &Actor, id: TagId) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    let Some(archived_at) = tag.archived_at else {
        tx.rollback().await?;
        return Ok(tag);
    };
    refuse_below_archived(&tx, &tag).await?;
    let changed: Vec<TagId> = Query::new(
        "UPDATE tag SET archived_at = NULL, updated_at = $4
         WHERE workspace_id = $1 AND archived_at = $3 AND deleted_at IS NULL
           AND id IN (SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2)
         RETURNING id",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(archived_at)
    .bind(tx.now)
    .column(tx.connection())
    .await?;
    finish(tx, actor, changed, id, "tag.restore").await
}

/// Refuses to restore a tag whose parent or group is archived: it could not be reached.
async fn refuse_below_archived(tx: &Tx<'_>, tag: &tag::Model) -> Result<()> {
    if let Some(parent) = tag.parent_id
        && check::existing(Tree::of(tx), parent, &["id"])
            .await?
            .archived_at
            .is_some()
    {
        let message = "The tag above is archived. Restore it first.";
        return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    }
    if let Some(group) = tag.group_id {
        let archived = tag_group::Entity::of(tx.workspace)
            .filter(tag_group::Column::Id.eq(group))
            .filter(tag_group::Column::ArchivedAt.is_not_null())
            .count(tx.connection())
            .await?;
        if archived > 0 {
            let message = "Its group is archived. Restore it first.";
            return Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
        }
    }
    Ok(())
}

async fn finish(
    mut tx: Tx<'_>,
    actor: &Actor,
    changed: Vec<TagId>,
    id: TagId,
    action: &'static str,
) -> Result<tag::Model> {
    let said = serde_json::json!({ "tags": changed });
    tx.audit(actor, Record::made(action, id, said));
    for tag_id in changed {
        tx.record(Change::new(
            actor.origin(),
            None,
            Fact::TagChanged { tag_id },
        ));
    }
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    tx.commit().await?;
    Ok(tag)
}
