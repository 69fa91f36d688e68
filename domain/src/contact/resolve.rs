//! Finding the contacts behind addresses, and making those that are not known yet.

use std::collections::{BTreeMap, HashMap, HashSet};

use entity::{
    id::{AccountId, ContactId},
    kind::IdentityKind,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};

use super::suppress;
use crate::{
    access::Origin,
    audit::Record,
    ctx::Ctx,
    error::Result,
    mail::EmailAddress,
    search,
    store::{Query, Rows, Tx},
    text::{self, name_key},
    work::change::{Change, Fact},
};

#[derive(FromQueryResult)]
struct Known {
    value: String,
    contact_id: ContactId,
}

/// A person to be made, with the address they are known by.
pub(super) struct NewPerson {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) account_id: Option<AccountId>,
}

/// Like [`resolve_emails`], but makes nobody anew who was erased. For what programs tell about people.
pub(crate) async fn resolve_unless_erased(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    people: &[(EmailAddress, Option<String>)],
) -> Result<HashMap<EmailAddress, ContactId>> {
    resolve_emails(ctx, tx, origin, people, |_| false).await
}

/// The contact of every address, made where there was none. Two callers at once get the same
/// contact: the identity's key decides, and the loser's row is taken back. The number of statements
/// does not depend on the number of people.
///
/// Who was erased is made anew only if `is_back` says that they came by themselves; the addresses of
/// the others are missing in the answer.
pub(crate) async fn resolve_emails(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    people: &[(EmailAddress, Option<String>)],
    is_back: impl Fn(&EmailAddress) -> bool,
) -> Result<HashMap<EmailAddress, ContactId>> {
    let mut names: BTreeMap<&EmailAddress, Option<&str>> = BTreeMap::new();
    for (address, name) in people {
        let known = names.entry(address).or_default();
        *known = known.or(name.as_deref());
    }
    let mut found = look_up(tx, names.keys().copied()).await?;
    let mut missing: Vec<_> = names
        .into_iter()
        .filter(|(address, _)| !found.contains_key(address.as_str()))
        .collect();
    // After the look-up: it has waited for whoever is being erased meanwhile.
    let told_of = missing.iter().map(|(address, _)| *address);
    let erased = erased_among(tx, told_of.filter(|address| !is_back(address))).await?;
    missing.retain(|(address, _)| !erased.contains(address.as_str()));
    if !missing.is_empty() {
        let accounts = accounts_by_domain(tx, missing.iter().map(|(a, _)| a.domain())).await?;
        let made: Vec<NewPerson> = missing
            .into_iter()
            .map(|(address, name)| NewPerson {
                id: ctx.id(),
                name: display_name(name, address),
                email: Some(address.to_string()),
                external_id: None,
                locale: None,
                account_id: accounts.get(address.domain()).copied(),
            })
            .collect();
        insert(tx, &made).await?;
        let mine = claim_identities(tx, &made).await?;
        let lost: Vec<&NewPerson> = made
            .iter()
            .filter(|person| !mine.contains_key(&person.id))
            .collect();
        if !lost.is_empty() {
            take_back(tx, &lost).await?;
            found.extend(look_up_texts(tx, lost.iter().filter_map(|p| p.email.clone())).await?);
        }
        for person in made.iter().filter(|person| mine.contains_key(&person.id)) {
            let fact = Fact::ContactCreated {
                contact_id: person.id,
            };
            tx.record(Change::new(origin, Some(person.id), fact));
            found.insert(person.email.clone().unwrap_or_default(), person.id);
        }
        if !mine.is_empty() {
            // Only ids: an entry about many people can be no one person's to erase.
            let ids: Vec<ContactId> = mine.keys().copied().collect();
            let after = serde_json::json!({ "count": ids.len(), "contacts": ids });
            let record = Record::made("contact.create_many", tx.workspace, after);
            tx.audit(origin, record);
        }
        complete(tx, mine.keys().copied()).await?;
        let known = mine.keys().map(|id| (id.0, tx.now));
        search::index::touch_new(tx, search::Kind::Contact, known).await?;
    }
    Ok(people
        .iter()
        .filter_map(|(address, _)| Some((address.clone(), *found.get(address.as_str())?)))
        .collect())
}

async fn erased_among(
    tx: &Tx<'_>,
    addresses: impl Iterator<Item = &EmailAddress>,
) -> Result<HashSet<String>> {
    let addresses = addresses.map(EmailAddress::as_str);
    let erased = suppress::are_suppressed(tx, IdentityKind::Email, addresses).await?;
    Ok(erased.into_iter().map(str::to_owned).collect())
}

fn display_name(name: Option<&str>, address: &EmailAddress) -> String {
    let name = name.map(|name| text::printable(&text::visible(name)));
    let name = name.unwrap_or_default();
    let name = name.trim();
    if name.is_empty() {
        address.local().to_owned()
    } else {
        name.chars().take(200).collect()
    }
}

async fn look_up(
    tx: &Tx<'_>,
    addresses: impl Iterator<Item = &EmailAddress>,
) -> Result<HashMap<String, ContactId>> {
    look_up_texts(tx, addresses.map(ToString::to_string)).await
}

async fn look_up_texts(
    tx: &Tx<'_>,
    addresses: impl Iterator<Item = String>,
) -> Result<HashMap<String, ContactId>> {
    // Against a merge that gives these identities to another contact: either it waits until what is
    // about to be written is there to be moved, or the survivor is found here. In the order in which
    // merging takes them.
    let lock = match tx.connection().get_database_backend() {
        DatabaseBackend::Postgres => "ORDER BY i.value FOR KEY SHARE OF i",
        _ => "",
    };
    let known: Vec<Known> = Query::new(format!(
        "SELECT i.value, i.contact_id FROM {{r}}
         JOIN contact_identity i
           ON i.workspace_id = $1 AND i.kind = 'EMAIL' AND i.value = r.value {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("value", addresses))
    .all(tx.connection())
    .await?;
    Ok(known
        .into_iter()
        .map(|known| (known.value, known.contact_id))
        .collect())
}

async fn accounts_by_domain<'a>(
    tx: &Tx<'_>,
    domains: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, AccountId>> {
    #[derive(FromQueryResult)]
    struct Found {
        domain: String,
        id: AccountId,
    }
    let found: Vec<Found> = Query::new(
        "SELECT DISTINCT a.domain, a.id FROM {r}
         JOIN account a ON a.workspace_id = $1 AND a.domain = r.domain",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("domain", domains))
    .all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|found| (found.domain, found.id))
        .collect())
}

/// Inserts the contacts' own rows.
pub(super) async fn insert(tx: &Tx<'_>, people: &[NewPerson]) -> Result<()> {
    let rows = Rows::new()
        .ids("id", people.iter().map(|person| person.id))
        .opt_ids("account_id", people.iter().map(|person| person.account_id))
        .texts("name", people.iter().map(|person| person.name.as_str()))
        .texts(
            "name_key",
            people.iter().map(|person| name_key(&person.name)),
        )
        .opt_texts("email", people.iter().map(|person| person.email.clone()))
        .opt_texts(
            "external_id",
            people.iter().map(|person| person.external_id.clone()),
        )
        .opt_texts("locale", people.iter().map(|person| person.locale.clone()));
    Query::new(
        "INSERT INTO contact (workspace_id, id, account_id, name, name_key, email, external_id,
                              locale, created_at, updated_at)
         SELECT $1, r.id, r.account_id, r.name, r.name_key, r.email, r.external_id, r.locale,
                $2, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes the activity and health rows every contact has.
pub(super) async fn complete(
    tx: &Tx<'_>,
    ids: impl Iterator<Item = ContactId> + Clone,
) -> Result<()> {
    Query::new(
        "INSERT INTO contact_activity (workspace_id, contact_id, last_activity_at)
         SELECT $1, r.id, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().ids("id", ids.clone()))
    .execute(tx.connection())
    .await?;
    Query::new(
        "INSERT INTO contact_health (workspace_id, contact_id, model_version, score, rank, band,
                                     band_streak, coverage, inputs, as_of)
         SELECT $1, r.id, 0, NULL, -1, 'UNKNOWN', 0, 0, $3, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(serde_json::json!({}))
    .rows("r", Rows::new().ids("id", ids))
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn claim_identities(tx: &Tx<'_>, people: &[NewPerson]) -> Result<HashMap<ContactId, String>> {
    let rows = Rows::new()
        .opt_texts("value", people.iter().map(|person| person.email.clone()))
        .ids("contact_id", people.iter().map(|person| person.id));
    let mine: Vec<Known> = Query::new(
        "INSERT INTO contact_identity (workspace_id, kind, value, contact_id, created_at)
         SELECT $1, 'EMAIL', r.value, r.contact_id, $2 FROM {r} WHERE true
         ON CONFLICT DO NOTHING RETURNING value, contact_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    Ok(mine
        .into_iter()
        .map(|known| (known.contact_id, known.value))
        .collect())
}

async fn take_back(tx: &Tx<'_>, people: &[&NewPerson]) -> Result<()> {
    Query::new("DELETE FROM contact WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})")
        .bind(tx.workspace)
        .rows(
            "r",
            Rows::new().ids("id", people.iter().map(|person| person.id)),
        )
        .execute(tx.connection())
        .await?;
    Ok(())
}
