//! Epochs of the change log: what keeps it in order across a restored backup.
//!
//! An entry stands at `(tx, seq)`. On PostgreSQL `tx` is `epoch << 48 | transaction number`. A database
//! that was dumped and restored elsewhere, or whose standby took over, is noticed by whoever writes
//! to the log next, and goes on in a new epoch, above everything that was written before; nothing is
//! to be done by hand. On SQLite `tx` is the epoch, and every start of a process opens a new one: a
//! file that was put back cannot hand out places that clients have seen already.
//!
//! `migration` has the words of it; [`super::change`] writes and reads by it.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseBackend, DbErr, FromQueryResult};

use super::change::Position;
use crate::{
    ctx::Ctx,
    store::{Query, dialect},
};

/// Bits of a place that are the transaction's number on PostgreSQL.
const EPOCH_SHIFT: u32 = 48;

/// Which epoch the log is in.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Epoch {
    /// Its number; 0 at first, and on SQLite a time in milliseconds.
    pub epoch: i64,
    /// Since when.
    pub opened_at: DateTime<Utc>,
}

/// The epoch as it is stored.
pub async fn current(ctx: &Ctx) -> Result<Option<Epoch>, DbErr> {
    Query::new("SELECT epoch, opened_at FROM log_epoch")
        .one(ctx.reader())
        .await
}

/// To be called by every process at its start: opens a new epoch where one is needed, and says which
/// it is. What it would miss, because the database is exchanged later, the next writer notices.
pub async fn open(ctx: &Ctx) -> Result<i64, DbErr> {
    let before = current(ctx).await?.map(|epoch| epoch.epoch);
    let query = match ctx.db.backend() {
        DatabaseBackend::Postgres => Query::new("SELECT log_open(true)"),
        _ => Query::new(
            "UPDATE log_epoch SET epoch = MAX(epoch + 1, $1),
                 opened_at = strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')
             RETURNING epoch",
        )
        .bind(ctx.clock.now().timestamp_millis()),
    };
    let epoch: Option<i64> = query.scalar(ctx.db.writer()).await?;
    let epoch = epoch.ok_or_else(|| DbErr::RecordNotFound("the row of log_epoch".to_owned()))?;
    if ctx.db.backend() == DatabaseBackend::Postgres && before.is_some_and(|before| before != epoch)
    {
        tracing::warn!(
            epoch,
            "this database was restored, or another server took over: the change log goes on in a \
             new epoch"
        );
    }
    Ok(epoch)
}

/// Projections that stand behind the end of the log: what is written next would be lost on them.
/// None, unless somebody changed the tables by hand.
pub async fn cursors_ahead(ctx: &Ctx) -> Result<i64, DbErr> {
    let ahead = match ctx.db.backend() {
        DatabaseBackend::Postgres => format!("NOT ({})", dialect::settled(ctx.db.backend())),
        _ => "tx > (SELECT epoch FROM log_epoch)
              OR seq > (SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'change')"
            .to_owned(),
    };
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM projection_cursor WHERE {ahead}"
    ))
    .scalar(ctx.reader())
    .await?;
    Ok(count.unwrap_or_default())
}

/// The first place after the epoch of `position`.
pub(super) fn end_of(position: Position, backend: DatabaseBackend) -> i64 {
    match backend {
        DatabaseBackend::Postgres => ((position.tx >> EPOCH_SHIFT) + 1) << EPOCH_SHIFT,
        _ => position.tx.saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let at = |tx| Position { tx, seq: 7 };
        let on_postgres = |tx| end_of(at(tx), DatabaseBackend::Postgres);
        assert_eq!(on_postgres(0), 1 << 48);
        assert_eq!(on_postgres((1 << 48) - 1), 1 << 48);
        assert_eq!(on_postgres((3 << 48) + 800), 4 << 48);
        assert_eq!(end_of(at(12), DatabaseBackend::Sqlite), 13);
    }
}
