//! Whether an error is the database's own trouble of the moment, such as a full disk, and not what was asked
//! of it.

use sea_orm::{DbErr, RuntimeErr};
use sqlx::error::DatabaseError;

/// Whether the same would have been done at another moment: the database is away, starts or stops, has no
/// room or no connection left, or somebody else held what was needed for too long.
pub fn is_of_the_moment(error: &DbErr) -> bool {
    let error = match error {
        DbErr::ConnectionAcquire(_) => return true,
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error)) => error,
        _ => return false,
    };
    match &**error {
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| says_so(error.as_ref(), &code)),
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        _ => false,
    }
}

/// Whether somebody else was faster: two transactions waited for each other in a circle, or the other one took
/// a value that only one may have. The whole transaction has to be tried again.
pub(crate) fn is_conflict(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) =
        error
    else {
        return false;
    };
    let sqlx::Error::Database(error) = &**error else {
        return false;
    };
    // PostgreSQL's codes have five characters, and SQLite has one writer at a time.
    let is_rolled_back = error
        .code()
        .is_some_and(|code| code.len() == 5 && code.starts_with("40"));
    is_rolled_back || error.is_unique_violation()
}

fn says_so(error: &dyn DatabaseError, code: &str) -> bool {
    if error
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .is_some()
    {
        // Connections; conflicts of transactions; no room; stopped by an operator; the system around it.
        // Of the last two classes the rest is about the statement: cancelled, or not found.
        return ["08", "40", "53", "58"].contains(&&code[..code.len().min(2)])
            || code.starts_with("57P")
            || code == "55P03";
    }
    // SQLite's codes carry more in their upper bytes: BUSY, LOCKED, NOMEM, IOERR, FULL, CANTOPEN.
    let primary = code.parse::<i32>().map(|code| code & 0xff);
    matches!(primary, Ok(5 | 6 | 7 | 10 | 13 | 14))
}
