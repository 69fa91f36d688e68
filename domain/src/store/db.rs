//! The connections a process holds, and what it remembers of what lies behind them.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use entity::id::WorkspaceId;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DbErr};

use super::{Connection, Transaction, connection::Purpose, whole::make_whole};

/// Connections for reading and for writing. On PostgreSQL they are the same. SQLite has a single
/// writer at a time, so writing goes through a pool of one connection: waiting there is fair and
/// cheap, while waiting inside SQLite is polling.
#[derive(Debug, Clone)]
pub struct Db {
    reader: Connection,
    writer: Connection,
    owner: DatabaseConnection,
    memory: Memory,
}

/// Values derived from the database's contents, one of each type. They live and die with the
/// [`Db`], so that two databases in one process never share any.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Db {
    pub(super) fn new(reader: Connection, writer: Connection, owner: DatabaseConnection) -> Self {
        Self {
            reader,
            writer,
            owner,
            memory: Memory::default(),
        }
    }

    /// The same connections, through which only rows of `workspace` are seen and written; walls are
    /// never widened. SQLite keeps no such wall.
    #[must_use]
    pub fn walled_to(&self, workspace: WorkspaceId) -> Self {
        Self {
            reader: self.reader.walled_to(workspace),
            writer: self.writer.walled_to(workspace),
            ..self.clone()
        }
    }

    /// The same connections, of which those for reading put statements as one that ask the same about several
    /// things at one moment: for what the rows of a list have.
    #[must_use]
    pub fn gathering(&self) -> Self {
        Self {
            reader: self.reader.gathering(),
            ..self.clone()
        }
    }

    /// Where the tables are made and looked after, with the rights of their owner and behind no wall.
    /// Opened when it is needed, beside the connections for the work, and closed soon after.
    pub fn owner(&self) -> &DatabaseConnection {
        &self.owner
    }

    /// The one `T` that belongs to this database in this process: a cache, which must check by
    /// itself that what it holds still agrees with the database.
    pub(crate) fn remembered<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut values = self.memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(T::default()))
            .clone();
        drop(values);
        // The key is the type, so the cast cannot fail.
        value.downcast().unwrap_or_default()
    }

    /// Where single statements that only read are run.
    pub fn reader(&self) -> &Connection {
        &self.reader
    }

    /// Where single statements that write, outside a business transaction, are run.
    pub fn writer(&self) -> &Connection {
        &self.writer
    }

    /// Takes what was overwritten or deleted out of the log that SQLite keeps beside its file. Whoever still
    /// reads is not waited for long: then it is done another time.
    pub(crate) async fn empty_log(&self) {
        if let Some(pool) = self.writer.as_pool() {
            make_whole(&pool.get_sqlite_connection_pool().connect_options()).await;
        }
    }

    /// Which database it is.
    pub fn backend(&self) -> DatabaseBackend {
        self.reader.get_database_backend()
    }

    /// Opens a transaction that may write.
    pub async fn begin(&self) -> Result<Transaction, DbErr> {
        self.writer.begin(Purpose::Writing).await
    }

    /// Opens a transaction that sees one state of the database and writes nothing.
    pub async fn snapshot(&self) -> Result<Transaction, DbErr> {
        self.reader.begin(Purpose::Reading).await
    }
}
