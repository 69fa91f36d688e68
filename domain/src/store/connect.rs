//! Opening the database named by a URL.

use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    time::Duration,
};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector, SqlxSqliteConnector};
use sqlx::{
    ConnectOptions as _, Connection as _,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Connection, Db,
    connection::SQLITE_PATIENCE,
    postgres::{PATIENCE, Sessions},
    whole::make_whole,
};

/// Where the data is kept.
#[derive(Debug, Clone)]
pub enum Location {
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
    /// A SQLite file; made when it is not there.
    Sqlite(PathBuf),
}

/// The URL does not name a database Enishi can use.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// Another scheme.
    #[error("it must begin with postgres:// or sqlite:")]
    Scheme,
    /// The rest cannot be read.
    #[error("it is not a PostgreSQL URL: {0}")]
    Postgres(#[source] sqlx::Error),
    /// There is no path.
    #[error("it names no file")]
    NoFile,
}

impl Location {
    /// Reads `postgres://user:password@host/database` or `sqlite:/path/to/file`.
    pub fn parse(url: &str) -> Result<Self, LocationError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url).map_err(LocationError::Postgres)?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        let path = url.strip_prefix("sqlite:").ok_or(LocationError::Scheme)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with('?') || path == ":memory:" {
            return Err(LocationError::NoFile);
        }
        Ok(Self::Sqlite(path.into()))
    }

    /// Opens connections for one thread or one runtime, lazily: an unreachable server is found out by
    /// the first statement. `size` are for reading, and, on SQLite, one for writing unless the process
    /// already has it.
    pub fn open(&self, size: u32, writer: Option<Connection>) -> Db {
        match self {
            Self::Postgres(options) => {
                let sessions = Sessions::new(options_for_work(options), size);
                let sessions = Connection::postgres(sessions);
                Db::new(sessions.clone(), sessions, owner(options))
            }
            Self::Sqlite(path) => {
                let pool = |size| Connection::sqlite(sqlite_pool(path, size), size);
                let reader = pool(size);
                let writer = writer.unwrap_or_else(|| pool(1));
                let owner = writer.as_pool().or(reader.as_pool()).cloned();
                Db::new(reader, writer, owner.unwrap_or_default())
            }
        }
    }

    /// Brings everything that was written into SQLite's file, at the end of a process: whoever copies the
    /// file has all there is. PostgreSQL does so by itself.
    pub async fn make_whole(&self) {
        if let Self::Sqlite(path) = self
            && path.exists()
        {
            make_whole(&sqlite_options(path)).await;
        }
    }
}

fn options_for_work(options: &PgConnectOptions) -> PgConnectOptions {
    options
        .clone()
        .application_name("enishi")
        .statement_cache_capacity(256)
        // A transaction left open would hold the change log back for everybody.
        .options([
            ("idle_in_transaction_session_timeout", "30s"),
            ("statement_timeout", "120s"),
            ("plan_cache_mode", "force_generic_plan"),
            ("jit", "off"),
            // Every statement here begins with a few given keys and looks rows up by
            // them. Plans are made once and kept; one made while a table was empty, or
            // without statistics as after a large import, would rather read all of it
            // for ever after: to hash or merge it, or to keep it beside the keys.
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("enable_material", "off"),
            ("enable_seqscan", "off"),
            // Of what is left, many given rows can lead and be looked up one by one, or be
            // compared one by one with what little a table without statistics is believed to
            // hold: pages are in memory and a row compared is work, so that the first is chosen
            // in time.
            ("random_page_cost", "0.1"),
            ("seq_page_cost", "0.1"),
            ("cpu_tuple_cost", "0.1"),
        ])
}

/// Two connections, because migrations hold a lock on one while they work on the other. What they do may
/// take long, and the log names each step: no statement is called slow.
fn owner(options: &PgConnectOptions) -> DatabaseConnection {
    let options = options
        .clone()
        .application_name("enishi")
        .options([("enishi.workspace", "all"), ("jit", "off")])
        .disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(PATIENCE)
        .idle_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .connect_lazy_with(options);
    SqlxPostgresConnector::from_sqlx_postgres_pool(pool)
}

fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged change survives a power cut, not only a crash.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(256)
        .pragma("wal_autocheckpoint", "20000")
        // What is deleted is overwritten: who was erased is not to be read in the file.
        .pragma("secure_delete", "ON")
        .pragma("cache_size", "-8000")
}

fn sqlite_pool(path: &Path, size: u32) -> DatabaseConnection {
    let pool = SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(SQLITE_PATIENCE)
        .idle_timeout(Duration::from_mins(1))
        .test_before_acquire(false)
        // After a full disk, or another error of its files, SQLite has undone the transaction by itself, and
        // the driver goes on counting it as open: what was written from then on would be a part of it and
        // never be kept. Whatever was open is undone before a connection comes back, so that one which
        // still counts any is not used again.
        .before_acquire(|connection, _| {
            Box::pin(async move { Ok(!connection.is_in_transaction()) })
        })
        .connect_lazy_with(sqlite_options(path));
    SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_one_of_two_databases() {
        assert!(matches!(
            Location::parse("sqlite:/a/b.db"),
            Ok(Location::Sqlite(_))
        ));
        assert!(matches!(
            Location::parse("postgres://u:p@localhost:5432/d"),
            Ok(Location::Postgres(_))
        ));
        for url in ["mysql://localhost/x", "", "sqlite:", "/a/b.db"] {
            assert!(Location::parse(url).is_err(), "{url}");
        }
    }
}
