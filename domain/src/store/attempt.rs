//! Questions that may fail for what they ask or for what they meet, without taking down what is done
//! around them.

use sea_orm::{DatabaseBackend, DbErr, QueryResult, RuntimeErr};

use super::{Place, Query};

/// Values that a statement made of many parts binds at most. SQLite takes 32,766 and PostgreSQL 65,535.
pub(crate) const MAX_BOUND: usize = 10_000;

/// The rows of a statement that only reads; nothing, if the database cannot do just this statement with
/// just these rows. The transaction goes on either way. Whatever else goes wrong is an error: a
/// database that is away or a lock that is waited for in vain say nothing about the statement.
pub(crate) async fn attempt(
    connection: &impl Place,
    query: Query,
) -> Result<Option<Vec<QueryResult>>, DbErr> {
    // On PostgreSQL a statement that fails ends the transaction it is part of.
    let takes_along = connection.get_database_backend() == DatabaseBackend::Postgres;
    let transaction = connection.transaction().filter(|_| takes_along);
    if let Some(transaction) = transaction {
        transaction.mark("attempt").await?;
    }
    let failed = match query.raw(connection).await {
        Ok(rows) => {
            if let Some(transaction) = transaction {
                transaction.release("attempt").await?;
            }
            return Ok(Some(rows));
        }
        Err(error) if is_its_own(&error) => error,
        Err(error) => return Err(error),
    };
    if let Some(transaction) = transaction {
        transaction.rollback_to("attempt").await?;
        transaction.release("attempt").await?;
    }
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
