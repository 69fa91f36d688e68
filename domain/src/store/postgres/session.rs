//! One connection to PostgreSQL, and what is known of its state.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use sea_orm::{Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Row as _,
    postgres::{PgConnectOptions, PgDatabaseError, PgQueryResult, PgRow, PgSeverity},
};

use crate::store::{
    Wall,
    usage::{self, Counted},
};

/// How old a connection becomes: the server's memory of it grows with what it has seen.
const MAX_AGE: Duration = Duration::from_mins(30);

/// What makes a new session one of the programs': without the rights of the owner of the tables, whom
/// policies bind only as long as the owner likes, if there is a role for that and we are in it. Without
/// it the policies hold all the same, unless the user is one they do not bind.
const OPEN_SESSION: &str = "
SELECT set_config('enishi.workspace', $1, false),
       (SELECT set_config('role', r.rolname, false) FROM pg_roles r
        WHERE r.rolname = CAST('enishi_app_' || current_database() AS name)
          AND pg_has_role(session_user, r.oid,
              CASE WHEN current_setting('server_version_num')::int >= 160000
                   THEN 'SET' ELSE 'MEMBER' END)
          AND has_table_privilege(r.oid, to_regclass('workspace'), 'UPDATE')) AS role,
       COALESCE((SELECT c.relforcerowsecurity FROM pg_class c
                 WHERE c.oid = to_regclass('workspace')), false) AS is_walled,
       (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r
        WHERE r.rolname = session_user) AS is_above";

/// A connection, and whom it is set for. Whoever gives up waiting for a statement leaves the answer in
/// it, and whoever gives up a transaction leaves that open: see [`Session::needs_settling`].
#[derive(Debug)]
pub(in crate::store) struct Session {
    connection: PgConnection,
    /// Nothing while it is being set.
    set: Option<Wall>,
    /// When it is too old; at once if it was opened before the tables had their policies.
    kept_until: Instant,
    /// A statement was sent and its answer not read to the end.
    is_busy: bool,
    is_in_transaction: bool,
    is_broken: bool,
    _open: Counted,
}

impl Session {
    /// Opens one that is set for `wall`.
    pub(super) async fn open(options: &PgConnectOptions, wall: Wall) -> Result<Self, sqlx::Error> {
        let mut connection = PgConnection::connect_with(options).await?;
        let state = sqlx::query(OPEN_SESSION).bind(wall.setting());
        let state = state.fetch_one(&mut connection).await?;
        let role: Option<String> = state.try_get("role")?;
        let is_walled = state.try_get("is_walled")?;
        if is_walled && role.is_none() {
            tell_once(state.try_get("is_above")?);
        }
        Ok(Self {
            connection,
            set: Some(wall),
            kept_until: Instant::now() + if is_walled { MAX_AGE } else { Duration::ZERO },
            is_busy: false,
            is_in_transaction: false,
            is_broken: false,
            _open: usage::open(),
        })
    }

    /// Whether it is set for `wall` as it is.
    pub(super) fn is_set_for(&self, wall: Wall) -> bool {
        self.set == Some(wall)
    }

    /// Sets it for `wall`, if it is set for another.
    pub(super) async fn turn(&mut self, wall: Wall) -> Result<(), sqlx::Error> {
        if self.is_set_for(wall) {
            return Ok(());
        }
        self.set = None;
        // Outside a transaction, so that no rollback takes it back; the text is a word or an id.
        let statement = format!("SET enishi.workspace = '{}'", wall.setting());
        self.say(statement).await?;
        self.set = Some(wall);
        Ok(())
    }

    /// Whether the server has ended it, or was not heard of any more.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether the next one may have it.
    pub(super) fn is_to_be_kept(&self) -> bool {
        Instant::now() < self.kept_until
    }

    /// Whether something was left in it that has to be read or undone first.
    pub(super) fn needs_settling(&self) -> bool {
        self.is_busy || self.is_in_transaction
    }

    /// Reads and undoes what was left in it.
    pub(super) async fn settle(&mut self) -> Result<(), sqlx::Error> {
        if self.is_in_transaction {
            return self.rollback().await;
        }
        let done = self.connection.ping().await;
        self.note(done)
    }

    /// Parts from the server.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        self.connection.close().await
    }

    /// Runs a statement whose plan is kept, and says how many rows it touched.
    pub(in crate::store) async fn execute(
        &mut self,
        statement: Statement,
    ) -> Result<PgQueryResult, sqlx::Error> {
        self.is_busy = true;
        let done = prepared(statement).execute(&mut self.connection).await;
        self.note(done)
    }

    /// Runs a statement whose plan is kept, and reads all rows.
    pub(in crate::store) async fn rows(
        &mut self,
        statement: Statement,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        self.is_busy = true;
        let done = prepared(statement).fetch_all(&mut self.connection).await;
        self.note(done)
    }

    /// Runs one or more statements without values.
    pub(in crate::store) async fn say(
        &mut self,
        text: String,
    ) -> Result<PgQueryResult, sqlx::Error> {
        self.is_busy = true;
        let done = self.connection.execute(AssertSqlSafe(text)).await;
        self.note(done)
    }

    /// Opens a transaction with these words.
    pub(in crate::store) async fn begin(&mut self, words: &str) -> Result<(), sqlx::Error> {
        self.is_in_transaction = true;
        self.say(words.to_owned()).await.map(drop)
    }

    /// Keeps what was done since [`begin`](Self::begin).
    pub(in crate::store) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    /// Undoes what was done since [`begin`](Self::begin).
    pub(in crate::store) async fn rollback(&mut self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(&mut self, words: &str) -> Result<(), sqlx::Error> {
        let done = self.say(words.to_owned()).await;
        // The server has ended it whatever it says; a broken connection takes it along.
        self.is_in_transaction = false;
        done.map(drop)
    }

    /// Notes that a statement was answered, and whether the connection lives on.
    fn note<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.is_busy = false;
        if let Err(error) = &done {
            self.is_broken |= !is_of_the_statement(error);
        }
        done
    }
}

/// A statement as the driver takes it. Unlike the ORM's own way this hands the values over, which may be
/// thousands of rows, and does not copy them.
fn prepared(statement: Statement) -> sqlx::query::Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

/// Whether an error leaves the connection as it was.
fn is_of_the_statement(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return matches!(error, sqlx::Error::Encode(_));
    };
    let error = error.try_downcast_ref::<PgDatabaseError>();
    error.is_some_and(|error| !matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic))
}

/// Says how far the second wall reaches without a role of its own: once in the life of the process.
fn tell_once(is_above: bool) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    if is_above {
        tracing::warn!(
            "row-level security does not bind this database user, and the role for the programs is \
             not there or not granted to it; see docs/operations.md"
        );
    } else {
        tracing::info!(
            "the role for the programs is not there or not granted to this database user, which owns \
             the tables: row-level security binds it as long as it does not lift it; see \
             docs/operations.md"
        );
    }
}
