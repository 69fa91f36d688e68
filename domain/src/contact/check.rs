//! Whether what a contact is given exists, fits and is free.

use entity::{
    campaign, contact_identity,
    id::{AccountId, CampaignId, ContactId},
    kind::IdentityKind,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use crate::{
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    mail::EmailAddress,
    store::{Query, Tx},
    text,
};

pub(super) fn email(email: Option<&str>, errors: &mut Vec<UserError>) -> Option<EmailAddress> {
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

pub(super) fn short(
    value: Option<&str>,
    field: &str,
    errors: &mut Vec<UserError>,
) -> Option<String> {
    text::name(value?, &[field], 200)
        .map_err(|error| errors.push(error))
        .ok()
}

pub(super) async fn account(
    tx: &Tx<'_>,
    account: Option<AccountId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let Some(id) = account else { return Ok(()) };
    if !crate::account::keep(tx, id).await? {
        match crate::account::absent(tx.connection(), tx.workspace, id, &["accountId"]).await {
            Error::Refused(refusals) => errors.extend(refusals),
            error => return Err(error),
        }
    }
    Ok(())
}

pub(super) async fn campaign(
    tx: &Tx<'_>,
    campaign: Option<CampaignId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let Some(id) = campaign else { return Ok(()) };
    let found = campaign::Entity::find_by_id((tx.workspace, id))
        .count(tx.connection())
        .await?;
    if found == 0 {
        let message = "There is no such campaign.";
        let path = ["sourceCampaignId"];
        errors.push(UserError::new(&path, UserErrorCode::NotFound, message));
    }
    Ok(())
}

/// The language of the workspace, for reading numbers without a country code.
pub(crate) async fn home(tx: &Tx<'_>) -> Result<Locale> {
    let word: Option<String> = Query::new("SELECT locale FROM workspace WHERE id = $1")
        .bind(tx.workspace)
        .scalar(tx.connection())
        .await?;
    Ok(serde_json::from_value(serde_json::json!(word)).unwrap_or_default())
}

pub(super) fn taken(field: &str) -> UserError {
    let message = "Another contact already has this. Merge them or choose another value.";
    UserError::new(&[field], UserErrorCode::Taken, message)
}

/// Whether somebody other than `contact` has the identity.
pub(super) async fn is_taken(
    tx: &Tx<'_>,
    kind: IdentityKind,
    value: &str,
    contact: ContactId,
) -> Result<bool> {
    let holder = contact_identity::Entity::find_by_id((tx.workspace, kind, value.to_owned()))
        .one(tx.connection())
        .await?;
    Ok(holder.is_some_and(|identity| identity.contact_id != contact))
}

/// Takes the identity, or refuses when somebody else took it since it was checked; says whether the
/// contact did not have it before.
pub(super) async fn claim(
    tx: &Tx<'_>,
    contact: ContactId,
    kind: IdentityKind,
    value: String,
    field: &str,
) -> Result<bool> {
    let taken = Query::new(
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
    if taken > 0 {
        return Ok(true);
    }
    let holder = contact_identity::Entity::find_by_id((tx.workspace, kind, value))
        .filter(contact_identity::Column::ContactId.eq(contact))
        .count(tx.connection())
        .await?;
    if holder == 0 {
        Err(Error::Refused(vec![self::taken(field)]))
    } else {
        Ok(false)
    }
}
