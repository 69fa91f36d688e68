//! Rows as CSV and as JSON Lines.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::kind::{ExportEncoding, ExportFormat, SheetEncoding};
use serde_json::{Map, Value};

use crate::sheet::{encoding, formula};

/// One column: its name in JSON, and in the header of a CSV file, by which an import knows it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) key: String,
    pub(super) header: String,
}

/// The columns of these keys and headers.
pub(super) fn columns(names: &[(&str, &str)]) -> Vec<Column> {
    let names = names.iter();
    names
        .map(|(key, header)| Column {
            key: (*key).to_owned(),
            header: (*header).to_owned(),
        })
        .collect()
}

/// A page of rows.
#[derive(Debug)]
#[expect(
    clippy::struct_field_names,
    reason = "there is no better word for its rows"
)]
pub(super) struct Rows {
    pub(super) columns: Vec<Column>,
    /// A value for each column; a list is a cell with its members separated by `;`.
    pub(super) rows: Vec<Vec<Value>>,
    /// Where the next page begins; nothing after the last.
    pub(super) next: Option<String>,
}

/// Columns by their keys and headers, each with what a thing has in it.
pub(super) type Columns<'c, T> = &'c [(&'c str, &'c str, fn(&T) -> Value)];

impl Rows {
    /// A page of `things`, a row each.
    pub(super) fn of<T>(things: &[T], columns: Columns<'_, T>, next: Option<String>) -> Self {
        let row = |thing| columns.iter().map(|(.., value)| value(thing)).collect();
        let names = columns.iter().map(|(key, header, _)| Column {
            key: (*key).to_owned(),
            header: (*header).to_owned(),
        });
        Self {
            columns: names.collect(),
            rows: things.iter().map(row).collect(),
            next,
        }
    }
}

/// A moment as files have it.
pub(super) fn moment(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
}

/// Writes pages.
#[derive(Debug)]
pub(super) struct Writer {
    format: ExportFormat,
    encoding: ExportEncoding,
    /// The columns of the first page, which are the file's.
    columns: Option<Vec<Column>>,
}

impl Writer {
    pub(super) fn new(format: ExportFormat, encoding: ExportEncoding) -> Self {
        Self {
            format,
            encoding,
            columns: None,
        }
    }

    pub(super) fn ending(&self) -> &'static str {
        match self.format {
            ExportFormat::Csv => "csv",
            ExportFormat::JsonLines => "jsonl",
        }
    }

    pub(super) fn media_type(&self) -> &'static str {
        match (self.format, self.encoding) {
            (ExportFormat::JsonLines, _) => "application/jsonl",
            (_, ExportEncoding::ShiftJis) => "text/csv; charset=Shift_JIS",
            (_, ExportEncoding::Gbk) => "text/csv; charset=GBK",
            _ => "text/csv; charset=utf-8",
        }
    }

    /// The bytes of a page; the first begins with the header.
    pub(super) fn write(&mut self, page: &Rows) -> Vec<u8> {
        let mut text = String::new();
        let encoding = match self.encoding {
            ExportEncoding::ShiftJis => SheetEncoding::ShiftJis,
            ExportEncoding::Gbk => SheetEncoding::Gbk,
            _ => SheetEncoding::Utf8,
        };
        if self.columns.is_none() && self.format == ExportFormat::Csv {
            if self.encoding == ExportEncoding::Utf8Bom {
                text.push('\u{feff}');
            }
            let headers = page.columns.iter().map(|column| column.header.as_str());
            line(&mut text, encoding, headers);
        }
        // A column that came to be meanwhile is not in the header, so it is in no row.
        let columns = self.columns.get_or_insert_with(|| page.columns.clone());
        let places: Vec<Option<usize>> = columns
            .iter()
            .map(|one| page.columns.iter().position(|other| other.key == one.key))
            .collect();
        for row in &page.rows {
            let cells = places.iter().map(|place| place.and_then(|at| row.get(at)));
            if self.format == ExportFormat::Csv {
                let cells: Vec<String> = cells
                    .map(|cell| cell.map(shown).unwrap_or_default())
                    .collect();
                line(&mut text, encoding, cells.iter().map(String::as_str));
            } else {
                let members = columns.iter().zip(cells);
                let members: Map<String, Value> = members
                    .map(|(column, cell)| {
                        (column.key.clone(), cell.cloned().unwrap_or(Value::Null))
                    })
                    .collect();
                text.push_str(&Value::Object(members).to_string());
                text.push('\n');
            }
        }
        if self.format == ExportFormat::JsonLines || encoding == SheetEncoding::Utf8 {
            return text.into_bytes();
        }
        encoding::encode(encoding, &text).into_owned()
    }
}

/// A value in a cell.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(members) => {
            let members: Vec<String> = members.iter().map(shown).collect();
            members.join("; ")
        }
        other => other.to_string(),
    }
}

fn line<'c>(text: &mut String, encoding: SheetEncoding, cells: impl Iterator<Item = &'c str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        // Escaped first: a reference ends with what a program might cut at.
        let cell = encoding::escape(encoding, cell);
        let cell = formula::neutralise(&cell);
        // Quoted as soon as there is anything a program might cut at.
        let is_plain = cell
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '@' | '.' | '-' | '_' | ':' | '+'));
        if is_plain {
            text.push_str(&cell);
        } else {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        }
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(rows: Vec<Vec<Value>>) -> Rows {
        Rows {
            columns: columns(&[
                ("name", "Name"),
                ("tags", "Tags"),
                ("score", "Health score"),
            ]),
            rows,
            next: None,
        }
    }

    #[test]
    fn a_page_is_written_as_csv_and_as_json_lines() {
        let row = vec![json!("=1+1"), json!(["a/b", "c"]), json!(4.5)];
        let mut csv = Writer::new(ExportFormat::Csv, ExportEncoding::Utf8Bom);
        let text = String::from_utf8(csv.write(&page(vec![row.clone()]))).unwrap();
        assert_eq!(
            text,
            "\u{feff}Name,Tags,\"Health score\"\r\n\"'=1+1\",\"a/b; c\",4.5\r\n"
        );
        let text = String::from_utf8(csv.write(&page(vec![row.clone()]))).unwrap();
        assert_eq!(text, "\"'=1+1\",\"a/b; c\",4.5\r\n");
        let mut lines = Writer::new(ExportFormat::JsonLines, ExportEncoding::ShiftJis);
        let text = String::from_utf8(lines.write(&page(vec![row]))).unwrap();
        assert_eq!(
            text,
            "{\"name\":\"=1+1\",\"score\":4.5,\"tags\":[\"a/b\",\"c\"]}\n"
        );
    }

    #[test]
    fn what_shift_jis_has_no_sign_for_is_referred_to_and_is_no_formula_either() {
        let mut csv = Writer::new(ExportFormat::Csv, ExportEncoding::ShiftJis);
        let bytes = csv.write(&page(vec![vec![json!("縁😀"), Value::Null, Value::Null]]));
        assert!(bytes.ends_with(b"\"\x89\x8f&#128512;\",,\r\n"), "{bytes:?}");
        let bytes = csv.write(&page(vec![vec![json!("𠮷=1"), Value::Null, Value::Null]]));
        assert_eq!(bytes, b"\"&#134071;'=1\",,\r\n");
    }
}
