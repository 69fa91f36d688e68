//! Two things that are one: what merging contacts and merging accounts have in common.
//!
//! The row of the one that is merged stays and points to the survivor (`merged_into_id`): its id goes on
//! being answered, with the survivor. What follows is a list of tables (`table`), which each noun has of
//! its own; `rows` moves them and gives them back by a journal, `tags` does the same with taggings, and
//! `entries` with what only timelines hold. `own` fills what the survivor's row lacks, and `conflict` says what
//! would be lost. A [`Book`] says where all of this is written down.
//!
//! Called by `contact::merge` and `account::merge`, in their transactions. It holds no rows and tells nobody:
//! that is for them to do.

pub(crate) mod conflict;
pub(crate) mod entries;
pub(crate) mod own;
pub(crate) mod rows;
mod table;
pub(crate) mod tags;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::id::{AccountId, ContactId, Id, MergeId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::{
    access::Origin,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx, dialect},
};

pub use conflict::{Conflict, TagConflict};
pub(crate) use table::line;
pub use table::{Follows, MergedTable};

/// What is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Things {
    /// Contacts, who are erased with their rows.
    Contacts,
    /// Accounts, whose rows stay when they are deleted.
    Accounts,
}

impl Things {
    fn table(self) -> &'static str {
        match self {
            Self::Contacts => "contact",
            Self::Accounts => "account",
        }
    }

    fn global_id(self, id: Uuid) -> String {
        match self {
            Self::Contacts => ContactId(id).to_string(),
            Self::Accounts => AccountId(id).to_string(),
        }
    }

    /// That the row `t` is there to be named.
    fn here(self) -> &'static str {
        match self {
            Self::Contacts => "t.merged_into_id IS NULL",
            Self::Accounts => "t.merged_into_id IS NULL AND t.deleted_at IS NULL",
        }
    }
}

/// Where the merges of a noun are written down, and what follows them.
#[derive(Debug)]
pub(crate) struct Book {
    /// The table of the merges.
    pub(crate) merges: &'static str,
    /// The table of the rows that merges moved.
    pub(crate) journal: &'static str,
    /// Every column that names one of the things.
    pub(crate) tables: &'static [MergedTable],
    /// Why a tagging ended that both had.
    pub(crate) double_reason: &'static str,
    /// What is said when the survivor was given another since.
    pub(crate) later: &'static str,
}

/// One merge; `I` is the id of what was merged.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Merge<I: Id> {
    /// The id.
    pub id: MergeId,
    /// Who stayed.
    pub survivor_id: I,
    /// Who was merged into the survivor.
    pub loser_id: I,
    /// Why, in words.
    pub reason: String,
    /// What it changed of the own rows of the two.
    pub filled: serde_json::Value,
    /// When.
    pub merged_at: DateTime<Utc>,
    /// By whom.
    pub merged_by: serde_json::Value,
    /// When it was undone.
    pub undone_at: Option<DateTime<Utc>>,
    /// By whom it was undone.
    pub undone_by: Option<serde_json::Value>,
}

/// The columns of a [`Merge`] `m`.
const COLUMNS: &str =
    "m.id, m.survivor_id, m.loser_id, m.reason, m.filled, m.merged_at, m.merged_by,
    m.undone_at, m.undone_by";

/// Refuses a reason for a merge that does not fit.
pub(crate) fn check_reason(reason: &str) -> Result<String> {
    crate::text::short_text(reason, &["reason"], 255).map_err(|e| Error::Refused(vec![e]))
}

/// How many rows of each table of `book` would follow from `loser` to `survivor`, where there are any; without one,
/// how many are the loser's. One statement.
pub(crate) async fn count_rows(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    book: &Book,
    loser: Uuid,
    survivor: Option<Uuid>,
) -> Result<Vec<(&'static str, i64)>> {
    let backend = connection.get_database_backend();
    let mut parts = Vec::new();
    for table in book.tables {
        let moves = !matches!(
            table.follows,
            Follows::Waits | Follows::Derived | Follows::Record | Follows::Other
        );
        if moves && table.table != "tag_rank" {
            let (name, column) = (table.table, table.column);
            let stays = survivor.and_then(|_| rows::stays(table, backend, "$3"));
            let only = stays.map_or_else(String::new, |stays| format!(" AND NOT {stays}"));
            parts.push(format!(
                "SELECT '{name}' AS part, COUNT(*) AS number FROM {name} t
                 WHERE t.workspace_id = $1 AND t.{column} = $2{only}"
            ));
        }
    }
    let query = Query::new(parts.join(" UNION ALL "));
    let mut query = query.bind(workspace).bind(loser);
    if let Some(survivor) = survivor {
        query = query.bind(survivor);
    }
    let counted = query.raw(connection).await?;
    let mut rows = Vec::new();
    for row in counted {
        let part: String = row.try_get("", "part")?;
        let number: i64 = row.try_get("", "number")?;
        let table = book.tables.iter().find(|table| table.table == part);
        if let Some(table) = table.filter(|_| number > 0) {
            rows.push((table.table, number));
        }
    }
    Ok(rows)
}

/// The merge of this id, if `book` has it in this workspace.
pub(crate) async fn find<I: Id>(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    book: &Book,
    id: MergeId,
) -> Result<Option<Merge<I>>> {
    let merges = book.merges;
    Ok(Query::new(format!(
        "SELECT {COLUMNS} FROM {merges} m WHERE m.workspace_id = $1 AND m.id = $2"
    ))
    .bind(workspace)
    .bind(id)
    .one(connection)
    .await?)
}

/// The merges among `ids`, in no particular order; for loaders.
pub(crate) async fn load<I: Id>(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    book: &Book,
    ids: &[MergeId],
) -> Result<Vec<Merge<I>>> {
    let merges = book.merges;
    Ok(Query::new(format!(
        "SELECT {COLUMNS} FROM {{r}} CROSS JOIN {merges} AS m
         WHERE m.workspace_id = $1 AND m.id = r.id"
    ))
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(connection)
    .await?)
}

/// Like [`find`], of a merge that was just written down or undone.
pub(crate) async fn existing<I: Id>(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    book: &Book,
    id: MergeId,
) -> Result<Merge<I>> {
    find(connection, workspace, book, id)
        .await?
        .ok_or_else(|| Error::Internal("a merge vanished".to_owned()))
}

/// Everything that was merged into `survivor`, newest first; undone merges too. At most 100.
pub(crate) async fn merged_into<I: Id>(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    book: &Book,
    survivor: Uuid,
) -> Result<Vec<Merge<I>>> {
    let merges = book.merges;
    Ok(Query::new(format!(
        "SELECT {COLUMNS} FROM {merges} m
         WHERE m.workspace_id = $1 AND m.survivor_id = $2 ORDER BY m.id DESC LIMIT 100"
    ))
    .bind(workspace)
    .bind(survivor)
    .all(connection)
    .await?)
}

/// Writes a merge down.
pub(crate) async fn note(
    tx: &Tx<'_>,
    moves: &rows::Move,
    origin: Origin,
    reason: String,
    filled: serde_json::Value,
) -> Result<()> {
    let merges = moves.book.merges;
    Query::new(format!(
        "INSERT INTO {merges} (workspace_id, id, survivor_id, loser_id, reason, filled, merged_at,
                               merged_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    ))
    .bind(tx.workspace)
    .bind(moves.merge)
    .bind(moves.survivor)
    .bind(moves.loser)
    .bind(reason)
    .bind(filled)
    .bind(tx.now)
    .bind(origin.json())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes down that a merge was undone.
pub(crate) async fn note_undone(tx: &Tx<'_>, moves: &rows::Move, origin: Origin) -> Result<()> {
    let merges = moves.book.merges;
    Query::new(format!(
        "UPDATE {merges} SET undone_at = $3, undone_by = $4 WHERE workspace_id = $1 AND id = $2"
    ))
    .bind(tx.workspace)
    .bind(moves.merge)
    .bind(tx.now)
    .bind(origin.json())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// How a merge stands that is to be undone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// Whether it is undone already.
    pub(crate) is_undone: bool,
    /// Whether the survivor was merged on, or the other one does not point to it.
    pub(crate) is_moved_on: bool,
}

/// Undoing a merge gives back what it moved; what a later merge moved on is not there to be given.
pub(crate) async fn refuse_out_of_order(
    tx: &Tx<'_>,
    moves: &rows::Move,
    standing: Standing,
) -> Result<()> {
    let refuse = |message: &str| Err(Error::refused(&["id"], UserErrorCode::Invalid, message));
    if standing.is_undone {
        return refuse("This merge is undone already.");
    }
    if standing.is_moved_on {
        return refuse("The survivor was merged on since. Undo that merge first.");
    }
    let merges = moves.book.merges;
    let later: Option<MergeId> = Query::new(format!(
        "SELECT id FROM {merges} WHERE workspace_id = $1 AND survivor_id = $2 AND id > $3
           AND undone_at IS NULL LIMIT 1"
    ))
    .bind(tx.workspace)
    .bind(moves.survivor)
    .bind(moves.merge)
    .scalar(tx.connection())
    .await?;
    match later {
        Some(_) => refuse(moves.book.later),
        None => Ok(()),
    }
}

/// Who answers for those of `ids` that were merged into another, by who was asked for. One statement,
/// however long the chains are.
pub(crate) async fn survivors(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    things: Things,
    ids: Vec<Uuid>,
) -> Result<Vec<(Uuid, Uuid)>> {
    let (table, here) = (things.table(), things.here());
    let rows = Query::new(format!(
        "WITH RECURSIVE way (asked, at, next) AS (
           SELECT c.id, c.id, c.merged_into_id FROM {table} c
           WHERE c.workspace_id = $1 AND c.merged_into_id IS NOT NULL
             AND c.id IN (SELECT r.id FROM {{r}})
           UNION ALL
           SELECT w.asked, c.id, c.merged_into_id FROM way w
           JOIN {table} c ON c.workspace_id = $1 AND c.id = w.next
         )
         SELECT w.asked, w.at FROM way w
         JOIN {table} t ON t.workspace_id = $1 AND t.id = w.at AND {here}
         WHERE w.next IS NULL"
    ))
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids))
    .raw(connection)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

/// The refusal of a thing that is not there to be named: one that was merged says into which, as its id is still
/// answered where it is only read. `path` is where the id stands in the input.
pub(crate) async fn absent(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    things: Things,
    id: Uuid,
    path: &[&str],
) -> Error {
    match survivors_named(connection, workspace, things, vec![id]).await {
        Ok(merged) => match merged.into_values().next() {
            Some(message) => Error::refused(path, UserErrorCode::NotFound, message),
            None => Error::not_found(path, things.table()),
        },
        Err(error) => error,
    }
}

/// What to say of those of `ids` that were merged into another: into which, in the end. Two statements.
pub(crate) async fn survivors_named(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    things: Things,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, String>> {
    let ways = survivors(connection, workspace, things, ids).await?;
    if ways.is_empty() {
        return Ok(HashMap::new());
    }
    let what = things.table();
    let rows = Query::new(format!(
        "SELECT t.id, t.name FROM {{r}} JOIN {what} t ON t.workspace_id = $1 AND t.id = r.id"
    ))
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ways.iter().map(|way| way.1)))
    .raw(connection)
    .await?;
    let mut names: HashMap<Uuid, String> = HashMap::new();
    for row in rows {
        names.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    let told = ways.into_iter().filter_map(|(asked, survivor)| {
        let (name, id) = (names.get(&survivor)?, things.global_id(survivor));
        let message = format!("This {what} was merged into “{name}”. Name that one: {id}.");
        Some((asked, message))
    });
    Ok(told.collect())
}

/// Which thing each of `asked` means: of one that was merged away, however often, the one that answers
/// for it. Those that are not there are missing. None of them is merged on or erased until the end, so
/// that what they are given is not left on something hidden or gone.
pub(crate) async fn living(
    tx: &Tx<'_>,
    things: Things,
    asked: Vec<Uuid>,
) -> Result<HashMap<Uuid, Uuid>> {
    let mut open: BTreeMap<Uuid, Uuid> = asked.into_iter().map(|id| (id, id)).collect();
    let mut found = HashMap::with_capacity(open.len());
    while !open.is_empty() {
        let there = kept(tx, things, open.values().copied().collect()).await?;
        let gone: Vec<Uuid> = open
            .iter()
            .filter(|(_, means)| !there.contains(means))
            .map(|(asked, _)| *asked)
            .collect();
        found.extend(open.into_iter().filter(|(_, means)| there.contains(means)));
        open = if gone.is_empty() {
            BTreeMap::new()
        } else {
            let survivors = survivors(tx.connection(), tx.workspace, things, gone).await?;
            survivors.into_iter().collect()
        };
    }
    Ok(found)
}

/// Those of `ids` that are there and were not merged away.
async fn kept(tx: &Tx<'_>, things: Things, ids: BTreeSet<Uuid>) -> Result<HashSet<Uuid>> {
    let (table, here) = (things.table(), things.here());
    let lock = dialect::reference_lock(tx.connection().get_database_backend());
    let kept: Vec<Uuid> = Query::new(format!(
        "SELECT t.id FROM {table} t
         WHERE t.workspace_id = $1 AND {{asked}} AND {here} ORDER BY t.id {lock}"
    ))
    .bind(tx.workspace)
    .among("asked", "t.id", ids)
    .column(tx.connection())
    .await?;
    Ok(kept.into_iter().collect())
}
