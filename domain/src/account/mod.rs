//! Accounts: the companies that contacts belong to.

use entity::{
    Scoped as _, account,
    id::{AccountId, Id as _, WorkspaceId},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};

use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    page::{Key, Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
    text,
    work::change::{Change, Fact},
};

/// An account about to be made.
#[derive(Debug, Clone, Default)]
pub struct NewAccount {
    /// The name shown.
    pub name: String,
    /// The company's email domain; contacts who write from it join the account.
    pub domain: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
}

/// What may be changed about an account; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The company's email domain.
    pub domain: Option<String>,
}

/// Makes an account.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewAccount) -> Result<account::Model> {
    actor.require(Scope::Write)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], 200)
        .map_err(|error| errors.push(error))
        .ok();
    let domain = check_domain(new.domain.as_deref(), &mut errors);
    let external_id = match new.external_id.as_deref() {
        Some(id) => text::name(id, &["externalId"], 200)
            .map_err(|error| errors.push(error))
            .ok(),
        None => None,
    };
    let mut tx = ctx.begin(actor.workspace).await?;
    if let Some(domain) = &domain {
        refuse_taken(
            &tx,
            account::Column::Domain,
            domain,
            "domain",
            None,
            &mut errors,
        )
        .await?;
    }
    if let Some(id) = &external_id {
        refuse_taken(
            &tx,
            account::Column::ExternalId,
            id,
            "externalId",
            None,
            &mut errors,
        )
        .await?;
    }
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let account = account::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        name_key: text::name_key(&name),
        name,
        domain,
        external_id,
        created_at: tx.now,
        updated_at: tx.now,
    };
    account::Entity::insert(account.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::AccountCreated {
            account_id: account.id,
        },
    ));
    tx.commit().await?;
    Ok(account)
}

/// Changes an account.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: AccountId,
    changes: AccountChanges,
) -> Result<account::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let account = account::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "account"))?;
    let mut active = account.into_active_model();
    let mut errors = Vec::new();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], 200) {
            Ok(name) => {
                active.name_key = Set(text::name_key(&name));
                active.name = Set(name);
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(domain) = check_domain(changes.domain.as_deref(), &mut errors) {
        refuse_taken(
            &tx,
            account::Column::Domain,
            &domain,
            "domain",
            Some(id),
            &mut errors,
        )
        .await?;
        active.domain = Set(Some(domain));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    active.updated_at = Set(tx.now);
    let account = active.update(tx.connection()).await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::AccountChanged { account_id: id },
    ));
    tx.commit().await?;
    Ok(account)
}

fn check_domain(domain: Option<&str>, errors: &mut Vec<UserError>) -> Option<String> {
    // A domain is what may stand after the @ of an address.
    crate::mail::EmailAddress::parse(&format!("x@{}", domain?.trim()))
        .map(|address| address.domain().to_owned())
        .map_err(|_| {
            let message = "Give a domain such as example.com.";
            errors.push(UserError::new(&["domain"], UserErrorCode::Invalid, message));
        })
        .ok()
}

async fn refuse_taken(
    tx: &Tx<'_>,
    column: account::Column,
    value: &str,
    field: &str,
    except: Option<AccountId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut holders = account::Entity::of(tx.workspace).filter(column.eq(value));
    if let Some(id) = except {
        holders = holders.filter(account::Column::Id.ne(id));
    }
    if holders.count(tx.connection()).await? > 0 {
        let message = "Another account already has this.";
        errors.push(UserError::new(&[field], UserErrorCode::Taken, message));
    }
    Ok(())
}

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

/// A page of the workspace's accounts by name, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Page<(String, account::Model)>> {
    let keyset = Keyset {
        order: "name",
        key: Some("a.name_key"),
        id: "a.id",
        descending: false,
    };
    let mut query =
        Query::new("SELECT a.* FROM account a WHERE a.workspace_id = $1").bind(workspace);
    keyset.apply(&mut query, page)?;
    let rows: Vec<account::Model> = query.all(ctx.reader()).await?;
    Ok(keyset.page(rows, page).map(|account| {
        (
            keyset.cursor(Key::Text(account.name_key.clone()), account.id.uuid()),
            account,
        )
    }))
}
