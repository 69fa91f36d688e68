//! What timelines say and no trigger moves: it is of things that name whom they are about for good, such as
//! earlier merges. Called by `contact::merge` and `account::merge`; everything else on a timeline follows its
//! own row.

use super::rows::{Move, USES_SURVIVOR};
use crate::{error::Result, store::Tx};

/// Which entries they are, and whose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entries {
    /// A condition on the entry `t`.
    pub(crate) which: &'static str,
    /// The column that names the thing.
    pub(crate) column: &'static str,
    /// What is set when they come to `{to}`.
    pub(crate) put: &'static str,
}

/// Gives the loser's to the survivor.
pub(crate) async fn forth(moves: &Move, tx: &Tx<'_>, entries: Entries) -> Result<()> {
    let Entries { which, column, .. } = entries;
    let journal = moves.book.journal;
    let note = format!(
        "INSERT INTO {journal} (workspace_id, merge_id, part, row_id, row_key)
         SELECT $1, $2, 'timeline_entry', t.subject_id, t.kind FROM timeline_entry t
         WHERE t.workspace_id = $1 AND t.{column} = $3 AND {which} {USES_SURVIVOR}"
    );
    moves.run(tx, note).await?;
    put(moves, tx, entries, ("$3", "$4")).await
}

/// Gives back what [`forth`] gave.
pub(crate) async fn back(moves: &Move, tx: &Tx<'_>, entries: Entries) -> Result<()> {
    put(moves, tx, entries, ("$4", "$3")).await
}

/// Former releases noted no kind.
async fn put(moves: &Move, tx: &Tx<'_>, entries: Entries, (from, to): (&str, &str)) -> Result<()> {
    let Entries { which, column, put } = entries;
    let (journal, put) = (moves.book.journal, put.replace("{to}", to));
    let text = format!(
        "UPDATE timeline_entry AS t SET {put}
         WHERE t.workspace_id = $1 AND t.{column} = {from} AND {which} AND EXISTS (
           SELECT 1 FROM {journal} j WHERE j.workspace_id = $1 AND j.merge_id = $2
             AND j.part = 'timeline_entry' AND j.row_id = t.subject_id
             AND j.row_key IN ('', t.kind))"
    );
    moves.run(tx, text).await?;
    Ok(())
}
