//! Accounts as another system knows them: what an item says, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    account::Model,
    id::{AccountId, Id as _},
    kind::{SubjectKind, TagTarget},
};
use uuid::Uuid;

use super::{
    Outcome, TRIES, Upserted, admit,
    around::{Around, Found},
    carried::{self, Carried, Thing},
    item::{Common, Mistakes, Told},
};
use crate::{
    access::{Actor, Scope},
    account::{self as companies, bulk},
    attribute::value::web_address,
    contact::home_if,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    locale::Locale,
    merge::{self, Things},
    phone, stage,
    store::Tx,
    tag::{Named, Reason},
    text,
};

const LIST: &str = "accounts";

/// An account as another system knows it. What is left out stays; `Some(None)` takes away.
#[derive(Debug, Clone, Default)]
pub struct AccountItem {
    /// Our id, if the other system keeps it.
    pub id: Option<AccountId>,
    /// The other system's id.
    pub external_id: Option<String>,
    /// The company's email domain.
    pub domain: Option<String>,
    /// The name shown.
    pub name: Option<String>,
    /// The company's web site.
    pub website: Option<Option<String>>,
    /// The company's phone number.
    pub phone: Option<Option<String>>,
    /// What the company is and does.
    pub description: Option<Option<String>>,
    /// Owner, stage, attributes and tags.
    pub common: Common,
}

/// An item in the form in which it is looked up and stored.
#[derive(Debug)]
struct Checked {
    said: AccountItem,
    mistakes: Mistakes,
}

/// Makes and changes accounts, each item in whole or not at all.
pub async fn accounts(
    ctx: &Ctx,
    actor: &Actor,
    told: Vec<Told<AccountItem>>,
    reason: &str,
) -> Result<Vec<Upserted<AccountId>>> {
    actor.require(Scope::Write)?;
    let reason = admit(LIST, told.len(), reason)?;
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let numbers = told
        .iter()
        .any(|one| matches!(one.item.phone, Some(Some(_))));
    let home = home_if(ctx, actor.workspace, numbers).await?;
    let items: Vec<Checked> = told
        .into_iter()
        .enumerate()
        .map(|(index, told)| check(index, told, home))
        .collect();
    let mut tries = 1;
    loop {
        match attempt(ctx, actor, &items, &reason).await {
            Err(error) if tries < TRIES && error.is_overtaken() => tries += 1,
            settled => return settled,
        }
    }
}

fn check(index: usize, told: Told<AccountItem>, home: Locale) -> Checked {
    let mut said = told.item;
    let mut mistakes = Mistakes::new(LIST, index, told.errors);
    if let Some(id) = &mut said.external_id {
        let clean = text::id(id, &mistakes.at(&["externalId"]));
        if let Some(clean) = mistakes.keep(clean) {
            *id = clean;
        }
    }
    if let Some(name) = &mut said.name {
        let clean = text::name(name, &mistakes.at(&["name"]), 200);
        if let Some(clean) = mistakes.keep(clean) {
            *name = clean;
        }
    }
    if let Some(domain) = &mut said.domain {
        if let Some(key) = companies::domain_key(domain) {
            *domain = key;
        } else {
            let message = "Give a domain such as example.com.";
            mistakes.refuse(&["domain"], UserErrorCode::Invalid, message);
        }
    }
    if let Some(Some(website)) = &mut said.website {
        let clean = web_address(website, &mistakes.at(&["website"]));
        if let Some(clean) = mistakes.keep(clean) {
            *website = clean;
        }
    }
    if let Some(Some(number)) = &mut said.phone {
        let clean = phone::parse(number, home, &mistakes.at(&["phone"]));
        if let Some(clean) = mistakes.keep(clean) {
            *number = clean;
        }
    }
    if let Some(Some(description)) = &mut said.description {
        let clean = text::long_text(description, &mistakes.at(&["description"]), 2_000);
        if let Some(clean) = mistakes.keep(clean) {
            *description = clean;
        }
    }
    if said.id.is_none() && said.external_id.is_none() && said.domain.is_none() {
        let message = "Give an external id or a domain: without one, this account could not be \
                       recognised.";
        mistakes.refuse(&[], UserErrorCode::Required, message);
    }
    said.common.check(&mut mistakes);
    Checked { said, mistakes }
}

async fn attempt(
    ctx: &Ctx,
    actor: &Actor,
    items: &[Checked],
    reason: &str,
) -> Result<Vec<Upserted<AccountId>>> {
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(items.len());
    let said: Vec<&Common> = items.iter().map(|item| &item.said.common).collect();
    let mut around = Around::load(&tx, SubjectKind::Account, &said, &[]).await?;
    let mut known = Companies::load(&tx, items, &around).await?;
    let told = items
        .iter()
        .map(|item| settle(&tx, item, &mut known, &mut around))
        .collect::<Result<Vec<_>>>()?;
    let reason = Reason {
        origin: actor.origin(),
        text: reason.to_owned(),
        cause: None,
    };
    known.write(ctx, &mut tx, &reason, around.tags()).await?;
    tx.commit().await?;
    Ok(told)
}

/// The accounts of a call, as the items so far have made them. What one had at the beginning stays its own
/// until the end: no item takes what another gives up. An account that was merged into another is the other,
/// by whatever it is named.
struct Companies {
    by_id: HashMap<AccountId, AccountId>,
    by_external_id: HashMap<String, AccountId>,
    by_domain: HashMap<String, AccountId>,
    found: bulk::Found,
    known: BTreeMap<AccountId, Company>,
}

/// An account before and after the call.
struct Company {
    /// Nothing for one that is made.
    before: Option<Model>,
    after: Model,
    carried: Carried,
}

impl Companies {
    /// Finds and holds every account that the items name.
    async fn load(tx: &Tx<'_>, items: &[Checked], around: &Around) -> Result<Self> {
        let mut wanted = bulk::Wanted::default();
        let mut asked: BTreeSet<AccountId> = BTreeSet::new();
        for item in items.iter().filter(|item| item.mistakes.is_empty()) {
            wanted.external_ids.extend(item.said.external_id.clone());
            wanted.domains.extend(item.said.domain.clone());
            asked.extend(item.said.id);
        }
        let found = bulk::find(tx, &wanted).await?;
        let asked: Vec<Uuid> = asked.iter().map(|id| id.uuid()).collect();
        let living = merge::living(tx, Things::Accounts, asked).await?;
        let by_id = living
            .into_iter()
            .map(|(asked, means)| (AccountId(asked), AccountId(means)));
        let by_id: HashMap<AccountId, AccountId> = by_id.collect();
        let ids: BTreeSet<AccountId> = found.by_id.keys().chain(by_id.values()).copied().collect();
        // As they are once they are held.
        let rows = bulk::hold(tx, &ids).await?;
        let things: Vec<Uuid> = rows.keys().map(|id| id.uuid()).collect();
        let mut carried = carried::load(tx, around, &things).await?;
        let mut companies = Self {
            by_id,
            by_external_id: HashMap::new(),
            by_domain: HashMap::new(),
            found,
            known: BTreeMap::new(),
        };
        for (id, row) in rows {
            let company = Company {
                before: Some(row.clone()),
                after: row,
                carried: carried.remove(&id.uuid()).unwrap_or_default(),
            };
            companies.put(company);
        }
        companies.lead();
        Ok(companies)
    }

    /// Has accounts found by what only leads to them: those that were merged into them have it.
    fn lead(&mut self) {
        let found = &self.found;
        for (column, all, keys) in [
            (
                "external_id",
                &found.by_external_id,
                &mut self.by_external_id,
            ),
            ("domain", &found.by_domain, &mut self.by_domain),
        ] {
            let led = all.iter().filter(|(key, _)| found.is_led(column, key));
            for (key, id) in led.filter(|(_, id)| self.known.contains_key(*id)) {
                keys.entry(key.clone()).or_insert(*id);
            }
        }
    }

    /// The account that our id in an item means, if it is there.
    fn meant(&self, said: &AccountItem) -> Option<AccountId> {
        let means = self.by_id.get(&said.id?)?;
        self.known.contains_key(means).then_some(*means)
    }

    /// What an item says, without the keys that only lead to the account: those that were merged into it
    /// keep them.
    fn of_its_own(&self, said: &AccountItem) -> AccountItem {
        let mut said = said.clone();
        let is_led = |column, key: &String| self.found.is_led(column, key);
        said.external_id = said.external_id.filter(|key| !is_led("external_id", key));
        said.domain = said.domain.filter(|key| !is_led("domain", key));
        said
    }

    /// Has an account found by what it has.
    fn put(&mut self, company: Company) {
        let (id, row) = (company.after.id, &company.after);
        self.by_external_id
            .extend(row.external_id.clone().map(|key| (key, id)));
        self.by_domain
            .extend(row.domain.clone().map(|key| (key, id)));
        self.known.insert(id, company);
    }

    /// The accounts that an item names, each once.
    fn named(&self, said: &AccountItem) -> Vec<AccountId> {
        let by_id = self.meant(said);
        let by_external_id = said.external_id.as_ref();
        let by_external_id = by_external_id.and_then(|id| self.by_external_id.get(id));
        let by_domain = said.domain.as_ref();
        let by_domain = by_domain.and_then(|domain| self.by_domain.get(domain));
        let mut found: Vec<AccountId> = Vec::new();
        for id in [by_id, by_external_id.copied(), by_domain.copied()] {
            found.extend(id.filter(|id| !found.contains(id)));
        }
        found
    }

    /// The account that an item names only by its domain, while another external id names it.
    fn known_otherwise(&self, said: &AccountItem, found: &[AccountId]) -> Option<&Model> {
        let (None, Some(external_id), [id]) = (said.id, &said.external_id, found) else {
            return None;
        };
        let row = &self.known.get(id)?.after;
        let own = row.external_id.as_ref()?;
        (own != external_id && self.by_external_id.get(external_id) != Some(id)).then_some(row)
    }

    /// Begins an account that nobody knows yet; nothing without a name.
    fn begin(&mut self, tx: &Tx<'_>, said: &AccountItem) -> Option<AccountId> {
        let name = said.name.as_ref().or(said.domain.as_ref())?.clone();
        let id: AccountId = tx.id();
        let after = companies::new_row(tx.workspace, id, name, tx.now);
        self.put(Company {
            before: None,
            after,
            carried: Carried::default(),
        });
        Some(id)
    }

    async fn write(
        self,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
        reason: &Reason<'_>,
        tree: Option<&Named>,
    ) -> Result<()> {
        let (mut made, mut changed): (Vec<Model>, _) = (Vec::new(), Vec::new());
        let mut things: Vec<Thing> = Vec::new();
        for (id, company) in self.known {
            things.push(Thing {
                subject: id.into(),
                contact: None,
                carried: company.carried,
            });
            match company.before {
                None => made.push(company.after),
                Some(before) if before != company.after => changed.push((before, company.after)),
                Some(_) => {}
            }
        }
        // In one order, so that two calls that bring the same rarely wait for each other in a circle.
        made.sort_by_cached_key(|one| (one.external_id.clone(), one.domain.clone()));
        let (origin, text) = (reason.origin, &reason.text);
        bulk::make(tx, origin, text, &made).await?;
        bulk::change(tx, origin, text, &changed).await?;
        let target = TagTarget::Account;
        carried::give(ctx, tx, reason, target, tree, things).await
    }
}

impl Company {
    /// Sets what an item says; says whether any of it is new.
    fn set(&mut self, said: &AccountItem, found: &Found) -> bool {
        let after = &mut self.after;
        let was = after.clone();
        if let Some(name) = &said.name {
            after.name_key = text::name_key(name);
            after.name.clone_from(name);
        }
        if said.external_id.is_some() {
            after.external_id.clone_from(&said.external_id);
        }
        if said.domain.is_some() {
            after.domain.clone_from(&said.domain);
        }
        if let Some(website) = &said.website {
            after.website.clone_from(website);
        }
        if let Some(number) = &said.phone {
            after.phone.clone_from(number);
        }
        if let Some(description) = &said.description {
            after.description.clone_from(description);
        }
        if said.common.owner.is_some() {
            after.owner_id = found.owner;
        }
        if let Some(stage) = said.common.stage {
            after.stage = stage;
            after.stage_rank = stage::rank(stage);
        }
        *after != was
    }
}

/// What becomes of one item, after those before it.
fn settle(
    tx: &Tx<'_>,
    item: &Checked,
    companies: &mut Companies,
    around: &mut Around,
) -> Result<Upserted<AccountId>> {
    let said = &item.said;
    let external_id = said.external_id.as_deref();
    let mut mistakes = item.mistakes.clone();
    let left_out = |outcome: Outcome, others: Vec<AccountId>, mistakes: Mistakes| {
        Ok(Upserted::left_out(
            external_id,
            outcome,
            others,
            mistakes.all(),
        ))
    };
    if !mistakes.is_empty() {
        return left_out(Outcome::Rejected, Vec::new(), mistakes);
    }
    let found = companies.named(said);
    if let [one, other, ..] = found[..] {
        let message = format!("This names two different accounts, {one} and {other}. Correct it.");
        mistakes.refuse(&[], UserErrorCode::Contradictory, message);
        return left_out(Outcome::Conflict, found, mistakes);
    }
    if said.id.is_some() && companies.meant(said).is_none() {
        let message = "There is no such account.";
        mistakes.refuse(&["id"], UserErrorCode::NotFound, message);
        return left_out(Outcome::Rejected, Vec::new(), mistakes);
    }
    if let Some(row) = companies.known_otherwise(said, &found) {
        let other = row.external_id.as_deref().unwrap_or_default();
        let message = format!(
            "The account of this domain has another external id, {other}. Leave the domain out if \
             this is another company, or name the account by its id to change its external id."
        );
        mistakes.refuse(&["domain"], UserErrorCode::Taken, message);
        return left_out(Outcome::Conflict, found, mistakes);
    }
    let given = around.find(&said.common, &mut mistakes);
    if found.is_empty() && said.name.is_none() && said.domain.is_none() {
        mistakes.refuse(&["name"], UserErrorCode::Required, "Give a name.");
    }
    if !mistakes.is_empty() {
        return left_out(Outcome::Rejected, Vec::new(), mistakes);
    }
    let there = found.first().copied();
    let own = if there.is_some() {
        companies.of_its_own(said)
    } else {
        said.clone()
    };
    let Some(id) = there.or_else(|| companies.begin(tx, said)) else {
        return Err(Error::Internal("an account without a name".to_owned()));
    };
    let Some(company) = companies.known.get_mut(&id) else {
        return Err(Error::Internal("an account that is not held".to_owned()));
    };
    let is_set = company.set(&own, &given);
    let is_given = company.carried.take(&given, around.tags());
    for (key, keys) in [
        (&said.external_id, &mut companies.by_external_id),
        (&said.domain, &mut companies.by_domain),
    ] {
        keys.extend(key.clone().map(|key| (key, id)));
    }
    let outcome = match (there, is_set || is_given) {
        (None, _) => Outcome::Created,
        (Some(_), true) => Outcome::Updated,
        (Some(_), false) => Outcome::Unchanged,
    };
    Ok(Upserted::kept(external_id, id, outcome))
}
