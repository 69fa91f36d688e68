//! Cuts short the claims of processes that are gone, where it is known that they are.

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, dialect},
};

/// Seconds a claim goes on. Not none: of a process that is killed again and again at short intervals the
/// same work would be found under way each time, and be set aside for it.
const LEFT_S: i64 = 5;

/// What has claims, and which of its rows may be claimed.
const CLAIMED: [&str; 5] = [
    "projection_cursor SET lease_until = {soon} WHERE lease_until > {soon}",
    "due_item SET lease_until = {soon} WHERE state = 'RUNNING' AND lease_until > {soon}",
    "schedule_tick SET lease_until = {soon} WHERE state = 'RUNNING' AND lease_until > {soon}",
    "enrolment SET lease_until = {soon} WHERE state = 'RUNNING' AND lease_until > {soon}",
    "quarantine SET lease_until = {soon} WHERE state = 'REPLAYING' AND lease_until > {soon}",
];

/// Called when a process starts that alone does the work of its database, as with SQLite, and has made sure
/// that no other does: what is claimed was claimed by one before it that was killed, and is taken up soon instead of when the claim runs out.
/// That it was killed counts as a crash, as always. Were one still at work, its fence would keep it from
/// ending what it began.
pub async fn take_over(ctx: &Ctx) -> Result<()> {
    let soon = dialect::now_plus(ctx.db.backend(), LEFT_S);
    for claimed in CLAIMED {
        Query::new(format!("UPDATE {}", claimed.replace("{soon}", &soon)))
            .execute(ctx.db.writer())
            .await?;
    }
    Ok(())
}
