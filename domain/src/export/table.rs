//! Rows as CSV and as JSON Lines.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::kind::{ExportEncoding, ExportFormat, SheetEncoding};
use serde_json::{Map, Value};

use super::choice::chosen;
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

/// Columns by their keys and headers, each with what a thing has in it. A key may be the name of a field,
/// with underscores between its words; files have it in camel case.
pub(super) type Columns<'c, T> = &'c [(&'c str, &'c str, fn(&T) -> Value)];

/// The [`Columns`] of a table, a line for each field of a row: `field: "Header"`. A key that is not the
/// field's name follows it as `as "key"`, a value that is not the field as it is comes last as `=> value`.
macro_rules! fields {
    (@key $field:ident) => { stringify!($field) };
    (@key $field:ident $key:literal) => { $key };
    (@value $field:ident) => { |one| ::serde_json::json!(one.$field) };
    (@value $field:ident $value:expr) => { $value };
    ($($field:ident $(as $key:literal)? : $header:literal $(=> $value:expr)?),+ $(,)?) => {
        &[$((
            fields!(@key $field $($key)?),
            $header,
            fields!(@value $field $($value)?),
        )),+]
    };
}
pub(super) use fields;

impl Rows {
    /// A page of `things`, a row each.
    pub(super) fn of<T>(things: &[T], columns: Columns<'_, T>, next: Option<String>) -> Self {
        let row = |thing| columns.iter().map(|(.., value)| value(thing)).collect();
        let names = columns.iter().map(|(key, header, _)| Column {
            key: camel_case(key),
            header: (*header).to_owned(),
        });
        Self {
            columns: names.collect(),
            rows: things.iter().map(row).collect(),
            next,
        }
    }

    /// The same rows with one more column, which has one of `values` in each.
    pub(super) fn with(mut self, key: &str, header: &str, values: Vec<Value>) -> Self {
        self.columns.push(Column {
            key: key.to_owned(),
            header: header.to_owned(),
        });
        for (row, value) in self.rows.iter_mut().zip(values) {
            row.push(value);
        }
        self
    }
}

/// The name of a field as JSON has it.
pub(crate) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut characters = word.chars();
        text.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(characters.as_str());
    }
    text
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
    /// The names of those that were asked for; all, if there are none.
    names: Vec<String>,
}

impl Writer {
    pub(super) fn new(format: ExportFormat, encoding: ExportEncoding) -> Self {
        Self {
            format,
            encoding,
            columns: None,
            names: Vec::new(),
        }
    }

    /// Writes only the columns of these names; all, if there are none.
    pub(super) fn with_columns(self, names: Vec<String>) -> Self {
        Self { names, ..self }
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
            let columns = chosen(&page.columns, &self.names);
            let headers = columns.iter().map(|column| column.header.as_str());
            line(&mut text, encoding, headers);
        }
        // A column that came to be meanwhile is not in the header, so it is in no row.
        let columns = self
            .columns
            .get_or_insert_with(|| chosen(&page.columns, &self.names));
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
        Value::Array(members) if !members.iter().any(is_nested) => {
            let members: Vec<String> = members.iter().map(shown).collect();
            members.join("; ")
        }
        other => other.to_string(),
    }
}

/// Whether a member of a list has members of its own: such a list is in a cell as it is in JSON.
fn is_nested(value: &Value) -> bool {
    value.is_object() || value.is_array()
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
    fn a_table_of_fields_names_its_columns_in_camel_case() {
        struct Thing {
            unit_price: i64,
            sold: bool,
        }
        const THING: Columns<'static, Thing> = fields!(
            unit_price as "unitPriceMinor": "Unit price",
            sold: "Sold" => |one| json!(if one.sold { "yes" } else { "no" }),
            unit_price: "Again",
        );
        let things = [Thing {
            unit_price: 5,
            sold: true,
        }];
        let lines = vec![json!([{ "id": "a" }, { "id": "b" }])];
        let rows = Rows::of(&things, THING, None).with("lines", "Lines", lines);
        let keys: Vec<&str> = rows.columns.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(keys, ["unitPriceMinor", "sold", "unitPrice", "lines"]);
        let mut csv = Writer::new(ExportFormat::Csv, ExportEncoding::Utf8);
        let text = String::from_utf8(csv.write(&rows)).unwrap();
        assert_eq!(
            text,
            "\"Unit price\",Sold,Again,Lines\r\n\
             5,yes,5,\"[{\"\"id\"\":\"\"a\"\"},{\"\"id\"\":\"\"b\"\"}]\"\r\n"
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
