//! Making and changing one contact by hand.

use entity::{
    contact, contact_identity,
    id::{AccountId, ContactId},
    kind::IdentityKind,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Set,
};

use super::{
    Contact, find,
    resolve::{NewPerson, complete, insert},
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    mail::EmailAddress,
    store::Tx,
    text,
    work::change::{Change, Fact},
};

/// A contact about to be made.
#[derive(Debug, Clone, Default)]
pub struct NewContact {
    /// The name shown.
    pub name: String,
    /// The main email address.
    pub email: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
    /// The contact's language, as a BCP 47 tag.
    pub locale: Option<String>,
    /// The company.
    pub account: Option<AccountId>,
}

/// Makes a contact; refuses an identity that somebody else has.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewContact) -> Result<Contact> {
    actor.require(Scope::Write)?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], 200)
        .map_err(|error| errors.push(error))
        .ok();
    let email = check_email(new.email.as_deref(), &mut errors);
    let external_id = check_short(new.external_id.as_deref(), "externalId", &mut errors);
    let locale = check_short(new.locale.as_deref(), "locale", &mut errors);
    let mut tx = ctx.begin(actor.workspace).await?;
    check_account(&tx, new.account, &mut errors).await?;
    let identities: Vec<_> = [
        email
            .as_ref()
            .map(|email| (IdentityKind::Email, email.to_string(), "email")),
        external_id
            .clone()
            .map(|id| (IdentityKind::ExternalId, id, "externalId")),
    ]
    .into_iter()
    .flatten()
    .collect();
    for (kind, value, field) in &identities {
        if is_taken(&tx, *kind, value, None).await? {
            errors.push(taken(field));
        }
    }
    let (Some(name), true) = (name, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let id: ContactId = tx.id();
    let person = NewPerson {
        id,
        name,
        email: email.map(|email| email.to_string()),
        external_id,
        locale,
        account_id: new.account,
    };
    insert(&tx, &[person]).await?;
    complete(&tx, std::iter::once(id)).await?;
    for (kind, value, field) in identities {
        claim(&tx, id, kind, value, field).await?;
    }
    tx.record(Change::new(
        actor.origin(),
        Some(id),
        Fact::ContactCreated { contact_id: id },
    ));
    tx.commit().await?;
    find(ctx, actor.workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "contact"))
}

/// What may be changed about a contact; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct ContactChanges {
    /// The name shown.
    pub name: Option<String>,
    /// The main email address; the former one stays an identity.
    pub email: Option<String>,
    /// The contact's language.
    pub locale: Option<String>,
    /// The company; `Some(None)` takes the contact out of its company.
    pub account: Option<Option<AccountId>>,
}

/// Changes a contact.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: ContactId,
    changes: ContactChanges,
) -> Result<Contact> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let contact = contact::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "contact"))?;
    let mut active = contact.into_active_model();
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
    if let Some(locale) = check_short(changes.locale.as_deref(), "locale", &mut errors) {
        active.locale = Set(Some(locale));
    }
    if let Some(account) = changes.account {
        check_account(&tx, account, &mut errors).await?;
        active.account_id = Set(account);
    }
    let email = check_email(changes.email.as_deref(), &mut errors);
    if let Some(email) = &email {
        if is_taken(&tx, IdentityKind::Email, email.as_str(), Some(id)).await? {
            errors.push(taken("email"));
        }
        active.email = Set(Some(email.to_string()));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if let Some(email) = email {
        claim(&tx, id, IdentityKind::Email, email.to_string(), "email").await?;
    }
    active.updated_at = Set(tx.now);
    active.update(tx.connection()).await?;
    tx.record(Change::new(
        actor.origin(),
        Some(id),
        Fact::ContactChanged { contact_id: id },
    ));
    tx.commit().await?;
    find(ctx, actor.workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "contact"))
}

fn check_email(email: Option<&str>, errors: &mut Vec<UserError>) -> Option<EmailAddress> {
    EmailAddress::parse(email?)
        .map_err(|error| {
            errors.push(UserError::new(
                &["email"],
                UserErrorCode::Invalid,
                error.to_string(),
            ));
        })
        .ok()
}

fn check_short(value: Option<&str>, field: &str, errors: &mut Vec<UserError>) -> Option<String> {
    text::name(value?, &[field], 200)
        .map_err(|error| errors.push(error))
        .ok()
}

async fn check_account(
    tx: &Tx<'_>,
    account: Option<AccountId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let Some(id) = account else { return Ok(()) };
    let found = entity::account::Entity::find_by_id((tx.workspace, id))
        .count(tx.connection())
        .await?;
    if found == 0 {
        let message = "There is no such account.";
        errors.push(UserError::new(
            &["accountId"],
            UserErrorCode::NotFound,
            message,
        ));
    }
    Ok(())
}

fn taken(field: &str) -> UserError {
    let message = "Another contact already has this. Merge them or choose another value.";
    UserError::new(&[field], UserErrorCode::Taken, message)
}

async fn is_taken(
    tx: &Tx<'_>,
    kind: IdentityKind,
    value: &str,
    except: Option<ContactId>,
) -> Result<bool> {
    let holder = contact_identity::Entity::find_by_id((tx.workspace, kind, value.to_owned()))
        .one(tx.connection())
        .await?;
    Ok(holder.is_some_and(|identity| Some(identity.contact_id) != except))
}

/// Takes the identity, or refuses when somebody else took it since it was checked.
async fn claim(
    tx: &Tx<'_>,
    contact: ContactId,
    kind: IdentityKind,
    value: String,
    field: &str,
) -> Result<()> {
    crate::store::Query::new(
        "INSERT INTO contact_identity (workspace_id, kind, value, contact_id, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(value.clone())
    .bind(contact)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let holder = contact_identity::Entity::find_by_id((tx.workspace, kind, value))
        .filter(contact_identity::Column::ContactId.eq(contact))
        .count(tx.connection())
        .await?;
    if holder == 0 {
        Err(Error::Refused(vec![taken(field)]))
    } else {
        Ok(())
    }
}
