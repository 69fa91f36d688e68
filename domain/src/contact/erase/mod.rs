//! Erasing one person: everything that is theirs is gone, in one transaction.
//!
//! [`PERSONAL_TABLES`] names every table of the database and says how a person's rows are found in
//! it; a test holds the list against the database. The same list drives the export of a person's
//! data. What stays is what is no person's any more: the counts by campaign, account and workspace,
//! the counters of tags, and a keyed hash of each address, so that nothing is sent to it and no
//! program makes the person anew. Of contacts nobody asked to have erased no hash stays ([`delete`]).

mod leftover;
mod table;
mod talk;

use entity::id::{AccountId, ContactId, WorkspaceId};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use uuid::Uuid;

pub use table::{PERSONAL_TABLES, Personal, PersonalTable};

use super::{hold, suppress};
use crate::{
    access::{Actor, Scope},
    audit::{self, Who},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    playbook,
    search::{self, Kind},
    segment,
    store::{Query, Rows, Tx},
    tag, upload,
    work::change::{Change, Fact},
};

/// Erases a contact, with everybody who was merged into it, and keeps their addresses out.
pub async fn erase(ctx: &Ctx, actor: &Actor, id: ContactId) -> Result<ContactId> {
    take_away(ctx, actor, id, true).await
}

/// Deletes a contact nobody asked to have erased, such as a test or spam, with everybody who was merged
/// into it: as [`erase()`] does, but their addresses are free again. Refused for whoever unsubscribed from
/// anything, which nobody would know any more.
pub async fn delete(ctx: &Ctx, actor: &Actor, id: ContactId) -> Result<ContactId> {
    take_away(ctx, actor, id, false).await
}

async fn take_away(ctx: &Ctx, actor: &Actor, id: ContactId, keep_out: bool) -> Result<ContactId> {
    actor.require(Scope::Administer)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    upload::hold_all(&tx).await?;
    let ids = held(&tx, id).await?;
    if ids.is_empty() {
        return Err(super::absent(tx.connection(), tx.workspace, id, &["id"]).await);
    }
    if !keep_out {
        refuse_unsubscribed(&tx, &ids).await?;
    }
    let account_ids = accounts(&tx, &ids).await?;
    let shared = talk::part(&mut tx, actor.origin(), &ids).await?;
    forget_texts(&tx, &ids).await?;
    leftover::forget(&tx).await?;
    if keep_out {
        remember_hashes(&tx, &ids).await?;
    }
    scrub(&tx, &ids).await?;
    unrank(ctx, &tx, &ids).await?;
    segment::forget(&tx, &ids).await?;
    playbook::forget(&tx, &ids).await?;
    for table in PERSONAL_TABLES {
        for condition in table.personal.conditions() {
            Query::new(format!(
                "DELETE FROM {} AS t WHERE t.workspace_id = $1 AND {condition}",
                table.table
            ))
            .bind(tx.workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .execute(tx.connection())
            .await?;
        }
    }
    shared.settle(&tx).await?;
    audit::erase(&mut tx, Who::from(actor), &ids, keep_out).await?;
    let fact = Fact::ContactErased {
        contact_id: id,
        account_ids,
    };
    tx.record(Change::new(actor.origin(), None, fact));
    tx.commit().await?;
    ctx.db.empty_log().await;
    Ok(id)
}

async fn refuse_unsubscribed(tx: &Tx<'_>, ids: &[ContactId]) -> Result<()> {
    let found = Query::new(
        "SELECT 1 FROM {r} JOIN subscription s ON s.workspace_id = $1 AND s.contact_id = r.id
           AND s.state = 'UNSUBSCRIBED' LIMIT 1",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .raw(tx.connection())
    .await?;
    if found.is_empty() {
        return Ok(());
    }
    let message = "This person does not want to hear from us, or cannot be reached. Keep their addresses \
                   out, or they would be written to again.";
    let path = ["keepOut"];
    Err(Error::refused(&path, UserErrorCode::Contradictory, message))
}

/// The accounts they are at: what these add up of their people will be less.
async fn accounts(tx: &Tx<'_>, ids: &[ContactId]) -> Result<Vec<AccountId>> {
    Ok(Query::new(
        "SELECT DISTINCT c.account_id FROM {r} JOIN contact c ON c.workspace_id = $1 AND c.id = r.id
         WHERE c.account_id IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .column(tx.connection())
    .await?)
}

/// The contact and everybody merged into it, held until the end: whatever would give them something
/// meanwhile waits, and then finds nobody. Nobody when the contact is not there.
async fn held(tx: &Tx<'_>, id: ContactId) -> Result<Vec<ContactId>> {
    let mut ids = people(tx.connection(), tx.workspace, id).await?;
    loop {
        hold::people(tx, &ids).await?;
        // Somebody may have been merged into them, or they into somebody, before they were held.
        let now = people(tx.connection(), tx.workspace, id).await?;
        if now == ids {
            return Ok(ids);
        }
        ids = now;
    }
}

/// The contact and everybody merged into it, however long ago; nobody when it is not there.
pub(super) async fn people(
    connection: &impl sea_orm::ConnectionTrait,
    workspace: WorkspaceId,
    id: ContactId,
) -> Result<Vec<ContactId>> {
    Ok(Query::new(
        "WITH RECURSIVE way (id) AS (
           SELECT c.id FROM contact c WHERE c.workspace_id = $1 AND c.id = $2
             AND c.merged_into_id IS NULL
           UNION ALL
           SELECT c.id FROM way w
           JOIN contact c ON c.workspace_id = $1 AND c.merged_into_id = w.id
         )
         SELECT w.id FROM way w ORDER BY w.id",
    )
    .bind(workspace)
    .bind(id)
    .column(connection)
    .await?)
}

/// Takes the person out of the search index, which makes the parts of it that hold traces of their
/// texts anew. Before anything is written: it waits for the index's own work, which must not wait for this.
async fn forget_texts(tx: &Tx<'_>, ids: &[ContactId]) -> Result<()> {
    for (kind, table) in [
        (Kind::Contact, "contact"),
        (Kind::Conversation, "conversation"),
        (Kind::Message, "message"),
    ] {
        let line = PERSONAL_TABLES.iter().find(|line| line.table == table);
        let mut theirs: Vec<Uuid> = Vec::new();
        for condition in line.map_or(&[][..], |line| line.personal.conditions()) {
            let found: Vec<Uuid> = Query::new(format!(
                "SELECT t.id FROM {table} t WHERE t.workspace_id = $1 AND {condition}"
            ))
            .bind(tx.workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .column(tx.connection())
            .await?;
            theirs.extend(found);
        }
        search::index::forget(tx, kind, &theirs).await?;
    }
    Ok(())
}

/// Keeps the addresses as hashes nobody can read.
async fn remember_hashes(tx: &Tx<'_>, ids: &[ContactId]) -> Result<()> {
    let rows = Query::new(
        "SELECT i.kind, i.value FROM {r}
         JOIN contact_identity i ON i.workspace_id = $1 AND i.contact_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .raw(tx.connection())
    .await?;
    let mut hashes = Vec::new();
    for row in rows {
        let value: String = row.try_get_by_index(1)?;
        let all = suppress::hashes(
            &tx.ctx().vault,
            tx.workspace,
            row.try_get_by_index(0)?,
            &value,
        );
        hashes.extend(all.first().map(hex::encode));
    }
    Query::new(
        "INSERT INTO suppression (workspace_id, hash, created_at)
         SELECT $1, r.hash, $2 FROM {r} WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().texts("hash", hashes))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes the person's texts out of rows that have to stay: the log keeps its order, requests keep
/// being done once.
async fn scrub(tx: &Tx<'_>, ids: &[ContactId]) -> Result<()> {
    let (addresses, texts) = match tx.connection().get_database_backend() {
        DatabaseBackend::Postgres => (
            r#"jsonb_set(jsonb_set(data, '{recipient}', '""'), '{email_key}', '""')"#,
            "data - 'from' - 'to' - 'name'",
        ),
        _ => (
            "json_set(data, '$.recipient', '', '$.email_key', '')",
            "json_remove(data, '$.from', '$.to', '$.name')",
        ),
    };
    // The kinds as the index `change_personal` has them, or it is not used.
    Query::new(format!(
        "UPDATE change SET data = CASE kind WHEN 'email_event.recorded' THEN {addresses}
             ELSE {texts} END
         WHERE workspace_id = $1
           AND kind IN ('attribute.set', 'email_event.recorded', 'event.recorded')
           AND contact_id IN (SELECT r.id FROM {{r}})"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await?;
    // An answer is kept for a day, for whoever repeats the request; it may show anything.
    Query::new("UPDATE idempotency_key SET result = NULL WHERE workspace_id = $1")
        .bind(tx.workspace)
        .execute(tx.connection())
        .await?;
    // What was set aside may quote what it failed on. There is seldom any.
    for id in ids {
        Query::new(
            "DELETE FROM quarantine WHERE workspace_id = $1
               AND (CAST(item AS TEXT) LIKE $2 OR CAST(item AS TEXT) LIKE $3)",
        )
        .bind(tx.workspace)
        .bind(format!("%{}%", id.0.as_simple()))
        .bind(format!("%{}%", id.0.as_hyphenated()))
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Takes the person and their conversations out of the counters of tags.
async fn unrank(ctx: &Ctx, tx: &Tx<'_>, ids: &[ContactId]) -> Result<()> {
    let mut things: Vec<uuid::Uuid> = Query::new(
        "SELECT v.id FROM {r} JOIN conversation v ON v.workspace_id = $1 AND v.contact_id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .column(tx.connection())
    .await?;
    things.extend(ids.iter().map(|id| id.0));
    tag::rank_things(ctx, tx, &things, -1).await
}
