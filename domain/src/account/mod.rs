//! Accounts: the companies that contacts belong to.
//!
//! Made by hand and by imports; contacts who write from an account's domain join it.

pub(crate) mod bulk;
mod list;
pub mod standing;
mod write;

use entity::{
    Scoped as _, account,
    id::{AccountId, WorkspaceId},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{
    ctx::Ctx,
    error::Result,
    mail::EmailAddress,
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

/// The account to which another system gave the id.
pub async fn find_by_external_id(
    ctx: &Ctx,
    workspace: WorkspaceId,
    external_id: &str,
) -> Result<Option<account::Model>> {
    Ok(account::Entity::of(workspace)
        .filter(account::Column::ExternalId.eq(external_id.trim()))
        .one(ctx.reader())
        .await?)
}

/// The account with the email domain, however that is written.
pub async fn find_by_domain(
    ctx: &Ctx,
    workspace: WorkspaceId,
    domain: &str,
) -> Result<Option<account::Model>> {
    let Some(domain) = domain_key(domain) else {
        return Ok(None);
    };
    Ok(account::Entity::of(workspace)
        .filter(account::Column::Domain.eq(domain))
        .one(ctx.reader())
        .await?)
}

/// The form domains are stored in: that of an address's part after the `@`. `None` if it is none.
pub(crate) fn domain_key(domain: &str) -> Option<String> {
    let address = EmailAddress::parse(&format!("x@{}", domain.trim())).ok()?;
    Some(address.domain().to_owned())
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
