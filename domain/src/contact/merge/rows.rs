//! Moving rows from one contact to another and back, a whole table at a time.
//!
//! A row is first noted in the journal and then moved because it is there, so that exactly what was
//! moved is given back, however much came meanwhile.

use entity::id::ContactId;
use sea_orm::DatabaseBackend;

use super::{
    MergeId,
    table::{Follows, MERGED_TABLES, MergedTable},
    tags,
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
};

/// Whose rows go where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Move {
    pub(super) merge: MergeId,
    pub(super) survivor: ContactId,
    pub(super) loser: ContactId,
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

    /// That the row `t` is in the journal of the merge `$2`.
    fn is_noted(&self, table: &str) -> String {
        format!(
            "EXISTS (SELECT 1 FROM contact_merge_row j WHERE j.workspace_id = $1
               AND j.merge_id = $2 AND j.part = '{table}' AND j.row_id = {} AND j.row_key = {})",
            self.id, self.key
        )
    }
}

impl Move {
    /// Binds `$1` workspace, `$2` merge, `$3` loser, `$4` survivor.
    pub(super) fn query(&self, tx: &Tx<'_>, text: String) -> Query {
        Query::new(text)
            .bind(tx.workspace)
            .bind(self.merge)
            .bind(self.loser)
            .bind(self.survivor)
    }

    pub(super) async fn run(&self, tx: &Tx<'_>, text: String) -> Result<u64> {
        Ok(self.query(tx, text).execute(tx.connection()).await?)
    }

    /// Gives the loser's rows of every table to the survivor.
    pub(super) async fn forth(&self, ctx: &Ctx, tx: &Tx<'_>, origin: Origin) -> Result<()> {
        for table in MERGED_TABLES {
            let (name, column) = (table.table, table.column);
            if let Some(naming) = Naming::of(table, ctx.db.backend()) {
                let (id, key) = (&naming.id, &naming.key);
                let unless = if naming.if_free {
                    let (other_id, other_key) = (id.replace("t.", "o."), key.replace("t.", "o."));
                    format!(
                        " AND NOT EXISTS (SELECT 1 FROM {name} o WHERE o.workspace_id = $1
                            AND o.{column} = $4 AND {other_id} = {id} AND {other_key} = {key})"
                    )
                } else if let Some(unless) = naming.unless {
                    format!(" AND NOT ({unless})")
                } else {
                    USES_SURVIVOR.to_owned()
                };
                let note = format!(
                    "INSERT INTO contact_merge_row (workspace_id, merge_id, part, row_id, row_key)
                     SELECT $1, $2, '{name}', {id}, {key} FROM {name} t
                     WHERE t.workspace_id = $1 AND t.{column} = $3{unless}"
                );
                self.run(tx, note).await?;
                let noted = naming.is_noted(name);
                let put = format!(
                    "UPDATE {name} AS t SET {column} = $4
                     WHERE t.workspace_id = $1 AND t.{column} = $3 AND {noted}"
                );
                self.run(tx, put).await?;
            }
        }
        self.add_days(tx).await?;
        tags::forth(self, ctx, tx, origin).await
    }

    /// Gives back what [`forth`](Self::forth) moved, and what has come since that belongs to it.
    pub(super) async fn back(&self, ctx: &Ctx, tx: &Tx<'_>) -> Result<()> {
        for table in MERGED_TABLES {
            let (name, column) = (table.table, table.column);
            if let Some(naming) = Naming::of(table, ctx.db.backend()) {
                let noted = naming.is_noted(name);
                let put = format!(
                    "UPDATE {name} AS t SET {column} = $3
                     WHERE t.workspace_id = $1 AND t.{column} = $4 AND {noted}"
                );
                self.run(tx, put).await?;
            }
        }
        for text in FOLLOWERS {
            self.run(tx, (*text).to_owned()).await?;
        }
        self.take_off_days(tx).await?;
        tags::back(self, ctx, tx).await
    }

    async fn add_days(&self, tx: &Tx<'_>) -> Result<()> {
        let text = format!(
            "INSERT INTO event_day (workspace_id, contact_id, day, events)
             SELECT $1, $4, d.day, d.events FROM event_day d
             WHERE d.workspace_id = $1 AND d.contact_id = $3 {USES_MERGE}
             ON CONFLICT (workspace_id, contact_id, day)
             DO UPDATE SET events = event_day.events + excluded.events"
        );
        self.run(tx, text).await?;
        Ok(())
    }

    async fn take_off_days(&self, tx: &Tx<'_>) -> Result<()> {
        let text = format!(
            "UPDATE event_day SET events = event_day.events - COALESCE((SELECT d.events
               FROM event_day d WHERE d.workspace_id = $1 AND d.contact_id = $3
                AND d.day = event_day.day), 0)
             WHERE event_day.workspace_id = $1 AND event_day.contact_id = $4 {USES_MERGE}"
        );
        self.run(tx, text).await?;
        let text = format!(
            "DELETE FROM event_day WHERE workspace_id = $1 AND contact_id = $4 AND events <= 0
             {USES_MERGE} {USES_LOSER}"
        );
        self.run(tx, text).await?;
        Ok(())
    }
}

/// That the row `t` is in this part of the journal.
pub(super) fn in_journal(part: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM contact_merge_row j WHERE j.workspace_id = $1
           AND j.merge_id = $2 AND j.part = '{part}' AND j.row_id = t.id AND j.row_key = '')"
    )
}

/// Statements share their parameters; PostgreSQL wants each of them used, and of a known type.
pub(super) const USES_SURVIVOR: &str = " AND CAST($4 AS uuid) IS NOT NULL";
const USES_MERGE: &str = " AND CAST($2 AS uuid) IS NOT NULL";
pub(super) const USES_LOSER: &str = " AND CAST($3 AS uuid) IS NOT NULL";

/// What came after the merge and belongs to something that was moved goes back with it.
const FOLLOWERS: &[&str] = &[
    "UPDATE message AS t SET contact_id = $3
     WHERE t.workspace_id = $1 AND t.contact_id = $4 AND t.conversation_id IN (
       SELECT j.row_id FROM contact_merge_row j WHERE j.workspace_id = $1 AND j.merge_id = $2
         AND j.part = 'conversation')",
    "UPDATE rule_firing AS t SET contact_id = $3
     WHERE t.workspace_id = $1 AND t.contact_id = $4 AND t.conversation_id IN (
       SELECT j.row_id FROM contact_merge_row j WHERE j.workspace_id = $1 AND j.merge_id = $2
         AND j.part = 'conversation')",
    "UPDATE delivery AS t SET contact_id = $3
     WHERE t.workspace_id = $1 AND t.contact_id = $4 AND t.firing_id IN (
       SELECT f.id FROM rule_firing f JOIN contact_merge_row j ON j.workspace_id = $1
         AND j.merge_id = $2 AND j.part = 'conversation' AND j.row_id = f.conversation_id
        WHERE f.workspace_id = $1 AND f.contact_id = $3)",
    "UPDATE email_event AS t SET contact_id = $3
     WHERE t.workspace_id = $1 AND t.contact_id = $4 AND EXISTS (
       SELECT 1 FROM contact_merge_row j WHERE j.workspace_id = $1 AND j.merge_id = $2
         AND j.part = 'contact_identity' AND j.row_key = 'EMAIL:' || t.recipient)",
];
