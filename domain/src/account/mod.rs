//! Accounts: the companies that contacts belong to.
//!
//! Made by hand and by imports; contacts who write from an account's domain join it.

pub(crate) mod bulk;
mod list;
pub mod standing;
mod write;

use entity::{
    account,
    id::{AccountId, WorkspaceId},
};
use sea_orm::EntityTrait as _;

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
};

pub use list::{AccountFilter, AccountOrder, list, list_by_attribute};
pub use standing::{InBand, Standing, load_bands, load_standing};
pub use write::{AccountChanges, DetailChanges, NewAccount, create, update};

/// The account, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: AccountId,
) -> Result<Option<account::Model>> {
    Ok(account::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The accounts among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<account::Model>> {
    Ok(
        Query::new("SELECT a.* FROM {r} JOIN account a ON a.workspace_id = $1 AND a.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?,
    )
}
