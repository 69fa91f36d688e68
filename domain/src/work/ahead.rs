//! Cuts short what goes on for longer than any claim or pause is given for: the clock of the database was ahead
//! when it was made, and has been set back since.
//!
//! Called by every worker's sweep. Without it, what a worker held that died, and every target that was called in
//! that time, would wait for as long as the clock was ahead. Whoever holds a claim keeps it for as long as a
//! claim lasts. Moments that something waits for, such as those of retries, are never changed: nobody can tell
//! them from ones that are meant.

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, dialect},
};

/// The longest that any of [`BOUNDED`] is given for, in seconds.
const LONGEST_S: i64 = 60;

/// What has claims and pauses: the table, the column of the moment they end, and which of the rows.
const BOUNDED: [(&str, &str, &str); 7] = [
    ("projection_cursor", "lease_until", "true"),
    ("projection_cursor", "retry_at", "true"),
    ("due_item", "lease_until", "state = 'RUNNING'"),
    ("schedule_tick", "lease_until", "state = 'RUNNING'"),
    ("enrolment", "lease_until", "state = 'RUNNING'"),
    ("quarantine", "lease_until", "state = 'REPLAYING'"),
    ("notification_target", "next_send_at", "true"),
];

/// Cuts short what lies too far ahead, of all workspaces; says how much that was. Reads only, unless there is
/// such.
pub async fn cut_short(ctx: &Ctx) -> Result<u64> {
    let latest = dialect::now_plus(ctx.db.backend(), LONGEST_S);
    let far = BOUNDED.map(|(table, column, which)| {
        format!("SELECT 1 FROM {table} WHERE {which} AND {column} > {latest}")
    });
    if Query::new(far.join(" UNION ALL "))
        .raw(ctx.reader())
        .await?
        .is_empty()
    {
        return Ok(0);
    }
    let mut cut = 0;
    for (table, column, which) in BOUNDED {
        cut += Query::new(format!(
            "UPDATE {table} SET {column} = {latest} WHERE {which} AND {column} > {latest}"
        ))
        .execute(ctx.db.writer())
        .await?;
    }
    tracing::warn!(
        cut,
        "the database's clock was ahead and has been set back: claims and pauses were cut short"
    );
    Ok(cut)
}
