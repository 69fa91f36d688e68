//! One SQL text for both databases.

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement, TryGetable, Value};

use super::Rows;

/// A statement with its parameters. `$1`, `$2`, ... stand for bound values in the order of
/// [`bind`](Self::bind); `{name}` stands for the [`Rows`] given under that name, to be used as a
/// table of that alias.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    values: Vec<Value>,
    rows: Vec<(&'static str, Rows)>,
}

impl Query {
    /// A statement without parameters yet. `text` is never made of what users wrote.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Binds the next `$n`.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Binds a value and returns its placeholder, for statements put together from parts.
    pub fn arg(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    /// Appends to the text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Binds `{name}`.
    #[must_use]
    pub fn rows(mut self, name: &'static str, rows: Rows) -> Self {
        self.rows.push((name, rows));
        self
    }

    fn statement(mut self, connection: &impl ConnectionTrait) -> Statement {
        let backend = connection.get_database_backend();
        for (name, rows) in self.rows {
            let table = rows.render(backend, name, &mut self.values);
            self.text = self.text.replace(&format!("{{{name}}}"), &table);
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
