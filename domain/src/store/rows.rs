//! Many rows as one parameter.

use chrono::{DateTime, NaiveDate, Utc};
use entity::id::Id;
use sea_orm::{DatabaseBackend, Value, sea_query::ArrayType};
use serde_json::json;
use uuid::Uuid;

use super::dialect::{self, sqlite_time};

/// A table of values given to a statement: named columns of equal length.
///
/// PostgreSQL gets one array per column and an `UNNEST`, which is several times faster than a list
/// of `VALUES` and keeps one prepared statement whatever the number of rows. SQLite gets one JSON
/// text and a `json_each`. A missing value travels to PostgreSQL as a sentinel, because the driver's
/// arrays hold no nulls.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    columns: Vec<(&'static str, Column)>,
}

#[derive(Debug, Clone)]
enum Column {
    Uuid(Vec<Option<Uuid>>),
    Text(Vec<Option<String>>),
    Json(Vec<String>),
    Int(Vec<i64>),
    OptInt(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Flag(Vec<bool>),
    Time(Vec<Option<DateTime<Utc>>>),
    Date(Vec<NaiveDate>),
    Bytes(Vec<Vec<u8>>),
    OptDate(Vec<Option<NaiveDate>>),
}

/// Stands for a missing text; control characters are removed from everything users write.
const NO_TEXT: &str = "\u{1}";
const NO_REAL: f64 = f64::MIN;
/// Stands for a missing time or day: the first of January of the year before the year 1, which no value
/// can be, as nothing before the year 1 is stored. PostgreSQL calls that year 1 BC.
const NO_TIME: i64 = -62_167_219_200;
/// One more than the least there is, which PostgreSQL cannot read as a negated number.
const NO_INT: i64 = i64::MIN + 1;

macro_rules! columns {
    ($($(#[$doc:meta])* $method:ident($value:ty => $variant:ident, $item:ident => $cell:expr);)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $method(
                mut self,
                name: &'static str,
                values: impl IntoIterator<Item = $value>,
            ) -> Self {
                let cells = values.into_iter().map(|$item| $cell).collect();
                self.columns.push((name, Column::$variant(cells)));
                self
            }
        )*
    };
}

impl Rows {
    /// A table without columns yet.
    pub fn new() -> Self {
        Self::default()
    }

    columns! {
        /// Adds a column of plain uuids.
        uuids(Uuid => Uuid, value => Some(value));
        /// Adds a column of uuids some of which are missing.
        opt_uuids(Option<Uuid> => Uuid, value => value);
        /// Adds a column of texts some of which are missing.
        opt_texts(Option<String> => Text, value => value.map(dialect::held_text));
        /// Adds a column of JSON values.
        json(serde_json::Value => Json, value => dialect::held_json(value).to_string());
        /// Adds a column of whole numbers.
        ints(i64 => Int, value => value);
        /// Adds a column of whole numbers some of which are missing.
        opt_ints(Option<i64> => OptInt, value => value);
        /// Adds a column of numbers some of which are missing.
        opt_reals(Option<f64> => Real, value => value);
        /// Adds a column of numbers.
        reals(f64 => Real, value => Some(value));
        /// Adds a column of truth values.
        flags(bool => Flag, value => value);
        /// Adds a column of times.
        times(DateTime<Utc> => Time, value => Some(dialect::held(value)));
        /// Adds a column of times some of which are missing.
        opt_times(Option<DateTime<Utc>> => Time, value => value.map(dialect::held));
        /// Adds a column of days.
        dates(NaiveDate => Date, value => value);
        /// Adds a column of bytes.
        blobs(Vec<u8> => Bytes, value => value);
        /// Adds a column of days some of which are missing.
        opt_dates(Option<NaiveDate> => OptDate, value => value);
    }

    /// Adds a column of ids.
    #[must_use]
    pub fn ids<I: Id>(self, name: &'static str, values: impl IntoIterator<Item = I>) -> Self {
        self.uuids(name, values.into_iter().map(Id::uuid))
    }

    /// Adds a column of ids some of which are missing.
    #[must_use]
    pub fn opt_ids<I: Id>(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<I>>,
    ) -> Self {
        self.opt_uuids(name, values.into_iter().map(|id| id.map(Id::uuid)))
    }

    /// Adds a column of texts.
    #[must_use]
    pub fn texts<T: Into<String>>(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.opt_texts(name, values.into_iter().map(|text| Some(text.into())))
    }

    /// Renders the table under the alias `name` and pushes its parameters onto `values`.
    pub(super) fn render(
        self,
        backend: DatabaseBackend,
        name: &str,
        values: &mut Vec<Value>,
    ) -> String {
        match backend {
            DatabaseBackend::Postgres => self.render_unnest(name, values),
            _ => self.render_json(name, values),
        }
    }

    fn render_unnest(self, name: &str, values: &mut Vec<Value>) -> String {
        let (mut selected, mut arrays, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (column, cells) in self.columns {
            let (array, sql_type, read) = cells.into_array(column);
            values.push(array);
            arrays.push(format!("${}::{sql_type}[]", values.len()));
            selected.push(format!("{read} AS {column}"));
            names.push(column);
        }
        format!(
            "(SELECT {} FROM UNNEST({}) AS u({})) AS {name}",
            selected.join(", "),
            arrays.join(", "),
            names.join(", ")
        )
    }

    fn render_json(self, name: &str, values: &mut Vec<Value>) -> String {
        let count = self.columns.first().map_or(0, |(_, cells)| cells.len());
        let mut rows: Vec<Vec<serde_json::Value>> = vec![Vec::new(); count];
        let mut selected = Vec::new();
        for (index, (column, cells)) in self.columns.into_iter().enumerate() {
            let cell = format!("value ->> '$[{index}]'");
            selected.push(match cells {
                Column::Uuid(_) | Column::Bytes(_) => format!("unhex({cell}) AS {column}"),
                _ => format!("{cell} AS {column}"),
            });
            for (row, cell) in rows.iter_mut().zip(cells.into_json()) {
                row.push(cell);
            }
        }
        values.push(json!(rows).to_string().into());
        // The limit makes SQLite read the list once into a table of its own, instead of scanning the
        // JSON text again for each row of whatever it is joined with.
        format!(
            "(SELECT {} FROM json_each(${}) LIMIT -1) AS {name}",
            selected.join(", "),
            values.len()
        )
    }
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Uuid(cells) => cells.len(),
            Self::Text(cells) => cells.len(),
            Self::Json(cells) => cells.len(),
            Self::Int(cells) => cells.len(),
            Self::OptInt(cells) => cells.len(),
            Self::Real(cells) => cells.len(),
            Self::Flag(cells) => cells.len(),
            Self::Time(cells) => cells.len(),
            Self::Date(cells) => cells.len(),
            Self::Bytes(cells) => cells.len(),
            Self::OptDate(cells) => cells.len(),
        }
    }

    /// The bound array, its element type, and how the column is read back from it.
    fn into_array(self, name: &str) -> (Value, &'static str, String) {
        fn array<T: Into<Value>>(kind: ArrayType, cells: impl Iterator<Item = T>) -> Value {
            Value::Array(kind, Some(Box::new(cells.map(Into::into).collect())))
        }
        let no_time = DateTime::from_timestamp(NO_TIME, 0).unwrap_or_default();
        match self {
            Self::Uuid(cells) => (
                array(
                    ArrayType::Uuid,
                    cells.into_iter().map(Option::unwrap_or_default),
                ),
                "uuid",
                format!("NULLIF({name}, '00000000-0000-0000-0000-000000000000'::uuid)"),
            ),
            Self::Text(cells) => (
                array(
                    ArrayType::String,
                    cells
                        .into_iter()
                        .map(|cell| cell.unwrap_or_else(|| NO_TEXT.to_owned())),
                ),
                "text",
                format!("NULLIF({name}, E'\\x01')"),
            ),
            Self::Json(cells) => (
                array(ArrayType::String, cells.into_iter()),
                "text",
                format!("{name}::jsonb"),
            ),
            Self::Int(cells) => (
                array(ArrayType::BigInt, cells.into_iter()),
                "bigint",
                name.to_owned(),
            ),
            Self::OptInt(cells) => (
                array(
                    ArrayType::BigInt,
                    cells.into_iter().map(|cell| cell.unwrap_or(NO_INT)),
                ),
                "bigint",
                format!("NULLIF({name}, ({NO_INT})::bigint)"),
            ),
            Self::Real(cells) => (
                array(
                    ArrayType::Double,
                    cells.into_iter().map(|cell| cell.unwrap_or(NO_REAL)),
                ),
                "double precision",
                format!("NULLIF({name}, '{NO_REAL:e}'::double precision)"),
            ),
            Self::Flag(cells) => (
                array(ArrayType::Bool, cells.into_iter()),
                "boolean",
                name.to_owned(),
            ),
            Self::Time(cells) => (
                array(
                    ArrayType::ChronoDateTimeUtc,
                    cells.into_iter().map(|cell| cell.unwrap_or(no_time)),
                ),
                "timestamptz",
                format!("NULLIF({name}, '0001-01-01 00:00:00+00 BC'::timestamptz)"),
            ),
            Self::Date(cells) => (
                array(ArrayType::ChronoDate, cells.into_iter()),
                "date",
                name.to_owned(),
            ),
            Self::Bytes(cells) => (
                array(ArrayType::Bytes, cells.into_iter()),
                "bytea",
                name.to_owned(),
            ),
            Self::OptDate(cells) => (
                array(
                    ArrayType::ChronoDate,
                    cells
                        .into_iter()
                        .map(|cell| cell.unwrap_or(no_time.date_naive())),
                ),
                "date",
                format!("NULLIF({name}, '0001-01-01 BC'::date)"),
            ),
        }
    }

    fn into_json(self) -> Vec<serde_json::Value> {
        match self {
            Self::Uuid(cells) => cells
                .into_iter()
                .map(|cell| cell.map_or(json!(null), |id| json!(id.as_simple().to_string())))
                .collect(),
            Self::Text(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
            Self::Json(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
            Self::Int(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
            Self::OptInt(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
            Self::Real(cells) => cells.into_iter().map(serde_json::Value::from).collect(),
            Self::Flag(cells) => cells
                .into_iter()
                .map(|cell| json!(i64::from(cell)))
                .collect(),
            Self::Time(cells) => cells
                .into_iter()
                .map(|cell| json!(cell.map(sqlite_time)))
                .collect(),
            Self::Date(cells) => cells
                .into_iter()
                .map(|cell| json!(cell.to_string()))
                .collect(),
            Self::Bytes(cells) => cells
                .into_iter()
                .map(|cell| json!(hex::encode(cell)))
                .collect(),
            Self::OptDate(cells) => cells
                .into_iter()
                .map(|cell| json!(cell.map(|cell| cell.to_string())))
                .collect(),
        }
    }
}
