//! Where statements are run: a way to the database for one workspace or for all of them.

use std::{
    fmt::Debug,
    ops::Deref,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use entity::id::WorkspaceId;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseBackend, DatabaseConnection, DatabaseTransaction, DbErr,
    ExecResult, IsolationLevel, QueryResult, Statement, TransactionError, TransactionOptions,
    TransactionSession, TransactionTrait,
};

use super::{
    slots::{Place, Slots},
    wall::Wall,
};

/// Connections, and whose rows are seen through them. Each statement takes one for itself.
#[derive(Debug, Clone)]
pub struct Connection {
    to: To,
    wall: Wall,
}

#[derive(Debug, Clone)]
enum To {
    /// SQLite, which keeps no second wall.
    Pool(DatabaseConnection),
    /// PostgreSQL.
    Slots(Arc<Slots>),
}

/// A transaction, with the connection it runs on.
#[derive(Debug)]
pub struct Transaction {
    inner: DatabaseTransaction,
    /// Nothing for one inside another, and on SQLite.
    place: Option<Place>,
    plans: Plans,
}

/// Rows from which on making a plan costs less than a plan made for others may.
const MANY: usize = 50;

/// How PostgreSQL comes by the plans of a transaction's statements.
///
/// Usually a connection keeps each plan it makes. One made while a table was empty may compare every row
/// given with every row of the table for ever after, so that many rows are worth a plan of their own,
/// which knows how many they are. What adds rows may keep its plan all the same: the checks of foreign keys
/// are planned by the same setting, row by row, and to plan one takes five times as long as to answer it.
#[derive(Debug, Default)]
struct Plans {
    are_for_many: AtomicBool,
    /// Nothing while it is not known: a rollback to a mark takes settings back too.
    now: Mutex<Option<Planning>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planning {
    Anew,
    Kept,
}

impl Plans {
    /// The statement that has to come before `sql`, if one has to.
    fn turn_for(&self, sql: &str) -> Option<&'static str> {
        if !self.are_for_many.load(Relaxed) {
            return None;
        }
        let wanted = if sql.trim_start().starts_with("INSERT") {
            Planning::Kept
        } else {
            Planning::Anew
        };
        let has_turned = self.now().replace(wanted) != Some(wanted);
        has_turned.then_some(match wanted {
            Planning::Anew => "SET LOCAL plan_cache_mode = force_custom_plan",
            Planning::Kept => "SET LOCAL plan_cache_mode = auto",
        })
    }

    fn now(&self) -> MutexGuard<'_, Option<Planning>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    pub(super) fn pool(pool: DatabaseConnection) -> Self {
        Self {
            to: To::Pool(pool),
            wall: Wall::Open,
        }
    }

    pub(super) fn slots(slots: Arc<Slots>) -> Self {
        Self {
            to: To::Slots(slots),
            wall: Wall::Open,
        }
    }

    /// The pool, where it is one.
    pub(super) fn as_pool(&self) -> Option<&DatabaseConnection> {
        match &self.to {
            To::Pool(pool) => Some(pool),
            To::Slots(_) => None,
        }
    }

    /// The same connections, through which only rows of `workspace` are seen.
    #[must_use]
    pub(super) fn walled_to(&self, workspace: WorkspaceId) -> Self {
        Self {
            to: self.to.clone(),
            wall: self.wall.narrowed(workspace),
        }
    }

    /// A connection for the next statement or transaction, and what keeps others from it.
    async fn take(&self) -> Result<Taken<'_>, DbErr> {
        Ok(match &self.to {
            To::Pool(pool) => Taken::Pool(pool),
            To::Slots(slots) => Taken::Place(slots.take(self.wall).await?),
        })
    }
}

enum Taken<'c> {
    Pool(&'c DatabaseConnection),
    Place(Place),
}

impl Deref for Taken<'_> {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        match self {
            Self::Pool(pool) => pool,
            Self::Place(place) => place.connection(),
        }
    }
}

impl Taken<'_> {
    fn into_place(self) -> Option<Place> {
        match self {
            Self::Pool(_) => None,
            Self::Place(place) => Some(place),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DatabaseBackend {
        match &self.to {
            To::Pool(pool) => pool.get_database_backend(),
            To::Slots(_) => DatabaseBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let taken = self.take().await?;
        taken.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let taken = self.take().await?;
        taken.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let taken = self.take().await?;
        taken.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let taken = self.take().await?;
        taken.query_all_raw(statement).await
    }
}

#[async_trait]
impl TransactionTrait for Connection {
    type Transaction = Transaction;

    async fn begin(&self) -> Result<Transaction, DbErr> {
        self.begin_with_options(TransactionOptions::default()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Transaction, DbErr> {
        self.begin_with_options(options(isolation_level, access_mode))
            .await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Transaction, DbErr> {
        let taken = self.take().await?;
        let inner = taken.begin_with_options(options).await?;
        Ok(Transaction {
            inner,
            place: taken.into_place(),
            plans: Plans::default(),
        })
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c Transaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + Debug + Send,
    {
        let begun = self.begin().await.map_err(TransactionError::Connection)?;
        begun.run(callback).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c Transaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + Debug + Send,
    {
        let begun = self.begin_with_config(isolation_level, access_mode).await;
        begun
            .map_err(TransactionError::Connection)?
            .run(callback)
            .await
    }
}

fn options(
    isolation_level: Option<IsolationLevel>,
    access_mode: Option<AccessMode>,
) -> TransactionOptions {
    TransactionOptions {
        isolation_level,
        access_mode,
        sqlite_transaction_mode: None,
    }
}

impl Transaction {
    /// Says that the statements to come are given about `rows` rows.
    pub(super) fn plan_for(&self, rows: usize) {
        let is_postgres = self.inner.get_database_backend() == DatabaseBackend::Postgres;
        self.plans
            .are_for_many
            .store(is_postgres && rows >= MANY, Relaxed);
    }

    /// Undoes what was done since the savepoint `name`, which stays.
    pub(super) async fn rollback_to(&self, name: &str) -> Result<(), DbErr> {
        *self.plans.now() = None;
        let statement = format!("ROLLBACK TO SAVEPOINT {name}");
        self.inner.execute_unprepared(&statement).await.map(drop)
    }

    /// Sees to it that the plan of a statement is made as it should be.
    async fn plan(&self, sql: &str) -> Result<(), DbErr> {
        match self.plans.turn_for(sql) {
            Some(setting) => self.inner.execute_unprepared(setting).await.map(drop),
            None => Ok(()),
        }
    }

    /// Keeps everything that was done.
    pub async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, place, .. } = self;
        let done = inner.commit().await;
        drop(place);
        done
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<(), DbErr> {
        let Self { inner, place, .. } = self;
        let done = inner.rollback().await;
        drop(place);
        done
    }

    async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + Debug + Send,
    {
        match callback(&self).await {
            Ok(value) => {
                let kept = self.commit().await;
                kept.map(|()| value).map_err(TransactionError::Connection)
            }
            Err(error) => {
                let undone = self.rollback().await;
                undone.map_err(TransactionError::Connection)?;
                Err(TransactionError::Transaction(error))
            }
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.plan(&statement.sql).await?;
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.plan(&statement.sql).await?;
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.plan(&statement.sql).await?;
        self.inner.query_all_raw(statement).await
    }
}

#[async_trait]
impl TransactionTrait for Transaction {
    type Transaction = Self;

    async fn begin(&self) -> Result<Self, DbErr> {
        self.begin_with_options(TransactionOptions::default()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self, DbErr> {
        self.begin_with_options(options(isolation_level, access_mode))
            .await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        Ok(Self {
            inner: self.inner.begin_with_options(options).await?,
            place: None,
            plans: Plans::default(),
        })
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + Debug + Send,
    {
        let begun = self.begin().await.map_err(TransactionError::Connection)?;
        begun.run(callback).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: std::fmt::Display + Debug + Send,
    {
        let begun = self.begin_with_config(isolation_level, access_mode).await;
        begun
            .map_err(TransactionError::Connection)?
            .run(callback)
            .await
    }
}

#[async_trait]
impl TransactionSession for Transaction {
    async fn commit(self) -> Result<(), DbErr> {
        Self::commit(self).await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        Self::rollback(self).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_adds_many_rows_keeps_its_plan_and_what_looks_for_many_does_not() {
        let plans = Plans::default();
        assert_eq!(plans.turn_for("SELECT 1"), None, "few rows, kept plans");
        plans.are_for_many.store(true, Relaxed);
        let anew = plans.turn_for("SELECT 1").expect("a turn");
        assert!(anew.ends_with("force_custom_plan"), "{anew}");
        assert_eq!(plans.turn_for("\n  UPDATE t"), None, "as it is by now");
        let kept = plans.turn_for("INSERT INTO t").expect("a turn");
        assert!(kept.ends_with("= auto"), "{kept}");
        *plans.now() = None;
        assert_eq!(plans.turn_for("INSERT INTO t"), Some(kept), "not known");
    }
}
