//! What two contacts have that moves in a way of its own: counts of events by day, and what came since the
//! merge and belongs to something that was moved, and what timelines say of earlier merges. Everything else goes by the list of tables.

use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    merge::{
        entries::{self, Entries},
        rows::{Move, USES_LOSER, USES_MERGE},
        tags,
    },
    store::Tx,
};

/// Gives everything of the merged contact to the survivor.
pub(super) async fn forth(moves: &Move, ctx: &Ctx, tx: &Tx<'_>, origin: Origin) -> Result<()> {
    moves.forth(tx).await?;
    entries::forth(moves, tx, ENTRIES).await?;
    add_days(moves, tx).await?;
    tags::forth(moves, ctx, tx, origin).await
}

/// Gives back what [`forth`] moved, and what has come since that belongs to it.
pub(super) async fn back(moves: &Move, ctx: &Ctx, tx: &Tx<'_>) -> Result<()> {
    moves.back(tx).await?;
    entries::back(moves, tx, ENTRIES).await?;
    for text in FOLLOWERS {
        moves.run(tx, (*text).to_owned()).await?;
    }
    take_off_days(moves, tx).await?;
    tags::back(moves, ctx, tx).await
}

/// What is on the contact's timeline and no trigger moves: earlier merges.
const ENTRIES: Entries = Entries {
    which: "t.kind IN ('CONTACT_MERGED', 'CONTACT_UNMERGED', 'CONTACT_SEPARATED')",
    column: "contact_id",
    put: "contact_id = {to}, account_id = (SELECT c.account_id FROM contact c
          WHERE c.workspace_id = $1 AND c.id = {to})",
};

async fn add_days(moves: &Move, tx: &Tx<'_>) -> Result<()> {
    let text = format!(
        "INSERT INTO event_day (workspace_id, contact_id, day, events)
         SELECT $1, $4, d.day, d.events FROM event_day d
         WHERE d.workspace_id = $1 AND d.contact_id = $3 {USES_MERGE}
         ON CONFLICT (workspace_id, contact_id, day)
         DO UPDATE SET events = event_day.events + excluded.events"
    );
    moves.run(tx, text).await?;
    Ok(())
}

async fn take_off_days(moves: &Move, tx: &Tx<'_>) -> Result<()> {
    let text = format!(
        "UPDATE event_day SET events = event_day.events - COALESCE((SELECT d.events
           FROM event_day d WHERE d.workspace_id = $1 AND d.contact_id = $3
            AND d.day = event_day.day), 0)
         WHERE event_day.workspace_id = $1 AND event_day.contact_id = $4 {USES_MERGE}"
    );
    moves.run(tx, text).await?;
    let text = format!(
        "DELETE FROM event_day WHERE workspace_id = $1 AND contact_id = $4 AND events <= 0
         {USES_MERGE} {USES_LOSER}"
    );
    moves.run(tx, text).await?;
    Ok(())
}

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
    "UPDATE rule_miss AS t SET contact_id = $3
     WHERE t.workspace_id = $1 AND t.contact_id = $4 AND t.conversation_id IN (
       SELECT j.row_id FROM contact_merge_row j WHERE j.workspace_id = $1 AND j.merge_id = $2
         AND j.part = 'conversation')",
    "UPDATE task AS t SET contact_id = $3
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
