//! Where statements are run: a way to the database for one workspace or for all of them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entity::id::WorkspaceId;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr, ExecResult,
    QueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait as _,
};
use sqlx::postgres::PgRow;
use tokio::sync::{Mutex, MutexGuard};

use super::{
    gather::Gathering,
    postgres::{Lent, Plans, Sessions},
    usage::{Slot, Slots},
    wall::Wall,
};

/// How long somebody waits for a connection to SQLite's file.
pub(super) const SQLITE_PATIENCE: Duration = Duration::from_secs(30);

/// Connections, and whose rows are seen through them. Each statement takes one for itself.
#[derive(Debug, Clone)]
pub struct Connection {
    to: To,
    wall: Wall,
    /// Where statements that ask the same about several things are put as one, if they are.
    gathering: Option<Arc<Gathering>>,
}

#[derive(Debug, Clone)]
enum To {
    /// SQLite, which keeps no second wall: what stands around a workspace says whose line to wait in.
    Sqlite(Arc<Files>),
    Postgres(Arc<Sessions>),
}

/// Connections to SQLite's file, and the slots before them: their own pool does not tell who waits.
#[derive(Debug)]
struct Files {
    pool: DatabaseConnection,
    slots: Slots,
}

impl Files {
    async fn slot(&self, wall: Wall) -> Result<Slot, DbErr> {
        self.slots.take(wall, SQLITE_PATIENCE).await
    }
}

/// A transaction, with the connection it runs on. Dropping it undoes everything.
#[derive(Debug)]
pub struct Transaction {
    on: On,
    plans: Plans,
}

#[derive(Debug)]
enum On {
    Sqlite(DatabaseTransaction, Slot),
    Postgres(Mutex<Lent>),
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It may write. On SQLite it takes the write lock at once: a transaction that reads first and asks for
    /// the lock later fails whenever another has written in between.
    Writing,
    /// All its statements see one state of the database.
    Reading,
}

/// Where statements may be run one by one or as part of a transaction.
pub trait Place: ConnectionTrait {
    /// The transaction they are part of, if they are.
    fn transaction(&self) -> Option<&Transaction>;
}

impl Connection {
    /// To SQLite's file, through a pool of `size` connections.
    pub(super) fn sqlite(pool: DatabaseConnection, size: u32) -> Self {
        let slots = Slots::of_open(size);
        Self {
            to: To::Sqlite(Arc::new(Files { pool, slots })),
            wall: Wall::Open,
            gathering: None,
        }
    }

    pub(super) fn postgres(sessions: Arc<Sessions>) -> Self {
        Self {
            to: To::Postgres(sessions),
            wall: Wall::Open,
            gathering: None,
        }
    }

    /// The pool, where it is SQLite's.
    pub(super) fn as_pool(&self) -> Option<&DatabaseConnection> {
        match &self.to {
            To::Sqlite(files) => Some(&files.pool),
            To::Postgres(_) => None,
        }
    }

    /// The same connections, through which only rows of `workspace` are seen.
    #[must_use]
    pub(super) fn walled_to(&self, workspace: WorkspaceId) -> Self {
        Self {
            to: self.to.clone(),
            wall: self.wall.narrowed(workspace),
            // Who sees other rows asks for themselves.
            gathering: None,
        }
    }

    /// The same connections, through which what is asked of several things at one moment is asked at once.
    #[must_use]
    pub(super) fn gathering(&self) -> Self {
        Self {
            gathering: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// The same connections, through which each statement goes by itself.
    fn alone(&self) -> Self {
        Self {
            gathering: None,
            ..self.clone()
        }
    }

    pub(super) async fn begin(&self, purpose: Purpose) -> Result<Transaction, DbErr> {
        let on = match &self.to {
            To::Sqlite(files) => {
                let options = TransactionOptions {
                    sqlite_transaction_mode: (purpose == Purpose::Writing)
                        .then_some(SqliteTransactionMode::Immediate),
                    ..TransactionOptions::default()
                };
                let slot = files.slot(self.wall).await?;
                On::Sqlite(files.pool.begin_with_options(options).await?, slot)
            }
            To::Postgres(sessions) => {
                let mut lent = sessions.take(self.wall).await?;
                let words = match purpose {
                    Purpose::Writing => "BEGIN",
                    Purpose::Reading => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                };
                lent.session().begin(words).await.map_err(exec_error)?;
                On::Postgres(Mutex::new(lent))
            }
        };
        Ok(Transaction {
            on,
            plans: Plans::default(),
        })
    }
}

impl Place for Connection {
    fn transaction(&self) -> Option<&Transaction> {
        None
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DatabaseBackend {
        match &self.to {
            To::Sqlite(_) => DatabaseBackend::Sqlite,
            To::Postgres(_) => DatabaseBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.to {
            To::Sqlite(files) => {
                let _slot = files.slot(self.wall).await?;
                files.pool.execute_raw(statement).await
            }
            To::Postgres(sessions) => {
                let mut lent = sessions.take(self.wall).await?;
                execute(&mut lent, statement).await
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.to {
            To::Sqlite(files) => {
                let _slot = files.slot(self.wall).await?;
                files.pool.execute_unprepared(sql).await
            }
            To::Postgres(sessions) => {
                let mut lent = sessions.take(self.wall).await?;
                say(&mut lent, sql).await
            }
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if let Some(gathering) = &self.gathering {
            let rows = gathering.ask(&self.alone(), statement).await?;
            return Ok(rows.into_iter().next());
        }
        match &self.to {
            To::Sqlite(files) => {
                let _slot = files.slot(self.wall).await?;
                files.pool.query_one_raw(statement).await
            }
            To::Postgres(sessions) => {
                let mut lent = sessions.take(self.wall).await?;
                first(rows(&mut lent, statement).await)
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Some(gathering) = &self.gathering {
            return gathering.ask(&self.alone(), statement).await;
        }
        match &self.to {
            To::Sqlite(files) => {
                let _slot = files.slot(self.wall).await?;
                files.pool.query_all_raw(statement).await
            }
            To::Postgres(sessions) => {
                let mut lent = sessions.take(self.wall).await?;
                all(rows(&mut lent, statement).await)
            }
        }
    }
}

impl Transaction {
    /// Says that the statements to come are given about `rows` rows.
    pub(super) fn plan_for(&self, rows: usize) {
        self.plans.expect(rows);
    }

    /// Marks a place to come back to.
    pub(super) async fn mark(&self, name: &str) -> Result<(), DbErr> {
        let statement = format!("SAVEPOINT {name}");
        self.execute_unprepared(&statement).await.map(drop)
    }

    /// Keeps what was done since the mark `name`, which is gone.
    pub(super) async fn release(&self, name: &str) -> Result<(), DbErr> {
        let statement = format!("RELEASE SAVEPOINT {name}");
        self.execute_unprepared(&statement).await.map(drop)
    }

    /// Undoes what was done since the mark `name`, which stays.
    pub(super) async fn rollback_to(&self, name: &str) -> Result<(), DbErr> {
        self.plans.forget();
        let statement = format!("ROLLBACK TO SAVEPOINT {name}");
        self.execute_unprepared(&statement).await.map(drop)
    }

    /// Keeps everything that was done.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.on {
            On::Sqlite(transaction, slot) => {
                let done = transaction.commit().await;
                drop(slot);
                done
            }
            On::Postgres(lent) => {
                let done = lent.into_inner().session().commit().await;
                done.map_err(exec_error)
            }
        }
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match self.on {
            On::Sqlite(transaction, slot) => {
                let done = transaction.rollback().await;
                drop(slot);
                done
            }
            On::Postgres(lent) => {
                let done = lent.into_inner().session().rollback().await;
                done.map_err(exec_error)
            }
        }
    }

    /// The connection, with the plan of `sql` about to be made as it should be.
    async fn planning<'t>(
        &self,
        lent: &'t Mutex<Lent>,
        sql: &str,
    ) -> Result<MutexGuard<'t, Lent>, DbErr> {
        let mut lent = lent.lock().await;
        if let Some(setting) = self.plans.turn_for(sql) {
            say(&mut lent, setting).await?;
        }
        Ok(lent)
    }
}

impl Place for Transaction {
    fn transaction(&self) -> Option<&Transaction> {
        Some(self)
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DatabaseBackend {
        match &self.on {
            On::Sqlite(..) => DatabaseBackend::Sqlite,
            On::Postgres(_) => DatabaseBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.on {
            On::Sqlite(transaction, _) => transaction.execute_raw(statement).await,
            On::Postgres(lent) => {
                let mut lent = self.planning(lent, &statement.sql).await?;
                execute(&mut lent, statement).await
            }
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.on {
            On::Sqlite(transaction, _) => transaction.execute_unprepared(sql).await,
            On::Postgres(lent) => say(&mut *lent.lock().await, sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.on {
            On::Sqlite(transaction, _) => transaction.query_one_raw(statement).await,
            On::Postgres(lent) => {
                let mut lent = self.planning(lent, &statement.sql).await?;
                first(rows(&mut lent, statement).await)
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.on {
            On::Sqlite(transaction, _) => transaction.query_all_raw(statement).await,
            On::Postgres(lent) => {
                let mut lent = self.planning(lent, &statement.sql).await?;
                all(rows(&mut lent, statement).await)
            }
        }
    }
}

async fn execute(lent: &mut Lent, statement: Statement) -> Result<ExecResult, DbErr> {
    let done = lent.session().execute(statement).await;
    done.map(ExecResult::from).map_err(exec_error)
}

async fn say(lent: &mut Lent, text: &str) -> Result<ExecResult, DbErr> {
    let done = lent.session().say(text.to_owned()).await;
    done.map(ExecResult::from).map_err(exec_error)
}

/// All rows, of whatever only the first is wanted: the last word on a statement comes after its last row.
async fn rows(lent: &mut Lent, statement: Statement) -> Result<Vec<PgRow>, DbErr> {
    let done = lent.session().rows(statement).await;
    done.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(error.into())))
}

fn first(rows: Result<Vec<PgRow>, DbErr>) -> Result<Option<QueryResult>, DbErr> {
    Ok(rows?.into_iter().next().map(QueryResult::from))
}

fn all(rows: Result<Vec<PgRow>, DbErr>) -> Result<Vec<QueryResult>, DbErr> {
    Ok(rows?.into_iter().map(QueryResult::from).collect())
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}
