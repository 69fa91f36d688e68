//! Accounts: the companies that contacts belong to.
//!
//! Made by hand and by imports; contacts who write from an account's domain join it. Two that are one
//! company are merged ([`merge`]): the one that went is answered with the one that stayed, by whatever it
//! is named. One that is deleted is not there for anybody; its row stays for what names it.

mod archive;
pub(crate) mod bulk;
mod delete;
mod hold;
mod list;
pub mod merge;
pub mod standing;
pub mod usage;
mod write;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    Scoped as _, account,
    id::{AccountId, WorkspaceId},
};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};
use url::Url;

use crate::{
    ctx::Ctx,
    error::{Error, Result},
    mail::EmailAddress,
    store::{Query, Rows, Tx, dialect},
    text,
};

pub use archive::set_archived;
pub use delete::delete;
pub use list::{AccountFilter, AccountOrder, list, list_by_attribute};
pub use standing::{InBand, Standing, load_bands, load_standing};
pub use write::{AccountChanges, DetailChanges, NewAccount, create, update};

/// The row of an account of which only the name is known so far. It is not written by this.
pub(crate) fn new_row(
    workspace: WorkspaceId,
    id: AccountId,
    name: String,
    now: DateTime<Utc>,
) -> account::Model {
    account::Model {
        workspace_id: workspace,
        id,
        name_key: text::name_key(&name),
        name,
        domain: None,
        external_id: None,
        created_at: now,
        updated_at: now,
        owner_id: None,
        stage: None,
        stage_rank: 0,
        website: None,
        phone: None,
        description: None,
        merged_into_id: None,
        archived_at: None,
        deleted_at: None,
    }
}

/// The account, if it is one of the workspace. The id of one that was merged into another is answered
/// with that other.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: AccountId,
) -> Result<Option<account::Model>> {
    let found = account::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?;
    answering(ctx, workspace, found).await
}

/// The account that answers for the one found.
async fn answering(
    ctx: &Ctx,
    workspace: WorkspaceId,
    found: Option<account::Model>,
) -> Result<Option<account::Model>> {
    let found = found.filter(|one| one.deleted_at.is_none());
    let Some(gone) = found.as_ref().filter(|one| one.merged_into_id.is_some()) else {
        return Ok(found);
    };
    let ways = merge::survivors(ctx, workspace, &[gone.id]).await?;
    let survivors: Vec<AccountId> = ways.iter().map(|(_, survivor)| *survivor).collect();
    Ok(load(ctx, workspace, &survivors).await?.pop())
}

/// The account to which another system gave the id.
pub async fn find_by_external_id(
    ctx: &Ctx,
    workspace: WorkspaceId,
    external_id: &str,
) -> Result<Option<account::Model>> {
    let found =
        Query::new("SELECT a.* FROM account a WHERE a.workspace_id = $1 AND a.external_id = $2")
            .bind(workspace)
            .bind(external_id.trim())
            .one(ctx.reader())
            .await?;
    answering(ctx, workspace, found).await
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
    let found = account::Entity::of(workspace)
        .filter(account::Column::Domain.eq(domain))
        .one(ctx.reader())
        .await?;
    answering(ctx, workspace, found).await
}

/// The form domains are stored in: that of an address's part after the `@`. People paste the address of a web
/// site, and programs send it: its domain is read, without `www`. `None` if it is none.
pub(crate) fn domain_key(domain: &str) -> Option<String> {
    let domain = domain.trim();
    let url = Url::parse(domain).ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let host = match &url {
        Some(url) => url.host_str()?,
        None => domain.split('/').next().unwrap_or_default(),
    };
    let address = EmailAddress::parse(&format!("x@{host}")).ok()?;
    let key = address.domain();
    let bare = key.strip_prefix("www.").filter(|rest| rest.contains('.'));
    Some(bare.unwrap_or(key).to_owned())
}

/// Whether the account is there to be named. It is not merged away or deleted before the end of `tx`.
pub(crate) async fn keep(tx: &Tx<'_>, id: AccountId) -> Result<bool> {
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let found: Option<AccountId> = Query::new(format!(
        "SELECT t.id FROM account t
         WHERE t.workspace_id = $1 AND t.id = $2 AND t.merged_into_id IS NULL
           AND t.deleted_at IS NULL {lock}"
    ))
    .bind(tx.workspace)
    .bind(id)
    .scalar(tx.connection())
    .await?;
    Ok(found.is_some())
}

/// The refusal of an account that is not there to be named: one that was merged says into which, as its id is
/// still answered where it is only read. `path` is where the id stands in the input.
pub(crate) async fn absent(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: AccountId,
    path: &[&str],
) -> Error {
    let things = crate::merge::Things::Accounts;
    crate::merge::absent(connection, workspace, things, id.0, path).await
}

/// The accounts among `ids` that were not merged into others or deleted, in no particular order.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<account::Model>> {
    Ok(Query::new(
        "SELECT a.* FROM {r} JOIN account a ON a.workspace_id = $1 AND a.id = r.id
               AND a.merged_into_id IS NULL AND a.deleted_at IS NULL",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// Like [`load`], by the id that was asked for: the id of an account that was merged into another is
/// answered with that other. Two statements more when one is missing; for loaders.
pub async fn load_answering(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<HashMap<AccountId, account::Model>> {
    let found = load(ctx, workspace, ids).await?.into_iter();
    let mut answers: HashMap<AccountId, account::Model> =
        found.map(|account| (account.id, account)).collect();
    let missing = ids.iter().copied().filter(|id| !answers.contains_key(id));
    let missing: Vec<AccountId> = missing.collect();
    if missing.is_empty() {
        return Ok(answers);
    }
    let ways = merge::survivors(ctx, workspace, &missing).await?;
    let survivors: Vec<AccountId> = ways.iter().map(|(_, survivor)| *survivor).collect();
    for account in load(ctx, workspace, &survivors).await? {
        for (asked, _) in ways.iter().filter(|(_, survivor)| *survivor == account.id) {
            answers.insert(*asked, account.clone());
        }
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_out_of_a_web_address() {
        for (told, expected) in [
            (" Acme.co.jp ", Some("acme.co.jp")),
            ("www.acme.co.jp", Some("acme.co.jp")),
            ("HTTPS://WWW.acme.co.jp/ja?from=x#top", Some("acme.co.jp")),
            ("http://shop.acme.co.jp:8080", Some("shop.acme.co.jp")),
            ("acme.co.jp/about", Some("acme.co.jp")),
            ("ａｃｍｅ．example", Some("acme.example")),
            ("www.example", Some("www.example")),
            ("", None),
            ("https://", None),
            ("ftp://acme.co.jp", None),
            ("Acme Inc.", None),
        ] {
            assert_eq!(domain_key(told).as_deref(), expected, "{told}");
        }
    }
}
