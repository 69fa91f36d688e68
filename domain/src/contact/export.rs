//! Everything that is kept of one person, table by table, for the person to have.
//!
//! Driven by the list that erasing goes by, so that nothing can be erased that is not shown before.
//! Reads only.

use std::collections::BTreeMap;

use entity::id::{ContactId, WorkspaceId};
use sea_orm::DatabaseBackend;
use serde_json::{Value, json};

use super::erase::{PERSONAL_TABLES, Personal, people};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Rows},
};

/// Rows of one table an export has at most; it says where there are more.
pub const MAX_ROWS: usize = 50_000;

/// A person's whole data as one JSON object: `tables` holds the rows by table, `cut` the names of
/// tables that have more than [`MAX_ROWS`].
pub async fn export(ctx: &Ctx, actor: &Actor, id: ContactId) -> Result<Value> {
    actor.require(Scope::Write)?;
    let snapshot = ctx.db.snapshot().await?;
    let ids = people(&snapshot, actor.workspace, id).await?;
    if ids.is_empty() {
        return Err(Error::not_found(&["id"], "contact"));
    }
    let (mut tables, mut cut) = (BTreeMap::new(), Vec::new());
    for table in PERSONAL_TABLES {
        let Personal::Rows(conditions) = table.personal else {
            continue;
        };
        let condition = any_of(conditions);
        let row = row_as_json(&snapshot, table.table).await?;
        let mut rows: Vec<Value> = Query::new(format!(
            "SELECT {row} AS shown FROM {} t WHERE t.workspace_id = $1 AND ({condition}) LIMIT $2",
            table.table
        ))
        .bind(actor.workspace)
        .bind(MAX_ROWS as i64 + 1)
        .rows("r", Rows::new().ids("id", ids.iter().copied()))
        .column(&snapshot)
        .await?;
        if rows.len() > MAX_ROWS {
            rows.truncate(MAX_ROWS);
            cut.push(table.table);
        }
        if !rows.is_empty() {
            tables.insert(table.table, rows);
        }
    }
    snapshot.commit().await?;
    Ok(json!({ "contact": id, "tables": tables, "cut": cut }))
}

fn any_of(conditions: &[&str]) -> String {
    conditions.join(" OR ")
}

/// The SQL of a row `t` of `table` as a JSON object of all its columns.
async fn row_as_json(connection: &impl sea_orm::ConnectionTrait, table: &str) -> Result<String> {
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        return Ok("to_jsonb(t)".to_owned());
    }
    let columns: Vec<String> = Query::new(format!("SELECT name FROM pragma_table_info('{table}')"))
        .column(connection)
        .await?;
    let members: Vec<String> = columns
        .iter()
        .map(|name| {
            format!(
                "'{name}', CASE typeof(t.\"{name}\") WHEN 'blob' THEN lower(hex(t.\"{name}\"))
                 ELSE t.\"{name}\" END"
            )
        })
        .collect();
    Ok(format!("json_object({})", members.join(", ")))
}
/// Rows of one table.
pub(crate) struct TableRows {
    /// The table.
    pub(crate) table: &'static str,
    /// Its rows, as JSON objects.
    pub(crate) rows: Vec<Value>,
}

/// How many tables may hold something of a person.
pub(crate) fn tables() -> usize {
    PERSONAL_TABLES.len()
}

/// What the table at this place of the list holds of a person: at most `limit` rows after `done`, in
/// the order of their keys. For reading all of it in turn, however much there is.
pub(crate) async fn rows(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: ContactId,
    table: usize,
    done: usize,
    limit: usize,
) -> Result<TableRows> {
    let Some(table) = PERSONAL_TABLES.get(table) else {
        return Err(Error::Internal("there is no such table".to_owned()));
    };
    let mut found = TableRows {
        table: table.table,
        rows: Vec::new(),
    };
    let Personal::Rows(conditions) = table.personal else {
        return Ok(found);
    };
    let condition = any_of(conditions);
    let ids = people(ctx.reader(), workspace, id).await?;
    if ids.is_empty() {
        return Err(Error::not_found(&["id"], "contact"));
    }
    let row = row_as_json(ctx.reader(), table.table).await?;
    let order = keys(ctx.reader(), table.table).await?;
    found.rows = Query::new(format!(
        "SELECT {row} AS shown FROM {} t WHERE t.workspace_id = $1 AND ({condition})
         ORDER BY {order} LIMIT $2 OFFSET $3",
        table.table
    ))
    .bind(workspace)
    .bind(limit as i64)
    .bind(done as i64)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .column(ctx.reader())
    .await?;
    Ok(found)
}

/// The columns of a table's key, of the row `t`.
async fn keys(connection: &impl sea_orm::ConnectionTrait, table: &str) -> Result<String> {
    let columns = if connection.get_database_backend() == DatabaseBackend::Postgres {
        format!(
            "SELECT CAST(a.attname AS text) FROM pg_index i
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             WHERE i.indrelid = '{table}'::regclass AND i.indisprimary"
        )
    } else {
        format!("SELECT name FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk")
    };
    let columns: Vec<String> = Query::new(columns).column(connection).await?;
    let columns: Vec<String> = columns.iter().map(|name| format!("t.\"{name}\"")).collect();
    Ok(columns.join(", "))
}
