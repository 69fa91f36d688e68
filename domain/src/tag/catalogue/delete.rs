//! Deleting a tag with everything below it, after what refers to it was shown.

use entity::{id::TagId, tag};

use super::{
    check::{self, Tree},
    create::audited,
    graft, hold,
    merge::bury,
    referrer, usage,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Tx},
    work::change::{Change, Fact},
};

/// Deletes a tag with everything below it. `token` is that of the usage that was shown; when it has
/// changed since, or something at work names one of the tags, nothing is deleted. The rows stay for
/// the history of what carried them.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: TagId, token: &str) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    graft::lock(&tx, &[id], &[], None).await?;
    let usage = usage::read(tx.connection(), &tag).await?;
    refuse_in_use(&usage, token)?;
    end_taggings(&tx, actor, id).await?;
    graft::cut(&tx, id).await?;
    let mut said = audited(&tag);
    said["below"] = serde_json::json!(usage.below);
    tx.audit(actor, Record::ended("tag.delete", id, said));
    for tag_id in usage.below.into_iter().chain([id]) {
        bury(&tx, tag_id, None).await?;
        tx.record(Change::new(
            actor.origin(),
            None,
            Fact::TagDeleted { tag_id },
        ));
    }
    forget_pack(&tx).await?;
    let tag = tag::Model {
        deleted_at: Some(tx.now),
        archived_at: tag.archived_at.or(Some(tx.now)),
        updated_at: tx.now,
        ..tag
    };
    tx.commit().await?;
    Ok(tag)
}

fn refuse_in_use(usage: &usage::Usage, token: &str) -> Result<()> {
    let what = "This tag or one below it is";
    if let Some(message) = referrer::told(&usage.uses, what, ", or merge the tag into another") {
        return Err(Error::refused(&["id"], UserErrorCode::InUse, message));
    }
    if usage.token != token {
        let message = "What refers to this tag is not what was shown. Look at its usage again, \
                       and give the token that comes with it.";
        return Err(Error::refused(
            &["usageToken"],
            UserErrorCode::InUse,
            message,
        ));
    }
    Ok(())
}

async fn end_taggings(tx: &Tx<'_>, actor: &Actor, id: TagId) -> Result<()> {
    Query::new(
        "UPDATE tagging SET removed_at = $3, removed_by = $4, removed_reason = $5,
                ended = 'REMOVED'
         WHERE workspace_id = $1 AND removed_at IS NULL AND tag_id IN (
             SELECT tag_id FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2)",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(actor.origin().json())
    .bind("tag deleted".to_owned())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets a starter pack make its tag again, if somebody asks for it after deleting it.
async fn forget_pack(tx: &Tx<'_>) -> Result<()> {
    Query::new(
        "UPDATE tag SET pack_key = NULL WHERE workspace_id = $1 AND deleted_at = $2
           AND merged_into IS NULL AND pack_key IS NOT NULL",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}
