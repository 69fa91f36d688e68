//! Whose a fact is: finds the contacts and accounts that a call names, all of them in a number of
//! statements that does not depend on how many there are.
//!
//! A contact named by an address nobody has is made, as for messages. Anything else that is named
//! must be there: an id alone says nothing about the person or the company behind it.

use std::collections::{HashMap, HashSet};

use entity::{
    id::{AccountId, ContactId, Id},
    kind::IdentityKind,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use crate::{
    access::Origin,
    contact,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    mail::EmailAddress,
    store::{Query, Rows, Tx},
};

/// A way to name a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactRef {
    /// By our id.
    Id(ContactId),
    /// By the id another system gave.
    ExternalId(String),
    /// By email address; the contact is made if it is nobody's.
    Email(String),
}

/// A way to name an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountRef {
    /// By our id.
    Id(AccountId),
    /// By the id another system gave.
    ExternalId(String),
    /// By its email domain.
    Domain(String),
}

/// Whose a fact is, as its source says: at least one of the two is to be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Party {
    /// The person.
    pub contact: Option<ContactRef>,
    /// The company; left out, it is the contact's.
    pub account: Option<AccountRef>,
}

/// Whose a fact is, found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub(super) contact: Option<ContactId>,
    pub(super) account: Option<AccountId>,
}

/// The parties of a call's items, in their order, `None` for those of people who were erased; refuses
/// the call when any is not there. `list` is the name of the items' list in the input.
///
/// What is held is held in the order in which merging holds it: identities before contacts.
pub(super) async fn resolve(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    list: &str,
    parties: &[&Party],
) -> Result<Vec<Option<Found>>> {
    let mut errors = Vec::new();
    let addresses = addresses(list, parties, &mut errors);
    let people: Vec<_> = addresses.values().cloned().map(|one| (one, None)).collect();
    let made = if people.is_empty() {
        HashMap::new()
    } else {
        contact::resolve_unless_erased(ctx, tx, origin, &people).await?
    };
    let known = Known::look_up(tx, parties).await?;
    for (index, party) in parties.iter().enumerate() {
        let index = index.to_string();
        if let Some((field, what)) = known.missing(party) {
            let (noun, message) = match field {
                ["contact", _] => ("contact", "Send its email address, or make it first."),
                _ => ("account", "Make it first."),
            };
            let path = [list, index.as_str(), field[0], field[1]];
            let message = match what {
                Named::ById => format!("There is no such {noun}."),
                Named::Otherwise => format!("There is no such {noun}. {message}"),
            };
            errors.push(UserError::new(&path, UserErrorCode::NotFound, message));
        }
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let found = |party: &&Party| {
        let contact = match &party.contact {
            None => None,
            Some(ContactRef::Email(text)) => Some(*made.get(addresses.get(text)?)?),
            Some(other) => Some(known.contact(other)?),
        };
        let account = party.account.as_ref().and_then(|one| known.account(one));
        Some(Found { contact, account })
    };
    Ok(parties.iter().map(found).collect())
}

/// The addresses that contacts are named by.
fn addresses(
    list: &str,
    parties: &[&Party],
    errors: &mut Vec<UserError>,
) -> HashMap<String, EmailAddress> {
    let mut addresses = HashMap::new();
    for (index, party) in parties.iter().enumerate() {
        let Some(ContactRef::Email(text)) = &party.contact else {
            continue;
        };
        match EmailAddress::parse(text) {
            Ok(address) => {
                addresses.insert(text.clone(), address);
            }
            Err(error) => {
                let index = index.to_string();
                let path = [list, index.as_str(), "contact", "email"];
                errors.push(UserError::new(
                    &path,
                    UserErrorCode::Invalid,
                    error.to_string(),
                ));
            }
        }
    }
    addresses
}

#[derive(Clone, Copy)]
enum Named {
    ById,
    Otherwise,
}

/// What was found of what was named.
#[derive(Default)]
struct Known {
    /// By the ids asked for; of somebody who was merged away, the survivor.
    contacts: HashMap<ContactId, ContactId>,
    contacts_by_external_id: HashMap<String, ContactId>,
    /// External ids of people who were erased.
    erased: HashSet<String>,
    accounts: HashSet<AccountId>,
    accounts_by_external_id: HashMap<String, AccountId>,
    accounts_by_domain: HashMap<String, AccountId>,
}

impl Known {
    async fn look_up(tx: &Tx<'_>, parties: &[&Party]) -> Result<Self> {
        let contacts = || parties.iter().filter_map(|party| party.contact.as_ref());
        let accounts = || parties.iter().filter_map(|party| party.account.as_ref());
        let contact_ids = contacts().filter_map(|one| match one {
            ContactRef::Id(id) => Some(*id),
            _ => None,
        });
        let contact_keys = contacts().filter_map(|one| match one {
            ContactRef::ExternalId(id) => Some(id.trim().to_owned()),
            _ => None,
        });
        let account_ids = accounts().filter_map(|one| match one {
            AccountRef::Id(id) => Some(id.uuid()),
            _ => None,
        });
        let account_keys = accounts().filter_map(|one| match one {
            AccountRef::ExternalId(id) => Some(id.trim().to_owned()),
            _ => None,
        });
        let domains = accounts().filter_map(|one| match one {
            AccountRef::Domain(domain) => Some(domain_key(domain)),
            _ => None,
        });
        let contact_keys: Vec<String> = contact_keys.collect();
        let identities = by_external_identity(tx.connection().get_database_backend());
        let by_external_id = by_text(tx, &identities, contact_keys.iter().cloned()).await?;
        let unknown = contact_keys.iter().map(String::as_str);
        let unknown = unknown.filter(|key| !by_external_id.contains_key(*key));
        let erased = contact::are_suppressed(tx, IdentityKind::ExternalId, unknown).await?;
        Ok(Self {
            erased: erased.into_iter().map(str::to_owned).collect(),
            contacts_by_external_id: by_external_id,
            contacts: contact::living(tx, contact_ids).await?,
            accounts: by_id(tx, "account", account_ids).await?,
            accounts_by_external_id: by_text(tx, ACCOUNT_BY_EXTERNAL_ID, account_keys).await?,
            accounts_by_domain: by_text(tx, ACCOUNT_BY_DOMAIN, domains).await?,
        })
    }

    fn contact(&self, named: &ContactRef) -> Option<ContactId> {
        match named {
            ContactRef::Id(id) => self.contacts.get(id).copied(),
            ContactRef::ExternalId(id) => self.contacts_by_external_id.get(id.trim()).copied(),
            ContactRef::Email(_) => None,
        }
    }

    fn account(&self, named: &AccountRef) -> Option<AccountId> {
        match named {
            AccountRef::Id(id) => self.accounts.get(id).copied(),
            AccountRef::ExternalId(id) => self.accounts_by_external_id.get(id.trim()).copied(),
            AccountRef::Domain(domain) => self.accounts_by_domain.get(&domain_key(domain)).copied(),
        }
    }

    /// The field of `party` that names what is not there.
    fn missing(&self, party: &Party) -> Option<([&'static str; 2], Named)> {
        let contact = party.contact.as_ref().and_then(|named| match named {
            ContactRef::Email(_) => None,
            _ if self.contact(named).is_some() => None,
            ContactRef::Id(_) => Some((["contact", "id"], Named::ById)),
            ContactRef::ExternalId(id) if self.erased.contains(id.trim()) => None,
            ContactRef::ExternalId(_) => Some((["contact", "externalId"], Named::Otherwise)),
        });
        let account = || {
            let named = party.account.as_ref()?;
            match named {
                _ if self.account(named).is_some() => None,
                AccountRef::Id(_) => Some((["account", "id"], Named::ById)),
                AccountRef::ExternalId(_) => Some((["account", "externalId"], Named::Otherwise)),
                AccountRef::Domain(_) => Some((["account", "domain"], Named::Otherwise)),
            }
        };
        contact.or_else(account)
    }
}

/// The form domains are stored in: that of an address's part after the `@`.
fn domain_key(domain: &str) -> String {
    EmailAddress::parse(&format!("x@{}", domain.trim()))
        .map_or_else(|_| String::new(), |one| one.domain().to_owned())
}

/// Held against a merge or an erasure, as addresses are.
fn by_external_identity(backend: DatabaseBackend) -> String {
    let lock = match backend {
        DatabaseBackend::Postgres => "ORDER BY i.value FOR KEY SHARE OF i",
        _ => "",
    };
    format!(
        "SELECT i.value AS name, i.contact_id AS id FROM {{r}}
         JOIN contact_identity i
           ON i.workspace_id = $1 AND i.kind = 'EXTERNAL_ID' AND i.value = r.name {lock}"
    )
}

const ACCOUNT_BY_EXTERNAL_ID: &str = "SELECT a.external_id AS name, a.id FROM {r}
     JOIN account a ON a.workspace_id = $1 AND a.external_id = r.name";
const ACCOUNT_BY_DOMAIN: &str = "SELECT a.domain AS name, a.id FROM {r}
     JOIN account a ON a.workspace_id = $1 AND a.domain = r.name";

#[derive(FromQueryResult)]
struct Row {
    name: String,
    id: Uuid,
}

async fn by_text<I: Id>(
    tx: &Tx<'_>,
    statement: &str,
    names: impl Iterator<Item = String>,
) -> Result<HashMap<String, I>> {
    let names: HashSet<String> = names.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = Query::new(statement)
        .bind(tx.workspace)
        .rows("r", Rows::new().texts("name", names))
        .all(tx.connection())
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.name, I::from(row.id)))
        .collect())
}

async fn by_id<I: Id + std::hash::Hash>(
    tx: &Tx<'_>,
    table: &'static str,
    ids: impl Iterator<Item = Uuid>,
) -> Result<HashSet<I>> {
    let ids: HashSet<Uuid> = ids.collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<Uuid> = Query::new(format!(
        "SELECT x.id FROM {{r}} JOIN {table} x ON x.workspace_id = $1 AND x.id = r.id"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .column(tx.connection())
    .await?;
    Ok(found.into_iter().map(I::from).collect())
}
