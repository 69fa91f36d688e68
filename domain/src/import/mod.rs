//! Taking in contacts and accounts from CSV files, as an operation.
//!
//! A file is sent first ([`crate::upload`]); [`preview`] shows what is in it; [`start`] asks for the
//! import, which workers do in steps of a few thousand lines, each one transaction that stores its
//! effects and how far it got. Every line is either taken in whole or not at all, and says why. A dry
//! run decides in the same way and writes nothing but what it would do with each line.
//!
//! - `words`: headers and cells in three languages; `cell`: cells as values; both pure;
//! - `file`: records of the file from a place on; `ahead`: the next lines, read while these are written;
//! - `contact` and `account`: what becomes of each line, and the set-based writing of it; `contact_row`: the row of
//!   a contact as a line makes or changes it; `company`: the accounts that lines of contacts name;
//! - `shared`: what both are taken in for; `around`: owners, campaigns and tags that lines name; `carried`: tags and
//!   attributes of what is there; `wish`: what contacts want to hear of; `seen`: the keys by which an earlier line
//!   of the file is recognised;
//! - `ask`: what is checked before it begins; `step`: the operation; `line`: what it said of each line,
//!   `report`: the same as a file.
//!
//! It never merges two people: a line that names both is an error. To add a field: a variant of
//! `ImportField`, its words, its reading in `cell`, its place in `contact_row` or `account`.

mod account;
mod ahead;
mod around;
mod ask;
mod carried;
mod cell;
mod company;
mod contact;
mod contact_row;
mod file;
mod line;
mod preview;
mod report;
mod seen;
mod shared;
mod step;
mod wish;
mod words;

use entity::{
    id::{AttributeId, UploadId},
    kind::{ImportCreation, ImportField, ImportPolicy, SheetEncoding},
};
use serde::{Deserialize, Serialize};

pub use ask::{NewImport, start};
pub use cell::Problem;
pub(crate) use line::forget_cells;
pub use line::{ImportLine, lines, require, stream};
pub use preview::{Preview, PreviewColumn, Reading, preview};
pub use report::REPORT_HEADER;
pub use step::{ImportAccounts, ImportContacts};

/// The kinds of operations that are imports, as a list in SQL.
pub(crate) const KIND_WORDS: &str = "'IMPORT_CONTACTS', 'IMPORT_ACCOUNTS'";

/// Lines taken in at once.
const BATCH: usize = 4_000;
/// Bytes read at once.
const WINDOW: usize = 1024 * 1024;
/// Wrong lines that an import keeps the reasons of; more are only counted. A dry run keeps all lines.
pub const MAX_NOTED: i64 = 10_000;
/// Tags that one import may make.
pub const MAX_NEW_TAGS: usize = 1_000;
/// Columns that can be given a meaning.
pub const MAX_COLUMNS: usize = 100;

/// What one column holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Which column, counted from 0.
    pub column: usize,
    /// What it holds.
    pub field: ImportField,
    /// The attribute, if it holds one's values.
    #[serde(default)]
    pub attribute: Option<AttributeId>,
}

/// What is to be taken in. Stored as JSON with the operation: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    upload: UploadId,
    encoding: SheetEncoding,
    delimiter: char,
    header: bool,
    width: usize,
    columns: Vec<Column>,
    policy: ImportPolicy,
    #[serde(default)]
    create: Vec<ImportCreation>,
    /// Why stages change and tags are put on, in words.
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = serde_json::json!({
            "upload": "upload_01900000000070008000000000000001", "encoding": "UTF8",
            "delimiter": ",", "header": true, "width": 2,
            "columns": [{ "column": 0, "field": "EMAIL" }], "policy": "FILL_EMPTY", "reason": "x",
        });
        let request: Request = serde_json::from_value(stored).unwrap();
        assert_eq!(request.columns[0].field, ImportField::Email);
        for (encoding, word) in [
            (SheetEncoding::Utf8, "\"UTF8\""),
            (SheetEncoding::ShiftJis, "\"SHIFT_JIS\""),
        ] {
            assert_eq!(serde_json::to_string(&encoding).unwrap(), word);
            assert_eq!(encoding.word(), word.trim_matches('"'));
        }
    }
}
