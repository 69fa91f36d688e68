//! The order of tags among their siblings.

use entity::{id::TagId, tag};

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
    tag::order::Ordered,
    work::change::{Change, Fact},
};

const TAGS: Ordered = Ordered {
    table: "tag",
    field: "tagIds",
    missing: "There is no such tag beside the first one.",
    twice: "This tag is already listed.",
};

/// Puts the tags `ids`, which are siblings, before all their siblings, in this order; the others follow
/// in the order they had. Gives all of the siblings as they stand then.
pub async fn order(ctx: &Ctx, actor: &Actor, ids: &[TagId]) -> Result<Vec<tag::Model>> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let Some(first) = ids.first() else {
        let message = "Name at least one tag.";
        return Err(Error::refused(
            &["tagIds"],
            UserErrorCode::Required,
            message,
        ));
    };
    let first = check::existing(Tree::of(&tx), *first, &["tagIds", "0"]).await?;
    let before = siblings(&tx, &first).await?;
    let was: Vec<TagId> = before.iter().map(|tag| tag.id).collect();
    let is = TAGS.arrange(&was, ids)?;
    for tag_id in TAGS.place(&tx, &is).await? {
        let fact = Fact::TagChanged { tag_id };
        tx.record(Change::new(actor.origin(), None, fact));
    }
    let said = |order: &[TagId]| serde_json::json!({ "order": order });
    let above = first.parent_id.map(|parent| parent.to_string());
    let subject = above.unwrap_or_else(|| tx.workspace.to_string());
    let record = Record::changed("tag.order", subject, said(&was), said(&is));
    tx.audit(actor, record);
    let after = siblings(&tx, &first).await?;
    tx.commit().await?;
    Ok(after)
}

/// The tag with those beside it, archived ones too, in their order: by place, then by name.
async fn siblings(tx: &Tx<'_>, tag: &tag::Model) -> Result<Vec<tag::Model>> {
    let mut query = Query::new(
        "SELECT t.* FROM tag t WHERE t.workspace_id = $1 AND t.kind = $2
           AND t.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(tag.kind.word());
    match (tag.parent_id, tag.group_id) {
        (Some(parent), _) => {
            let parent = query.arg(parent);
            query.push(&format!(" AND t.parent_id = {parent}"));
        }
        (None, Some(group)) => {
            let group = query.arg(group);
            query.push(&format!(
                " AND t.parent_id IS NULL AND t.group_id = {group}"
            ));
        }
        (None, None) => query.push(" AND t.parent_id IS NULL AND t.group_id IS NULL"),
    }
    let mut tags: Vec<tag::Model> = query.all(tx.connection()).await?;
    // As the tree is shown; databases sort texts by rules of their own.
    tags.sort_by(|a, b| (a.position, &a.name_key, a.id).cmp(&(b.position, &b.name_key, b.id)));
    Ok(tags)
}
