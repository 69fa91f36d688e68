//! Moving rows from one thing to another and back, a whole table at a time.
//!
//! A row is first noted in the journal and then moved because it is there, so that exactly what was
//! moved is given back, however much came meanwhile.

use entity::id::MergeId;
use sea_orm::{ConnectionTrait as _, DatabaseBackend};
use uuid::Uuid;

use super::{
    Book,
    table::{Follows, MergedTable},
};
use crate::{
    error::Result,
    store::{Query, Tx},
};

/// Whose rows go where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub(crate) book: &'static Book,
    pub(crate) merge: MergeId,
    pub(crate) survivor: Uuid,
    pub(crate) loser: Uuid,
}

/// How the rows of a table are named in the journal.
struct Naming {
    id: String,
    key: String,
    if_free: bool,
    unless: Option<&'static str>,
}

impl Naming {
    fn of(table: &MergedTable, backend: DatabaseBackend) -> Option<Self> {
        let nothing = match backend {
            DatabaseBackend::Postgres => "'00000000-0000-0000-0000-000000000000'::uuid",
            _ => "x'00000000000000000000000000000000'",
        };
        let (id, key, if_free) = match table.follows {
            Follows::Moved(id) | Follows::MovedUnless(id, _) => (id, "''", false),
            Follows::MovedIfFree(id) => (id, "''", true),
            Follows::MovedByKey(key) => (nothing, key, false),
            Follows::MovedByKeyIfFree(key) => (nothing, key, true),
            _ => return None,
        };
        Some(Self {
            id: id.to_owned(),
            key: key.to_owned(),
            if_free,
            unless: match table.follows {
                Follows::MovedUnless(_, unless) => Some(unless),
                _ => None,
            },
        })
    }

    /// When a row `t` of the table stays where it is though others go to the survivor `$4`; nothing where all
    /// of them go.
    fn stays(&self, table: &MergedTable) -> Option<String> {
        if !self.if_free {
            return self.unless.map(|unless| format!("({unless})"));
        }
        let (name, column) = (table.table, table.column);
        let (id, key) = (&self.id, &self.key);
        let (other_id, other_key) = (id.replace("t.", "o."), key.replace("t.", "o."));
        Some(format!(
            "EXISTS (SELECT 1 FROM {name} o WHERE o.workspace_id = $1
               AND o.{column} = $4 AND {other_id} = {id} AND {other_key} = {key})"
        ))
    }

    /// That the row `t` is in the journal of the merge `$2`.
    fn is_noted(&self, journal: &str, table: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM {journal} j WHERE j.workspace_id = $1
               AND j.merge_id = $2 AND j.part = '{table}' AND j.row_id = {} AND j.row_key = {})",
            self.id, self.key
        )
    }
}

/// When a row `t` of `table` would not follow to the survivor, who is `survivor` in the statement; nothing where
/// all of them would.
pub(super) fn stays(
    table: &MergedTable,
    backend: DatabaseBackend,
    survivor: &str,
) -> Option<String> {
    let stays = Naming::of(table, backend)?.stays(table)?;
    Some(stays.replace("$4", survivor))
}

impl Move {
    /// Binds `$1` workspace, `$2` merge, `$3` loser, `$4` survivor.
    pub(crate) fn query(&self, tx: &Tx<'_>, text: String) -> Query {
        Query::new(text)
            .bind(tx.workspace)
            .bind(self.merge)
            .bind(self.loser)
            .bind(self.survivor)
    }

    pub(crate) async fn run(&self, tx: &Tx<'_>, text: String) -> Result<u64> {
        Ok(self.query(tx, text).execute(tx.connection()).await?)
    }

    /// Gives the loser's rows of every table to the survivor.
    pub(crate) async fn forth(&self, tx: &Tx<'_>) -> Result<()> {
        let journal = self.book.journal;
        for table in self.book.tables {
            let (name, column) = (table.table, table.column);
            if let Some(naming) = Naming::of(table, tx.connection().get_database_backend()) {
                let (id, key) = (&naming.id, &naming.key);
                let unless = match naming.stays(table) {
                    Some(stays) => format!(" AND NOT {stays}"),
                    None => USES_SURVIVOR.to_owned(),
                };
                let note = format!(
                    "INSERT INTO {journal} (workspace_id, merge_id, part, row_id, row_key)
                     SELECT $1, $2, '{name}', {id}, {key} FROM {name} t
                     WHERE t.workspace_id = $1 AND t.{column} = $3{unless}"
                );
                self.run(tx, note).await?;
                let noted = naming.is_noted(journal, name);
                let put = format!(
                    "UPDATE {name} AS t SET {column} = $4
                     WHERE t.workspace_id = $1 AND t.{column} = $3 AND {noted}"
                );
                self.run(tx, put).await?;
            }
        }
        Ok(())
    }

    /// Gives back what [`forth`](Self::forth) moved.
    pub(crate) async fn back(&self, tx: &Tx<'_>) -> Result<()> {
        let journal = self.book.journal;
        for table in self.book.tables {
            let (name, column) = (table.table, table.column);
            if let Some(naming) = Naming::of(table, tx.connection().get_database_backend()) {
                let noted = naming.is_noted(journal, name);
                let put = format!(
                    "UPDATE {name} AS t SET {column} = $3
                     WHERE t.workspace_id = $1 AND t.{column} = $4 AND {noted}"
                );
                self.run(tx, put).await?;
            }
        }
        self.leave_values(tx).await
    }

    /// Leaves the survivor a copy of the values of attributes that were set since: they were said of the
    /// survivor, in rows that the merge had moved.
    async fn leave_values(&self, tx: &Tx<'_>) -> Result<()> {
        let (journal, merges) = (self.book.journal, self.book.merges);
        let copy = format!(
            "INSERT INTO attribute_value (workspace_id, subject_id, attribute_id, sort_key, text,
                 number, at, options, updated_at)
             SELECT $1, $4, t.attribute_id, t.sort_key, t.text, t.number, t.at, t.options,
                    t.updated_at
             FROM {journal} j
             JOIN {merges} m ON m.workspace_id = $1 AND m.id = $2
             JOIN attribute_value t ON t.workspace_id = $1 AND t.subject_id = $3
              AND t.attribute_id = j.row_id AND t.updated_at > m.merged_at
             WHERE j.workspace_id = $1 AND j.merge_id = $2 AND j.part = 'attribute_value'"
        );
        self.run(tx, copy).await?;
        Ok(())
    }

    /// That the row `t` is in this part of the journal.
    pub(crate) fn noted(&self, part: &str) -> String {
        let journal = self.book.journal;
        format!(
            "EXISTS (SELECT 1 FROM {journal} j WHERE j.workspace_id = $1
               AND j.merge_id = $2 AND j.part = '{part}' AND j.row_id = t.id AND j.row_key = '')"
        )
    }
}

/// Statements share their parameters; PostgreSQL wants each of them used, and of a known type.
pub(crate) const USES_SURVIVOR: &str = " AND CAST($4 AS uuid) IS NOT NULL";
pub(crate) const USES_MERGE: &str = " AND CAST($2 AS uuid) IS NOT NULL";
pub(crate) const USES_LOSER: &str = " AND CAST($3 AS uuid) IS NOT NULL";
