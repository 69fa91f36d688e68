//! Members of a segment from the lines of a CSV text: reading them is pure, finding them is one
//! statement, and one more for accounts that were merged.

use std::collections::{HashMap, HashSet};

use entity::{
    id::{AccountId, ContactId, Id as _},
    kind::SegmentSubject,
};
use uuid::Uuid;

use crate::{
    error::{Result, UserError, UserErrorCode},
    mail::EmailAddress,
    merge::{self, Things},
    store::{Query, Rows, Tx},
};

/// Lines one text may have.
pub(super) const MAX_LINES: usize = 10_000;

/// A line that names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number; the first is 1.
    pub number: i64,
    /// What stands in its first column.
    pub value: String,
}

/// The first column of each line that has one. A heading such as `email` is passed over.
pub(super) fn read(text: &str) -> Result<Vec<Line>, UserError> {
    let refuse = |code, message: &str| UserError::new(&["csv"], code, message);
    let text = text.trim_start_matches('\u{feff}');
    let mut counted = Counted::default();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let message = format!("This is no CSV: {error}.");
            refuse(UserErrorCode::Invalid, &message)
        })?;
        let number = counted.line(text, record.position().map_or(0, csv::Position::byte));
        let value = record.get(0).unwrap_or_default().to_owned();
        if value.is_empty() || (lines.is_empty() && number == 1 && is_heading(&value)) {
            continue;
        }
        if lines.len() == MAX_LINES {
            let message = format!("Send at most {MAX_LINES} lines at once.");
            return Err(refuse(UserErrorCode::TooLong, &message));
        }
        lines.push(Line { number, value });
    }
    if lines.is_empty() {
        let message = "Give at least one line with an id or an address.";
        return Err(refuse(UserErrorCode::Required, message));
    }
    Ok(lines)
}

/// Counts lines up to where records begin. The reader's own count lags behind by the second half of
/// a CR LF.
#[derive(Default)]
struct Counted {
    byte: usize,
    breaks: usize,
}

impl Counted {
    /// The number of the line on which the record begins that was read from `byte` on; the first is 1.
    fn line(&mut self, text: &str, byte: u64) -> i64 {
        let bytes = text.as_bytes();
        let from = bytes.len().min(byte as usize);
        let blank = bytes[from..]
            .iter()
            .take_while(|byte| b"\r\n".contains(byte));
        let begin = from + blank.count();
        if begin > self.byte {
            let between = text.get(self.byte..begin).unwrap_or_default();
            self.breaks += between.matches('\n').count();
            self.byte = begin;
        }
        self.breaks as i64 + 1
    }
}

fn is_heading(value: &str) -> bool {
    let known = [
        "id",
        "email",
        "contact",
        "contact_id",
        "contactid",
        "account",
        "account_id",
        "accountid",
        "external_id",
        "externalid",
        "domain",
    ];
    known.contains(&value.to_lowercase().as_str())
}

/// How a line is looked up: an id, or a text.
fn key(subject: SegmentSubject, value: &str) -> (Option<Uuid>, String) {
    let id = match subject {
        SegmentSubject::Contact => value.parse().map(ContactId::uuid).ok(),
        SegmentSubject::Account => value.parse().map(AccountId::uuid).ok(),
    };
    let text = match subject {
        SegmentSubject::Contact => {
            EmailAddress::parse(value).map_or_else(|_| value.to_owned(), |email| email.to_string())
        }
        SegmentSubject::Account => value.to_owned(),
    };
    (id, text)
}

/// Whom the lines name, and the lines that name nobody or somebody again.
pub(super) async fn resolve(
    tx: &Tx<'_>,
    subject: SegmentSubject,
    lines: Vec<Line>,
) -> Result<(HashSet<Uuid>, Vec<Line>)> {
    let keys: Vec<(Option<Uuid>, String)> =
        lines.iter().map(|line| key(subject, &line.value)).collect();
    let rows = Rows::new()
        .ints("n", 0..lines.len() as i64)
        .opt_uuids("id", keys.iter().map(|key| key.0))
        .texts("value", keys.iter().map(|key| key.1.clone()))
        .texts("folded", keys.iter().map(|key| key.1.to_lowercase()));
    let text = match subject {
        SegmentSubject::Contact => {
            "SELECT r.n, c.id FROM {r} JOIN contact c ON c.workspace_id = $1 AND c.id = r.id
               AND c.merged_into_id IS NULL
             UNION
             SELECT r.n, c.id FROM {r}
             JOIN contact_identity i ON i.workspace_id = $1
               AND i.kind IN ('EMAIL', 'EXTERNAL_ID') AND i.value = r.value
             JOIN contact c ON c.workspace_id = $1 AND c.id = i.contact_id
               AND c.merged_into_id IS NULL"
        }
        SegmentSubject::Account => {
            "SELECT r.n, c.id FROM {r} JOIN account c ON c.workspace_id = $1 AND c.id = r.id
               AND c.deleted_at IS NULL
             UNION
             SELECT r.n, c.id FROM {r} JOIN account c ON c.workspace_id = $1
               AND c.domain = r.folded
             UNION
             SELECT r.n, c.id FROM {r} JOIN account c ON c.workspace_id = $1
               AND c.external_id = r.value"
        }
    };
    let found = Query::new(text)
        .bind(tx.workspace)
        .rows("r", rows)
        .raw(tx.connection())
        .await?;
    let mut by_line: HashMap<i64, Uuid> = HashMap::new();
    for row in found {
        by_line.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    if subject == SegmentSubject::Account {
        let named = by_line.values().copied().collect();
        let ways = merge::survivors(tx.connection(), tx.workspace, Things::Accounts, named).await?;
        let ways: HashMap<Uuid, Uuid> = ways.into_iter().collect();
        for id in by_line.values_mut() {
            *id = ways.get(id).copied().unwrap_or(*id);
        }
    }
    let (mut things, mut skipped) = (HashSet::new(), Vec::new());
    for (place, line) in (0..).zip(lines) {
        let is_new = by_line.get(&place).is_some_and(|id| things.insert(*id));
        if !is_new {
            skipped.push(line);
        }
    }
    Ok((things, skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(i64, String)> {
        let lines = read(text).unwrap().into_iter();
        lines.map(|line| (line.number, line.value)).collect()
    }

    #[test]
    fn the_first_column_is_read_and_a_heading_is_not() {
        let text = "\u{feff}Email,Name\r\na@a.example,\"A, B\"\r\n\r\n b@a.example \n";
        let expected = [(2, "a@a.example"), (4, "b@a.example")];
        let expected: Vec<_> = expected.map(|(n, value)| (n, value.to_owned())).into();
        assert_eq!(values(text), expected);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        for (text, code) in [
            (String::new(), UserErrorCode::Required),
            ("email\n".to_owned(), UserErrorCode::Required),
            ("x\n".repeat(MAX_LINES + 1), UserErrorCode::TooLong),
        ] {
            assert_eq!(read(&text).unwrap_err().code, code);
        }
    }
}
