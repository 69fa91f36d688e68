//! Contacts as another system knows them: what an item says, and what becomes of it.
//!
//! - `person`: the people of a call, as they are and as its items make them;
//! - `source`: the companies and campaigns that items name;
//! - `wish`: what they want to hear of.

mod person;
mod source;
mod wish;

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, CampaignId, ContactId, MemberId},
    kind::{Channel, IdentityKind, SubjectKind},
};

use super::{
    Outcome, TRIES, Upserted, admit,
    around::{Around, Found},
    item::{CampaignRef, Common, MemberRef, Mistakes, Told},
};
use crate::{
    access::{Actor, Scope},
    contact::{
        ContactRef, Whom, arrival, bulk::Key, home_if, identity::Given, subscription::NewState,
    },
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    fact::AccountRef,
    locale::Locale,
    store::Tx,
    tag::Reason,
    text,
};

use person::People;
use source::Sources;

const LIST: &str = "contacts";
/// Identities one item may name besides its own external id, address and number.
const MAX_IDENTITIES: usize = 20;
/// Subscriptions one item may speak of.
const MAX_SUBSCRIPTIONS: usize = 20;

/// A contact as another system knows them. What is left out stays; `Some(None)` takes away.
#[derive(Debug, Clone, Default)]
pub struct ContactItem {
    /// Our id, if the other system keeps it.
    pub id: Option<ContactId>,
    /// The other system's id.
    pub external_id: Option<String>,
    /// The main email address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// More ways in which the contact is recognised.
    pub identities: Vec<Given>,
    /// The name shown.
    pub name: Option<String>,
    /// How the name is read.
    pub kana: Option<Option<String>>,
    /// The contact's language.
    pub locale: Option<Option<String>>,
    /// The company, which has to be there.
    pub account: Option<Option<AccountRef>>,
    /// The channel the contact came through first.
    pub source_channel: Option<Option<Channel>>,
    /// The campaign the contact came from, which has to be there.
    pub source_campaign: Option<Option<CampaignRef>>,
    /// The member who brought the contact.
    pub brought_by: Option<Option<MemberRef>>,
    /// When the contact came in; `Some(None)` for when it was made.
    pub arrived_at: Option<Option<DateTime<Utc>>>,
    /// What the contact wants to hear of and what not; without a reason, that of the call counts.
    pub subscriptions: Vec<NewState>,
    /// Owner, stage, attributes and tags.
    pub common: Common,
}

/// One way in which an item names its contact, and where it does.
#[derive(Debug, Clone)]
struct Naming {
    whom: Whom,
    at: Vec<String>,
}

/// An item in the form in which it is looked up.
#[derive(Debug)]
struct Checked {
    said: ContactItem,
    /// Each way once, our id first.
    named: Vec<Naming>,
    mistakes: Mistakes,
}

/// Makes and changes contacts, each item in whole or not at all.
pub async fn contacts(
    ctx: &Ctx,
    actor: &Actor,
    told: Vec<Told<ContactItem>>,
    reason: &str,
) -> Result<Vec<Upserted<ContactId>>> {
    actor.require(Scope::Write)?;
    let reason = admit(LIST, told.len(), reason)?;
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let has_number = |item: &ContactItem| {
        let mut others = item.identities.iter();
        item.phone.is_some() || others.any(|one| one.kind == IdentityKind::Phone)
    };
    let numbers = told.iter().any(|one| has_number(&one.item));
    let home = home_if(ctx, actor.workspace, numbers).await?;
    let items: Vec<Checked> = told
        .into_iter()
        .enumerate()
        .map(|(index, told)| check(index, told, home, ctx.clock.now()))
        .collect();
    let mut tries = 1;
    loop {
        match attempt(ctx, actor, &items, &reason).await {
            Err(error) if tries < TRIES && error.is_overtaken() => tries += 1,
            settled => return settled,
        }
    }
}

fn check(index: usize, told: Told<ContactItem>, home: Locale, now: DateTime<Utc>) -> Checked {
    let mut said = told.item;
    let mut mistakes = Mistakes::new(LIST, index, told.errors);
    let mut named: Vec<Naming> = Vec::new();
    if let Some(id) = said.id {
        let at = vec!["id".to_owned()];
        named.push(Naming {
            whom: Whom::Id(id),
            at,
        });
    }
    let own = [
        said.external_id.clone().map(ContactRef::ExternalId),
        said.email.clone().map(ContactRef::Email),
        said.phone.clone().map(ContactRef::Phone),
    ];
    let own = own.into_iter().flatten();
    let own = own.map(|one| (vec![one.field().to_owned()], one));
    let more = said.identities.iter().enumerate().map(|(index, given)| {
        let at = ["identities", &index.to_string(), "value"].map(str::to_owned);
        (Vec::from(at), reference(given))
    });
    for (at, one) in own.chain(more) {
        let path: Vec<&str> = at.iter().map(String::as_str).collect();
        let read = one.read(home, &mistakes.at(&path));
        if let Some(whom) = mistakes.keep(read)
            && named.iter().all(|other| other.whom != whom)
        {
            named.push(Naming { whom, at });
        }
    }
    if said.identities.len() > MAX_IDENTITIES {
        let message = format!("Give at most {MAX_IDENTITIES}.");
        mistakes.refuse(&["identities"], UserErrorCode::LimitReached, message);
    }
    if named.is_empty() && mistakes.is_empty() {
        let message = "Give an external id, an email address, a phone number or another identity: \
                       without one, this person could not be recognised.";
        mistakes.refuse(&[], UserErrorCode::Required, message);
    }
    tidy(&mut said, &mut mistakes);
    if let Some(Some(member)) = &mut said.brought_by {
        member.check("broughtBy", &mut mistakes);
    }
    if let Some(Some(at)) = &mut said.arrived_at {
        let checked = arrival::check(*at, now, &mistakes.at(&["arrivedAt"]));
        *at = mistakes.keep(checked).unwrap_or(*at);
    }
    check_subscriptions(&mut said.subscriptions, &mut mistakes);
    said.common.check(&mut mistakes);
    Checked {
        said,
        named,
        mistakes,
    }
}

fn check_subscriptions(said: &mut [NewState], mistakes: &mut Mistakes) {
    if said.len() > MAX_SUBSCRIPTIONS {
        let message = format!("Give at most {MAX_SUBSCRIPTIONS}.");
        mistakes.refuse(&["subscriptions"], UserErrorCode::LimitReached, message);
    }
    for (index, state) in said.iter_mut().enumerate() {
        let index = index.to_string();
        let errors = state.check(&mistakes.at(&["subscriptions", &index]));
        for error in errors {
            mistakes.keep::<()>(Err(error));
        }
    }
}

fn reference(given: &Given) -> ContactRef {
    let value = given.value.clone();
    match given.kind {
        IdentityKind::Email => ContactRef::Email(value),
        IdentityKind::Phone => ContactRef::Phone(value),
        IdentityKind::Handle => ContactRef::Handle(value),
        IdentityKind::ExternalId => ContactRef::ExternalId(value),
        IdentityKind::AnonymousId => ContactRef::AnonymousId(value),
    }
}

/// Brings the texts of an item to the form in which they are stored.
fn tidy(said: &mut ContactItem, mistakes: &mut Mistakes) {
    let texts = [
        ("name", said.name.as_mut()),
        ("kana", said.kana.as_mut().and_then(Option::as_mut)),
        ("locale", said.locale.as_mut().and_then(Option::as_mut)),
    ];
    for (field, value) in texts {
        let Some(value) = value else { continue };
        let clean = text::name(value, &mistakes.at(&[field]), 200);
        if let Some(clean) = mistakes.keep(clean) {
            *value = clean;
        }
    }
}

impl Checked {
    /// The identities it names.
    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.named.iter().filter_map(|one| one.whom.key())
    }

    /// The first of a kind: the item's own, if it has one.
    fn first(&self, kind: IdentityKind) -> Option<&str> {
        let mut keys = self.keys();
        keys.find(|(other, _)| *other == kind)
            .map(|(_, value)| value.as_str())
    }
}

async fn attempt(
    ctx: &Ctx,
    actor: &Actor,
    items: &[Checked],
    reason: &str,
) -> Result<Vec<Upserted<ContactId>>> {
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(items.len());
    let origin = actor.origin();
    let said: Vec<&Common> = items.iter().map(|item| &item.said.common).collect();
    let bringers = items
        .iter()
        .filter_map(|item| item.said.brought_by.as_ref()?.as_ref());
    let bringers: Vec<&MemberRef> = bringers.collect();
    let mut around = Around::load(&tx, SubjectKind::Contact, &said, &bringers).await?;
    let mut known = People::load(ctx, &mut tx, origin, items, &around).await?;
    // People before their accounts, as everybody holds them.
    let sources = Sources::load(&tx, items).await?;
    let told = items
        .iter()
        .map(|item| settle(&tx, item, &mut known, &mut around, &sources))
        .collect::<Result<Vec<_>>>()?;
    let reason = Reason {
        origin,
        text: reason.to_owned(),
        cause: None,
    };
    known.write(ctx, &mut tx, &reason, around.tags()).await?;
    tx.commit().await?;
    Ok(told)
}

/// What an item names, found.
struct References {
    account: Option<AccountId>,
    campaign: Option<CampaignId>,
    brought_by: Option<MemberId>,
    common: Found,
}

/// What becomes of one item, after those before it.
fn settle(
    tx: &Tx<'_>,
    item: &Checked,
    people: &mut People,
    around: &mut Around,
    sources: &Sources,
) -> Result<Upserted<ContactId>> {
    let said = item.said.external_id.as_deref();
    let external_id = item
        .first(IdentityKind::ExternalId)
        .filter(|_| said.is_some());
    let external_id = external_id.or(said);
    let mut mistakes = item.mistakes.clone();
    let left_out = |outcome: Outcome, others: Vec<ContactId>, mistakes: Mistakes| {
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
    let found = people.named(item);
    if let [one, other, ..] = found[..] {
        let message = format!(
            "This names two different contacts, {one} and {other}. Merge them first, or correct it."
        );
        mistakes.refuse(&[], UserErrorCode::Contradictory, message);
        return left_out(Outcome::Conflict, found, mistakes);
    }
    for one in &item.named {
        let path: Vec<&str> = one.at.iter().map(String::as_str).collect();
        match &one.whom {
            Whom::Id(_) if !people.holders.contains_key(&one.whom) => {
                let message = "There is no such contact.";
                mistakes.refuse(&path, UserErrorCode::NotFound, message);
                return left_out(Outcome::Rejected, Vec::new(), mistakes);
            }
            Whom::Key(key) if people.erased.contains(key) => {
                let message =
                    "This person asked to be erased, so nothing is kept of them. Leave them out.";
                mistakes.refuse(&path, UserErrorCode::Erased, message);
                return left_out(Outcome::Erased, Vec::new(), mistakes);
            }
            _ => {}
        }
    }
    let bringer = item.said.brought_by.as_ref().and_then(Option::as_ref);
    let named = References {
        account: sources.account(&item.said, &mut mistakes),
        campaign: sources.campaign(&item.said, &mut mistakes),
        brought_by: around.member(bringer, "broughtBy", &mut mistakes),
        common: around.find(&item.said.common, &mut mistakes),
    };
    if !mistakes.is_empty() {
        return left_out(Outcome::Rejected, Vec::new(), mistakes);
    }
    let (id, is_new) = match found.first() {
        Some(&id) => (id, false),
        None => (people.begin(tx, item, sources), true),
    };
    let Some(person) = people.known.get_mut(&id) else {
        return Err(Error::Overtaken("somebody was erased meanwhile"));
    };
    let is_set = person.set(item, &named);
    let is_given = person.carried.take(&named.common, around.tags());
    let is_recognised = people.recognise(id, item);
    let is_wished = people.wishes.take(id, &item.said.subscriptions);
    let outcome = if is_new {
        Outcome::Created
    } else if is_set || is_given || is_recognised || is_wished {
        Outcome::Updated
    } else {
        Outcome::Unchanged
    };
    Ok(Upserted::kept(external_id, id, outcome))
}
