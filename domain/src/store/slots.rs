//! The connections to PostgreSQL, each with a memory of whom its session is set for.
//!
//! A pool does not tell its hooks which connection they have, so each connection is a pool of one: a
//! slot. Whoever wants one gets a slot that is set for the same workspace if one is idle, else one that
//! has to be set first.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sea_orm::{ConnAcquireErr, DatabaseConnection, DbErr, SqlxPostgresConnector};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::wall::{Session, Wall};

/// How long somebody waits for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A number of connections.
pub(super) struct Slots {
    slots: Vec<Slot>,
    uses: Mutex<Uses>,
    permits: Arc<Semaphore>,
}

struct Slot {
    pool: PgPool,
    connection: DatabaseConnection,
    session: Session,
}

/// Who has which slot.
struct Uses {
    is_taken: Vec<bool>,
    /// When each was taken last, counted in takings.
    taken_at: Vec<u64>,
    takings: u64,
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("size", &self.slots.len())
            .finish_non_exhaustive()
    }
}

/// A slot that nobody else has until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    slots: Arc<Slots>,
    index: usize,
    /// Given back after the slot.
    _permit: OwnedSemaphorePermit,
}

impl Slots {
    /// Up to `size` connections, opened when they are needed.
    pub(super) fn new(options: &PgConnectOptions, size: u32) -> Arc<Self> {
        let slots: Vec<Slot> = (0..size.max(1)).map(|_| Slot::new(options)).collect();
        Arc::new(Self {
            uses: Mutex::new(Uses {
                is_taken: vec![false; slots.len()],
                taken_at: vec![0; slots.len()],
                takings: 0,
            }),
            permits: Arc::new(Semaphore::new(slots.len())),
            slots,
        })
    }

    /// Waits for a connection that will see what `wall` lets through.
    pub(super) async fn take(self: &Arc<Self>, wall: Wall) -> Result<Place, DbErr> {
        const LATE: DbErr = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        let permits = Arc::clone(&self.permits);
        let permit = match Arc::clone(&permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => match timeout(PATIENCE, permits.acquire_owned()).await {
                Ok(Ok(permit)) => permit,
                Ok(Err(_)) | Err(_) => return Err(LATE),
            },
        };
        // There are as many permits as slots, so one is free.
        let index = self.choose(wall).ok_or(LATE)?;
        self.slots[index].session.want(wall);
        Ok(Place {
            slots: Arc::clone(self),
            index,
            _permit: permit,
        })
    }

    fn choose(&self, wall: Wall) -> Option<usize> {
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        let free = (0..self.slots.len()).filter(|&index| !uses.is_taken[index]);
        let index =
            free.min_by_key(|&index| (self.slots[index].fitness(wall), uses.taken_at[index]))?;
        uses.takings += 1;
        uses.taken_at[index] = uses.takings;
        uses.is_taken[index] = true;
        Some(index)
    }
}

/// How well a slot suits, the best first. A connection that was just given back is tested by its pool
/// before it is idle again: a round trip, like setting the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    Ready,
    /// Once: from then on there is one more that can stay set for somebody.
    Unconnected,
    SetForAnother,
    Returning,
    ReturningFromAnother,
}

impl Slot {
    fn new(options: &PgConnectOptions) -> Self {
        let session = Session::default();
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(false);
        let pool = session.watch(pool).connect_lazy_with(options.clone());
        Self {
            connection: SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
            pool,
            session,
        }
    }

    fn fitness(&self, wall: Wall) -> Fitness {
        let is_set = self.session.is_set_for(wall);
        if self.pool.size() == 0 {
            Fitness::Unconnected
        } else if self.pool.num_idle() > 0 {
            if is_set {
                Fitness::Ready
            } else {
                Fitness::SetForAnother
            }
        } else if is_set {
            Fitness::Returning
        } else {
            Fitness::ReturningFromAnother
        }
    }
}

impl Place {
    /// The pool of the one connection.
    pub(super) fn connection(&self) -> &DatabaseConnection {
        &self.slots.slots[self.index].connection
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut uses = self
            .slots
            .uses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        uses.is_taken[self.index] = false;
    }
}
