//! What calls tell of companies, and their accounts: found, made and changed for all calls of a request
//! together. Called by `people`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    account,
    id::{AccountId, AttributeId},
};
use uuid::Uuid;

use super::{
    last_word::{LastWords, NAME, Word, later},
    traits::{Settings, Traits},
};
use crate::{
    access::Actor,
    account::{bulk, new_row},
    attribute::value::Stored,
    error::Result,
    store::Tx,
    text,
};

/// What calls tell of a company, the last word counting.
#[derive(Debug, Default)]
pub(super) struct Company {
    name: Option<Word<String>>,
    domain: Option<Word<String>>,
    website: Option<Word<String>>,
    phone: Option<Word<String>>,
    description: Option<Word<String>>,
    /// Values of attributes; nothing takes a value away.
    settings: BTreeMap<AttributeId, Word<Option<Stored>>>,
}

impl Company {
    /// Takes in what a call of this moment says.
    pub(super) fn hear(&mut self, at: DateTime<Utc>, read: Traits) {
        for (known, said) in [
            (&mut self.name, read.name),
            (&mut self.domain, read.domain),
            (&mut self.website, read.website),
            (&mut self.phone, read.phone),
            (&mut self.description, read.description),
        ] {
            later(known, at, said);
        }
        for (attribute, value) in read.settings {
            let mut known = self.settings.remove(&attribute);
            later(&mut known, at, Some(value));
            self.settings.extend(known.map(|word| (attribute, word)));
        }
    }

    /// The email domain it is told to have.
    fn domain(&self) -> Option<&String> {
        self.domain.as_ref().map(|word| &word.said)
    }

    /// Sets what it says of the account's own fields, as far as it is the last word.
    fn set(&self, account: &mut account::Model, words: &mut LastWords) {
        let id = account.id.0;
        if let Some(name) = &self.name
            && words.hear(id, NAME, name.at)
        {
            account.name_key = text::name_key(&name.said);
            account.name = name.said.clone();
        }
        for (what, field, word) in [
            ("website", &mut account.website, &self.website),
            ("phone", &mut account.phone, &self.phone),
            ("description", &mut account.description, &self.description),
        ] {
            if let Some(word) = word
                && words.hear(id, what, word.at)
            {
                *field = Some(word.said.clone());
            }
        }
    }
}

/// The accounts of companies.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// By the ids of the companies.
    pub(super) ids: HashMap<String, AccountId>,
    /// The values of attributes they are to have.
    pub(super) settings: BTreeMap<AccountId, Settings>,
}

/// The account of each company, found by its id, or by its domain if it has no id yet, or made. Values of
/// attributes are left to the caller.
pub(super) async fn accounts(
    tx: &mut Tx<'_>,
    actor: &Actor,
    companies: &BTreeMap<String, Company>,
) -> Result<Accounts> {
    let wanted = bulk::Wanted {
        external_ids: companies.keys().cloned().collect(),
        domains: companies
            .values()
            .filter_map(|one| one.domain().cloned())
            .collect(),
        name_keys: BTreeSet::new(),
    };
    let found = bulk::find(tx, &wanted).await?;
    let held: BTreeSet<AccountId> = found.by_id.keys().copied().collect();
    let held = bulk::hold(tx, &held).await?;
    let subjects: BTreeSet<Uuid> = held.keys().map(|id| id.0).collect();
    let mut words = LastWords::load(tx, &subjects).await?;
    let mut domains: HashSet<String> = found.by_domain.keys().cloned().collect();
    let mut adopted: HashSet<AccountId> = HashSet::new();
    // Two ids may be of one account, since others were merged into it: the second goes on from the first.
    let mut rows: BTreeMap<AccountId, account::Model> = BTreeMap::new();
    let mut accounts = Accounts::default();
    for (external_id, company) in companies {
        let by_domain = company.domain();
        let by_domain = by_domain.and_then(|one| found.by_domain.get(one));
        let by_domain = by_domain.filter(|id| {
            let nameless = held.get(*id).is_some_and(|one| one.external_id.is_none());
            nameless && !adopted.contains(*id)
        });
        let id = found.by_external_id.get(external_id).or(by_domain);
        let before = id.and_then(|id| rows.remove(id).or_else(|| held.get(id).cloned()));
        let mut after = before.unwrap_or_else(|| new_account(tx, external_id));
        company.set(&mut after, &mut words);
        // An id that leads here because a merged account has it stays that account's.
        if after.external_id.is_none() && !found.is_led("external_id", external_id) {
            adopted.insert(after.id);
            after.external_id = Some(external_id.clone());
        }
        if let Some(domain) = company.domain().filter(|_| after.domain.is_none())
            && domains.insert(domain.clone())
        {
            after.domain = Some(domain.clone());
        }
        for (attribute, word) in &company.settings {
            if words.hear(after.id.0, &attribute.to_string(), word.at) {
                let settings = accounts.settings.entry(after.id).or_default();
                settings.insert(*attribute, word.said.clone());
            }
        }
        accounts.ids.insert(external_id.clone(), after.id);
        rows.insert(after.id, after);
    }
    let (mut made, mut changed) = (Vec::new(), Vec::new());
    for (id, after) in rows {
        match held.get(&id) {
            None => made.push(after),
            Some(before) if *before != after => changed.push((before.clone(), after)),
            Some(_) => {}
        }
    }
    made.sort_by_cached_key(|one| one.external_id.clone());
    let origin = actor.origin();
    bulk::make(tx, origin, "", &made).await?;
    bulk::change(tx, origin, "", &changed).await?;
    words.keep(tx).await?;
    Ok(accounts)
}

/// The account of a company of which only its id is known so far.
fn new_account(tx: &Tx<'_>, external_id: &str) -> account::Model {
    account::Model {
        external_id: Some(external_id.to_owned()),
        ..new_row(tx.workspace, tx.id(), external_id.to_owned(), tx.now)
    }
}
