//! Lists that are several runs of one index, merged: such as the events of some names.
//!
//! An index that begins with what is asked for has the rows of each value in the list's order. Asked for
//! several values at once, a database reads all their rows and sorts them; here each run is read on its
//! own, as far as a page goes. Called by the lists of what came in.

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::Id;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{Key, Keyset, Page, PageRequest, Total};
use crate::{ctx::Ctx, error::Result, port::first_id_at, store::Query};

impl Keyset {
    /// The page of what all `runs` have together, each row with its cursor. `select` appends the statement
    /// of one run, which ends inside a `WHERE` and knows its rows as `alias`, as the keyset does. No row is
    /// in two runs.
    pub(crate) async fn merge<R: FromQueryResult, T>(
        &self,
        ctx: &Ctx,
        alias: &str,
        runs: &[T],
        select: impl Fn(&mut Query, &T),
        page: &PageRequest,
        place: impl Fn(&R) -> (Key, Uuid),
    ) -> Result<Page<(String, R)>> {
        if runs.is_empty() {
            return Ok(Page::empty());
        }
        if let [run] = runs {
            let mut query = Query::new("");
            select(&mut query, run);
            return self.list(ctx, query, page, place).await;
        }
        let mut all = Query::new("SELECT COUNT(*) FROM (");
        let mut query = Query::new(format!("SELECT {alias}.* FROM ("));
        for (number, run) in runs.iter().enumerate() {
            if number > 0 {
                all.push(" UNION ALL ");
                query.push(" UNION ALL ");
            }
            select(&mut all, run);
            query.push("SELECT * FROM (");
            select(&mut query, run);
            self.apply(&mut query, page)?;
            query.push(&format!(") AS run{number}"));
        }
        all.push(") AS counted");
        query.push(&format!(") AS {alias} WHERE true"));
        self.apply(&mut query, page)?;
        page.note_total(Total::Statement(all));
        let rows: Vec<R> = query.all(ctx.reader()).await?;
        Ok(self.placed(rows, page, place))
    }
}

/// Appends that `column` lies at `from` or later, and before `until`.
pub(crate) fn within(
    query: &mut Query,
    column: &str,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) {
    for (sign, bound) in [(">=", from), ("<", until)] {
        if let Some(at) = bound {
            let at = query.arg(at);
            query.push(&format!(" AND {column} {sign} {at}"));
        }
    }
}

/// Appends that a row was written at `from` or later: `id` is its id, and `at` when it was written. Ids are
/// in the order of the moments they were made at, so a list by id begins where the first of them is.
pub(crate) fn written_from(query: &mut Query, id: &str, at: &str, from: DateTime<Utc>) {
    // An id may be made a moment before the transaction that writes its row.
    let early = from.checked_sub_signed(TimeDelta::minutes(1));
    let first = query.arg(first_id_at(early.unwrap_or(from)));
    query.push(&format!(" AND {id} >= {first}"));
    within(query, at, Some(from), None);
}

/// Appends that a row was written before `until`, as [`written_from`] does: a list by id, newest first, begins
/// where the last of them may be.
pub(crate) fn written_until(query: &mut Query, id: &str, at: &str, until: DateTime<Utc>) {
    // A row's id is made while its transaction runs, whose moment is that of its beginning.
    let late = until.checked_add_signed(TimeDelta::hours(1));
    let end = query.arg(first_id_at(late.unwrap_or(until)));
    query.push(&format!(" AND {id} < {end}"));
    within(query, at, None, Some(until));
}

/// The page of what `query` selects that was taken in at `from` or later, in the order in which it came in.
/// `columns` are the SQL of the id and of the moment of writing.
pub(crate) async fn taken_in<R: FromQueryResult, I: Id>(
    ctx: &Ctx,
    mut query: Query,
    columns: [&'static str; 2],
    from: DateTime<Utc>,
    page: &PageRequest,
    id: impl Fn(&R) -> I,
) -> Result<Page<(String, R)>> {
    let as_taken_in = Keyset {
        order: "taken-in",
        key: None,
        id: columns[0],
        descending: false,
    };
    written_from(&mut query, columns[0], columns[1], from);
    as_taken_in.list_by_id(ctx, query, page, id).await
}
