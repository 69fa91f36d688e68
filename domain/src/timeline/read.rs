//! Reading timelines, a page at a time.

use std::collections::HashMap;

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{
    id::{ContactId, Id as _, WorkspaceId},
    kind::TimelineKind,
};
use sea_orm::{FromQueryResult, Iterable as _};
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    error::Result,
    fact::Of,
    page::{Column, Cursor, Key, Keyset, Page, PageRequest, Total},
    store::{Query, Rows},
};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct Entry {
    /// When, by the thing's own time.
    pub at: DateTime<Utc>,
    /// What it is about.
    pub kind: TimelineKind,
    /// The thing.
    pub subject_id: Uuid,
    /// The contact, if it is about one.
    pub contact_id: Option<ContactId>,
}

/// The name of the order in cursors.
const ORDER: &str = "timeline";

/// For cutting the page; the statement is written here, because it has one part for each kind.
const NEWEST: Keyset = Keyset {
    order: ORDER,
    key: Some(Column::Text("at")),
    id: "subject_id",
    descending: true,
};

/// A page of what happened to `of`, newest first, each entry with its cursor; only of `kinds`, if
/// any are given. One statement, whose cost does not depend on how deep the page is.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    of: Of,
    kinds: &[TimelineKind],
    page: &PageRequest,
) -> Result<Page<(String, Entry)>> {
    let (column, owner) = match of {
        Of::Contact(id) => ("contact_id", id.uuid()),
        Of::Account(id) => ("account_id", id.uuid()),
    };
    let mut query = Query::new("SELECT x.at, x.kind, x.subject_id, x.contact_id FROM (")
        .bind(workspace)
        .bind(owner);
    let wanted: Vec<TimelineKind> = TimelineKind::iter()
        .filter(|kind| kinds.is_empty() || kinds.contains(kind))
        .collect();
    page.note_total(total(workspace, column, owner, &wanted));
    let bounds = bounds(&mut query, page)?;
    let limit = query.arg(page.size + 1);
    let way = if page.backward { "ASC" } else { "DESC" };
    let parts: Vec<String> = wanted
        .iter()
        .map(|kind| {
            let word = kind.word();
            let bounds: String = bounds.iter().map(|bound| bound.of(word)).collect();
            format!(
                "SELECT * FROM (SELECT e.at, e.kind, e.subject_id, e.contact_id
                 FROM timeline_entry e
                 WHERE e.workspace_id = $1 AND e.{column} = $2 AND e.kind = '{word}'{bounds}
                 ORDER BY e.at {way}, e.subject_id {way} LIMIT {limit}) AS {word}_run"
            )
        })
        .collect();
    query.push(&parts.join(" UNION ALL "));
    query.push(&format!(
        ") AS x ORDER BY x.at {way}, x.subject_id {way}, x.kind {way} LIMIT {limit}"
    ));
    let rows: Vec<Entry> = query.all(ctx.reader()).await?;
    Ok(NEWEST.page(rows, page).map(|entry| (cursor(&entry), entry)))
}

/// A page of the things that entries are about, which were found by their ids; one that is gone is left
/// out.
pub(crate) fn with_things<T>(
    found: Page<(String, Entry)>,
    mut things: HashMap<Uuid, T>,
) -> Page<(String, T)> {
    let rows = found.rows.into_iter();
    let rows = rows.filter_map(|(cursor, entry)| Some((cursor, things.remove(&entry.subject_id)?)));
    Page {
        rows: rows.collect(),
        has_next: found.has_next,
        has_previous: found.has_previous,
        total: found.total,
    }
}

/// How many entries all pages have.
fn total(workspace: WorkspaceId, column: &str, owner: Uuid, kinds: &[TimelineKind]) -> Total {
    let query = Query::new(format!(
        "SELECT COUNT(*) FROM timeline_entry e WHERE e.workspace_id = $1 AND e.{column} = $2
           AND e.kind IN (SELECT k.kind FROM {{k}})"
    ))
    .bind(workspace)
    .bind(owner)
    .rows(
        "k",
        Rows::new().texts("kind", kinds.iter().map(|kind| kind.word())),
    );
    Total::Statement(query)
}

/// A limit of a page at the place of an entry, as each kind has to read it.
struct Bound {
    at: String,
    id: String,
    kind: String,
    /// Whether what is wanted comes after it in the order of the list, that is, is older.
    after: bool,
}

impl Bound {
    /// The condition on entries of `kind`. Of two entries of one thing at one moment, a tag put on and
    /// taken off at once, the kind decides.
    fn of(&self, kind: &str) -> String {
        let sign = match (self.after, kind.cmp(self.kind.as_str())) {
            (true, std::cmp::Ordering::Less) => "<=",
            (true, _) => "<",
            (false, std::cmp::Ordering::Greater) => ">=",
            (false, _) => ">",
        };
        format!(
            " AND (e.at, e.subject_id) {sign} ({}, {})",
            self.at, self.id
        )
    }
}

fn bounds(query: &mut Query, page: &PageRequest) -> Result<Vec<Bound>> {
    let mut bounds = Vec::new();
    for (text, argument, after) in [
        (&page.after, "after", true),
        (&page.before, "before", false),
    ] {
        let Some(text) = text else { continue };
        let cursor = Cursor::decode(text, ORDER, argument)?;
        let Some((at, kind)) = place(&cursor) else {
            // Made by nobody: refused with the words for a cursor of another list.
            return Cursor::decode("", ORDER, argument).map(|_| bounds);
        };
        bounds.push(Bound {
            at: query.arg(at),
            id: query.arg(cursor.id),
            kind,
            after,
        });
    }
    Ok(bounds)
}

/// The cursor of an entry; its key is the time and the kind.
fn cursor(entry: &Entry) -> String {
    let at = entry.at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    NEWEST.cursor(
        Key::Text(format!("{at} {}", entry.kind.word())),
        entry.subject_id,
    )
}

fn place(cursor: &Cursor) -> Option<(DateTime<Utc>, String)> {
    let Key::Text(key) = &cursor.key else {
        return None;
    };
    let (at, kind) = key.split_once(' ')?;
    let kind = TimelineKind::from_word(kind)?.word().to_owned();
    Some((at.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_the_place_of_its_entry_and_nothing_else_is_taken_for_one() {
        let entry = Entry {
            at: DateTime::from_timestamp_micros(1_772_334_000_123_456).unwrap(),
            kind: TimelineKind::TagRemoved,
            subject_id: Uuid::from_u128(7),
            contact_id: None,
        };
        let read = Cursor::decode(&cursor(&entry), ORDER, "after").unwrap();
        assert_eq!(place(&read), Some((entry.at, "TAG_REMOVED".to_owned())));
        for key in [Key::Id(()), Key::Text("2026".to_owned()), Key::Real(1.0)] {
            assert_eq!(
                place(&Cursor {
                    key,
                    ..read.clone()
                }),
                None
            );
        }
    }

    #[test]
    fn of_two_entries_of_one_moment_the_kind_decides_on_which_side_they_are() {
        let bound = |after| Bound {
            at: "$3".to_owned(),
            id: "$4".to_owned(),
            kind: "TAG_REMOVED".to_owned(),
            after,
        };
        assert!(bound(true).of("TAG_ADDED").contains("<="));
        assert!(bound(true).of("TAG_REMOVED").contains(") < ("));
        assert!(bound(false).of("TAG_ADDED").contains(") > ("));
    }
}
