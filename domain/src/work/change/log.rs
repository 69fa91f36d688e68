//! Appending to the log and reading it. Appending is for transactions only, which do it at their
//! end; a reader sees an entry only when none can come before it any more.

use chrono::{DateTime, Utc};
use entity::id::{ContactId, WorkspaceId};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::{
    entry::{Change, Entry, Unreadable},
    position::Position,
};
use crate::{
    access::Origin,
    store::{Query, Rows, dialect},
};

/// Appends `changes` in their order, in the transaction of `connection`.
pub(crate) async fn append(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
    changes: &[Change],
) -> Result<(), DbErr> {
    let rows = Rows::new()
        .ints("n", 0..changes.len() as i64)
        .texts("kind", changes.iter().map(|change| change.fact.name()))
        .uuids(
            "subject_id",
            changes.iter().map(|change| change.fact.subject()),
        )
        .opt_ids("contact_id", changes.iter().map(|change| change.contact))
        .json("actor", changes.iter().map(|change| change.origin.json()))
        .ints("depth", changes.iter().map(|change| change.depth))
        .opt_ints(
            "root_tx",
            changes.iter().map(|change| change.root.map(|root| root.tx)),
        )
        .opt_ints(
            "root_seq",
            changes
                .iter()
                .map(|change| change.root.map(|root| root.seq)),
        )
        .json(
            "data",
            changes.iter().map(|change| serde_json::json!(change.fact)),
        );
    let log_tx = dialect::log_tx(connection.get_database_backend());
    Query::new(format!(
        "INSERT INTO change (tx, workspace_id, kind, subject_id, contact_id, actor, depth, root_tx,
                             root_seq, data, at)
         SELECT (SELECT {log_tx}), $1, r.kind, r.subject_id, r.contact_id, r.actor, r.depth,
                r.root_tx, r.root_seq, r.data, $2
         FROM {{r}} ORDER BY r.n"
    ))
    .bind(workspace)
    .bind(now)
    .rows("r", rows)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    tx: i64,
    seq: i64,
    contact_id: Option<ContactId>,
    actor: String,
    depth: i64,
    root_tx: Option<i64>,
    root_seq: Option<i64>,
    data: String,
    at: DateTime<Utc>,
}

/// What of an entry is read. Its texts are read as such: every projection decodes every entry, and a tree
/// in between would double the cost.
const COLUMNS: &str = "tx, seq, contact_id, CAST(actor AS text) AS actor, depth, root_tx, root_seq,
    CAST(data AS text) AS data, at";

/// Reads up to `limit` entries after `after`, in order, as far as every transaction that could still
/// add an earlier one has ended.
pub async fn read(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    after: Position,
    limit: u64,
) -> Result<Vec<Result<Entry, Unreadable>>, DbErr> {
    let settled = dialect::settled(connection.get_database_backend());
    let rows: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM change
         WHERE workspace_id = $1 AND (tx, seq) > ($2, $3) AND {settled}
         ORDER BY tx, seq LIMIT $4"
    ))
    .bind(workspace)
    .bind(after.tx)
    .bind(after.seq)
    .bind(limit as i64)
    .all(connection)
    .await?;
    Ok(decode(rows))
}

/// Reads up to `limit` entries of the named facts after `after` and up to `upto`, which must be
/// settled, in order. The names stand in the statement, where both databases look each entry's up in a
/// table of them: PostgreSQL would compare it with one given name after the other.
pub(crate) async fn read_facts(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    after: Position,
    upto: Position,
    facts: &[&'static str],
    limit: i64,
) -> Result<Vec<Result<Entry, Unreadable>>, DbErr> {
    if facts.is_empty() {
        return Ok(Vec::new());
    }
    let kinds = facts.join("', '");
    let rows: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM change
         WHERE workspace_id = $1 AND (tx, seq) > ($2, $3) AND (tx, seq) <= ($4, $5)
           AND kind IN ('{kinds}')
         ORDER BY tx, seq LIMIT $6"
    ))
    .bind(workspace)
    .bind(after.tx)
    .bind(after.seq)
    .bind(upto.tx)
    .bind(upto.seq)
    .bind(limit)
    .all(connection)
    .await?;
    Ok(decode(rows))
}

/// Entries of one transaction mostly come from the same hand, which is decoded once.
fn decode(rows: Vec<Row>) -> Vec<Result<Entry, Unreadable>> {
    let mut hand: Option<(String, Origin)> = None;
    let each = rows.into_iter().map(|mut row| {
        let origin = match &hand {
            Some((text, origin)) if *text == row.actor => Ok(*origin),
            _ => serde_json::from_str(&row.actor).inspect(|origin| {
                hand = Some((std::mem::take(&mut row.actor), *origin));
            }),
        };
        row.decode(origin)
    });
    each.collect()
}

impl Row {
    fn decode(self, origin: serde_json::Result<Origin>) -> Result<Entry, Unreadable> {
        let position = Position {
            tx: self.tx,
            seq: self.seq,
        };
        let root = self.root_tx.zip(self.root_seq);
        let root = root.map_or(position, |(tx, seq)| Position { tx, seq });
        let decoded = serde_json::from_str(&self.data).and_then(|fact| Ok((fact, origin?)));
        match decoded {
            Ok((fact, origin)) => Ok(Entry {
                position,
                fact,
                contact: self.contact_id,
                origin,
                depth: self.depth,
                root,
                at: self.at,
            }),
            Err(error) => Err(Unreadable {
                position,
                data: serde_json::from_str(&self.data).unwrap_or_else(|_| self.data.into()),
                error: error.to_string(),
            }),
        }
    }
}

/// The end of the log: where a subscription that starts now begins.
pub async fn end(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Position, DbErr> {
    let settled = dialect::settled(connection.get_database_backend());
    let row = Query::new(format!(
        "SELECT tx, seq FROM change WHERE workspace_id = $1 AND {settled}
         ORDER BY tx DESC, seq DESC LIMIT 1"
    ))
    .bind(workspace)
    .raw(connection)
    .await?;
    row.first().map_or(Ok(Position::default()), |row| {
        Ok(Position {
            tx: row.try_get_by_index(0)?,
            seq: row.try_get_by_index(1)?,
        })
    })
}
