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
//! `keyset.list(..)` of it. Where its rows are not what the list shows: `keyset.apply(&mut query, page)`,
//! run it, and return `keyset.page(rows, page)`.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

pub(crate) mod by_value;
mod run;

pub(crate) use run::{taken_in, within, written_from, written_until};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use entity::id::Id;
use futures::future::BoxFuture;
use sea_orm::{DatabaseBackend, FromQueryResult};
use serde::{Deserialize, Serialize};
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

/// The sort key of a row. What is written is read as what it looks like; a moment looks like a text,
/// and only the list knows that it is one ([`Column`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A whole number, such as an urgency.
    Int(i64),
    /// A number, such as a score.
    Real(f64),
    /// A moment.
    #[serde(skip_deserializing)]
    Time(DateTime<Utc>),
    /// A text, such as a name.
    Text(String),
    /// An id of something else, such as an owner.
    Of {
        /// The id.
        of: Uuid,
    },
    /// A whole number, such as a place.
    Whole {
        /// The number.
        whole: i64,
    },
    /// The id alone is the key.
    Id(()),
}

/// The SQL of a sort key, and what its values are: a cursor that anybody may have made up is only
/// compared with the column when it holds the same.
#[derive(Debug, Clone, Copy)]
pub enum Column {
    /// As [`Key::Int`].
    Int(&'static str),
    /// As [`Key::Real`].
    Real(&'static str),
    /// As [`Key::Time`].
    Time(&'static str),
    /// As [`Key::Text`].
    Text(&'static str),
    /// As [`Key::Of`].
    Of(&'static str),
    /// As [`Key::Whole`].
    Whole(&'static str),
}

impl Column {
    /// The text of it.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Int(sql)
            | Self::Real(sql)
            | Self::Time(sql)
            | Self::Text(sql)
            | Self::Of(sql)
            | Self::Whole(sql) => sql,
        }
    }

    /// Binds what a cursor holds, if it is a value of this column; returns its placeholder.
    fn bind(self, key: Key, query: &mut Query) -> Option<String> {
        Some(match (self, key) {
            (Self::Int(_), Key::Int(key)) | (Self::Whole(_), Key::Whole { whole: key }) => {
                query.arg(key)
            }
            (Self::Real(_), Key::Real(key)) => query.arg(key),
            (Self::Real(_), Key::Int(key)) => query.arg(key as f64),
            (Self::Time(_), Key::Time(key)) => query.arg(key),
            (Self::Time(_), Key::Text(key)) => {
                let time = DateTime::parse_from_rfc3339(&key).ok()?;
                query.arg(time.with_timezone(&Utc))
            }
            (Self::Text(_), Key::Text(key)) => query.arg(key),
            (Self::Of(_), Key::Of { of }) => query.arg(of),
            _ => return None,
        })
    }
}

/// A place in a list, between rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which order it belongs to; a cursor of another order is refused.
    pub order: String,
    /// The row's sort key.
    pub key: Key,
    /// The row's id.
    pub id: Uuid,
}

impl Cursor {
    /// The opaque text given to clients.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(&(&self.order, &self.key, self.id.as_simple().to_string()));
        URL_SAFE_NO_PAD.encode(json.unwrap_or_default())
    }

    /// Reads the text back; refuses anything this release did not write for `order`. A moment is read
    /// as its text.
    pub fn decode(text: &str, order: &str, argument: &str) -> Result<Self> {
        let refuse = || Self::refused(argument);
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refuse())?;
        let (of, key, id): (String, Key, Uuid) =
            serde_json::from_slice(&bytes).map_err(|_| refuse())?;
        // PostgreSQL holds no such text, so no row has this key.
        let is_text = !matches!(&key, Key::Text(text) if text.contains('\0'));
        if of == order && is_text {
            Ok(Self { order: of, key, id })
        } else {
            Err(refuse())
        }
    }

    fn refused(argument: &str) -> Error {
        let message = "This cursor does not belong to this list in this order. Start again \
                       without it.";
        Error::refused(&[argument], UserErrorCode::Invalid, message)
    }
}

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
        *self.total.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(total);
    }

    fn take_total(&self) -> Total {
        let mut noted = self.total.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.take().unwrap_or_default()
    }
}

/// Where a list leaves how it is counted, between its statement and its page. A copy of a request
/// starts without.
#[derive(Debug, Default)]
pub struct Noted(Mutex<Option<Total>>);

impl Clone for Noted {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How many rows a list has in all its pages; found out only when somebody asks.
#[derive(Debug, Clone)]
pub enum Total {
    /// Known already.
    Known(i64),
    /// A statement whose first column says it.
    Statement(Query),
    /// Something else that finds it out.
    Later(Later),
}

/// Finds a total out; see [`Total::later`].
#[derive(Clone)]
pub struct Later(Arc<dyn Fn(Ctx) -> BoxFuture<'static, Result<i64>> + Send + Sync>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").finish_non_exhaustive()
    }
}

impl Default for Total {
    /// A list without rows.
    fn default() -> Self {
        Self::Known(0)
    }
}

impl Total {
    /// A total that `find` finds out when it is asked for.
    pub fn later(
        find: impl Fn(Ctx) -> BoxFuture<'static, Result<i64>> + Send + Sync + 'static,
    ) -> Self {
        Self::Later(Later(Arc::new(find)))
    }

    /// The rows `query` would give, whose text ends inside a `WHERE`.
    fn of(query: &Query) -> Self {
        let mut query = query.clone();
        query.wrap("SELECT COUNT(*) FROM (", ") counted");
        Self::Statement(query)
    }

    /// The number. One statement, if it is not known.
    pub async fn count(&self, ctx: &Ctx) -> Result<i64> {
        match self {
            Self::Known(total) => Ok(*total),
            Self::Statement(query) => Ok(query
                .clone()
                .scalar(ctx.reader())
                .await?
                .unwrap_or_default()),
            Self::Later(later) => (later.0)(ctx.clone()).await,
        }
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
        Ok(self.page(rows, page).map(|row| {
            let (key, id) = place(&row);
            (self.cursor(key, id), row)
        }))
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
            total: request.take_total(),
        }
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
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_form_and_belongs_to_one_order() {
        for key in [
            Key::Int(3),
            Key::Real(61.0),
            Key::Real(61.5),
            Key::Text("縁".to_owned()),
            Key::Text("2024-01-01 10:00:00 utc".to_owned()),
            Key::Text("2024-01-01T10:00:00Z".to_owned()),
            Key::Of {
                of: Uuid::from_u128(7),
            },
            Key::Whole { whole: 3 },
            Key::Id(()),
        ] {
            let cursor = Cursor {
                order: "health".to_owned(),
                key,
                id: Uuid::from_u128(5),
            };
            let text = cursor.encode();
            assert_eq!(Cursor::decode(&text, "health", "after").unwrap(), cursor);
            assert!(Cursor::decode(&text, "name", "after").is_err());
        }
        assert!(Cursor::decode("nonsense", "health", "after").is_err());
    }

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
