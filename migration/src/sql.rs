//! One SQL text for both databases, and what one of them alone is told.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

/// Runs each statement of `script` (separated by `;` at a line's end), with its type words replaced:
///
/// | word | PostgreSQL | SQLite |
/// |---|---|---|
/// | `TEXT` | `text COLLATE "C"` (see `m0037_collation`) | `TEXT` |
/// | `UUID` | `uuid` | `BLOB` (16 bytes, sorts by time) |
/// | `TIME` | `timestamptz` | `TEXT` (RFC 3339, UTC) |
/// | `DATE` | `date` | `TEXT` (`2026-01-31`) |
/// | `JSON` | `jsonb` | `TEXT` |
/// | `BYTES` | `bytea` | `BLOB` |
/// | `BOOL` | `boolean` | `INTEGER` |
/// | `REAL` | `double precision` | `REAL` |
/// | `INT` | `bigint` | `INTEGER` |
/// | `STRICT` | nothing | `STRICT`, so that a value of another type is refused |
pub(crate) async fn run(manager: &SchemaManager<'_>, script: &str) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    let postgres = manager.get_database_backend() == DatabaseBackend::Postgres;
    for statement in script
        .split(";\n")
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        connection
            .execute_unprepared(&translate(statement, postgres))
            .await?;
    }
    Ok(())
}

/// Runs each of `statements` as it is, on PostgreSQL; on SQLite the step has nothing to do. Bodies of
/// functions may hold semicolons.
pub(crate) async fn on_postgres(
    manager: &SchemaManager<'_>,
    statements: &[&str],
) -> Result<(), DbErr> {
    if manager.get_database_backend() == DatabaseBackend::Postgres {
        for statement in statements {
            let connection = manager.get_connection();
            connection.execute_unprepared(statement).await?;
        }
    }
    Ok(())
}

fn translate(statement: &str, postgres: bool) -> String {
    let mut text = String::with_capacity(statement.len() + 64);
    let mut word = String::new();
    for character in statement.chars().chain([' ']) {
        if character.is_ascii_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        text.push_str(type_word(&word, postgres).unwrap_or(&word));
        word.clear();
        text.push(character);
    }
    text
}

fn type_word(word: &str, postgres: bool) -> Option<&'static str> {
    let (on_postgres, on_sqlite) = match word {
        "TEXT" => (r#"text COLLATE "C""#, "TEXT"),
        "UUID" => ("uuid", "BLOB"),
        "TIME" => ("timestamptz", "TEXT"),
        "DATE" => ("date", "TEXT"),
        "JSON" => ("jsonb", "TEXT"),
        "BYTES" => ("bytea", "BLOB"),
        "BOOL" => ("boolean", "INTEGER"),
        "REAL" => ("double precision", "REAL"),
        "INT" => ("bigint", "INTEGER"),
        "STRICT" => ("", "STRICT"),
        _ => return None,
    };
    Some(if postgres { on_postgres } else { on_sqlite })
}
