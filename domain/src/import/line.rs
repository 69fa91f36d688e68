//! What an import said of each line: all lines of a dry run, the wrong ones of an import.

use entity::{
    id::{Id as _, OperationId, WorkspaceId},
    kind::{ImportField, ImportOutcome},
};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{KIND_WORDS, Problem};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    operation,
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
};

/// What becomes, or would become, of one line.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportLine {
    /// Which record it is, from 1.
    pub record: i64,
    /// The line of the file it begins in, from 1.
    pub line: i64,
    /// What is done.
    pub outcome: ImportOutcome,
    /// What changes about what is there.
    pub changes: Vec<ImportField>,
    /// Why nothing is done.
    pub problems: Vec<Problem>,
}

#[derive(Serialize, Deserialize, Default)]
struct Detail {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<ImportField>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
}

#[derive(FromQueryResult)]
struct Row {
    record: i64,
    line: i64,
    outcome: ImportOutcome,
    detail: serde_json::Value,
}

impl Row {
    fn read(self) -> Result<ImportLine> {
        let detail: Detail = serde_json::from_value(self.detail)?;
        Ok(ImportLine {
            record: self.record,
            line: self.line,
            outcome: self.outcome,
            changes: detail.changes,
            problems: detail.problems,
        })
    }
}

/// Keeps what was said of lines.
pub(super) async fn note(tx: &Tx<'_>, operation: OperationId, lines: &[ImportLine]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ints("record", lines.iter().map(|one| one.record))
        .ints("line", lines.iter().map(|one| one.line))
        .texts("outcome", lines.iter().map(|one| one.outcome.word()))
        .json(
            "detail",
            lines.iter().map(|one| {
                json!(Detail {
                    changes: one.changes.clone(),
                    problems: one.problems.clone(),
                })
            }),
        );
    Query::new(
        "INSERT INTO import_line (workspace_id, operation_id, record, line, outcome, detail)
         SELECT $1, $2, r.record, r.line, r.outcome, r.detail FROM {r}",
    )
    .bind(tx.workspace)
    .bind(operation)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets what was said of lines in words, which quote their cells.
pub(crate) async fn forget_cells(tx: &Tx<'_>) -> Result<()> {
    Query::new(
        "DELETE FROM import_line WHERE workspace_id = $1
           AND CAST(detail AS TEXT) LIKE '%\"problems\"%'",
    )
    .bind(tx.workspace)
    .execute(tx.connection())
    .await?;
    Ok(())
}

const IN_ORDER: Keyset = Keyset {
    order: "line",
    key: Some(Column::Whole("l.record")),
    id: "l.operation_id",
    descending: false,
};

/// A page of what an import said of its lines, in their order, each with its cursor. Only imports have
/// lines: any other operation answers like one that is not there.
pub async fn lines(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: OperationId,
    outcome: Option<ImportOutcome>,
    page: &PageRequest,
) -> Result<Page<(String, ImportLine)>> {
    let mut query = Query::new(
        "SELECT l.record, l.line, l.outcome, l.detail FROM import_line l
         WHERE l.workspace_id = $1 AND l.operation_id = $2",
    )
    .bind(workspace)
    .bind(id);
    if let Some(outcome) = outcome {
        let outcome = query.arg(outcome.word());
        query.push(&format!(" AND l.outcome = {outcome}"));
    }
    IN_ORDER.apply(&mut query, page)?;
    let rows: Vec<Row> = query.all(ctx.reader()).await?;
    let rows = rows
        .into_iter()
        .map(Row::read)
        .collect::<Result<Vec<_>>>()?;
    Ok(IN_ORDER.placed(rows, page, |line| {
        (Key::Whole { whole: line.record }, id.uuid())
    }))
}

/// The lines after record `after`, at most `limit`, for reading all of them in turn.
pub async fn stream(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: OperationId,
    outcome: Option<ImportOutcome>,
    after: i64,
    limit: i64,
) -> Result<Vec<ImportLine>> {
    let mut query = Query::new(
        "SELECT l.record, l.line, l.outcome, l.detail FROM import_line l
         WHERE l.workspace_id = $1 AND l.operation_id = $2 AND l.record > $3",
    )
    .bind(workspace)
    .bind(id)
    .bind(after);
    if let Some(outcome) = outcome {
        let outcome = query.arg(outcome.word());
        query.push(&format!(" AND l.outcome = {outcome}"));
    }
    query.push(&format!(" ORDER BY l.record LIMIT {limit}"));
    let rows: Vec<Row> = query.all(ctx.reader()).await?;
    rows.into_iter().map(Row::read).collect()
}

/// Refuses an operation that is no import of the workspace.
pub async fn require(ctx: &Ctx, workspace: WorkspaceId, id: OperationId) -> Result<()> {
    let found = operation::find(ctx, workspace, id).await?;
    let is_import = found.is_some_and(|row| KIND_WORDS.contains(row.kind.word()));
    if is_import {
        Ok(())
    } else {
        Err(Error::not_found(&["operationId"], "import"))
    }
}

/// Which of `keys` an earlier line of the file had, and in which line.
pub(super) async fn earlier(
    tx: &Tx<'_>,
    operation: OperationId,
    keys: impl IntoIterator<Item = Uuid>,
) -> Result<std::collections::HashMap<Uuid, i64>> {
    #[derive(FromQueryResult)]
    struct Earlier {
        key: Uuid,
        line: Option<i64>,
    }
    // Each once and in their order, in which they lie close together.
    let mut keys: Vec<Uuid> = keys.into_iter().collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() {
        return Ok(std::collections::HashMap::new());
    }
    // Looked up one by one, whatever is believed of a table that fills and empties with each file: a
    // join would compare all keys with all.
    let found: Vec<Earlier> = Query::new(
        "SELECT r.key, (SELECT k.line FROM import_key k
             WHERE k.workspace_id = $1 AND k.operation_id = $2 AND k.key = r.key) AS line
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(operation)
    .rows("r", Rows::new().uuids("key", keys))
    .all(tx.connection())
    .await?;
    let found = found.into_iter();
    Ok(found.filter_map(|one| Some((one.key, one.line?))).collect())
}

/// Remembers keys for the lines that follow.
pub(super) async fn remember(
    tx: &Tx<'_>,
    operation: OperationId,
    keys: &[(Uuid, i64)],
) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    // Hashes come in no order: brought into theirs, those that lie on one page are written together.
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    let rows = Rows::new()
        .uuids("key", keys.iter().map(|(key, _)| *key))
        .ints("line", keys.iter().map(|(_, line)| *line));
    Query::new(
        "INSERT INTO import_key (workspace_id, operation_id, key, line)
         SELECT $1, $2, r.key, r.line FROM {r}",
    )
    .bind(tx.workspace)
    .bind(operation)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}
