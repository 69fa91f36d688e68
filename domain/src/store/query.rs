//! One SQL text for both databases.

use sea_orm::{
    ConnectionTrait, DatabaseBackend, DbErr, FromQueryResult, QueryResult, Statement, TryGetable,
    Value, sea_query::ArrayType,
};
use uuid::Uuid;

use super::{Rows, dialect};

/// A statement with its parameters. `$1`, `$2`, ... stand for bound values in the order of
/// [`bind`](Self::bind); `{name}` stands for the [`Rows`] given under that name, to be used as a
/// table of that alias, or for a test that a column is [`among`](Self::among) some ids.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    values: Vec<Value>,
    rows: Vec<(&'static str, Rows)>,
    lists: Vec<(&'static str, &'static str, Vec<Uuid>)>,
}

impl Query {
    /// A statement without parameters yet. `text` is never made of what users wrote.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
            rows: Vec::new(),
            lists: Vec::new(),
        }
    }

    /// Binds the next `$n`.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(held(value.into()));
        self
    }

    /// Binds a value and returns its placeholder, for statements put together from parts.
    pub fn arg(&mut self, value: impl Into<Value>) -> String {
        self.values.push(held(value.into()));
        format!("${}", self.values.len())
    }

    /// How many values are bound so far.
    pub(crate) fn bound(&self) -> usize {
        self.values.len()
    }

    /// Appends to the text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Puts the text between two others.
    pub(crate) fn wrap(&mut self, before: &str, after: &str) {
        self.text = [before, &self.text, after].concat();
    }

    /// Binds `{name}`.
    #[must_use]
    pub fn rows(mut self, name: &'static str, rows: Rows) -> Self {
        self.rows.push((name, rows));
        self
    }

    /// Binds `{name}`, which tests that `column` is one of `ids`.
    ///
    /// PostgreSQL looks each id up, or hashes them all. Of `IN (SELECT ...)` over given [`Rows`] it
    /// makes a join instead, and compares everything with everything where it takes the table for an
    /// empty one: so tables that fill and empty quickly, whose statistics are always late, want this.
    #[must_use]
    pub fn among(
        mut self,
        name: &'static str,
        column: &'static str,
        ids: impl IntoIterator<Item = Uuid>,
    ) -> Self {
        self.lists.push((name, column, ids.into_iter().collect()));
        self
    }

    /// Binds `{name}` for all pieces of a text that name it, each of which may ask for it.
    pub(crate) fn share_rows(&mut self, name: &'static str, rows: impl FnOnce() -> Rows) {
        if self.rows.iter().all(|(bound, _)| *bound != name) {
            self.rows.push((name, rows()));
        }
    }

    fn statement(mut self, connection: &impl ConnectionTrait) -> Statement {
        let backend = connection.get_database_backend();
        for (name, rows) in self.rows {
            let table = rows.render(backend, name, &mut self.values);
            self.text = put_table(&self.text, &format!("{{{name}}}"), &table, backend);
        }
        for (name, column, ids) in self.lists {
            let test = test_among(backend, column, ids, &mut self.values);
            self.text = self.text.replace(&format!("{{{name}}}"), &test);
        }
        Statement::from_sql_and_values(backend, self.text, self.values)
    }

    /// Runs it and reads every row as a `T`, by column name.
    pub async fn all<T: FromQueryResult>(
        self,
        connection: &impl ConnectionTrait,
    ) -> Result<Vec<T>, DbErr> {
        let rows = connection.query_all_raw(self.statement(connection)).await?;
        rows.iter()
            .map(|row| T::from_query_result(row, ""))
            .collect()
    }

    /// Runs it and reads the first row, if there is one.
    pub async fn one<T: FromQueryResult>(
        self,
        connection: &impl ConnectionTrait,
    ) -> Result<Option<T>, DbErr> {
        let row = connection.query_one_raw(self.statement(connection)).await?;
        row.as_ref()
            .map(|row| T::from_query_result(row, ""))
            .transpose()
    }

    /// Runs it and hands back the raw rows, for reading by position on hot paths.
    pub async fn raw(self, connection: &impl ConnectionTrait) -> Result<Vec<QueryResult>, DbErr> {
        connection.query_all_raw(self.statement(connection)).await
    }

    /// Runs it and reads the first column of every row.
    pub async fn column<T: TryGetable>(
        self,
        connection: &impl ConnectionTrait,
    ) -> Result<Vec<T>, DbErr> {
        let rows = connection.query_all_raw(self.statement(connection)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Runs it and reads the first column of the first row, if there is one.
    pub async fn scalar<T: TryGetable>(
        self,
        connection: &impl ConnectionTrait,
    ) -> Result<Option<T>, DbErr> {
        let row = connection.query_one_raw(self.statement(connection)).await?;
        row.map(|row| row.try_get_by_index(0)).transpose()
    }

    /// Runs it and says how many rows it touched.
    pub async fn execute(self, connection: &impl ConnectionTrait) -> Result<u64, DbErr> {
        Ok(connection
            .execute_raw(self.statement(connection))
            .await?
            .rows_affected())
    }
}

/// A moment that a database could not hold is the last one it can; a text has no character that one of
/// them lacks.
fn held(value: Value) -> Value {
    match value {
        Value::ChronoDateTimeUtc(Some(time)) => Value::ChronoDateTimeUtc(Some(dialect::held(time))),
        Value::String(Some(text)) => Value::String(Some(dialect::held_text(text))),
        Value::Json(Some(json)) => Value::Json(Some(Box::new(dialect::held_json(*json)))),
        value => value,
    }
}

/// A test that `column` is one of `ids`, which are pushed onto `values`.
fn test_among(
    backend: DatabaseBackend,
    column: &str,
    ids: Vec<Uuid>,
    values: &mut Vec<Value>,
) -> String {
    let place = values.len() + 1;
    if backend == DatabaseBackend::Postgres {
        let ids = ids.into_iter().map(Value::from).collect();
        values.push(Value::Array(ArrayType::Uuid, Some(Box::new(ids))));
        return format!("{column} = ANY(${place})");
    }
    let ids: Vec<String> = ids.iter().map(|id| id.as_simple().to_string()).collect();
    values.push(serde_json::json!(ids).to_string().into());
    format!("{column} IN (SELECT unhex(value) FROM json_each(${place}))")
}

/// Puts `table` in place of `name`. SQLite's planner takes a `json_each` for a small table to be
/// scanned again for each row of the other side, so there the given rows are made to lead: SQLite
/// never reorders a `CROSS JOIN`.
fn put_table(text: &str, name: &str, table: &str, backend: DatabaseBackend) -> String {
    let mut parts = text.split(name);
    let mut put = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        put.push_str(table);
        match part.trim_start().strip_prefix("JOIN ") {
            Some(rest) if backend == DatabaseBackend::Sqlite => {
                put.push_str(" CROSS JOIN ");
                put.push_str(rest);
            }
            _ => put.push_str(part),
        }
    }
    put
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_rows_lead_their_joins_on_sqlite() {
        let text = "SELECT 1 FROM {r}\n JOIN tag t ON t.id = r.id";
        let on_sqlite = put_table(text, "{r}", "x AS r", DatabaseBackend::Sqlite);
        assert_eq!(
            on_sqlite,
            "SELECT 1 FROM x AS r CROSS JOIN tag t ON t.id = r.id"
        );
        let on_postgres = put_table(text, "{r}", "x AS r", DatabaseBackend::Postgres);
        assert_eq!(
            on_postgres,
            "SELECT 1 FROM x AS r\n JOIN tag t ON t.id = r.id"
        );
    }
}
