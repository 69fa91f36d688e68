//! Many contacts at once, for imports and bulk calls: the same effects as `write`, in a number of statements that does
//! not depend on how many there are.
//!
//! The caller has checked what it gives; here it is held against what others do at the same time. An
//! identity that somebody else took meanwhile is an error, upon which the whole transaction is tried
//! again.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    contact,
    id::{ContactId, Id as _},
    kind::IdentityKind,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, FromQueryResult};
use serde_json::json;

use super::{
    resolve, suppress,
    write::{audited, different, left},
};
use crate::{
    access::Origin,
    audit::Record,
    error::{Error, Result},
    search,
    stage::{self, Moved},
    store::{Query, Rows, Tx, dialect},
    subject::Subject,
    work::change::{Change, Fact},
};

/// A way to be recognised.
pub(crate) type Key = (IdentityKind, String);

#[derive(FromQueryResult)]
struct Known {
    kind: IdentityKind,
    value: String,
    contact_id: ContactId,
}

fn key_rows(keys: &[Key]) -> Rows {
    Rows::new()
        .texts("kind", keys.iter().map(|(kind, _)| kind.word()))
        .texts("value", keys.iter().map(|(_, value)| value.as_str()))
}

/// Who is recognised by each of `keys`. Until the end of `tx` nobody gives these identities away.
pub(crate) async fn find(tx: &Tx<'_>, keys: &[Key]) -> Result<HashMap<Key, ContactId>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let lock = match tx.connection().get_database_backend() {
        DatabaseBackend::Postgres => "ORDER BY i.kind, i.value FOR KEY SHARE OF i",
        _ => "",
    };
    let known: Vec<Known> = Query::new(format!(
        "SELECT i.kind, i.value, i.contact_id FROM {{r}}
         JOIN contact_identity i
           ON i.workspace_id = $1 AND i.kind = r.kind AND i.value = r.value {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", key_rows(keys))
    .all(tx.connection())
    .await?;
    Ok(known
        .into_iter()
        .map(|known| ((known.kind, known.value), known.contact_id))
        .collect())
}

/// Those of `keys` that somebody has; anybody may take or give them away meanwhile.
pub(crate) async fn kept(tx: &Tx<'_>, keys: &[Key]) -> Result<HashSet<Key>> {
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let known: Vec<Known> = Query::new(
        "SELECT i.kind, i.value, i.contact_id FROM {r}
         JOIN contact_identity i ON i.workspace_id = $1 AND i.kind = r.kind AND i.value = r.value",
    )
    .bind(tx.workspace)
    .rows("r", key_rows(keys))
    .all(tx.connection())
    .await?;
    let known = known.into_iter();
    Ok(known.map(|known| (known.kind, known.value)).collect())
}

/// Those of `keys` that belonged to somebody who was erased. A statement for each kind, and only one where
/// nobody was.
pub(crate) async fn erased(tx: &Tx<'_>, keys: &[Key]) -> Result<HashSet<Key>> {
    let mut erased = HashSet::new();
    if keys.is_empty() || !suppress::is_anybody(tx).await? {
        return Ok(erased);
    }
    let kinds: BTreeSet<IdentityKind> = keys.iter().map(|(kind, _)| *kind).collect();
    for kind in kinds {
        let values = keys.iter().filter(|(other, _)| *other == kind);
        let values = values.map(|(_, value)| value.as_str());
        let found = suppress::are_suppressed(tx, kind, values).await?;
        erased.extend(found.into_iter().map(|value| (kind, value.to_owned())));
    }
    Ok(erased)
}

/// The contacts as they are, held until the end of `tx`.
pub(crate) async fn hold(
    tx: &Tx<'_>,
    ids: &BTreeSet<ContactId>,
) -> Result<HashMap<ContactId, contact::Model>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let rows: Vec<contact::Model> = Query::new(format!(
        "SELECT c.* FROM contact c
         WHERE c.workspace_id = $1 AND {{those}} ORDER BY c.id {lock}"
    ))
    .bind(tx.workspace)
    .among("those", "c.id", ids.iter().map(|id| id.0))
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

fn rows_of<'a>(contacts: &(impl Iterator<Item = &'a contact::Model> + Clone)) -> Rows {
    let each = || contacts.clone();
    Rows::new()
        .ids("id", each().map(|one| one.id))
        .opt_ids("account_id", each().map(|one| one.account_id))
        .texts("name", each().map(|one| one.name.as_str()))
        .texts("name_key", each().map(|one| one.name_key.as_str()))
        .opt_texts("email", each().map(|one| one.email.clone()))
        .opt_texts("external_id", each().map(|one| one.external_id.clone()))
        .opt_texts("locale", each().map(|one| one.locale.clone()))
        .opt_ids("owner_id", each().map(|one| one.owner_id))
        .opt_texts(
            "stage",
            each().map(|one| one.stage.map(|stage| stage.word().to_owned())),
        )
        .ints("stage_rank", each().map(|one| one.stage_rank))
        .opt_texts(
            "source_channel",
            each().map(|one| one.source_channel.map(|one| one.word().to_owned())),
        )
        .opt_ids(
            "source_campaign_id",
            each().map(|one| one.source_campaign_id),
        )
        .opt_ids("brought_by_id", each().map(|one| one.brought_by_id))
        .opt_times("arrived_at", each().map(|one| one.arrived_at))
        .opt_texts("phone", each().map(|one| one.phone.clone()))
        .opt_texts("kana", each().map(|one| one.kana.clone()))
        .opt_texts("kana_key", each().map(|one| one.kana_key.clone()))
}

/// Makes contacts, recognised by `keys`.
pub(crate) async fn make(
    tx: &mut Tx<'_>,
    origin: Origin,
    reason: &str,
    made: &[contact::Model],
    keys: &[(Key, ContactId)],
) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    Query::new(
        "INSERT INTO contact (workspace_id, id, account_id, name, name_key, email, external_id,
             locale, owner_id, stage, stage_rank, source_channel, source_campaign_id,
             brought_by_id, arrived_at, phone, kana, kana_key, created_at, updated_at)
         SELECT $1, r.id, r.account_id, r.name, r.name_key, r.email, r.external_id,
             r.locale, r.owner_id, r.stage, r.stage_rank, r.source_channel, r.source_campaign_id,
             r.brought_by_id, r.arrived_at, r.phone, r.kana, r.kana_key, $2, $2 FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows_of(&made.iter()))
    .execute(tx.connection())
    .await?;
    resolve::complete(tx, made.iter().map(|one| one.id)).await?;
    claim(tx, keys).await?;
    let now = tx.now;
    let touched = made.iter().map(|one| (one.id.uuid(), now));
    search::index::touch_new(tx, search::Kind::Contact, touched).await?;
    // Only ids: an entry about many people can be no one person's to erase.
    let ids: Vec<ContactId> = made.iter().map(|one| one.id).collect();
    let after = json!({ "count": ids.len(), "contacts": ids });
    let record = Record::made("contact.create_many", tx.workspace, after);
    tx.audit(origin, record);
    for one in made {
        let fact = Fact::ContactCreated { contact_id: one.id };
        tx.record(Change::new(origin, Some(one.id), fact));
    }
    let moved = made.iter().map(|one| Moved {
        subject: Subject::from(one.id),
        owner: (None, one.owner_id),
        stage: (None, one.stage),
    });
    stage::set_each(tx, origin, reason, &moved.collect::<Vec<Moved>>()).await
}

/// Changes contacts, told as they were and as they are to be, recognised by `keys` too.
pub(crate) async fn change(
    tx: &mut Tx<'_>,
    origin: Origin,
    reason: &str,
    changed: &[(contact::Model, contact::Model)],
    keys: &[(Key, ContactId)],
) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    Query::new(
        "UPDATE contact SET account_id = r.account_id, name = r.name, name_key = r.name_key,
             email = r.email, external_id = r.external_id, locale = r.locale,
             owner_id = r.owner_id, stage = r.stage, stage_rank = r.stage_rank,
             source_channel = r.source_channel, source_campaign_id = r.source_campaign_id,
             brought_by_id = r.brought_by_id, arrived_at = r.arrived_at,
             phone = r.phone, kana = r.kana, kana_key = r.kana_key, updated_at = $2
         FROM {r} WHERE contact.workspace_id = $1 AND contact.id = r.id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows_of(&changed.iter().map(|(_, after)| after)))
    .execute(tx.connection())
    .await?;
    claim(tx, keys).await?;
    let ids: Vec<_> = changed.iter().map(|(_, after)| after.id.uuid()).collect();
    search::index::touch(tx, search::Kind::Contact, &ids).await?;
    for (before, after) in changed {
        let record = Record::changed("contact.update", after.id, audited(before), audited(after));
        tx.audit(origin, record.of(after.id));
        let fact = Fact::ContactChanged {
            contact_id: after.id,
            fields: different(before, after),
            left_account_id: left(before, after),
        };
        tx.record(Change::new(origin, Some(after.id), fact));
    }
    let moved = changed.iter().map(|(before, after)| Moved {
        subject: Subject::from(after.id),
        owner: (before.owner_id, after.owner_id),
        stage: (before.stage, after.stage),
    });
    stage::set_each(tx, origin, reason, &moved.collect::<Vec<Moved>>()).await
}

/// Gives people identities that nobody has. Those of people who were there before are noted; to the ones
/// just `made` they belong from the beginning.
pub(crate) async fn recognise(
    tx: &mut Tx<'_>,
    origin: Origin,
    made: &BTreeSet<ContactId>,
    keys: &[(Key, ContactId)],
) -> Result<()> {
    claim(tx, keys).await?;
    let attached = keys.iter().filter(|(_, id)| !made.contains(id));
    let ids: BTreeSet<ContactId> = attached.clone().map(|(_, id)| *id).collect();
    let ids: Vec<_> = ids.iter().map(|id| id.uuid()).collect();
    search::index::touch(tx, search::Kind::Contact, &ids).await?;
    for ((kind, value), id) in attached {
        let fact = Fact::IdentityAttached {
            contact_id: *id,
            identity: *kind,
        };
        tx.record(Change::new(origin, Some(*id), fact));
        let said = json!({ "kind": kind, "value": value });
        let record = Record::made("contact.attach_identity", *id, said);
        tx.audit(origin, record.of(*id));
    }
    Ok(())
}

/// Gives identities that nobody has.
async fn claim(tx: &Tx<'_>, keys: &[(Key, ContactId)]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    // In one order everywhere, so that two who take the same ones never wait in a circle.
    let mut keys: Vec<_> = keys.iter().collect();
    keys.sort();
    let rows = Rows::new()
        .texts("kind", keys.iter().map(|((kind, _), _)| kind.word()))
        .texts("value", keys.iter().map(|((_, value), _)| value.as_str()))
        .ids("contact_id", keys.iter().map(|(_, id)| *id));
    let taken = Query::new(
        "INSERT INTO contact_identity (workspace_id, kind, value, contact_id, created_at)
         SELECT $1, r.kind, r.value, r.contact_id, $2 FROM {r} WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    if usize::try_from(taken).ok() == Some(keys.len()) {
        Ok(())
    } else {
        Err(Error::Overtaken(
            "somebody else took an identity meanwhile; it has to be looked at again",
        ))
    }
}
