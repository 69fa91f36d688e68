//! Whose a fact is: finds the contacts and accounts that a call names, all of them in a number of
//! statements that does not depend on how many there are.
//!
//! A contact named by an address, a number, a handle or a cookie that nobody has is made, as for messages.
//! Anything else that is named must be there: an id alone says nothing about the person or the company
//! behind it.

use std::collections::{HashMap, HashSet};

use entity::{
    id::{AccountId, ContactId, Id},
    kind::IdentityKind,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    access::Origin,
    account,
    contact::{
        self, ContactRef, Mention, Stranger, Whom,
        bulk::{self, Key},
    },
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    locale::Locale,
    merge::{self, Things},
    store::{Query, Rows, Tx},
};

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
pub(super) async fn resolve(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    list: &str,
    parties: &[&Party],
) -> Result<Vec<Option<Found>>> {
    let mut errors = Vec::new();
    let people = read(tx, list, parties, &mut errors).await?;
    let mentions: Vec<Mention> = people
        .iter()
        .flatten()
        .map(|whom| Mention {
            whom: whom.clone(),
            name: None,
            stranger: match whom {
                Whom::Key((IdentityKind::ExternalId, _)) => Stranger::LeftOut,
                _ => Stranger::Made,
            },
        })
        .collect();
    let contacts = contact::resolve(ctx, tx, origin, &mentions).await?;
    let gone = gone(tx, people.iter().flatten(), &contacts).await?;
    let accounts = Accounts::look_up(tx, parties).await?;
    for (index, (party, whom)) in parties.iter().zip(&people).enumerate() {
        let missing = whom.as_ref().and_then(|whom| match whom {
            Whom::Id(_) if !contacts.contains_key(whom) => Some(["contact", "id"]),
            Whom::Key(key) if gone.contains(key) => Some(["contact", "externalId"]),
            _ => None,
        });
        let missing = missing.or_else(|| accounts.missing(party).map(|field| ["account", field]));
        if let Some([noun, field]) = missing {
            let path = [list, &index.to_string(), noun, field];
            let advice = match (noun, field) {
                (_, "id") => "",
                ("contact", _) => " Send its email address, or make it first.",
                _ => " Make it first.",
            };
            let message = format!("There is no such {noun}.{advice}");
            errors.push(UserError::new(&path, UserErrorCode::NotFound, message));
        }
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let found = |(party, whom): (&&Party, &Option<Whom>)| {
        let contact = match whom {
            None => None,
            Some(whom) => Some(*contacts.get(whom)?),
        };
        let account = party.account.as_ref().and_then(|one| accounts.find(one));
        Some(Found { contact, account })
    };
    Ok(parties.iter().zip(&people).map(found).collect())
}

/// Whom the parties name as their contacts; mistakes are noted with their place.
async fn read(
    tx: &Tx<'_>,
    list: &str,
    parties: &[&Party],
    errors: &mut Vec<UserError>,
) -> Result<Vec<Option<Whom>>> {
    let is_number = |party: &&Party| matches!(party.contact, Some(ContactRef::Phone(_)));
    let home = if parties.iter().any(is_number) {
        contact::home(tx).await?
    } else {
        Locale::default()
    };
    let mut people = Vec::with_capacity(parties.len());
    for (index, party) in parties.iter().enumerate() {
        let whom = party.contact.as_ref().and_then(|named| {
            let path = [list, &index.to_string(), "contact", named.field()];
            let read = named.read(home, &path);
            read.map_err(|error| errors.push(error)).ok()
        });
        people.push(whom);
    }
    Ok(people)
}

/// The external ids among `people` that nobody has and that were never those of somebody who was erased.
async fn gone<'w>(
    tx: &Tx<'_>,
    people: impl Iterator<Item = &'w Whom>,
    found: &HashMap<Whom, ContactId>,
) -> Result<HashSet<Key>> {
    let unknown: HashSet<Key> = people
        .filter(|whom| !found.contains_key(*whom))
        .filter_map(|whom| whom.key().cloned())
        .filter(|(kind, _)| *kind == IdentityKind::ExternalId)
        .collect();
    if unknown.is_empty() {
        return Ok(unknown);
    }
    let asked: Vec<Key> = unknown.iter().cloned().collect();
    let erased = bulk::erased(tx, &asked).await?;
    Ok(unknown.difference(&erased).cloned().collect())
}

/// What was found of the accounts that were named; one that was merged stands for the one that stayed.
#[derive(Default)]
struct Accounts {
    by_id: HashMap<AccountId, AccountId>,
    by_external_id: HashMap<String, AccountId>,
    by_domain: HashMap<String, AccountId>,
}

impl Accounts {
    async fn look_up(tx: &Tx<'_>, parties: &[&Party]) -> Result<Self> {
        let named = || parties.iter().filter_map(|party| party.account.as_ref());
        let ids = named().filter_map(|one| match one {
            AccountRef::Id(id) => Some(id.uuid()),
            _ => None,
        });
        let mut asked: Vec<Uuid> = ids.collect();
        let external_ids = named().filter_map(|one| match one {
            AccountRef::ExternalId(id) => Some(id.trim().to_owned()),
            _ => None,
        });
        let domains = named().filter_map(|one| match one {
            AccountRef::Domain(domain) => account::domain_key(domain),
            _ => None,
        });
        let by_external_id = by_text(tx, ACCOUNT_BY_EXTERNAL_ID, external_ids).await?;
        let by_domain = by_text(tx, ACCOUNT_BY_DOMAIN, domains).await?;
        asked.extend(by_external_id.values().chain(by_domain.values()));
        let living = merge::living(tx, Things::Accounts, asked).await?;
        let answering = |found: HashMap<String, Uuid>| -> HashMap<String, AccountId> {
            let found = found.into_iter();
            let means = |(name, id): (String, Uuid)| Some((name, AccountId(*living.get(&id)?)));
            found.filter_map(means).collect()
        };
        Ok(Self {
            by_external_id: answering(by_external_id),
            by_domain: answering(by_domain),
            by_id: living
                .iter()
                .map(|(asked, means)| (AccountId(*asked), AccountId(*means)))
                .collect(),
        })
    }

    fn find(&self, named: &AccountRef) -> Option<AccountId> {
        match named {
            AccountRef::Id(id) => self.by_id.get(id).copied(),
            AccountRef::ExternalId(id) => self.by_external_id.get(id.trim()).copied(),
            AccountRef::Domain(domain) => {
                let key = account::domain_key(domain)?;
                self.by_domain.get(&key).copied()
            }
        }
    }

    /// The field by which `party` names an account that is not there.
    fn missing(&self, party: &Party) -> Option<&'static str> {
        let named = party.account.as_ref()?;
        match named {
            _ if self.find(named).is_some() => None,
            AccountRef::Id(_) => Some("id"),
            AccountRef::ExternalId(_) => Some("externalId"),
            AccountRef::Domain(_) => Some("domain"),
        }
    }
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

async fn by_text(
    tx: &Tx<'_>,
    statement: &str,
    names: impl Iterator<Item = String>,
) -> Result<HashMap<String, Uuid>> {
    let names: HashSet<String> = names.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Row> = Query::new(statement)
        .bind(tx.workspace)
        .rows("r", Rows::new().texts("name", names))
        .all(tx.connection())
        .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.id)).collect())
}
