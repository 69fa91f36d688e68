//! The order in which groups are shown.

use entity::{id::TagGroupId, tag_group};

use super::{create::record, read};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::Result,
    store::Query,
    tag::{catalogue::hold, order::Ordered},
};

const GROUPS: Ordered = Ordered {
    table: "tag_group",
    field: "groupIds",
    missing: "There is no such tag group.",
    twice: "This group is already listed.",
};

/// Puts the groups `ids` first, in this order; the others follow in the order they had.
pub async fn order(ctx: &Ctx, actor: &Actor, ids: &[TagGroupId]) -> Result<Vec<tag_group::Model>> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let before: Vec<TagGroupId> =
        Query::new("SELECT id FROM tag_group WHERE workspace_id = $1 ORDER BY position, id")
            .bind(tx.workspace)
            .column(tx.connection())
            .await?;
    let after = GROUPS.arrange(&before, ids)?;
    for id in GROUPS.place(&tx, &after).await? {
        record(&mut tx, actor.origin(), id);
    }
    let (was, is) = (
        serde_json::json!({ "order": before }),
        serde_json::json!({ "order": after }),
    );
    let record = Record::changed("tag_group.order", tx.workspace, was, is);
    tx.audit(actor, record);
    tx.commit().await?;
    read::list(ctx, actor.workspace, None, true).await
}
