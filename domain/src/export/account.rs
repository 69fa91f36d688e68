//! Accounts as rows, under headers that an import knows again.

use entity::{
    id::{Id as _, WorkspaceId},
    kind::SubjectKind,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    Ordered,
    attached::{Attached, members},
    page::{request, split},
    table::{Rows, moment},
};
use crate::{
    account::{self, AccountFilter, AccountOrder},
    ctx::Ctx,
    error::Result,
};

pub(super) async fn page(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &AccountFilter,
    order: &Ordered<AccountOrder>,
    after: Option<String>,
) -> Result<Rows> {
    let request = request(after);
    let page = match order.attribute {
        Some(order) => account::list_by_attribute(ctx, workspace, filter, order, &request).await?,
        None => account::list(ctx, workspace, filter, order.by, &request).await?,
    };
    let (accounts, next) = split(page);
    let ids: Vec<Uuid> = accounts.iter().map(|one| one.id.uuid()).collect();
    let owners = accounts.iter().filter_map(|one| one.owner_id);
    let owners = members(ctx, workspace, owners).await?;
    let attached = Attached::load(ctx, workspace, SubjectKind::Account, &ids).await?;
    let rows = accounts.iter().map(|one| {
        let row = vec![
            json!(one.id),
            json!(one.name),
            json!(one.domain),
            json!(one.external_id),
            json!(one.website),
            json!(one.phone),
            json!(one.description),
            json!(one.stage),
            json!(one.owner_id.and_then(|id| owners.get(&id))),
            moment(one.created_at),
            moment(one.updated_at),
        ];
        (one.id.uuid(), row)
    });
    let own = [
        ("id", "Enishi account"),
        ("name", "Name"),
        ("domain", "Domain"),
        ("externalId", "External ID"),
        ("website", "Website"),
        ("phone", "Phone"),
        ("description", "Description"),
        ("stage", "Stage"),
        ("ownerEmail", "Owner email"),
        ("createdAt", "Created at"),
        ("updatedAt", "Updated at"),
    ];
    Ok(attached.rows(&own, rows, next))
}
