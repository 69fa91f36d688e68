//! Writing what calls tell of people and companies: who they are, what is known of them, where they belong;
//! the accounts of companies are written by `company`. The effects are those of the API's own mutations:
//! facts, audit entries, the search index.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    attribute_definition, contact,
    id::{AccountId, ContactId},
    kind::IdentityKind,
};
use uuid::Uuid;

use super::{
    Taken,
    call::{Call, Group, Told},
    company::{self, Accounts, Company},
    give::give,
    last_word::{ACCOUNT, LastWords, NAME},
    person::{Person, Plan, Slot},
    traits::{self, Home, Settings},
};
use crate::{
    access::{Actor, Scope},
    attribute::{
        definition,
        write::{self, Checked, Put},
    },
    contact::{
        Mention, Stranger, Whom,
        bulk::{self, Key},
        introduce, name_by_identity,
    },
    ctx::Ctx,
    error::Result,
    event,
    store::Tx,
    subject::Subject,
    text,
    work::change::{Change, Fact},
    workspace,
};

/// How often everything is done anew because somebody else made the same at the same time.
const TRIES: u32 = 3;

/// What a call tells of a person.
struct Said {
    at: DateTime<Utc>,
    active: bool,
    name: Option<String>,
    locale: Option<String>,
    settings: Settings,
    group: Option<String>,
}

/// Everything that is to be written.
struct Work {
    people: Vec<Person>,
    /// What is told of each of the people.
    said: Vec<Said>,
    companies: BTreeMap<String, Company>,
    /// Whether companies may be known by the email domains that are told of them.
    may_claim: bool,
}

/// Carries out calls that are about people and companies.
pub(super) async fn take_in(
    ctx: &Ctx,
    actor: &Actor,
    calls: Vec<Call>,
    taken: &mut Taken,
) -> Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let definitions = definition::list(ctx, actor.workspace, None).await?;
    let home = Home::of(&workspace::find(ctx, actor.workspace).await?);
    let mut work = Work {
        people: Vec::new(),
        said: Vec::new(),
        companies: BTreeMap::new(),
        may_claim: may_claim(actor),
    };
    for call in calls {
        work.add(call, &definitions, home, taken);
    }
    let mut plan = work.plan(ctx, actor).await?;
    if !plan.merging.is_empty() {
        for place in std::mem::take(&mut plan.merging) {
            let keys = plan.uniting(place, &work.people[place]);
            introduce::unite(ctx, actor, &keys).await?;
        }
        plan = work.plan(ctx, actor).await?;
    }
    let mut tries = 1;
    let kept = loop {
        match store(ctx, actor, &work, &plan).await {
            Err(error) if error.is_overtaken() && tries < TRIES => tries += 1,
            stored => match stored? {
                Stored::Kept(people) => break people,
                Stored::Erased(places) => taken.erased += work.leave_out(&places),
            },
        }
        plan = work.plan(ctx, actor).await?;
    };
    taken.accepted += kept;
    taken.erased += work.people.len() as u64 - kept;
    Ok(())
}

/// A key that may stand in a web page says which company somebody is at, and not whose everybody with an
/// address of a domain is.
fn may_claim(actor: &Actor) -> bool {
    let mut scopes = [Scope::Write, Scope::Ingest].into_iter();
    scopes.any(|scope| actor.scopes.contains(scope))
}

impl Work {
    fn add(
        &mut self,
        call: Call,
        definitions: &[attribute_definition::Model],
        home: Home,
        taken: &mut Taken,
    ) {
        let mut person = Person {
            sure: Vec::new(),
            visitor: call.anonymous.map(|id| (IdentityKind::AnonymousId, id)),
        };
        let user = call.user.map(|id| (IdentityKind::ExternalId, id));
        let mut said = Said {
            at: call.at,
            active: call.active,
            name: None,
            locale: None,
            settings: Settings::new(),
            group: None,
        };
        match call.told {
            Told::Event { .. } => return,
            Told::Alias => person.sure.extend(user),
            Told::Group(group) => {
                // Which company somebody is at says nothing about which visitor they are.
                if user.is_some() {
                    person.visitor = None;
                }
                person.sure.extend(user);
                said.group = Some(self.company(call.at, group, definitions, home, taken));
            }
            Told::Person {
                traits,
                locale,
                group,
            } => {
                let read = traits::of_person(traits, definitions, home);
                taken.traits_ignored += read.ignored;
                taken.traits_unfit += read.unfit;
                person.sure.extend(user.into_iter().chain(read.keys));
                said.name = read.name;
                said.locale = locale.and_then(|tag| text::name(&tag, &["locale"], 200).ok());
                said.settings = read.settings;
                said.group =
                    group.map(|group| self.company(call.at, group, definitions, home, taken));
            }
        }
        self.people.push(person);
        self.said.push(said);
    }

    /// Notes what is told of a company; its id.
    fn company(
        &mut self,
        at: DateTime<Utc>,
        group: Group,
        definitions: &[attribute_definition::Model],
        home: Home,
        taken: &mut Taken,
    ) -> String {
        let read = traits::of_company(group.traits, definitions, home, self.may_claim);
        taken.traits_ignored += read.ignored;
        taken.traits_unfit += read.unfit;
        let company = self.companies.entry(group.id.clone()).or_default();
        company.hear(at, read);
        group.id
    }

    /// Who is who at the moment.
    async fn plan(&self, ctx: &Ctx, actor: &Actor) -> Result<Plan> {
        let keys: BTreeSet<Key> = self.people.iter().flat_map(Person::keys).cloned().collect();
        let holders = introduce::holders(ctx, actor.workspace, &keys).await?;
        Ok(Plan::of(&self.people, &holders))
    }

    /// The places of people who would be given an identity of somebody who was erased: they are that person,
    /// whoever else they are. A cookie does not say so: others use the same device.
    async fn erased(&self, tx: &Tx<'_>, plan: &Plan) -> Result<BTreeSet<usize>> {
        let new = plan.given.iter().map(|(key, _)| key);
        let sure = new.filter(|(kind, _)| *kind != IdentityKind::AnonymousId);
        let sure: Vec<Key> = sure.cloned().collect();
        let erased = bulk::erased(tx, &sure).await?;
        let people = self.people.iter().enumerate();
        let theirs = people.filter(|(_, one)| one.sure.iter().any(|key| erased.contains(key)));
        Ok(theirs.map(|(place, _)| place).collect())
    }

    /// Leaves the people at these places out; how many they are.
    fn leave_out(&mut self, places: &BTreeSet<usize>) -> u64 {
        let kept = |place: usize| !places.contains(&place);
        let (mut people, mut said) = (0.., 0..);
        self.people.retain(|_| people.next().is_some_and(kept));
        self.said.retain(|_| said.next().is_some_and(kept));
        places.len() as u64
    }
}

/// What came of writing everything.
enum Stored {
    /// It is written, and something was kept of so many people.
    Kept(u64),
    /// Nothing is written: the people at these places were erased.
    Erased(BTreeSet<usize>),
}

/// Writes everything in one transaction, unless somebody in it was erased.
async fn store(ctx: &Ctx, actor: &Actor, work: &Work, plan: &Plan) -> Result<Stored> {
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(work.people.len());
    let erased = work.erased(&tx, plan).await?;
    if !erased.is_empty() {
        tx.rollback().await?;
        return Ok(Stored::Erased(erased));
    }
    let contacts = contacts(ctx, &mut tx, actor, work, plan).await?;
    let given = give(&mut tx, actor, plan, &contacts).await?;
    let accounts = company::accounts(&mut tx, actor, &work.companies).await?;
    let people: Vec<(ContactId, &Said)> = plan
        .slots
        .iter()
        .zip(&work.said)
        .filter_map(|(slot, said)| Some((*contacts.get(slot)?, said)))
        .collect();
    let settings = profile(&mut tx, actor, &people, &accounts, &given).await?;
    attributes(&mut tx, actor, settings, accounts.settings).await?;
    let mut seen: BTreeMap<ContactId, DateTime<Utc>> = BTreeMap::new();
    for (contact, said) in people.iter().filter(|(_, said)| said.active) {
        let last = seen.entry(*contact).or_insert(said.at);
        *last = said.at.max(*last);
    }
    let moved = event::note_activity(&tx, &seen).await?;
    for contact_id in moved {
        let fact = Fact::ContactSeen { contact_id };
        tx.record(Change::new(actor.origin(), Some(contact_id), fact));
    }
    let kept = people.len() as u64;
    tx.commit().await?;
    Ok(Stored::Kept(kept))
}

/// The contact at each place of the plan, found or made, and held until the end; people who were erased are
/// missing.
async fn contacts(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    actor: &Actor,
    work: &Work,
    plan: &Plan,
) -> Result<HashMap<Slot, ContactId>> {
    let mut names: HashMap<Slot, &str> = HashMap::new();
    for (slot, said) in plan.slots.iter().zip(&work.said) {
        if let Some(name) = &said.name {
            names.insert(*slot, name);
        }
    }
    let mentions: Vec<Mention> = plan
        .found_by
        .iter()
        .map(|(slot, key)| Mention {
            whom: Whom::Key(key.clone()),
            name: names.get(slot).map(|name| (*name).to_owned()),
            stranger: Stranger::Made,
        })
        .collect();
    let found = crate::contact::resolve(ctx, tx, actor.origin(), &mentions).await?;
    let slots = plan.found_by.iter();
    let slots = slots.filter_map(|(slot, key)| {
        let contact = found.get(&Whom::Key(key.clone()))?;
        Some((*slot, *contact))
    });
    Ok(slots.collect())
}

/// Writes the contacts' own fields: the last word counts for names and companies, the first for addresses,
/// ids and languages; whoever was never named is called after the surest identity. Tells the values of attributes they are to have, of which the last word counts too.
async fn profile(
    tx: &mut Tx<'_>,
    actor: &Actor,
    people: &[(ContactId, &Said)],
    accounts: &Accounts,
    given: &[(Key, ContactId)],
) -> Result<BTreeMap<ContactId, Settings>> {
    let ids: BTreeSet<ContactId> = people.iter().map(|(contact, _)| *contact).collect();
    let before = bulk::hold(tx, &ids).await?;
    let subjects: BTreeSet<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut words = LastWords::load(tx, &subjects).await?;
    let mut settings: BTreeMap<ContactId, Settings> = BTreeMap::new();
    let mut after: BTreeMap<ContactId, contact::Model> = before
        .iter()
        .map(|(id, contact)| (*id, contact.clone()))
        .collect();
    for (contact, said) in people {
        let Some(row) = after.get_mut(contact) else {
            continue;
        };
        if let Some(name) = &said.name
            && words.hear(contact.0, NAME, said.at)
        {
            row.name_key = text::name_key(name);
            row.name = name.clone();
        }
        if row.locale.is_none() {
            row.locale = said.locale.clone();
        }
        let account = said.group.as_ref();
        if let Some(account) = account.and_then(|group| accounts.ids.get(group))
            && words.hear(contact.0, ACCOUNT, said.at)
        {
            row.account_id = Some(*account);
        }
        for (attribute, value) in &said.settings {
            if words.hear(contact.0, &attribute.to_string(), said.at) {
                let theirs = settings.entry(*contact).or_default();
                theirs.insert(*attribute, value.clone());
            }
        }
    }
    for ((kind, value), contact) in given {
        let Some(row) = after.get_mut(contact) else {
            continue;
        };
        let field = match kind {
            IdentityKind::Email => &mut row.email,
            IdentityKind::Phone => &mut row.phone,
            IdentityKind::ExternalId => &mut row.external_id,
            IdentityKind::Handle | IdentityKind::AnonymousId => continue,
        };
        field.get_or_insert_with(|| value.clone());
    }
    for row in after.values_mut() {
        if !words.is_told(row.id.0, NAME)
            && let Some(name) = name_by_identity(row)
        {
            row.name_key = text::name_key(&name);
            row.name = name;
        }
    }
    let changed: Vec<(contact::Model, contact::Model)> = after
        .into_iter()
        .filter_map(|(id, after)| Some((before.get(&id)?.clone(), after)))
        .filter(|(before, after)| before != after)
        .collect();
    bulk::change(tx, actor.origin(), "", &changed, &[]).await?;
    words.keep(tx).await?;
    Ok(settings)
}

/// Writes the values of attributes of people and companies.
async fn attributes(
    tx: &mut Tx<'_>,
    actor: &Actor,
    of_people: BTreeMap<ContactId, Settings>,
    of_companies: BTreeMap<AccountId, Settings>,
) -> Result<()> {
    let people = of_people
        .into_iter()
        .map(|(contact, settings)| (Subject::from(contact), Some(contact), settings));
    let companies = of_companies
        .into_iter()
        .map(|(account, settings)| (Subject::from(account), None, settings));
    let origin = actor.origin();
    let puts: Vec<Put<'_>> = people
        .chain(companies)
        .filter(|(_, _, settings)| !settings.is_empty())
        .map(|(subject, contact, settings)| Put {
            origin,
            cause: None,
            subject,
            contact,
            settings: settings
                .into_iter()
                .map(|(attribute, value)| Checked::new(attribute, value))
                .collect(),
        })
        .collect();
    if !puts.is_empty() {
        write::put_each(tx, puts).await?;
    }
    Ok(())
}
