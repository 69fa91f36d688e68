//! Everything that is kept of one person, table by table, for the person to have.
//!
//! Driven by the list that erasing goes by, so that nothing can be erased that is not shown before.
//! Reads only.
//!
//! - `shape`: what each column holds;
//! - `show`: a row as the API shows things, whatever database it comes from;
//! - `name`: what the things are called that rows name.

mod name;
mod shape;
mod show;

use std::collections::BTreeMap;

use entity::id::{ContactId, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseBackend};
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
    merge::{self, Things},
    store::{Query, Rows},
};

pub use shape::{Shape, shape};
use show::Show;

/// Rows of one table an export in one answer has at most; it says where there are more. All of them
/// are in a file (`crate::export::What::Person`), which is read in pages.
pub const MAX_ROWS: usize = 500;

/// A person's data as one JSON object: `tables` holds the rows by table, `cut` the names of tables that
/// have more than [`MAX_ROWS`]. The rows have the names and forms of the API: see `show`.
pub async fn export(ctx: &Ctx, actor: &Actor, id: ContactId) -> Result<Value> {
    actor.require(Scope::Write)?;
    let snapshot = ctx.db.snapshot().await?;
    let ids = whole(&snapshot, actor.workspace, id).await?;
    if ids.is_empty() {
        return Err(Error::not_found(&["id"], "contact"));
    }
    let (mut tables, mut cut) = (BTreeMap::new(), Vec::new());
    let mut show = Show::new(&snapshot, &ids);
    for table in PERSONAL_TABLES {
        let Personal::Rows(conditions) = table.personal else {
            continue;
        };
        let condition = any_of(conditions);
        let row = row_as_json(&snapshot, table.table).await?;
        let keys = keys(&snapshot, table.table).await?;
        let mut rows: Vec<Value> = Query::new(format!(
            "SELECT {row} AS shown FROM {} t WHERE t.workspace_id = $1 AND ({condition})
             ORDER BY {} LIMIT $2",
            table.table,
            in_order(&keys)
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
            let shown = show.rows(&snapshot, actor.workspace, table.table, &rows);
            tables.insert(table.table, shown.await?);
        }
    }
    snapshot.commit().await?;
    Ok(json!({ "contact": id, "tables": tables, "cut": cut }))
}

fn any_of(conditions: &[&str]) -> String {
    conditions.join(" OR ")
}

/// What the rows `t` are ordered by.
fn in_order(keys: &[Key]) -> String {
    let columns: Vec<String> = keys.iter().map(Key::column).collect();
    columns.join(", ")
}

/// Of the row `t` of an order's lines, the currency of its order.
const CURRENCY_OF_LINE: &str = "(SELECT o.currency FROM sales_order o
    WHERE o.workspace_id = t.workspace_id AND o.id = t.order_id)";

/// The SQL of a row `t` of `table` as a JSON object of all its columns, and the currency of its amounts.
async fn row_as_json(connection: &impl ConnectionTrait, table: &str) -> Result<String> {
    let is_line = table == "order_line";
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        return Ok(if is_line {
            format!("to_jsonb(t) || jsonb_build_object('currency', {CURRENCY_OF_LINE})")
        } else {
            "to_jsonb(t)".to_owned()
        });
    }
    let columns: Vec<String> = Query::new(format!("SELECT name FROM pragma_table_info('{table}')"))
        .column(connection)
        .await?;
    let mut members: Vec<String> = columns
        .iter()
        .map(|name| {
            format!(
                "'{name}', CASE typeof(t.\"{name}\") WHEN 'blob' THEN lower(hex(t.\"{name}\"))
                 ELSE t.\"{name}\" END"
            )
        })
        .collect();
    if is_line {
        members.push(format!("'currency', {CURRENCY_OF_LINE}"));
    }
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

/// The contact that is meant, with everybody merged into it; nobody when it is not there. Who was merged into another,
/// perhaps since the file was asked for, is that person.
async fn whole(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    id: ContactId,
) -> Result<Vec<ContactId>> {
    let found = people(connection, workspace, id).await?;
    if !found.is_empty() {
        return Ok(found);
    }
    let means = merge::survivors(connection, workspace, Things::Contacts, vec![id.0]).await?;
    match means.first() {
        Some((_, survivor)) => people(connection, workspace, ContactId(*survivor)).await,
        None => Ok(found),
    }
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
    let ids = whole(ctx.reader(), workspace, id).await?;
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
    let limit_at = query.arg(limit as i64);
    query.push(&format!(" ORDER BY {} LIMIT {limit_at}", in_order(&keys)));
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
    let rows: Vec<Value> = found
        .iter()
        .map(|row| row.try_get::<Value>("", "shown"))
        .collect::<std::result::Result<_, _>>()?;
    let mut show = Show::new(ctx.reader(), &ids);
    Ok(TableRows {
        table,
        rows: show.rows(ctx.reader(), workspace, table, &rows).await?,
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
