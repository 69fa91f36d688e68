//! Appending to the log and reading it. Appending is for transactions only, which do it at their
//! end; a reader sees an entry only when none can come before it any more.

use chrono::{DateTime, Utc};
use entity::id::{ContactId, WorkspaceId};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::{
    entry::{Besides, Change, Entry, Unreadable},
    fact::Fact,
    position::Position,
};
use crate::{
    access::Origin,
    store::{Query, Rows, dialect},
};

/// Changes from which on a statement more for another hand costs less than to name the hand with each.
const MANY: usize = 200;
/// Statements they are appended with at most.
const RUNS: usize = 3;

/// Appends `changes` in their order, in the transaction of `connection`.
pub(crate) async fn append(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
    changes: &[Change],
) -> Result<(), DbErr> {
    for (hand, run) in runs(changes) {
        append_run(connection, workspace, now, hand, run).await?;
    }
    Ok(())
}

/// The changes in pieces, and whose each of them is, if it is one hand's. An import makes thousands in its
/// own name and one in that of the member who asked for it.
fn runs(changes: &[Change]) -> Vec<(Option<Origin>, &[Change])> {
    let runs = changes.chunk_by(|one, next| one.origin == next.origin);
    let runs: Vec<_> = runs
        .map(|run| (run.first().map(|one| one.origin), run))
        .collect();
    if runs.len() <= 1 || (changes.len() >= MANY && runs.len() <= RUNS) {
        runs
    } else {
        vec![(None, changes)]
    }
}

async fn append_run(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    now: DateTime<Utc>,
    hand: Option<Origin>,
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
    let actor = if hand.is_some() { "$3" } else { "r.actor" };
    let log_tx = dialect::log_tx(connection.get_database_backend());
    let query = Query::new(format!(
        "INSERT INTO change (tx, workspace_id, kind, subject_id, contact_id, actor, depth, root_tx,
                             root_seq, data, at)
         SELECT (SELECT {log_tx}), $1, r.kind, r.subject_id, r.contact_id, {actor}, r.depth,
                r.root_tx, r.root_seq, r.data, $2
         FROM {{r}} ORDER BY r.n"
    ))
    .bind(workspace)
    .bind(now);
    let query = if let Some(hand) = hand {
        query.bind(hand.json()).rows("r", rows)
    } else {
        let hands = changes.iter().map(|change| change.origin.json());
        query.rows("r", rows.json("actor", hands))
    };
    query.execute(connection).await?;
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
    let backend = connection.get_database_backend();
    let (place, settled) = (
        dialect::place(backend, "$2", "$3"),
        dialect::settled(backend),
    );
    let rows: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM change
         WHERE workspace_id = $1 AND (tx, seq) > {place} AND {settled}
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
    let backend = connection.get_database_backend();
    let [from, to] = [("$2", "$3"), ("$4", "$5")].map(|(tx, seq)| dialect::place(backend, tx, seq));
    let rows: Vec<Row> = Query::new(format!(
        "SELECT {COLUMNS} FROM change
         WHERE workspace_id = $1 AND (tx, seq) > {from} AND (tx, seq) <= {to}
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
        let fact: serde_json::Result<Fact> = serde_json::from_str(&self.data);
        let (error, origin) = match (fact, origin) {
            (Ok(fact), Ok(origin)) => {
                return Ok(Entry {
                    position,
                    fact,
                    contact: self.contact_id,
                    origin,
                    depth: self.depth,
                    root,
                    at: self.at,
                });
            }
            // Its text may have been taken for the entries behind it.
            (Err(error), Ok(origin)) => (error, origin.json()),
            (Ok(_), Err(error)) | (Err(error), Err(_)) => (error, as_stored(self.actor)),
        };
        Err(Unreadable {
            position,
            data: as_stored(self.data),
            besides: Box::new(Besides {
                contact: self.contact_id,
                origin,
                depth: self.depth,
                root,
                at: self.at,
            }),
            error: error.to_string(),
        })
    }
}

/// JSON as it is, or as a text if it is none.
fn as_stored(text: String) -> serde_json::Value {
    serde_json::from_str(&text).unwrap_or_else(|_| text.into())
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::work::change::Fact;

    fn change(member: Option<u128>) -> Change {
        let origin = member.map_or(Origin::Import, |id| Origin::Member {
            member_id: Uuid::from_u128(id).into(),
        });
        let contact_id = Uuid::from_u128(9).into();
        Change::new(origin, None, Fact::ContactCreated { contact_id })
    }

    /// How many changes are in each piece, and whether it has one hand.
    fn pieces(members: impl IntoIterator<Item = Option<u128>>) -> Vec<(usize, bool)> {
        let changes: Vec<Change> = members.into_iter().map(change).collect();
        let runs = runs(&changes).into_iter();
        runs.map(|(hand, run)| (run.len(), hand.is_some()))
            .collect()
    }

    #[test]
    fn many_changes_of_few_hands_name_each_hand_once() {
        assert!(pieces([]).is_empty());
        assert_eq!(pieces([None, None]), [(2, true)]);
        assert_eq!(pieces([None, Some(1)]), [(2, false)]);
        let import = std::iter::repeat_n(None::<u128>, MANY);
        let step = import.clone().chain([Some(1), None]);
        assert_eq!(pieces(step), [(MANY, true), (1, true), (1, true)]);
        let many = import.chain([Some(1), None, Some(2)]);
        assert_eq!(pieces(many), [(MANY + 3, false)]);
    }
}
