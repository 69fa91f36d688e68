//! What the columns of a file are taken for: by `--map`, else by their names.

use std::fmt::Write as _;

use anyhow::bail;
use domain::{
    import::{Column, Preview},
    sheet::encoding::name,
};
use entity::{attribute_definition, kind::ImportField};
use sea_orm::Iterable as _;

use super::word;

/// What the columns hold: what was said, and what their names say of the rest.
pub(super) fn columns(
    attributes: &[attribute_definition::Model],
    seen: &Preview,
    map: &[String],
) -> anyhow::Result<Vec<Column>> {
    let mut columns: Vec<Column> = seen
        .columns
        .iter()
        .zip(0..)
        .filter_map(|(one, column)| {
            Some(Column {
                column,
                field: one.field?,
                attribute: one.attribute,
            })
        })
        .collect();
    let headers = || {
        let names = seen.columns.iter().map(|one| one.header.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    for pair in map {
        let Some((name, field)) = pair.rsplit_once('=') else {
            bail!("--map {pair}: write COLUMN=FIELD, such as --map Mail=email");
        };
        let name = name.trim();
        let by_name = seen.columns.iter().position(|one| one.header == name);
        let by_number = || {
            let number = name.parse::<usize>().ok()?.checked_sub(1)?;
            (number < seen.columns.len()).then_some(number)
        };
        let Some(column) = by_name.or_else(by_number) else {
            bail!(
                "--map {pair}: there is no column {name:?}. The columns are: {}",
                headers()
            );
        };
        columns.retain(|one| one.column != column);
        if field.eq_ignore_ascii_case("ignore") {
            continue;
        }
        let (field, attribute) = if let Some(key) = field.trim().strip_prefix("attribute:") {
            let Some(found) = attributes.iter().find(|one| one.key == key) else {
                let keys: Vec<&str> = attributes.iter().map(|one| one.key.as_str()).collect();
                let there = if keys.is_empty() {
                    "There are none yet: define it with `createAttribute`".to_owned()
                } else {
                    format!("The attributes are: {}", keys.join(", "))
                };
                bail!("--map {pair}: there is no attribute {key:?}. {there}");
            };
            (ImportField::Attribute, Some(found.id))
        } else if let Some(field) = word(field, ImportField::from_word) {
            (field, None)
        } else {
            let words: Vec<String> = ImportField::iter().map(typed).collect();
            bail!(
                "--map {pair}: there is no field {field:?}. The fields are: {}",
                words.join(", ")
            );
        };
        columns.retain(|one| {
            field == ImportField::Tags || one.field != field || one.attribute != attribute
        });
        columns.push(Column {
            column,
            field,
            attribute,
        });
    }
    columns.sort_by_key(|one| one.column);
    Ok(columns)
}

/// A field as people type it.
pub(super) fn typed(field: ImportField) -> String {
    match field {
        ImportField::Attribute => "attribute:KEY".to_owned(),
        other => other.word().to_lowercase().replace('_', "-"),
    }
}

/// What a column holds, as people type it.
fn held(attributes: &[attribute_definition::Model], column: &Column) -> String {
    let attribute = attributes
        .iter()
        .find(|one| Some(one.id) == column.attribute);
    attribute.map_or_else(
        || typed(column.field),
        |attribute| format!("attribute:{}", attribute.key),
    )
}

/// What is in the file, and what its columns are taken for.
pub(super) fn shown(
    attributes: &[attribute_definition::Model],
    seen: &Preview,
    columns: &[Column],
) -> String {
    let delimiter = match seen.delimiter {
        '\t' => "tabs",
        ';' => "semicolons",
        _ => "commas",
    };
    let mut text = format!(
        "{} in {}, cells separated by {delimiter}\n",
        seen.upload.name,
        name(seen.encoding)
    );
    for (place, column) in seen.columns.iter().enumerate() {
        let taken = columns.iter().find(|one| one.column == place);
        let taken = taken.map_or_else(|| "(left out)".to_owned(), |one| held(attributes, one));
        let cells = seen.rows.iter().filter_map(|row| row.get(place));
        let cells: Vec<&str> = cells.map(String::as_str).collect();
        let number = place + 1;
        let cells = cells.join(" | ");
        let _ = writeln!(text, "{number:>3}  {}  -> {taken}   {cells}", column.header);
    }
    for line in &seen.odd_lines {
        let _ = writeln!(
            text,
            "line {line} is broken, has another number of cells or is in another encoding"
        );
    }
    text.trim_end().to_owned()
}
