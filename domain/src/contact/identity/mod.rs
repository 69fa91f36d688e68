//! The ways a contact is recognised: how they are written, attached and detached; `identify` is what follows
//! when somebody says who they are.

mod identify;

pub(super) use identify::settle_at_last;
pub use identify::{Identified, Identify, identify};

use entity::{
    id::{ContactId, WorkspaceId},
    kind::IdentityKind,
};

use super::{Contact, check, find, find_by_identity, handle, hold, suppress, whose::home_if};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    mail::EmailAddress,
    search,
    store::{Query, Tx},
    text,
    work::change::{Change, Fact},
};

/// An identity as somebody writes it.
#[derive(Debug, Clone)]
pub struct Given {
    /// Which kind.
    pub kind: IdentityKind,
    /// The value.
    pub value: String,
}

/// The value in the one form in which it is compared.
pub(super) fn normal(
    kind: IdentityKind,
    value: &str,
    home: Locale,
    path: &[&str],
) -> Result<String, UserError> {
    let refuse = |message: String| UserError::new(path, UserErrorCode::Invalid, message);
    match kind {
        IdentityKind::Email => EmailAddress::parse(value)
            .map(|email| email.to_string())
            .map_err(|error| refuse(error.to_string())),
        IdentityKind::Phone => crate::phone::parse(value, home, path),
        IdentityKind::Handle => handle::normal(&text::name(value, path, 200)?).ok_or_else(|| {
            refuse("Write the network before a colon, such as x:enishi.".to_owned())
        }),
        IdentityKind::ExternalId | IdentityKind::AnonymousId => text::id(value, path),
    }
}

/// An identity's value in the spelling under which somebody has it.
async fn as_kept(tx: &Tx<'_>, kind: IdentityKind, value: String) -> Result<String> {
    let mut key = [(kind, value)];
    handle::as_kept(tx, &mut key).await?;
    let [(_, value)] = key;
    Ok(value)
}

/// The contact recognised by an identity as somebody writes it; nobody when it cannot be read.
pub async fn find_holder(
    ctx: &Ctx,
    workspace: WorkspaceId,
    given: &Given,
) -> Result<Option<Contact>> {
    let kind = given.kind;
    let home = home_if(ctx, workspace, kind == IdentityKind::Phone).await?;
    let Ok(value) = normal(kind, &given.value, home, &["value"]) else {
        return Ok(None);
    };
    let found = find_by_identity(ctx, workspace, kind, &value).await?;
    match handle::former(kind, &value) {
        Some(former) if found.is_none() => find_by_identity(ctx, workspace, kind, &former).await,
        _ => Ok(found),
    }
}

/// Gives a contact another identity; refuses one that somebody else has.
pub async fn attach(ctx: &Ctx, actor: &Actor, id: ContactId, given: &Given) -> Result<Contact> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold::row(&tx, id, "contactId").await?;
    let home = check::home(&tx).await?;
    let value = normal(given.kind, &given.value, home, &["value"])
        .map_err(|error| Error::Refused(vec![error]))?;
    let value = as_kept(&tx, given.kind, value).await?;
    suppress::refuse(&tx, given.kind, &value, &["value"]).await?;
    check::claim(&tx, id, given.kind, value.clone(), "value").await?;
    note(&mut tx, actor, id, given.kind, value).await?;
    search::index::touch(&tx, search::Kind::Contact, &[id.0]).await?;
    tx.commit().await?;
    again(ctx, actor, id).await
}

async fn again(ctx: &Ctx, actor: &Actor, id: ContactId) -> Result<Contact> {
    find(ctx, actor.workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["contactId"], "contact"))
}

/// Takes note of an identity the contact was given, and fills their own field if that is empty.
async fn note(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ContactId,
    kind: IdentityKind,
    value: String,
) -> Result<()> {
    let said = serde_json::json!({ "kind": kind, "value": value });
    if let Some(column) = own_column(kind) {
        Query::new(format!(
            "UPDATE contact SET {column} = COALESCE({column}, $3), updated_at = $4
             WHERE workspace_id = $1 AND id = $2"
        ))
        .bind(tx.workspace)
        .bind(id)
        .bind(value)
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
    }
    let fact = Fact::IdentityAttached {
        contact_id: id,
        identity: kind,
    };
    tx.record(Change::new(actor.origin(), Some(id), fact));
    tx.audit(
        actor,
        Record::made("contact.attach_identity", id, said).of(id),
    );
    Ok(())
}

/// The contact's own column that shows an identity of this kind.
fn own_column(kind: IdentityKind) -> Option<&'static str> {
    match kind {
        IdentityKind::Email => Some("email"),
        IdentityKind::Phone => Some("phone"),
        IdentityKind::ExternalId => Some("external_id"),
        IdentityKind::Handle | IdentityKind::AnonymousId => None,
    }
}

/// Takes an identity away from a contact: nothing that comes with it is theirs any more.
pub async fn detach(ctx: &Ctx, actor: &Actor, id: ContactId, given: &Given) -> Result<Contact> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let home = check::home(&tx).await?;
    let value = match normal(given.kind, &given.value, home, &["value"]) {
        Ok(value) => Ok(as_kept(&tx, given.kind, value).await?),
        Err(error) => Err(error),
    };
    if let Ok(value) = &value {
        hold::identity(&tx, given.kind, value).await?;
    }
    hold::row(&tx, id, "contactId").await?;
    let value = value.map_err(|error| Error::Refused(vec![error]))?;
    let gone = Query::new(
        "DELETE FROM contact_identity
         WHERE workspace_id = $1 AND kind = $2 AND value = $3 AND contact_id = $4",
    )
    .bind(tx.workspace)
    .bind(given.kind.word())
    .bind(value.clone())
    .bind(id)
    .execute(tx.connection())
    .await?;
    if gone == 0 {
        return Err(Error::not_found(&["value"], "identity of this contact"));
    }
    let said = serde_json::json!({ "kind": given.kind, "value": value });
    let record = Record::ended("contact.detach_identity", id, said);
    tx.audit(actor, record.of(id));
    if let Some(column) = own_column(given.kind) {
        // The next one of the kind is shown, if there is one.
        Query::new(format!(
            "UPDATE contact SET updated_at = $5, {column} = (
               SELECT MIN(i.value) FROM contact_identity i
               WHERE i.workspace_id = $1 AND i.contact_id = $2 AND i.kind = $3)
             WHERE workspace_id = $1 AND id = $2 AND {column} = $4"
        ))
        .bind(tx.workspace)
        .bind(id)
        .bind(given.kind.word())
        .bind(value)
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
    }
    let fact = Fact::IdentityDetached {
        contact_id: id,
        identity: given.kind,
    };
    tx.record(Change::new(actor.origin(), Some(id), fact));
    search::index::touch(&tx, search::Kind::Contact, &[id.0]).await?;
    tx.commit().await?;
    again(ctx, actor, id).await
}
