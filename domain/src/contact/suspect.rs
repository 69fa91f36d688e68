//! Contacts who seem to be one person: noted, until somebody decides.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use entity::id::{ContactId, SuspectId, WorkspaceId};
use sea_orm::FromQueryResult;

use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// Two known contacts who seem to be one person.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Suspect {
    /// The id.
    pub id: SuspectId,
    /// One of them.
    pub contact_id: ContactId,
    /// The other.
    pub other_contact_id: ContactId,
    /// What makes it seem so.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it was decided.
    pub settled_at: Option<DateTime<Utc>>,
    /// What was decided: `MERGED` or `DISMISSED`.
    pub settlement: Option<String>,
}

const SUSPECT: &str =
    "s.id, s.contact_id, s.other_contact_id, s.reason, s.created_at, s.settled_at,
    s.settlement";

/// Notes that two contacts seem to be one person; once for each pair.
pub(super) async fn suspect(
    tx: &mut Tx<'_>,
    actor: &Actor,
    one: ContactId,
    other: ContactId,
) -> Result<SuspectId> {
    let (one, other) = (one.min(other), one.max(other));
    let id: SuspectId = tx.id();
    let made = Query::new(
        "INSERT INTO duplicate_suspect (workspace_id, id, contact_id, other_contact_id, reason,
                                        created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(one)
    .bind(other)
    .bind("Identities of both were given for one person")
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    if made > 0 {
        let fact = Fact::DuplicateSuspected {
            suspect_id: id,
            contact_id: one,
            other_contact_id: other,
        };
        tx.record(Change::new(actor.origin(), Some(one), fact));
        return Ok(id);
    }
    let found: Option<SuspectId> = Query::new(
        "SELECT id FROM duplicate_suspect
         WHERE workspace_id = $1 AND contact_id = $2 AND other_contact_id = $3",
    )
    .bind(tx.workspace)
    .bind(one)
    .bind(other)
    .scalar(tx.connection())
    .await?;
    found.ok_or_else(|| Error::Internal("a suspicion vanished".to_owned()))
}

#[derive(FromQueryResult)]
struct Noted {
    id: SuspectId,
    contact_id: ContactId,
    other_contact_id: ContactId,
}

/// Notes of many pairs that the two seem to be one person, once for each pair, in one statement.
pub(crate) async fn suspect_each(
    tx: &mut Tx<'_>,
    origin: Origin,
    pairs: &[(ContactId, ContactId)],
) -> Result<()> {
    let pairs: BTreeSet<(ContactId, ContactId)> = pairs
        .iter()
        .filter(|(one, other)| one != other)
        .map(|(one, other)| (*one.min(other), *one.max(other)))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let ids: Vec<SuspectId> = pairs.iter().map(|_| tx.id()).collect();
    let rows = Rows::new()
        .ids("id", ids)
        .ids("contact_id", pairs.iter().map(|(one, _)| *one))
        .ids("other_contact_id", pairs.iter().map(|(_, other)| *other));
    let noted: Vec<Noted> = Query::new(
        "INSERT INTO duplicate_suspect (workspace_id, id, contact_id, other_contact_id, reason,
                                        created_at)
         SELECT $1, r.id, r.contact_id, r.other_contact_id, $2, $3 FROM {r} WHERE true
         ON CONFLICT DO NOTHING RETURNING id, contact_id, other_contact_id",
    )
    .bind(tx.workspace)
    .bind("Identities of both were given for one person")
    .bind(tx.now)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    for one in noted {
        let fact = Fact::DuplicateSuspected {
            suspect_id: one.id,
            contact_id: one.contact_id,
            other_contact_id: one.other_contact_id,
        };
        tx.record(Change::new(origin, Some(one.contact_id), fact));
    }
    Ok(())
}

/// Says that two contacts are two people.
pub async fn dismiss(ctx: &Ctx, actor: &Actor, id: SuspectId) -> Result<Suspect> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let settled = Query::new(
        "UPDATE duplicate_suspect SET settled_at = $3, settlement = 'DISMISSED'
         WHERE workspace_id = $1 AND id = $2 AND settled_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    if settled == 0 {
        return Err(Error::not_found(&["id"], "open suspicion"));
    }
    let said = serde_json::json!({ "settlement": "DISMISSED" });
    tx.audit(actor, Record::made("duplicate_suspect.dismiss", id, said));
    tx.commit().await?;
    load_suspects(ctx, actor.workspace, &[id])
        .await?
        .pop()
        .ok_or_else(|| Error::not_found(&["id"], "suspicion"))
}

/// The suspicions among `ids`, in no particular order.
pub async fn load_suspects(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SuspectId],
) -> Result<Vec<Suspect>> {
    Ok(Query::new(format!(
        "SELECT {SUSPECT} FROM {{r}}
         JOIN duplicate_suspect s ON s.workspace_id = $1 AND s.id = r.id"
    ))
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// A page of the suspicions nobody has decided yet, oldest first.
pub async fn list_suspects(
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Page<(String, Suspect)>> {
    let keyset = Keyset {
        order: "suspect",
        key: None,
        id: "s.id",
        descending: false,
    };
    let query = Query::new(format!(
        "SELECT {SUSPECT} FROM duplicate_suspect s
         WHERE s.workspace_id = $1 AND s.settled_at IS NULL"
    ))
    .bind(workspace);
    keyset
        .list_by_id(ctx, query, page, |row: &Suspect| row.id)
        .await
}
