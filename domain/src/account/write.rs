//! Making and changing one account.

use entity::{
    Scoped as _, account,
    id::{AccountId, MemberId},
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _,
};

use super::{domain_key, new_row};
use crate::{
    access::{Actor, Scope},
    attribute::{self, Setting, write},
    audit::Record,
    contact::home,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode, keep},
    search,
    stage::{self, NewStage},
    store::{Tx, hold_by_id},
    subject::Subject,
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
    /// Everything else.
    pub details: DetailChanges,
}

/// What may be changed about an account; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The company's email domain; `Some(None)` takes it away.
    pub domain: Option<Option<String>>,
    /// The id another system gave; `Some(None)` takes it away.
    pub external_id: Option<Option<String>>,
    /// Everything else.
    pub details: DetailChanges,
}

/// What is known of an account beyond its name. What is left out stays; `Some(None)` takes away.
#[derive(Debug, Clone, Default)]
pub struct DetailChanges {
    /// The company's web site.
    pub website: Option<Option<String>>,
    /// The company's phone number.
    pub phone: Option<Option<String>>,
    /// What the company is and does.
    pub description: Option<Option<String>>,
    /// The member who looks after the account.
    pub owner: Option<Option<MemberId>>,
    /// The lifecycle stage, and why it changes.
    pub stage: Option<NewStage>,
    /// Values of custom attributes.
    pub attributes: Vec<Setting>,
}

/// Makes an account.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewAccount) -> Result<account::Model> {
    actor.require(Scope::Write)?;
    let mut errors = Vec::new();
    let name = keep(text::name(&new.name, &["name"], 200), &mut errors);
    let domain = check_domain(new.domain.as_deref(), &mut errors);
    let external_id = new
        .external_id
        .and_then(|id| keep(text::id(&id, &["externalId"]), &mut errors));
    let mut tx = ctx.begin(actor.workspace).await?;
    for (column, value, field) in [
        (account::Column::Domain, &domain, "domain"),
        (account::Column::ExternalId, &external_id, "externalId"),
    ] {
        if let Some(value) = value {
            refuse_taken(&tx, column, value, field, None, &mut errors).await?;
        }
    }
    let id: AccountId = tx.id();
    let details = Details::check(&tx, id, new.details, &mut errors).await?;
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let mut account = account::Model {
        domain,
        external_id,
        ..new_row(tx.workspace, id, name, tx.now)
    };
    let fact = Fact::AccountCreated { account_id: id };
    tx.record(Change::new(actor.origin(), None, fact));
    let attributes = details.put(&mut tx, actor, &mut account).await?;
    account::Entity::insert(account.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    search::index::touch(&tx, search::Kind::Account, &[id.0]).await?;
    write::put(&mut tx, actor.origin(), id.into(), None, attributes).await?;
    tx.audit(actor, Record::made("account.create", id, audited(&account)));
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
    let mut account = held(&tx, id).await?;
    let before = audited(&account);
    let mut errors = Vec::new();
    if let Some(name) = changes.name
        && let Some(name) = keep(text::name(&name, &["name"], 200), &mut errors)
    {
        account.name_key = text::name_key(&name);
        account.name = name;
    }
    if changes.domain == Some(None) {
        account.domain = None;
    }
    if let Some(domain) = check_domain(changes.domain.flatten().as_deref(), &mut errors) {
        let column = account::Column::Domain;
        refuse_taken(&tx, column, &domain, "domain", Some(id), &mut errors).await?;
        account.domain = Some(domain);
    }
    if changes.external_id == Some(None) {
        account.external_id = None;
    }
    if let Some(external_id) = changes.external_id.flatten()
        && let Some(external_id) = keep(text::id(&external_id, &["externalId"]), &mut errors)
    {
        let (column, field) = (account::Column::ExternalId, "externalId");
        refuse_taken(&tx, column, &external_id, field, Some(id), &mut errors).await?;
        account.external_id = Some(external_id);
    }
    let details = Details::check(&tx, id, changes.details, &mut errors).await?;
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let attributes = details.put(&mut tx, actor, &mut account).await?;
    account.updated_at = tx.now;
    // Every column is written: what did not change has the value just read.
    let active = account.into_active_model().reset_all();
    let account = active.update(tx.connection()).await?;
    search::index::touch(&tx, search::Kind::Account, &[id.0]).await?;
    write::put(&mut tx, actor.origin(), id.into(), None, attributes).await?;
    let record = Record::changed("account.update", id, before, audited(&account));
    tx.audit(actor, record);
    let fact = Fact::AccountChanged { account_id: id };
    tx.record(Change::new(actor.origin(), None, fact));
    tx.commit().await?;
    Ok(account)
}

/// The account's row, held until the transaction ends: every column of it is written, and what
/// somebody else changed meanwhile would be undone. Refuses one that was merged into another or deleted.
pub(super) async fn held(tx: &Tx<'_>, id: AccountId) -> Result<account::Model> {
    let found: Option<account::Model> = hold_by_id(tx, id).await?;
    match found.filter(|one| one.merged_into_id.is_none() && one.deleted_at.is_none()) {
        Some(account) => Ok(account),
        None => Err(super::absent(tx.connection(), tx.workspace, id, &["id"]).await),
    }
}

/// What the audit log says of an account.
pub(super) fn audited(account: &account::Model) -> serde_json::Value {
    serde_json::json!({
        "name": account.name, "domain": account.domain, "externalId": account.external_id,
        "owner": account.owner_id, "stage": account.stage, "website": account.website,
        "phone": account.phone, "description": account.description,
    })
}

/// [`DetailChanges`] that fit.
struct Details {
    changes: DetailChanges,
    attributes: Vec<write::Checked>,
}

impl Details {
    async fn check(
        tx: &Tx<'_>,
        id: AccountId,
        mut changes: DetailChanges,
        errors: &mut Vec<UserError>,
    ) -> Result<Self> {
        if let Some(Some(website)) = &mut changes.website {
            let clean = attribute::value::web_address(website, &["website"]);
            *website = keep(clean, errors).unwrap_or_default();
        }
        if let Some(Some(phone)) = &mut changes.phone {
            let clean = crate::phone::parse(phone, home(tx).await?, &["phone"]);
            *phone = keep(clean, errors).unwrap_or_default();
        }
        if let Some(Some(description)) = &mut changes.description {
            let clean = text::long_text(description, &["description"], 2_000);
            *description = keep(clean, errors).unwrap_or_default();
        }
        if let Some(new) = &mut changes.stage {
            let clean = text::short_text(&new.reason, &["stageReason"], 255);
            new.reason = keep(clean, errors).unwrap_or_default();
        }
        stage::check_member(tx, changes.owner.flatten(), "ownerId", errors).await?;
        let settings = std::mem::take(&mut changes.attributes);
        let attributes = write::check(tx, id.into(), settings, "attributes", errors).await?;
        Ok(Self {
            changes,
            attributes,
        })
    }

    /// Puts the changes into `account` and notes them; what is left to write are the attributes.
    async fn put(
        self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        account: &mut account::Model,
    ) -> Result<Vec<write::Checked>> {
        let (origin, subject) = (actor.origin(), Subject::from(account.id));
        let changes = self.changes;
        if let Some(website) = changes.website {
            account.website = website;
        }
        if let Some(phone) = changes.phone {
            account.phone = phone;
        }
        if let Some(description) = changes.description {
            account.description = description;
        }
        if let Some(owner) = changes.owner {
            stage::set_owner(tx, origin, subject, account.owner_id, owner).await?;
            account.owner_id = owner;
        }
        if let Some(new) = changes.stage {
            stage::set(tx, origin, subject, account.stage, &new).await?;
            account.stage_rank = stage::rank(new.stage);
            account.stage = new.stage;
        }
        Ok(self.attributes)
    }
}

fn check_domain(domain: Option<&str>, errors: &mut Vec<UserError>) -> Option<String> {
    let key = domain_key(domain?);
    if key.is_none() {
        let message = "Give a domain such as example.com.";
        errors.push(UserError::new(&["domain"], UserErrorCode::Invalid, message));
    }
    key
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
    if let Some(holder) = holders.one(tx.connection()).await? {
        let message = match holder.merged_into_id {
            None => "Another account already has this.",
            Some(_) => {
                "An account that was merged has this, and whatever names it is led to the one that \
                        stayed."
            }
        };
        errors.push(UserError::new(&[field], UserErrorCode::Taken, message));
    }
    Ok(())
}
