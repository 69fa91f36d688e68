//! Everything that is kept of one person, table by table, for the person to have.
//!
//! Driven by the list that erasing goes by, so that nothing can be erased that is not shown before.
//! Reads only.

use std::collections::BTreeMap;

use entity::id::{ContactId, WorkspaceId};
use sea_orm::DatabaseBackend;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    erase::{PERSONAL_TABLES, Personal, people},
    key::{self, Key, keys},
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Rows},
};

/// Rows of one table an export in one answer has at most; it says where there are more. All of them
/// are in a file (`crate::export::What::Person`), which is read in pages.
pub const MAX_ROWS: usize = 500;

/// A person's data as one JSON object: `tables` holds the rows by table, `cut` the names of tables that
/// have more than [`MAX_ROWS`].
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
/// A place in everything that is kept of a person: a way in which a table's rows are theirs, and the
/// key of the row it comes after.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Place(usize, Option<Vec<String>>);

/// Some rows of one table.
pub(crate) struct TableRows {
    /// The table.
    pub(crate) table: &'static str,
    /// Its rows, as JSON objects.
    pub(crate) rows: Vec<Value>,
    /// Where to go on.
    pub(crate) next: Option<Place>,
}

/// The table at a place of all of them, and the conditions of which the last, and none before, tells
/// the rows: each of them has its index.
fn part(place: usize) -> Option<(&'static str, &'static [&'static str])> {
    let mut parts = PERSONAL_TABLES.iter().flat_map(|table| {
        let conditions = match table.personal {
            Personal::Rows(conditions) => conditions,
            _ => &[],
        };
        (1..=conditions.len()).map(|number| (table.table, &conditions[..number]))
    });
    parts.nth(place)
}

/// What is kept of a person from a place on: at most `limit` rows, in the order of their keys, so that
/// what comes or goes meanwhile moves no other row. For reading all of it in turn, however much there is.
pub(crate) async fn rows(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: ContactId,
    place: &Place,
    limit: usize,
) -> Result<TableRows> {
    let Place(number, after) = place;
    let Some((table, conditions)) = part(*number) else {
        return Err(Error::Internal("there is no such table".to_owned()));
    };
    let ids = people(ctx.reader(), workspace, id).await?;
    if ids.is_empty() {
        return Err(Error::not_found(&["id"], "contact"));
    }
    let row = row_as_json(ctx.reader(), table).await?;
    let keys = keys(ctx.reader(), table).await?;
    let condition = only_last(conditions);
    let mut query = Query::new(format!(
        "SELECT {row} AS shown, {} AS place FROM {table} t
         WHERE t.workspace_id = $1 AND {condition}",
        key::as_json(ctx.reader(), &keys)
    ))
    .bind(workspace);
    if let Some(after) = after {
        let after = key::is_after(ctx.reader(), &keys, after, &mut query)?;
        query.push(&format!(" AND {after}"));
    }
    let columns: Vec<String> = keys.iter().map(Key::column).collect();
    let limit_at = query.arg(limit as i64);
    query.push(&format!(
        " ORDER BY {} LIMIT {limit_at}",
        columns.join(", ")
    ));
    let found = query
        .rows("r", Rows::new().ids("id", ids.iter().copied()))
        .raw(ctx.reader())
        .await?;
    let last = match found.last() {
        Some(row) if found.len() == limit => Some(row.try_get::<Value>("", "place")?),
        _ => None,
    };
    let next = match last {
        Some(last) => Some(Place(*number, Some(serde_json::from_value(last)?))),
        None => part(number + 1).map(|_| Place(number + 1, None)),
    };
    let rows = found.iter().map(|row| row.try_get::<Value>("", "shown"));
    Ok(TableRows {
        table,
        rows: rows.collect::<std::result::Result<_, _>>()?,
        next,
    })
}

/// That the last of the conditions holds and none of the others, which have had their turn.
fn only_last(conditions: &[&str]) -> String {
    let mut parts = conditions.iter().rev();
    let last = parts.next().map(|last| format!("({last})"));
    let before = parts.map(|before| format!("({before}) IS NOT TRUE"));
    last.into_iter()
        .chain(before)
        .collect::<Vec<_>>()
        .join(" AND ")
}
