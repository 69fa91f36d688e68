//! Where statements are run: a way to the database for one workspace or for all of them.

use std::{fmt::Debug, ops::Deref, pin::Pin, sync::Arc};

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
    ///
    /// PostgreSQL makes a plan once for each connection and keeps it, what it asks itself for foreign keys
    /// included: to plan that for each row takes five times as long as to answer it. But a plan made while
    /// a table was empty may read all of it for each row later, until the table is analysed. So plans are
    /// forgotten whenever the rows a connection was given have doubled.
    pub(super) async fn plan_for(&self, rows: usize) -> Result<(), DbErr> {
        if self
            .place
            .as_ref()
            .is_some_and(|place| place.outgrows_plans(rows))
        {
            self.inner.execute_unprepared("DISCARD PLANS").await?;
        }
        Ok(())
    }

    /// Keeps everything that was done.
    pub async fn commit(self) -> Result<(), DbErr> {
        let Self { inner, place } = self;
        let done = inner.commit().await;
        drop(place);
        done
    }

    /// Undoes everything.
    pub async fn rollback(self) -> Result<(), DbErr> {
        let Self { inner, place } = self;
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

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DatabaseBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
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
