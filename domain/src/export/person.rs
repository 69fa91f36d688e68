//! Everything of one person: a line for each row of each table that holds something of them.

use entity::id::{ContactId, WorkspaceId};
use serde_json::json;

use super::table::{Rows, columns};
use crate::{contact::export, ctx::Ctx, error::Result};

/// Rows read at once.
const PAGE: usize = 2_000;

/// The cursor is the place of the table in the list, and how many of its rows were read.
pub(super) async fn page(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: ContactId,
    after: Option<String>,
) -> Result<Rows> {
    let read = |cursor: &str| {
        let (table, row) = cursor.split_once(':')?;
        Some((table.parse().ok()?, row.parse().ok()?))
    };
    let (table, done): (usize, usize) = after.as_deref().and_then(read).unwrap_or_default();
    let found = export::rows(ctx, workspace, id, table, done, PAGE).await?;
    let is_full = found.rows.len() == PAGE;
    let next = if is_full {
        Some(format!("{table}:{}", done + PAGE))
    } else {
        (table + 1 < export::tables()).then(|| format!("{}:0", table + 1))
    };
    let rows = found.rows.into_iter();
    Ok(Rows {
        columns: columns(&[("table", "Table"), ("row", "Row")]),
        rows: rows.map(|row| vec![json!(found.table), row]).collect(),
        next,
    })
}
