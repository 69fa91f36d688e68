//! The key of any table as texts, to go on after a row of which only these are known.

use sea_orm::{ConnectionTrait, DatabaseBackend, FromQueryResult};

use crate::{
    error::{Error, Result},
    store::Query,
};

/// A column of a table's key.
#[derive(Debug, FromQueryResult)]
pub(super) struct Key {
    name: String,
    /// Its type, as the database calls it.
    kind: String,
}

impl Key {
    /// It, of the row `t`.
    pub(super) fn column(&self) -> String {
        format!("t.\"{}\"", self.name)
    }

    /// Its value of the row `t` as a text.
    fn text(&self, backend: DatabaseBackend) -> String {
        let column = self.column();
        match backend {
            DatabaseBackend::Postgres => format!("CAST({column} AS text)"),
            _ if self.kind == "BLOB" => format!("lower(hex({column}))"),
            _ => format!("CAST({column} AS TEXT)"),
        }
    }

    /// The SQL of the value that `text` was made of.
    fn value(&self, backend: DatabaseBackend, text: &str, query: &mut Query) -> Result<String> {
        if backend == DatabaseBackend::Postgres {
            let text = query.arg(text);
            return Ok(format!("CAST(CAST({text} AS text) AS {})", self.kind));
        }
        if self.kind == "BLOB" {
            let bytes = hex::decode(text).map_err(|_| wrong())?;
            return Ok(query.arg(bytes));
        }
        let text = query.arg(text);
        Ok(format!("CAST({text} AS {})", self.kind))
    }
}

fn wrong() -> Error {
    Error::Internal("a place in an export is not one".to_owned())
}

/// The columns of a table's key, in their order.
pub(super) async fn keys(connection: &impl ConnectionTrait, table: &str) -> Result<Vec<Key>> {
    let text = if connection.get_database_backend() == DatabaseBackend::Postgres {
        format!(
            "SELECT CAST(a.attname AS text) AS name,
                    format_type(a.atttypid, a.atttypmod) AS kind
             FROM pg_index i
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
             WHERE i.indrelid = '{table}'::regclass AND i.indisprimary
             ORDER BY array_position(CAST(i.indkey AS int2[]), a.attnum)"
        )
    } else {
        format!(
            "SELECT name, type AS kind FROM pragma_table_info('{table}') WHERE pk > 0 ORDER BY pk"
        )
    };
    Ok(Query::new(text).all(connection).await?)
}

/// The key of the row `t` as a JSON array of texts.
pub(super) fn as_json(connection: &impl ConnectionTrait, keys: &[Key]) -> String {
    let backend = connection.get_database_backend();
    let function = match backend {
        DatabaseBackend::Postgres => "jsonb_build_array",
        _ => "json_array",
    };
    let texts: Vec<String> = keys.iter().map(|key| key.text(backend)).collect();
    format!("{function}({})", texts.join(", "))
}

/// That the row `t` comes after the one of which `texts` are the key, whose values are bound to `query`.
pub(super) fn is_after(
    connection: &impl ConnectionTrait,
    keys: &[Key],
    texts: &[String],
    query: &mut Query,
) -> Result<String> {
    if keys.len() != texts.len() {
        return Err(wrong());
    }
    let backend = connection.get_database_backend();
    let values: Vec<String> = keys
        .iter()
        .zip(texts)
        .map(|(key, text)| key.value(backend, text, query))
        .collect::<Result<_>>()?;
    let columns: Vec<String> = keys.iter().map(Key::column).collect();
    Ok(format!(
        "({}) > ({})",
        columns.join(", "),
        values.join(", ")
    ))
}
