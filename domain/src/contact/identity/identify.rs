//! What follows when somebody says who they are.
//!
//! An anonymous visitor becomes known by itself: their contact is merged into the one their address
//! belongs to, or gets the address. Two contacts who are both known are never merged by a program:
//! the suspicion is noted ([`crate::suspect`]), and a person decides.

use std::collections::BTreeSet;

use entity::{
    contact,
    id::{ContactId, SuspectId},
    kind::IdentityKind,
};
use sea_orm::FromQueryResult;

use super::{Given, again, normal, note};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    contact::{
        Contact, bulk, check, handle, hold, merge,
        resolve::{NewPerson, VISITOR, complete, display_name, insert, name_by_identity},
        suppress,
        suspect::suspect,
    },
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    search,
    store::{Query, Rows, Tx},
    text,
    work::change::{Change, Fact},
};

/// Somebody says who they are.
#[derive(Debug, Clone, Default)]
pub struct Identify {
    /// Every identity that is one person's, the surest first.
    pub identities: Vec<Given>,
    /// The name, used when the contact is made, or was named by nobody.
    pub name: Option<String>,
}

/// Who it turned out to be.
#[derive(Debug)]
pub struct Identified {
    /// The contact.
    pub contact: Contact,
    /// Whether the contact was made.
    pub created: bool,
    /// Known contacts who seem to be the same person; nothing was merged.
    pub suspects: Vec<SuspectId>,
}

#[derive(Debug, FromQueryResult)]
struct Holder {
    kind: IdentityKind,
    value: String,
    contact_id: ContactId,
}

/// How often it is looked who somebody is, while others say it of the same person.
const TRIES: u32 = 5;

/// Finds or makes the contact that all the identities are of. Of several who say it at once each gets
/// the same contact: whoever comes too late starts over, and finds what the first has made.
pub async fn identify(ctx: &Ctx, actor: &Actor, who: Identify) -> Result<Identified> {
    actor.require(Scope::Write)?;
    let (id, created, suspects) = settle_at_last(ctx, actor, &who).await?;
    Ok(Identified {
        contact: again(ctx, actor, id).await?,
        created,
        suspects,
    })
}

/// [`settle`], as often as others come first.
pub(in crate::contact) async fn settle_at_last(
    ctx: &Ctx,
    actor: &Actor,
    who: &Identify,
) -> Result<(ContactId, bool, Vec<SuspectId>)> {
    let mut tries = 1;
    loop {
        match settle(ctx, actor, who).await {
            Err(error) if tries < TRIES && came_too_late(&error) => tries += 1,
            settled => return settled,
        }
    }
}

/// Whether an identity was taken, or a contact merged away or erased, since it was looked who has what:
/// nothing that is given can be refused with these codes for itself.
fn came_too_late(error: &Error) -> bool {
    let is_late =
        |error: &UserError| matches!(error.code, UserErrorCode::Taken | UserErrorCode::NotFound);
    matches!(error, Error::Refused(errors) if errors.iter().all(is_late))
}

/// Who it is, whether they were made, and who else it seems to be; committed.
async fn settle(
    ctx: &Ctx,
    actor: &Actor,
    who: &Identify,
) -> Result<(ContactId, bool, Vec<SuspectId>)> {
    let mut tx = ctx.begin(actor.workspace).await?;
    let identities = read(&tx, &who.identities).await?;
    let holders = holders(&tx, &identities).await?;
    // Each once, in the order of their surest identity.
    let mut distinct: Vec<ContactId> = Vec::new();
    for (kind, value) in &identities {
        let holder = holders
            .iter()
            .find(|holder| holder.kind == *kind && holder.value == *value);
        if let Some(holder) = holder.filter(|holder| !distinct.contains(&holder.contact_id)) {
            distinct.push(holder.contact_id);
        }
    }
    if distinct.len() > 1 {
        // Before it is asked who is known: nobody may become so, or be merged away, meanwhile.
        let held = hold::people(&tx, &distinct).await?;
        if held.len() < distinct.len() || held.iter().any(|one| one.merged_into_id.is_some()) {
            return Err(Error::not_found(&["identities"], "contact"));
        }
    }
    let known = known_among(&tx, &distinct).await?;
    let (id, created) = match known.first().or(distinct.first()) {
        Some(id) => (*id, false),
        None => (make(&mut tx, actor, who, &identities).await?, true),
    };
    let mut suspects = Vec::new();
    for other in distinct.iter().filter(|other| **other != id) {
        if known.contains(other) {
            suspects.extend(suspect(&mut tx, actor, id, *other).await?);
        } else {
            let reason = "An anonymous visitor said who they are".to_owned();
            merge::join(ctx, &mut tx, actor.origin(), id, *other, reason).await?;
        }
    }
    let mut new = Vec::new();
    for (index, (kind, value)) in identities.into_iter().enumerate() {
        let is_new = holders
            .iter()
            .all(|holder| holder.kind != kind || holder.value != value);
        let identity = (kind, value);
        if is_new && !new.contains(&identity) {
            let path = ["identities", &index.to_string(), "value"];
            suppress::refuse(&tx, kind, &identity.1, &path).await?;
            new.push(identity);
        }
    }
    let may_name = !created && (!new.is_empty() || who.name.is_some());
    if may_name {
        // Somebody who is merged away meanwhile is given nothing.
        hold::row(&tx, id, "identities").await?;
    }
    if !new.is_empty() {
        give(&mut tx, actor, id, new).await?;
    }
    if may_name {
        name_unnamed(&mut tx, actor, id, who.name.as_deref()).await?;
    }
    tx.commit().await?;
    Ok((id, created, suspects))
}

/// Calls a contact whom nobody has named by this name, or after the surest identity.
async fn name_unnamed(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ContactId,
    name: Option<&str>,
) -> Result<()> {
    let held = bulk::hold(tx, &BTreeSet::from([id])).await?;
    let Some(before) = held.get(&id) else {
        return Ok(());
    };
    let surest = name_by_identity(before);
    if surest.is_none() && before.name != VISITOR {
        return Ok(());
    }
    let name = match (name, surest) {
        (Some(name), _) => text::name(name, &["name"], 200).map_err(|e| Error::Refused(vec![e]))?,
        (None, Some(surest)) => surest,
        (None, None) => return Ok(()),
    };
    if name == before.name {
        return Ok(());
    }
    let after = contact::Model {
        name_key: text::name_key(&name),
        name,
        ..before.clone()
    };
    bulk::change(tx, actor.origin(), "", &[(before.clone(), after)], &[]).await
}

/// Gives a contact identities that nobody else has.
async fn give(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: ContactId,
    mut new: Vec<(IdentityKind, String)>,
) -> Result<()> {
    let mut claims = new.clone();
    // In one order everywhere, so that two who take the same ones never wait in a circle.
    claims.sort();
    for (kind, value) in claims {
        let is_theirs = !check::claim(tx, id, kind, value.clone(), "identities").await?;
        if is_theirs {
            // Whoever said it of them at the same time has noted it.
            new.retain(|(other, same)| *other != kind || *same != value);
        }
    }
    for (kind, value) in new {
        note(tx, actor, id, kind, value).await?;
    }
    search::index::touch(tx, search::Kind::Contact, &[id.0]).await
}

async fn read(tx: &Tx<'_>, given: &[Given]) -> Result<Vec<(IdentityKind, String)>> {
    let home = check::home(tx).await?;
    let (mut read, mut errors) = (Vec::new(), Vec::new());
    for (index, one) in given.iter().enumerate() {
        let path = ["identities", &index.to_string(), "value"];
        match normal(one.kind, &one.value, home, &path) {
            Ok(value) => read.push((one.kind, value)),
            Err(error) => errors.push(error),
        }
    }
    if given.is_empty() || given.len() > 20 {
        let message = "Give 1 to 20 identities.";
        let path = ["identities"];
        errors.push(UserError::new(&path, UserErrorCode::Required, message));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    handle::as_kept(tx, &mut read).await?;
    Ok(read)
}

async fn holders(tx: &Tx<'_>, identities: &[(IdentityKind, String)]) -> Result<Vec<Holder>> {
    let rows = Rows::new()
        .texts("kind", identities.iter().map(|(kind, _)| kind.word()))
        .texts("value", identities.iter().map(|(_, value)| value.as_str()));
    Ok(Query::new(
        "SELECT i.kind, i.value, i.contact_id FROM {r}
         JOIN contact_identity i ON i.workspace_id = $1 AND i.kind = r.kind AND i.value = r.value",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?)
}

/// Those of `people` who have an identity that is more than a cookie, in the same order.
async fn known_among(tx: &Tx<'_>, people: &[ContactId]) -> Result<Vec<ContactId>> {
    let known: Vec<ContactId> = Query::new(
        "SELECT DISTINCT i.contact_id FROM {r}
         JOIN contact_identity i ON i.workspace_id = $1 AND i.contact_id = r.id
          AND i.kind <> 'ANONYMOUS_ID'",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", people.iter().copied()))
    .column(tx.connection())
    .await?;
    Ok(people
        .iter()
        .copied()
        .filter(|person| known.contains(person))
        .collect())
}

async fn make(
    tx: &mut Tx<'_>,
    actor: &Actor,
    who: &Identify,
    identities: &[(IdentityKind, String)],
) -> Result<ContactId> {
    let name = match &who.name {
        Some(name) => text::name(name, &["name"], 200).map_err(|e| Error::Refused(vec![e]))?,
        None => identities
            .iter()
            .find(|(kind, _)| *kind != IdentityKind::AnonymousId)
            .map_or_else(|| VISITOR.to_owned(), |key| display_name(None, key)),
    };
    let id: ContactId = tx.id();
    let said = serde_json::json!({ "name": name });
    tx.audit(actor, Record::made("contact.create", id, said).of(id));
    let person = NewPerson {
        id,
        name,
        email: None,
        phone: None,
        external_id: None,
        locale: None,
        account_id: None,
    };
    insert(tx, &[person]).await?;
    complete(tx, std::iter::once(id)).await?;
    let fact = Fact::ContactCreated { contact_id: id };
    tx.record(Change::new(actor.origin(), Some(id), fact));
    Ok(id)
}
