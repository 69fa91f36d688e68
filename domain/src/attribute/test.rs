//! Asking a list for values, and ordering it by them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use entity::id::{AttributeId, WorkspaceId};
use sea_orm::{ConnectionTrait, DatabaseBackend};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::value;
use crate::{ctx::Ctx, error::Result, search::narrow, store::Query, text};

/// What must hold of the value of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttributeTest {
    /// The attribute.
    pub attribute: AttributeId,
    /// What must hold.
    pub test: Test,
}

/// What must hold of a value. A test of another type than the attribute's finds nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Test {
    /// There is a value, or there is none.
    IsSet(bool),
    /// The text is this one, ignoring case and width.
    Text(String),
    /// The text contains this, ignoring case and width.
    TextContains(String),
    /// The number is in this range, ends included.
    Number {
        /// The least.
        min: Option<f64>,
        /// The greatest.
        max: Option<f64>,
    },
    /// It is true, or it is false.
    Boolean(bool),
    /// The day is in this range, ends included.
    Date {
        /// The first day.
        from: Option<NaiveDate>,
        /// The last day.
        to: Option<NaiveDate>,
    },
    /// The moment is in this range, the end excluded.
    DateTime {
        /// From when.
        from: Option<DateTime<Utc>>,
        /// Until when.
        until: Option<DateTime<Utc>>,
    },
    /// At least one of these options is chosen.
    Options(Vec<String>),
}

/// How a list is ordered by an attribute; what has no value comes last in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributeOrder {
    /// The attribute.
    pub attribute: AttributeId,
    /// Whether the greatest come first.
    pub descending: bool,
}

/// The things that may pass all `tests`, where few pass one of them: a list is then made of them. Only
/// tests that the index over values answers are looked at, one statement each.
pub(crate) async fn few(
    ctx: &Ctx,
    workspace: WorkspaceId,
    tests: &[AttributeTest],
) -> Result<Option<Vec<Uuid>>> {
    let indexed = tests.iter().filter(|one| match one.test {
        Test::IsSet(is_set) => is_set,
        Test::TextContains(_) | Test::Options(_) => false,
        Test::Text(_)
        | Test::Boolean(_)
        | Test::Number { .. }
        | Test::Date { .. }
        | Test::DateTime { .. } => true,
    });
    for one in indexed.take(LOOKED_AT) {
        let mut query = Query::new(
            "SELECT v.subject_id FROM attribute_value v
             WHERE v.workspace_id = $1 AND v.attribute_id = $2",
        )
        .bind(workspace)
        .bind(one.attribute);
        passes(&mut query, ctx.reader(), &one.test);
        if let Some(few) = narrow::few_of(ctx, query).await? {
            return Ok(Some(few));
        }
    }
    Ok(None)
}

/// Tests of a filter that are asked whether few things pass.
const LOOKED_AT: usize = 3;

/// Appends a test of the thing whose id is the SQL `subject`.
pub(crate) fn apply(
    query: &mut Query,
    connection: &impl ConnectionTrait,
    subject: &str,
    test: &AttributeTest,
) {
    let word = match test.test {
        Test::IsSet(false) => "NOT EXISTS",
        _ => "EXISTS",
    };
    let attribute = query.arg(test.attribute);
    query.push(&format!(
        " AND {word} (SELECT 1 FROM attribute_value v WHERE v.workspace_id = $1
            AND v.subject_id = {subject} AND v.attribute_id = {attribute}"
    ));
    passes(query, connection, &test.test);
    query.push(")");
}

/// Appends that the value `v` passes the test.
fn passes(query: &mut Query, connection: &impl ConnectionTrait, test: &Test) {
    match test {
        Test::IsSet(_) => {}
        Test::Text(whole) => equals(query, value::text_sort_key(whole.trim())),
        Test::TextContains(part) => {
            let key = crate::contact::escape_like(&text::name_key(part));
            let pattern = query.arg(format!("t%{key}%"));
            query.push(&format!(" AND v.sort_key LIKE {pattern} ESCAPE '\\'"));
        }
        Test::Boolean(flag) => equals(query, value::flag_sort_key(*flag)),
        Test::Number { min, max } => {
            let least = min.filter(|min| !min.is_nan()).unwrap_or(f64::NEG_INFINITY);
            let greatest = max.filter(|max| !max.is_nan()).unwrap_or(f64::INFINITY);
            at_least(query, value::number_sort_key(least));
            at_most(query, value::number_sort_key(greatest));
        }
        Test::Date { from, to } => {
            let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
            at_least(
                query,
                value::time_sort_key(from.map_or(DateTime::<Utc>::MIN_UTC, midnight)),
            );
            at_most(
                query,
                value::time_sort_key(to.map_or(DateTime::<Utc>::MAX_UTC, midnight)),
            );
        }
        Test::DateTime { from, until } => {
            at_least(
                query,
                value::time_sort_key(from.unwrap_or(DateTime::<Utc>::MIN_UTC)),
            );
            let end = value::time_sort_key(until.unwrap_or(DateTime::<Utc>::MAX_UTC));
            let end = query.arg(end);
            query.push(&format!(" AND v.sort_key < {end}"));
        }
        Test::Options(keys) => {
            query.push(" AND (false");
            for key in keys {
                query.push(" OR (true");
                has_option(query, connection, key);
                query.push(")");
            }
            query.push(")");
        }
    }
}

fn equals(query: &mut Query, key: String) {
    let key = query.arg(key);
    query.push(&format!(" AND v.sort_key = {key}"));
}

fn at_least(query: &mut Query, key: String) {
    let key = query.arg(key);
    query.push(&format!(" AND v.sort_key >= {key}"));
}

fn at_most(query: &mut Query, key: String) {
    let key = query.arg(key);
    query.push(&format!(" AND v.sort_key <= {key}"));
}

/// Appends that the value `v` has chosen the option `key`.
pub(crate) fn has_option(query: &mut Query, connection: &impl ConnectionTrait, key: &str) {
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        let key = query.arg(serde_json::json!([key]));
        query.push(&format!(" AND v.options @> {key}"));
    } else {
        let key = query.arg(key);
        query.push(&format!(
            " AND EXISTS (SELECT 1 FROM json_each(v.options) e WHERE e.value = {key})"
        ));
    }
}
