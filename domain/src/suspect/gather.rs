//! Reads what contacts and accounts are compared by.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    id::{AccountId, ContactId, Id as _},
    kind::IdentityKind,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    company::Company,
    key::{Key, Person},
};
use crate::{
    error::Result,
    merge::Things,
    store::{Query, Rows, Tx},
};

/// The keys of things, each with the thing.
pub(super) type Keys = BTreeSet<(Uuid, Key)>;

/// The keys of those among `ids` who are there to be compared.
pub(super) async fn gather(tx: &Tx<'_>, things: Things, ids: &BTreeSet<Uuid>) -> Result<Keys> {
    match things {
        Things::Contacts => people(tx, ids).await,
        Things::Accounts => companies(tx, ids).await,
    }
}

fn given(ids: &BTreeSet<Uuid>) -> Rows {
    Rows::new().uuids("id", ids.iter().copied())
}

#[derive(FromQueryResult)]
struct PersonRow {
    id: ContactId,
    account_id: Option<AccountId>,
    name: String,
    kana: Option<String>,
}

#[derive(FromQueryResult)]
struct IdentityRow {
    contact_id: ContactId,
    kind: IdentityKind,
    value: String,
}

/// How somebody is recognised, as far as it is compared.
#[derive(Default)]
struct Known {
    emails: Vec<String>,
    phones: Vec<String>,
    is_named: bool,
    has_cookie: bool,
}

impl Known {
    fn take(&mut self, identity: IdentityRow) {
        self.has_cookie |= identity.kind == IdentityKind::AnonymousId;
        self.is_named |= identity.kind != IdentityKind::AnonymousId;
        match identity.kind {
            IdentityKind::Email => self.emails.push(identity.value),
            IdentityKind::Phone => self.phones.push(identity.value),
            _ => {}
        }
    }

    /// Nothing but cookies is known of a visitor.
    fn is_visitor(&self) -> bool {
        self.has_cookie && !self.is_named
    }
}

async fn people(tx: &Tx<'_>, ids: &BTreeSet<Uuid>) -> Result<Keys> {
    let rows: Vec<PersonRow> = Query::new(
        "SELECT c.id, c.account_id, c.name, c.kana FROM {r}
         JOIN contact c ON c.workspace_id = $1 AND c.id = r.id WHERE c.merged_into_id IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", given(ids))
    .all(tx.connection())
    .await?;
    let identities: Vec<IdentityRow> = Query::new(
        "SELECT i.contact_id, i.kind, i.value FROM {r}
         JOIN contact_identity i ON i.workspace_id = $1 AND i.contact_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", given(ids))
    .all(tx.connection())
    .await?;
    let mut known: BTreeMap<ContactId, Known> = BTreeMap::new();
    for identity in identities {
        known.entry(identity.contact_id).or_default().take(identity);
    }
    let mut keys = Keys::new();
    for row in rows {
        let known = known.remove(&row.id).unwrap_or_default();
        if known.is_visitor() {
            continue;
        }
        let id = row.id.uuid();
        let person = Person {
            name: row.name,
            kana: row.kana,
            account: row.account_id.map(|account| account.to_string()),
            emails: known.emails,
            phones: known.phones,
        };
        keys.extend(person.keys().into_iter().map(|key| (id, key)));
    }
    Ok(keys)
}

#[derive(FromQueryResult)]
struct CompanyRow {
    id: AccountId,
    name: String,
    domain: Option<String>,
    website: Option<String>,
}

async fn companies(tx: &Tx<'_>, ids: &BTreeSet<Uuid>) -> Result<Keys> {
    let rows: Vec<CompanyRow> = Query::new(
        "SELECT a.id, a.name, a.domain, a.website FROM {r}
         JOIN account a ON a.workspace_id = $1 AND a.id = r.id
         WHERE a.merged_into_id IS NULL AND a.archived_at IS NULL AND a.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", given(ids))
    .all(tx.connection())
    .await?;
    let mut keys = Keys::new();
    for row in rows {
        let id = row.id.uuid();
        let company = Company {
            name: row.name,
            domain: row.domain,
            website: row.website,
        };
        keys.extend(company.keys().into_iter().map(|key| (id, key)));
    }
    Ok(keys)
}
