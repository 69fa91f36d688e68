//! Lists in pages: by key, in both directions, stable while rows come and go.
//!
//! A page continues after (or before) a cursor that holds the sort key and the id of a row, so the
//! cost of a page does not depend on how deep it is, and a row inserted meanwhile neither repeats
//! nor hides another.
//!
//! A page also knows how to count the whole list ([`Total`]): [`Keyset::apply`] notes the statement
//! as it stands before the cursors, which is the list itself, and counts nothing. Whoever wants the
//! number asks for it.
//!
//! To write a list: take a `&PageRequest`, put the statement together up to its filter, and return
//! `keyset.list(..)` of it, or `keyset.list_as(..)` where each row is read as something else. Where more is
//! needed to show a row: `keyset.apply(&mut query, page)`, run it, and return `keyset.placed(rows, page, ..)`.
//!
//! - here: which part of a list is wanted, its order, and the page that comes of both;
//! - `cursor`: sort keys, and places between rows; `total`: how many rows there are;
//! - `by_value`: lists ordered by a custom attribute; `run`: several runs of one index, merged.

pub(crate) mod by_value;
mod cursor;
mod run;
mod total;

pub use cursor::{Column, Cursor, Key};
pub(crate) use run::{taken_in, within, written_from, written_until};
pub use total::{Later, Noted, Total};

use entity::id::Id;
use sea_orm::{DatabaseBackend, FromQueryResult};
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::Query,
};

/// Rows a page has when nothing else is asked for.
pub const DEFAULT_SIZE: i64 = 20;
/// Rows a page has at most.
pub const MAX_SIZE: i64 = 100;

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// How many rows, 1 to [`MAX_SIZE`].
    pub size: i64,
    /// Whether the rows next to the end, or before `before`, are wanted.
    pub backward: bool,
    /// Only rows after this place.
    pub after: Option<String>,
    /// Only rows before this place.
    pub before: Option<String>,
    /// How many rows there are in all pages, noted on the way by the list that is read.
    pub total: Noted,
}

impl PageRequest {
    /// The first `size` rows.
    pub fn first(size: i64) -> Self {
        Self {
            size,
            ..Self::default()
        }
    }

    /// Reads Relay's four arguments.
    pub fn relay(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self> {
        if first.is_some() && last.is_some() {
            let message = "Give `first` or `last`, not both.";
            return Err(Error::refused(&["last"], UserErrorCode::Invalid, message));
        }
        let argument = if last.is_some() { "last" } else { "first" };
        let size = first.or(last).map_or(DEFAULT_SIZE, i64::from);
        if !(0..=MAX_SIZE).contains(&size) {
            let message = format!("Ask for 0 to {MAX_SIZE} rows at once.");
            return Err(Error::refused(
                &[argument],
                UserErrorCode::LimitReached,
                message,
            ));
        }
        Ok(Self {
            size,
            backward: last.is_some(),
            after,
            before,
            total: Noted::default(),
        })
    }

    /// Says how many rows the list has where that is known more cheaply than by counting them; to
    /// be called after [`Keyset::apply`].
    pub fn note_total(&self, total: Total) {
        self.total.put(total);
    }
}

/// How a list is ordered: a column that sorts, then the id.
#[derive(Debug, Clone, Copy)]
pub struct Keyset {
    /// The order's name, written into cursors.
    pub order: &'static str,
    /// The sort key; `None` when the id alone decides.
    pub key: Option<Column>,
    /// The SQL of the id.
    pub id: &'static str,
    /// Whether the largest come first.
    pub descending: bool,
}

impl Keyset {
    /// The page of what `query` selects, each row with its cursor; `place` is the sort key and the id of
    /// a row. The text of `query` ends inside a `WHERE`.
    pub(crate) async fn list<R: FromQueryResult>(
        &self,
        ctx: &Ctx,
        mut query: Query,
        page: &PageRequest,
        place: impl Fn(&R) -> (Key, Uuid),
    ) -> Result<Page<(String, R)>> {
        self.apply(&mut query, page)?;
        let rows: Vec<R> = query.all(ctx.reader()).await?;
        Ok(self.placed(rows, page, place))
    }

    /// As [`list`](Self::list), of what the list shows in place of its rows, such as definitions that are
    /// read. A row that cannot be read fails the page.
    pub(crate) async fn list_as<R: FromQueryResult, T: TryFrom<R, Error = Error>>(
        &self,
        ctx: &Ctx,
        mut query: Query,
        page: &PageRequest,
        place: impl Fn(&T) -> (Key, Uuid),
    ) -> Result<Page<(String, T)>> {
        self.apply(&mut query, page)?;
        let rows: Vec<R> = query.all(ctx.reader()).await?;
        let shown: Result<Vec<T>> = rows.into_iter().map(T::try_from).collect();
        Ok(self.placed(shown?, page, place))
    }

    /// As [`list`](Self::list), where the id alone decides.
    pub(crate) async fn list_by_id<R: FromQueryResult, I: Id>(
        &self,
        ctx: &Ctx,
        query: Query,
        page: &PageRequest,
        id: impl Fn(&R) -> I,
    ) -> Result<Page<(String, R)>> {
        let place = |row: &R| (Key::Id(()), id(row).uuid());
        self.list(ctx, query, page, place).await
    }

    /// Appends to `query`, whose text ends inside a `WHERE`, the conditions of `page`, the order and
    /// the limit, which is one more than the page so that the rest can be seen.
    ///
    /// Before that it notes in `page` how the whole list is counted.
    pub fn apply(&self, query: &mut Query, page: &PageRequest) -> Result<()> {
        self.apply_marked(query, page, "")
    }

    /// As [`apply`](Self::apply), where `query` begins with given rows. SQLite would go along the index of the
    /// order, behind the cursor, for each of them; a sign before the column keeps that index from its sight.
    pub(crate) fn apply_to_given(
        &self,
        query: &mut Query,
        page: &PageRequest,
        backend: DatabaseBackend,
    ) -> Result<()> {
        let mark = if backend == DatabaseBackend::Sqlite {
            "+"
        } else {
            ""
        };
        self.apply_marked(query, page, mark)
    }

    fn apply_marked(&self, query: &mut Query, page: &PageRequest, mark: &str) -> Result<()> {
        page.note_total(Total::of(query));
        for (cursor, argument, forward) in [
            (&page.after, "after", true),
            (&page.before, "before", false),
        ] {
            let Some(text) = cursor else { continue };
            let cursor = Cursor::decode(text, self.order, argument)?;
            let sign = if forward == self.descending { "<" } else { ">" };
            let id = query.arg(cursor.id);
            let condition = match self.key {
                Some(column) => {
                    let key = column.bind(cursor.key, query);
                    let key = key.ok_or_else(|| Cursor::refused(argument))?;
                    let column = column.sql();
                    format!(" AND ({mark}{column}, {}) {sign} ({key}, {id})", self.id)
                }
                None => format!(" AND {} {sign} {id}", self.id),
            };
            query.push(&condition);
        }
        let way = if self.descending == page.backward {
            "ASC"
        } else {
            "DESC"
        };
        let limit = query.arg(page.size + 1);
        let order = match self.key {
            Some(column) => format!("{} {way}, {} {way}", column.sql(), self.id),
            None => format!("{} {way}", self.id),
        };
        query.push(&format!(" ORDER BY {order} LIMIT {limit}"));
        Ok(())
    }

    /// Makes a page of what the statement found.
    pub fn page<T>(&self, mut rows: Vec<T>, request: &PageRequest) -> Page<T> {
        let more = rows.len() as i64 > request.size;
        rows.truncate(usize::try_from(request.size).unwrap_or_default());
        if request.backward {
            rows.reverse();
        }
        Page {
            has_next: if request.backward {
                request.before.is_some()
            } else {
                more
            },
            has_previous: if request.backward {
                more
            } else {
                request.after.is_some()
            },
            rows,
            total: request.total.take(),
        }
    }

    /// The same, each row with its cursor; `place` is the sort key and the id of a row.
    pub(crate) fn placed<T>(
        &self,
        rows: Vec<T>,
        page: &PageRequest,
        place: impl Fn(&T) -> (Key, Uuid),
    ) -> Page<(String, T)> {
        self.page(rows, page).map(|row| {
            let (key, id) = place(&row);
            (self.cursor(key, id), row)
        })
    }

    /// The cursor of a row.
    pub fn cursor(&self, key: Key, id: Uuid) -> String {
        Cursor {
            order: self.order.to_owned(),
            key,
            id,
        }
        .encode()
    }
}

/// A part of a list, in the list's order.
#[derive(Debug, Clone, Default)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether there is something after them.
    pub has_next: bool,
    /// Whether there is something before them.
    pub has_previous: bool,
    /// How many rows all pages have.
    pub total: Total,
}

impl<T> Page<T> {
    /// The only page of a list without rows.
    pub(crate) fn empty() -> Self {
        Self {
            rows: Vec::new(),
            has_next: false,
            has_previous: false,
            total: Total::default(),
        }
    }

    /// The same page of other values.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page {
            rows: self.rows.into_iter().map(f).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn given_rows_are_not_looked_up_behind_a_cursor_on_sqlite() {
        let keyset = Keyset {
            order: "o",
            key: Some(Column::Text("k")),
            id: "id",
            descending: false,
        };
        let page = PageRequest {
            after: Some(keyset.cursor(Key::Text("a".to_owned()), Uuid::nil())),
            ..PageRequest::first(1)
        };
        for (backend, condition) in [
            (DatabaseBackend::Sqlite, "(+k, id) > ($2, $1)"),
            (DatabaseBackend::Postgres, "(k, id) > ($2, $1)"),
        ] {
            let mut query = Query::new("SELECT 1 WHERE true");
            keyset.apply_to_given(&mut query, &page, backend).unwrap();
            let text = format!("{query:?}");
            assert!(text.contains(condition), "{text}");
            assert!(text.contains("ORDER BY k ASC, id ASC"), "{text}");
        }
    }

    #[test]
    fn a_cursor_whose_key_is_not_of_the_column_is_refused() {
        let keys = || {
            [
                Key::Int(3),
                Key::Real(0.5),
                Key::Time(DateTime::UNIX_EPOCH),
                Key::Text("x".to_owned()),
                Key::Text("2024-01-01 10:00:00 utc".to_owned()),
                Key::Of {
                    of: Uuid::from_u128(7),
                },
                Key::Whole { whole: 3 },
                Key::Id(()),
                Key::Text("\0".to_owned()),
            ]
        };
        for (column, fit) in [
            (Column::Int("k"), &[0][..]),
            (Column::Real("k"), &[0, 1]),
            (Column::Time("k"), &[2]),
            // A moment in a cursor is a text like any other to a list of texts.
            (Column::Text("k"), &[2, 3, 4]),
            (Column::Of("k"), &[5]),
            (Column::Whole("k"), &[6]),
        ] {
            let keyset = Keyset {
                order: "o",
                key: Some(column),
                id: "id",
                descending: false,
            };
            for (index, key) in keys().into_iter().enumerate() {
                let page = PageRequest {
                    after: Some(keyset.cursor(key, Uuid::from_u128(5))),
                    ..PageRequest::first(1)
                };
                let applied = keyset.apply(&mut Query::new("SELECT 1 WHERE true"), &page);
                assert_eq!(applied.is_ok(), fit.contains(&index), "{column:?} {index}");
            }
        }
    }

    #[test]
    fn sizes_outside_the_limits_and_both_directions_at_once_are_refused() {
        assert!(PageRequest::relay(Some(101), None, None, None).is_err());
        assert!(PageRequest::relay(Some(-1), None, None, None).is_err());
        assert!(PageRequest::relay(Some(1), None, Some(1), None).is_err());
        assert_eq!(
            PageRequest::relay(None, None, None, None).unwrap().size,
            DEFAULT_SIZE
        );
    }
}
