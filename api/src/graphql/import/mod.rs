//! Imports over GraphQL: looking into a file, taking it in, and what became of each line.

mod mutation;

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::{Error, UserErrorCode},
    import::{self, Problem, Reading},
    page::PageRequest,
};
use entity::{
    id::OperationId,
    kind::{ImportField, ImportOutcome, SheetEncoding, SubjectKind},
};

use super::{
    context::reader,
    error::fault,
    id,
    page::{Connection, connection},
};
use crate::boxed;

pub(crate) use mutation::ImportMutation;

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum ImportSubject {
    /// Contacts, with their companies.
    Contacts,
    /// Accounts.
    Accounts,
}

impl ImportSubject {
    fn kind(self) -> SubjectKind {
        match self {
            Self::Contacts => SubjectKind::Contact,
            Self::Accounts => SubjectKind::Account,
        }
    }
}

/// What is in a file, before it is taken in.
#[derive(SimpleObject)]
pub(crate) struct ImportPreview {
    /// The upload.
    upload_id: ID,
    /// The file's name.
    file_name: String,
    /// Bytes that have arrived.
    size: i64,
    /// Whether the file has arrived whole.
    complete: bool,
    /// When the file is deleted.
    expires_at: DateTime<Utc>,
    /// The encoding given, or found out.
    encoding: SheetEncoding,
    /// What separates the cells: a comma, a semicolon or a tab.
    delimiter: String,
    /// Whether the first line names the columns.
    header: bool,
    /// The columns, with what they seem to hold.
    columns: Vec<ImportPreviewColumn>,
    /// The first lines, cell by cell.
    rows: Vec<Vec<String>>,
    /// Those of the first lines that are broken, have another number of cells, or cells that are not of
    /// the encoding, counted from 1.
    odd_lines: Vec<i64>,
}

/// A column of a file.
#[derive(SimpleObject)]
pub(crate) struct ImportPreviewColumn {
    /// Which, counted from 0.
    column: i32,
    /// What the first line calls it; empty without such a line.
    header: String,
    /// What it seems to hold, by its name in Japanese, English or Chinese; nothing when that is not
    /// known, and the column is left out.
    field: Option<ImportField>,
    /// The custom attribute it seems to hold the values of.
    attribute_id: Option<ID>,
}

/// What an import did, or a dry run would do, with one line.
pub(crate) struct ImportLine(import::ImportLine);

/// What an import did, or a dry run would do, with one line.
#[Object]
impl ImportLine {
    /// Which entry of the table it is, counted from 1 without the header.
    fn record(&self) -> i64 {
        self.0.record
    }

    /// The line of the file it begins in, counted from 1.
    fn line(&self) -> i64 {
        self.0.line
    }

    /// What is done with it.
    fn outcome(&self) -> ImportOutcome {
        self.0.outcome
    }

    /// What changes about what is there already.
    fn changes(&self) -> &[ImportField] {
        &self.0.changes
    }

    /// Why nothing is done with it.
    fn problems(&self) -> &[Problem] {
        &self.0.problems
    }
}

/// Reads a delimiter of one character.
pub(super) fn delimiter(text: Option<&str>) -> domain::error::Result<Option<char>> {
    let Some(text) = text else { return Ok(None) };
    let mut characters = text.chars();
    if let (Some(one), None) = (characters.next(), characters.next()) {
        return Ok(Some(one));
    }
    let message = "Cells are separated by a comma, a semicolon or a tab.";
    let code = UserErrorCode::Invalid;
    Err(Error::refused(&["delimiter"], code, message))
}

#[derive(Default)]
pub(crate) struct ImportQuery;

#[Object]
impl ImportQuery {
    /// What is in a file that was sent to `/v1/uploads`: its encoding, its columns with what they
    /// seem to hold, and its first lines. Takes nothing in.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    #[boxed]
    async fn preview_import(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The upload's id, as `/v1/uploads` answered it.")] upload_id: ID,
        #[graphql(desc = "What its lines are.")] subject: ImportSubject,
        #[graphql(desc = "The encoding; left out, it is found out.")] encoding: Option<
            SheetEncoding,
        >,
        #[graphql(
            desc = "What separates the cells: a comma, a semicolon or a tab; left out, it is found \
                    out."
        )]
        delimiter: Option<String>,
        #[graphql(desc = "Whether the first line names the columns.", default = true)] header: bool,
        #[graphql(desc = "How many lines to show, at most 50.", default = 10)] rows: i32,
    ) -> Result<ImportPreview> {
        let (ctx, actor) = reader(context)?;
        let looked = async {
            let reading = Reading {
                encoding,
                delimiter: self::delimiter(delimiter.as_deref())?,
                header: Some(header),
            };
            let upload = id::parse(&upload_id, &["uploadId"])?;
            let rows = usize::try_from(rows).unwrap_or_default();
            import::preview(ctx, actor.workspace, upload, subject.kind(), reading, rows).await
        };
        let seen = looked.await.map_err(fault)?;
        let columns = seen.columns.into_iter().zip(0..);
        Ok(ImportPreview {
            upload_id: seen.upload.id.into(),
            file_name: seen.upload.name,
            size: seen.upload.size,
            complete: seen.upload.completed_at.is_some(),
            expires_at: seen.upload.expires_at,
            encoding: seen.encoding,
            delimiter: seen.delimiter.to_string(),
            header: seen.header,
            columns: columns
                .map(|(one, column)| ImportPreviewColumn {
                    column,
                    header: one.header,
                    field: one.field,
                    attribute_id: one.attribute.map(Into::into),
                })
                .collect(),
            rows: seen.rows,
            odd_lines: seen.odd_lines,
        })
    }

    /// What an import did with each line that was wrong (at most 10,000 are kept), or what a dry run
    /// would do with every line; in the order of the file. Kept for a week after the import's end. As
    /// a file: `/v1/imports/ID/lines.csv`.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    #[boxed]
    async fn import_lines(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The import's global id.")] operation_id: ID,
        #[graphql(desc = "Only lines with which this is done.")] outcome: Option<ImportOutcome>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, ImportLine>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = async {
            let id: OperationId = id::parse(&operation_id, &["operationId"])?;
            import::require(ctx, actor.workspace, id).await?;
            import::lines(ctx, actor.workspace, id, outcome, &page).await
        };
        let found = found.await.map_err(fault)?;
        Ok(connection(found, ImportLine))
    }
}
