//! Erasing one person: everything that is theirs is gone, in one transaction.
//!
//! [`PERSONAL_TABLES`] names every table of the database and says how a person's rows are found in
//! it; a test holds the list against the database. The same list drives the export of a person's
//! data. What stays is what is no person's any more: the counts by campaign, account and workspace,
//! the counters of tags, and a keyed hash of each address, so that nothing is sent to it and no
//! program makes the person anew.

use entity::id::{ContactId, WorkspaceId};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use uuid::Uuid;

use super::suppress;
use crate::{
    access::{Actor, Scope},
    audit::{self, Who},
    ctx::Ctx,
    error::{Error, Result},
    playbook,
    search::{self, Kind},
    segment,
    store::{Query, Rows, Tx},
    tag,
    work::change::{Change, Fact},
};

/// How a person's rows are found in a table. The SQL is a condition on the row `t`, where `{r}` is
/// the table of the person's ids (column `id`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// They are deleted, and exported.
    Rows(&'static str),
    /// They are deleted; a copy or an index of rows that are exported already.
    Derived(&'static str),
    /// Texts are taken out of the rows; see `scrub`, `audit::erase`, and `forget_texts` for the
    /// search index.
    Scrubbed,
    /// There is nothing of a person in it.
    Nothing,
}

/// A table and how a person's rows are found in it.
#[derive(Debug, Clone, Copy)]
pub struct PersonalTable {
    /// The table.
    pub table: &'static str,
    /// How.
    pub personal: Personal,
}

const fn line(table: &'static str, personal: Personal) -> PersonalTable {
    PersonalTable { table, personal }
}

macro_rules! theirs {
    ($column:literal) => {
        concat!("t.", $column, " IN (SELECT r.id FROM {r})")
    };
}

macro_rules! in_their_conversations {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " IN (SELECT v.id FROM conversation v WHERE v.workspace_id = $1
               AND v.contact_id IN (SELECT r.id FROM {r}))"
        )
    };
}

macro_rules! about_them {
    ($column:literal) => {
        concat!(theirs!($column), " OR ", in_their_conversations!($column))
    };
}

macro_rules! of_their_deliveries {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " IN (SELECT d.id FROM delivery d WHERE d.workspace_id = $1
               AND d.contact_id IN (SELECT r.id FROM {r}))"
        )
    };
}

/// Digests in which something about them was told, among others.
macro_rules! of_their_digests {
    ($column:literal) => {
        concat!(
            "t.",
            $column,
            " IN (SELECT d.folded_into FROM delivery d WHERE d.workspace_id = $1
               AND d.contact_id IN (SELECT r.id FROM {r}))"
        )
    };
}

use Personal::{Derived, Nothing, Rows as R, Scrubbed};

/// Every table, in the order in which rows can be deleted: what refers to a row before the row.
pub const PERSONAL_TABLES: &[PersonalTable] = &[
    line("delivery_attempt", R(of_their_deliveries!("delivery_id"))),
    line(
        "delivery_attempt",
        Derived(of_their_digests!("delivery_id")),
    ),
    line(
        "in_app_notification",
        R(concat!(
            theirs!("contact_id"),
            " OR ",
            of_their_deliveries!("delivery_id")
        )),
    ),
    line(
        "in_app_notification",
        Derived(of_their_digests!("delivery_id")),
    ),
    line(
        "due_item",
        Derived(concat!(
            of_their_deliveries!("subject_id"),
            " OR ",
            in_their_conversations!("subject_id")
        )),
    ),
    line("delivery", R(theirs!("contact_id"))),
    line("rule_firing", R(theirs!("contact_id"))),
    line(
        "enrolment_step",
        R(
            "t.enrolment_id IN (SELECT e.id FROM enrolment e WHERE e.workspace_id = $1
               AND e.contact_id IN (SELECT r.id FROM {r}))",
        ),
    ),
    line("enrolment", R(theirs!("contact_id"))),
    line("playbook", Nothing),
    line("playbook_count", Nothing),
    line("playbook_version", Nothing),
    line(
        "task",
        R(concat!(
            theirs!("contact_id"),
            " OR ",
            in_their_conversations!("conversation_id")
        )),
    ),
    line("rule_mark", Derived(about_them!("target_id"))),
    line("rule_miss", R(theirs!("contact_id"))),
    line("attribute_value", R(about_them!("subject_id"))),
    line("note", R(about_them!("subject_id"))),
    line("segment_member", R(theirs!("subject_id"))),
    line("segment_move", R(theirs!("subject_id"))),
    line("stage_change", R(theirs!("subject_id"))),
    line("tag_quality_carried", Derived(about_them!("thing_id"))),
    line("tag_quality_thing", Derived(about_them!("thing_id"))),
    line("tag_rank", Derived(about_them!("target_id"))),
    line("tagging", R(about_them!("target_id"))),
    line(
        "conversation_watcher",
        R(in_their_conversations!("conversation_id")),
    ),
    line(
        "conversation_thread",
        Derived(in_their_conversations!("conversation_id")),
    ),
    line(
        "message",
        R(concat!(
            theirs!("contact_id"),
            " OR ",
            in_their_conversations!("conversation_id")
        )),
    ),
    line("conversation", R(theirs!("contact_id"))),
    line("event", R(theirs!("contact_id"))),
    line("event_day", Derived(theirs!("contact_id"))),
    line("email_event", R(theirs!("contact_id"))),
    line("email", Derived(theirs!("contact_id"))),
    line("email_active_day", Derived(theirs!("contact_id"))),
    line(
        "email_day",
        R(concat!("t.scope = 'CONTACT' AND ", theirs!("scope_id"))),
    ),
    line(
        "order_line",
        R(
            "t.order_id IN (SELECT o.id FROM sales_order o WHERE o.workspace_id = $1
               AND o.contact_id IN (SELECT r.id FROM {r}))",
        ),
    ),
    line("sales_order", R(theirs!("contact_id"))),
    line("invoice", R(theirs!("contact_id"))),
    line("ticket", R(theirs!("contact_id"))),
    line("opportunity", R(theirs!("contact_id"))),
    line("survey_answer", R(theirs!("contact_id"))),
    line("health_history", R(theirs!("contact_id"))),
    line("timeline_entry", Derived(theirs!("contact_id"))),
    line("timeline_move", Derived(theirs!("contact_id"))),
    line("contact_health", R(theirs!("contact_id"))),
    line("contact_activity", R(theirs!("contact_id"))),
    line("contact_identity", R(theirs!("contact_id"))),
    line("subscription_change", R(theirs!("contact_id"))),
    line("subscription", R(theirs!("contact_id"))),
    line(
        "duplicate_suspect",
        R(concat!(
            theirs!("contact_id"),
            " OR ",
            theirs!("other_contact_id")
        )),
    ),
    line(
        "contact_merge_row",
        Derived(
            "t.merge_id IN (SELECT m.id FROM contact_merge m WHERE m.workspace_id = $1
               AND (m.survivor_id IN (SELECT r.id FROM {r})
                 OR m.loser_id IN (SELECT r.id FROM {r})))",
        ),
    ),
    line(
        "contact_merge",
        R(concat!(theirs!("survivor_id"), " OR ", theirs!("loser_id"))),
    ),
    line("contact", R(theirs!("id"))),
    line("audit_entry", Scrubbed),
    line("search_block", Scrubbed),
    line("search_segment", Scrubbed),
    line("search_tail", Scrubbed),
    line("change", Scrubbed),
    line("idempotency_key", Scrubbed),
    line("quarantine", Scrubbed),
    line("access_token", Nothing),
    line("account", Nothing),
    line("attribute_definition", Nothing),
    line("campaign", Nothing),
    line("change_floor", Nothing),
    line("document", Nothing),
    line("export", Nothing),
    line("health_model", Nothing),
    line("import_key", Nothing),
    line("import_line", Nothing),
    line("inbox", Nothing),
    line("lead_judgement", Nothing),
    line("log_epoch", Nothing),
    line("member", Nothing),
    line("notification_receiver", Nothing),
    line("notification_target", Nothing),
    line("operation", Nothing),
    line("projection_cursor", Nothing),
    line("rule", Nothing),
    line("rule_version", Nothing),
    line("schedule_tick", Nothing),
    line("search_backfill", Nothing),
    line("search_state", Nothing),
    line("segment", Nothing),
    line("suppression", Nothing),
    line("tag", Nothing),
    line("tag_closure", Nothing),
    line("tag_count", Nothing),
    line("tag_group", Nothing),
    line("team", Nothing),
    line("team_member", Nothing),
    line("webhook_key", Nothing),
    line("tag_quality_finding", Nothing),
    line("tag_quality_run", Nothing),
    // Files as they were sent, which go by themselves after a time.
    line("upload", Nothing),
    line("upload_chunk", Nothing),
    line("workspace", Nothing),
];

/// Erases a contact, with everybody who was merged into it.
pub async fn erase(ctx: &Ctx, actor: &Actor, id: ContactId) -> Result<ContactId> {
    actor.require(Scope::Administer)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let ids = everybody(&tx, id).await?;
    if ids.is_empty() {
        return Err(Error::not_found(&["id"], "contact"));
    }
    forget_texts(&tx, &ids).await?;
    remember_hashes(&tx, &ids).await?;
    scrub(&tx, &ids).await?;
    unrank(ctx, &tx, &ids).await?;
    segment::forget(&tx, &ids).await?;
    playbook::forget(&tx, &ids).await?;
    for table in PERSONAL_TABLES {
        if let Personal::Rows(condition) | Personal::Derived(condition) = table.personal {
            Query::new(format!(
                "DELETE FROM {} AS t WHERE t.workspace_id = $1 AND ({condition})",
                table.table
            ))
            .bind(tx.workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .execute(tx.connection())
            .await?;
        }
    }
    audit::erase(&mut tx, Who::from(actor), &ids).await?;
    let fact = Fact::ContactErased { contact_id: id };
    tx.record(Change::new(actor.origin(), None, fact));
    tx.commit().await?;
    Ok(id)
}

/// The contact and everybody merged into it, however long ago; nobody when it is not there.
pub(super) async fn everybody(tx: &Tx<'_>, id: ContactId) -> Result<Vec<ContactId>> {
    people(tx.connection(), tx.workspace, id).await
}

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
         SELECT w.id FROM way w",
    )
    .bind(workspace)
    .bind(id)
    .column(connection)
    .await?)
}

/// Takes the person out of the search index, which makes the parts of it that hold traces of their
/// texts anew. Before anything else: it waits for the index's own work, which must not wait for this.
async fn forget_texts(tx: &Tx<'_>, ids: &[ContactId]) -> Result<()> {
    for (kind, table) in [
        (Kind::Contact, "contact"),
        (Kind::Conversation, "conversation"),
        (Kind::Message, "message"),
    ] {
        let line = PERSONAL_TABLES.iter().find(|line| line.table == table);
        let Some(Personal::Rows(condition)) = line.map(|line| line.personal) else {
            continue;
        };
        let theirs: Vec<Uuid> = Query::new(format!(
            "SELECT t.id FROM {table} t WHERE t.workspace_id = $1 AND ({condition})"
        ))
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", ids.iter().copied()))
        .column(tx.connection())
        .await?;
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
    let rows = || Rows::new().ids("id", ids.iter().copied());
    let without = match tx.connection().get_database_backend() {
        DatabaseBackend::Postgres => {
            r#"jsonb_set(jsonb_set(data, '{recipient}', '""'), '{email_key}', '""')"#
        }
        _ => "json_set(data, '$.recipient', '', '$.email_key', '')",
    };
    Query::new(format!(
        "UPDATE change SET data = {without} WHERE workspace_id = $1
           AND kind = 'email_event.recorded' AND contact_id IN (SELECT r.id FROM {{r}})"
    ))
    .bind(tx.workspace)
    .rows("r", rows())
    .execute(tx.connection())
    .await?;
    let without = match tx.connection().get_database_backend() {
        DatabaseBackend::Postgres => "data - 'from' - 'to' - 'name'",
        _ => "json_remove(data, '$.from', '$.to', '$.name')",
    };
    Query::new(format!(
        "UPDATE change SET data = {without} WHERE workspace_id = $1
           AND kind IN ('attribute.set', 'event.recorded')
           AND contact_id IN (SELECT r.id FROM {{r}})"
    ))
    .bind(tx.workspace)
    .rows("r", rows())
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
