//! Ends the claims of processes that are gone, where it is known that they are.

use chrono::{DateTime, Utc};

use crate::{ctx::Ctx, error::Result, store::Query};

/// What has claims, and which of its rows may be claimed.
const CLAIMED: [&str; 5] = [
    "projection_cursor SET lease_until = $1 WHERE lease_until IS NOT NULL",
    "due_item SET lease_until = $1 WHERE state = 'RUNNING'",
    "schedule_tick SET lease_until = $1 WHERE state = 'RUNNING' AND lease_until IS NOT NULL",
    "enrolment SET lease_until = $1 WHERE state = 'RUNNING'",
    "quarantine SET lease_until = $1 WHERE state = 'REPLAYING' AND lease_until IS NOT NULL",
];

/// Called when a process starts that alone does the work of its database, as with SQLite: what is claimed
/// was claimed by one before it that was killed, and is taken up at once instead of when the claim runs out.
/// That it was killed counts as a crash, as always. Were one still at work, its fence would keep it from
/// ending what it began.
pub async fn take_over(ctx: &Ctx) -> Result<()> {
    for claimed in CLAIMED {
        Query::new(format!("UPDATE {claimed}"))
            .bind(DateTime::<Utc>::UNIX_EPOCH)
            .execute(ctx.db.writer())
            .await?;
    }
    Ok(())
}
