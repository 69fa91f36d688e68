//! Finding the contacts behind identities, and making those that are not known yet.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    contact,
    id::{AccountId, ContactId, Id as _},
    kind::IdentityKind,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::{
    bulk::{self, Key},
    handle, hold,
    whose::Whom,
};
use crate::{
    access::Origin,
    audit::Record,
    ctx::Ctx,
    error::Result,
    mail::EmailAddress,
    merge::{self, Things},
    search,
    store::{Query, Rows, Tx, dialect},
    text::{self, name_key},
    work::change::{Change, Fact},
};

/// The name of somebody of whom only a cookie is known.
pub(super) const VISITOR: &str = "Visitor";

/// A person to be made, with what they are known by.
pub(super) struct NewPerson {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) account_id: Option<AccountId>,
}

/// What becomes of somebody who is named by an identity that nobody has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stranger {
    /// They are left out.
    #[default]
    LeftOut,
    /// They are made, unless they were erased.
    Made,
    /// They are made even if they were erased: they came by themselves.
    MadeAnew,
}

/// Somebody of whom a program tells.
#[derive(Debug, Clone)]
pub(crate) struct Mention {
    pub(crate) whom: Whom,
    /// The name, if it is told.
    pub(crate) name: Option<String>,
    pub(crate) stranger: Stranger,
}

/// What all mentions of one identity come to.
#[derive(Default)]
struct Wanted<'m> {
    name: Option<&'m str>,
    stranger: Stranger,
}

/// The contact of every address, made where there was none and nobody was erased.
pub(crate) async fn resolve_unless_erased(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    people: &[(EmailAddress, Option<String>)],
) -> Result<HashMap<EmailAddress, ContactId>> {
    let mentions: Vec<Mention> = people
        .iter()
        .map(|(address, name)| Mention {
            whom: Whom::from(address),
            name: name.clone(),
            stranger: Stranger::Made,
        })
        .collect();
    let found = resolve(ctx, tx, origin, &mentions).await?;
    Ok(people
        .iter()
        .filter_map(|(address, _)| Some((address.clone(), *found.get(&Whom::from(address))?)))
        .collect())
}

/// The contact of everybody who is mentioned, made where there was none. Two callers at once get the
/// same contact: the identity's key decides, and the loser's row is taken back. The number of statements
/// does not depend on the number of people.
///
/// Missing in the answer are ids nobody has, identities of people who were erased, and of strangers
/// who are to be left out. What is held is held in the one order: identities before contacts.
pub(crate) async fn resolve(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    mentions: &[Mention],
) -> Result<HashMap<Whom, ContactId>> {
    let given: BTreeSet<&Key> = mentions.iter().filter_map(|one| one.whom.key()).collect();
    let mut kept: Vec<Key> = given.iter().map(|&key| key.clone()).collect();
    handle::as_kept(tx, &mut kept).await?;
    let kept: HashMap<&Key, Key> = given.into_iter().zip(kept).collect();
    let mut wanted: BTreeMap<&Key, Wanted<'_>> = BTreeMap::new();
    for mention in mentions {
        if let Some(key) = mention.whom.key().and_then(|key| kept.get(key)) {
            let known = wanted.entry(key).or_default();
            known.name = known.name.or(mention.name.as_deref());
            known.stranger = known.stranger.max(mention.stranger);
        }
    }
    let by_key = find_or_make(ctx, tx, origin, wanted).await?;
    let ids: BTreeSet<ContactId> = mentions.iter().filter_map(|one| one.whom.id()).collect();
    let by_id = hold::living(tx, ids.into_iter()).await?;
    let found = |whom: &Whom| match whom {
        Whom::Id(id) => by_id.get(id).copied(),
        Whom::Key(key) => by_key.get(kept.get(key)?).copied(),
    };
    Ok(mentions
        .iter()
        .filter_map(|mention| Some((mention.whom.clone(), found(&mention.whom)?)))
        .collect())
}

async fn find_or_make(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    wanted: BTreeMap<&Key, Wanted<'_>>,
) -> Result<HashMap<Key, ContactId>> {
    let keys: Vec<Key> = wanted.keys().map(|&key| key.clone()).collect();
    let mut found = bulk::find(tx, &keys).await?;
    let mut strangers: Vec<(&Key, Wanted<'_>)> = wanted
        .into_iter()
        .filter(|(key, one)| one.stranger != Stranger::LeftOut && !found.contains_key(*key))
        .collect();
    // After the look-up: it has waited for whoever is being erased meanwhile.
    let told_of: Vec<Key> = strangers
        .iter()
        .filter(|(_, one)| one.stranger == Stranger::Made)
        .map(|(key, _)| (*key).clone())
        .collect();
    let erased = bulk::erased(tx, &told_of).await?;
    strangers.retain(|(key, _)| !erased.contains(*key));
    if strangers.is_empty() {
        return Ok(found);
    }
    let domains = strangers.iter().filter_map(|(key, _)| address(key));
    let domains: BTreeSet<&str> = domains.map(|(_, domain)| domain).collect();
    let accounts = accounts_by_domain(tx, domains).await?;
    let keys: Vec<Key> = strangers.iter().map(|(key, _)| (*key).clone()).collect();
    let people: Vec<NewPerson> = strangers
        .into_iter()
        .map(|(key, one)| introduced(ctx.id(), key, one.name, &accounts))
        .collect();
    found.extend(make(tx, origin, &keys, &people).await?);
    Ok(found)
}

/// A person as far as the identity they are named by tells.
fn introduced(
    id: ContactId,
    key: &Key,
    name: Option<&str>,
    accounts: &HashMap<String, AccountId>,
) -> NewPerson {
    let own = |kind: IdentityKind| (key.0 == kind).then(|| key.1.clone());
    NewPerson {
        id,
        name: display_name(name, key),
        email: own(IdentityKind::Email),
        phone: own(IdentityKind::Phone),
        external_id: own(IdentityKind::ExternalId),
        locale: None,
        account_id: address(key).and_then(|(_, domain)| accounts.get(domain).copied()),
    }
}

/// Makes people, each recognised by the key at the same place; of those whom somebody else made
/// meanwhile, gives that contact.
async fn make(
    tx: &mut Tx<'_>,
    origin: Origin,
    keys: &[Key],
    people: &[NewPerson],
) -> Result<HashMap<Key, ContactId>> {
    insert(tx, people).await?;
    let mine = claim(tx, keys, people).await?;
    let (made, lost): (Vec<_>, Vec<_>) = keys
        .iter()
        .zip(people.iter().map(|person| person.id))
        .partition(|(_, id)| mine.contains(id));
    let mut found = HashMap::new();
    if !lost.is_empty() {
        let ids: Vec<ContactId> = lost.iter().map(|(_, id)| *id).collect();
        take_back(tx, &ids).await?;
        let lost: Vec<Key> = lost.into_iter().map(|(key, _)| key.clone()).collect();
        found = bulk::find(tx, &lost).await?;
    }
    for (key, id) in &made {
        let fact = Fact::ContactCreated { contact_id: *id };
        tx.record(Change::new(origin, Some(*id), fact));
        found.insert((*key).clone(), *id);
    }
    let ids: Vec<ContactId> = made.into_iter().map(|(_, id)| id).collect();
    if !ids.is_empty() {
        // Only ids: an entry about many people can be no one person's to erase.
        let after = serde_json::json!({ "count": ids.len(), "contacts": ids });
        let record = Record::made("contact.create_many", tx.workspace, after);
        tx.audit(origin, record);
    }
    complete(tx, ids.iter().copied()).await?;
    let now = tx.now;
    let known = ids.iter().map(|id| (id.0, now));
    search::index::touch_new(tx, search::Kind::Contact, known).await?;
    Ok(found)
}

/// The two sides of an email address; nothing of any other identity.
fn address((kind, value): &Key) -> Option<(&str, &str)> {
    match kind {
        IdentityKind::Email => value.rsplit_once('@'),
        _ => None,
    }
}

/// The name by which somebody is shown: the one they are told by, or what tells most of who they are.
pub(crate) fn display_name(name: Option<&str>, key: &Key) -> String {
    let name = name.map(|name| text::printable(&text::visible(name)));
    let name = name.unwrap_or_default();
    let name = name.trim();
    if !name.is_empty() {
        return name.chars().take(200).collect();
    }
    match (address(key), key) {
        (Some((local, _)), _) => local.to_owned(),
        (None, (IdentityKind::AnonymousId, _)) => VISITOR.to_owned(),
        (None, (_, value)) => value.clone(),
    }
}

/// The name of somebody whom nobody has named: after the surest identity they have by now, which is the
/// address, then the id of a user, then the phone number. `None` for whoever has a name of their own.
pub(crate) fn name_by_identity(contact: &contact::Model) -> Option<String> {
    let mut names = [
        (IdentityKind::Email, &contact.email),
        (IdentityKind::ExternalId, &contact.external_id),
        (IdentityKind::Phone, &contact.phone),
    ]
    .into_iter()
    .filter_map(|(kind, value)| Some(display_name(None, &(kind, value.clone()?))));
    let surest = names.next()?;
    let is_nobodys =
        contact.name == VISITOR || contact.name == surest || names.any(|name| contact.name == name);
    is_nobodys.then_some(surest)
}

async fn accounts_by_domain(
    tx: &Tx<'_>,
    domains: BTreeSet<&str>,
) -> Result<HashMap<String, AccountId>> {
    #[derive(FromQueryResult)]
    struct Found {
        domain: String,
        id: AccountId,
        merged_into_id: Option<AccountId>,
    }
    if domains.is_empty() {
        return Ok(HashMap::new());
    }
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let found: Vec<Found> = Query::new(format!(
        "SELECT t.domain, t.id, t.merged_into_id FROM {{r}}
         JOIN account t ON t.workspace_id = $1 AND t.domain = r.domain ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().texts("domain", domains))
    .all(tx.connection())
    .await?;
    let gone = found.iter().filter(|one| one.merged_into_id.is_some());
    let gone = gone.map(|one| one.id.uuid()).collect();
    let living = merge::living(tx, Things::Accounts, gone).await?;
    let answering = |found: Found| {
        let id = match found.merged_into_id {
            None => found.id,
            Some(_) => AccountId(*living.get(&found.id.uuid())?),
        };
        Some((found.domain, id))
    };
    Ok(found.into_iter().filter_map(answering).collect())
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
        .opt_texts("phone", people.iter().map(|person| person.phone.clone()))
        .opt_texts(
            "external_id",
            people.iter().map(|person| person.external_id.clone()),
        )
        .opt_texts("locale", people.iter().map(|person| person.locale.clone()));
    Query::new(
        "INSERT INTO contact (workspace_id, id, account_id, name, name_key, email, phone,
                              external_id, locale, created_at, updated_at)
         SELECT $1, r.id, r.account_id, r.name, r.name_key, r.email, r.phone, r.external_id,
                r.locale, $2, $2 FROM {r}",
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

/// Gives each of `people` the key at the same place; of each key the first who asks gets it. Says who
/// got theirs.
async fn claim(tx: &Tx<'_>, keys: &[Key], people: &[NewPerson]) -> Result<HashSet<ContactId>> {
    let rows = Rows::new()
        .texts("kind", keys.iter().map(|(kind, _)| kind.word()))
        .texts("value", keys.iter().map(|(_, value)| value.as_str()))
        .ids("contact_id", people.iter().map(|person| person.id));
    let mine: Vec<ContactId> = Query::new(
        "INSERT INTO contact_identity (workspace_id, kind, value, contact_id, created_at)
         SELECT $1, r.kind, r.value, r.contact_id, $2 FROM {r} WHERE true
         ON CONFLICT DO NOTHING RETURNING contact_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(mine.into_iter().collect())
}

async fn take_back(tx: &Tx<'_>, people: &[ContactId]) -> Result<()> {
    Query::new("DELETE FROM contact WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})")
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", people.iter().copied()))
        .execute(tx.connection())
        .await?;
    Ok(())
}
