//! What is in a file, before it is taken in.

use entity::{
    attribute_definition,
    id::{AttributeId, UploadId, WorkspaceId},
    kind::{ImportField, SheetEncoding, SubjectKind},
    upload,
};

use super::{
    MAX_COLUMNS,
    file::{Cut, Place, split},
    words,
};
use crate::{
    attribute::definition,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    locale::Locale,
    sheet::{encoding, formula, record},
    text, upload as uploads, workspace,
};

/// Bytes of a file that are looked at.
const LOOK: usize = 512 * 1024;
/// Records shown at most.
const MAX_ROWS: usize = 50;

/// How a file is to be read; what is left out is found out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// The encoding.
    pub encoding: Option<SheetEncoding>,
    /// What stands between two cells.
    pub delimiter: Option<char>,
    /// Whether the first record names the columns; it does if that is left out.
    pub header: Option<bool>,
}

/// What is in a file.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The file.
    pub upload: upload::Model,
    /// The encoding given or found.
    pub encoding: SheetEncoding,
    /// What stands between two cells.
    pub delimiter: char,
    /// Whether the first record names the columns.
    pub header: bool,
    /// The columns.
    pub columns: Vec<PreviewColumn>,
    /// The first records.
    pub rows: Vec<Vec<String>>,
    /// Lines of those that are broken, have another number of cells or cells of another encoding.
    pub odd_lines: Vec<i64>,
}

/// A column of a file.
#[derive(Debug, Clone)]
pub struct PreviewColumn {
    /// Its name; empty without a header.
    pub header: String,
    /// What it seems to hold.
    pub field: Option<ImportField>,
    /// The attribute it seems to hold the values of.
    pub attribute: Option<AttributeId>,
}

/// Reads a delimiter as people give it.
pub(super) fn check_delimiter(delimiter: char) -> Result<char> {
    if matches!(delimiter, ',' | ';' | '\t') {
        return Ok(delimiter);
    }
    let message = "Cells are separated by a comma, a semicolon or a tab.";
    Err(Error::refused(
        &["delimiter"],
        UserErrorCode::Invalid,
        message,
    ))
}

/// Looks at the beginning of an upload.
pub async fn preview(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: UploadId,
    subject: SubjectKind,
    reading: Reading,
    rows: usize,
) -> Result<Preview> {
    let upload = uploads::find(ctx, workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["uploadId"], "upload"))?;
    let bytes = uploads::read(ctx.reader(), workspace, id, 0, LOOK).await?;
    let is_whole = upload.completed_at.is_some() && bytes.len() as i64 >= upload.size;
    if bytes.is_empty() {
        let message = "The file is empty.";
        let code = UserErrorCode::Required;
        return Err(Error::refused(&["uploadId"], code, message));
    }
    let home = workspace::find(ctx, workspace).await?;
    let is_chinese = serde_json::from_value::<Locale>(serde_json::json!(home.locale))
        .is_ok_and(|locale| locale == Locale::Zh);
    let encoding = if let Some(encoding) = reading.encoding {
        encoding
    } else {
        encoding::detect(&bytes, is_whole, is_chinese).map_err(|error| {
            Error::refused(&["uploadId"], UserErrorCode::Invalid, error.to_string())
        })?
    };
    let delimiter = if let Some(delimiter) = reading.delimiter {
        check_delimiter(delimiter)?
    } else {
        let text = &bytes[encoding::mark_bytes(&bytes)..];
        let named = record::named_delimiter(text).map(|(delimiter, _)| delimiter);
        char::from(named.unwrap_or_else(|| record::delimiter_of(text, is_whole)))
    };
    let cut = Cut {
        delimiter: delimiter as u8,
        // The header is looked at like a record here.
        header: false,
    };
    let header = reading.header.unwrap_or(true);
    let limit = rows.min(MAX_ROWS) + usize::from(header);
    let batch = split(&bytes, is_whole, cut, Place::default(), limit.max(1));
    let mut records = batch.records.into_iter();
    let shown = |cell: &Vec<u8>| {
        let cell = encoding::decode_lossy(encoding, cell);
        let cell = formula::restore(&cell);
        let cell = text::printable(&encoding::unescape(encoding, &cell));
        cell.trim().chars().take(500).collect::<String>()
    };
    let mut records = records.by_ref().peekable();
    let Some((_, line, first)) = records.peek() else {
        let message = "The file holds no table.";
        return Err(Error::refused(
            &["uploadId"],
            UserErrorCode::Invalid,
            message,
        ));
    };
    if let Some(broken) = first.broken {
        let message = format!("Line {line}: {broken}");
        return Err(Error::refused(
            &["uploadId"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    let width = first.cells.len();
    let names: Vec<String> = if header {
        first.cells.iter().map(shown).collect()
    } else {
        vec![String::new(); width]
    };
    if header {
        records.next();
    }
    let definitions = definition::list(ctx, workspace, Some(subject)).await?;
    let (mut rows, mut odd_lines) = (Vec::new(), Vec::new());
    for (_, line, record) in records {
        let mut cells = record.cells.iter();
        let is_strange = cells.any(|cell| encoding::decode(encoding, cell).is_err());
        if is_strange || record.broken.is_some() || record.cells.len() != width {
            odd_lines.push(line);
        }
        rows.push(record.cells.iter().take(MAX_COLUMNS).map(shown).collect());
    }
    Ok(Preview {
        upload,
        encoding,
        delimiter,
        header,
        columns: propose(&names, subject, &definitions),
        rows,
        odd_lines,
    })
}

/// What columns of these names seem to hold; each field once, but attributes.
fn propose(
    names: &[String],
    subject: SubjectKind,
    definitions: &[attribute_definition::Model],
) -> Vec<PreviewColumn> {
    let mut taken = Vec::new();
    let columns = names.iter().map(|name| {
        let key = words::key(name);
        let attribute = definitions.iter().find(|one| {
            one.archived_at.is_none()
                && !key.is_empty()
                && (words::key(&one.key) == key || words::key(&one.name) == key)
        });
        let field = match attribute {
            Some(_) => Some(ImportField::Attribute),
            None => words::field_of(name, subject),
        };
        let attribute = attribute.map(|one| one.id);
        if field.is_some() && taken.contains(&(field, attribute)) {
            return PreviewColumn {
                header: name.clone(),
                field: None,
                attribute: None,
            };
        }
        taken.push((field, attribute));
        PreviewColumn {
            header: name.clone(),
            field,
            attribute,
        }
    });
    columns.collect()
}
