//! Questions that may fail for what they ask or for what they meet, without taking down what is done
//! around them.

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DbErr, QueryResult, RuntimeErr, TransactionSession as _,
    TransactionTrait,
};

use super::Query;

/// Values that a statement made of many parts binds at most. SQLite takes 32,766 and PostgreSQL 65,535.
pub(crate) const MAX_BOUND: usize = 10_000;

/// The rows of a statement that only reads; nothing, if the database cannot do just this statement with
/// just these rows. The transaction goes on either way. Whatever else goes wrong is an error: a
/// database that is away or a lock that is waited for in vain say nothing about the statement.
pub(crate) async fn attempt(
    connection: &(impl ConnectionTrait + TransactionTrait),
    query: Query,
) -> Result<Option<Vec<QueryResult>>, DbErr> {
    let failed = if connection.get_database_backend() == DatabaseBackend::Postgres {
        // A statement that fails ends the transaction unless it stands in one of its own.
        let place = connection.begin().await?;
        match query.raw(&place).await {
            Ok(rows) => {
                place.commit().await?;
                return Ok(Some(rows));
            }
            Err(error) if is_its_own(&error) => {
                place.rollback().await?;
                error
            }
            Err(error) => return Err(error),
        }
    } else {
        match query.raw(connection).await {
            Ok(rows) => return Ok(Some(rows)),
            Err(error) if is_its_own(&error) => error,
            Err(error) => return Err(error),
        }
    };
    tracing::warn!(
        error = &failed as &dyn std::error::Error,
        "a statement cannot be done and is taken apart"
    );
    Ok(None)
}

/// Whether a statement failed for its own sake, so that it would fail again.
pub(crate) fn is_its_own(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) =
        error
    else {
        return false;
    };
    match &**error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // PostgreSQL: values that cannot be calculated with, and limits of the program.
            Some(code) if code.len() == 5 => code.starts_with("22") || code.starts_with("54"),
            // SQLite: SQLITE_ERROR and SQLITE_TOOBIG.
            Some(code) => matches!(code, "1" | "18"),
            None => false,
        },
        sqlx::Error::Protocol(message) => message.contains("too many arguments"),
        _ => false,
    }
}
