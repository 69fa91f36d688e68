//! Everything of one person: a line for each row of each table that holds something of them.

use entity::id::{ContactId, WorkspaceId};
use serde_json::json;

use super::table::{Rows, columns};
use crate::{contact::export, ctx::Ctx, error::Result};

/// Rows read at once.
const PAGE: usize = 2_000;

/// The cursor is a [`export::Place`].
pub(super) async fn page(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: ContactId,
    after: Option<String>,
) -> Result<Rows> {
    let place: export::Place = match after {
        Some(cursor) => serde_json::from_str(&cursor)?,
        None => export::Place::default(),
    };
    let found = export::rows(ctx, workspace, id, &place, PAGE).await?;
    let next = found.next.as_ref().map(serde_json::to_string).transpose()?;
    let rows = found.rows.into_iter();
    Ok(Rows {
        columns: columns(&[("table", "Table"), ("row", "Row")]),
        rows: rows.map(|row| vec![json!(found.table), row]).collect(),
        next,
    })
}
