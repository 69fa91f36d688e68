//! How the process uses its connections to the database: how many there may be, who has one, who waits.
//!
//! [`Slots`] stand before the connections of one thread or runtime: whoever wants a connection waits for a
//! slot, in the order of asking, and keeps it as long as the connection. What all of them come to is told
//! by [`usage`] and [`watch_waits`], for the figures of the process. The two connections of the tables'
//! owner ([`Db::owner`](super::Db::owner)), which are there at the start, are not counted.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use sea_orm::{ConnAcquireErr, DbErr};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

static MOST: AtomicU64 = AtomicU64::new(0);
static OPEN: AtomicU64 = AtomicU64::new(0);
static IN_USE: AtomicU64 = AtomicU64::new(0);
static WAITING: AtomicU64 = AtomicU64::new(0);
static WATCH: OnceLock<fn(Duration)> = OnceLock::new();

/// The connections of the process at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The most there may be.
    pub most: u64,
    /// Those that somebody has, or is about to open.
    pub in_use: u64,
    /// Those that are open and that nobody has; on SQLite, those that nobody has.
    pub idle: u64,
    /// How many wait for one.
    pub waiting: u64,
}

/// How the connections of the process are used now.
pub fn usage() -> Usage {
    let in_use = IN_USE.load(Relaxed);
    Usage {
        most: MOST.load(Relaxed),
        in_use,
        idle: OPEN.load(Relaxed).saturating_sub(in_use),
        waiting: WAITING.load(Relaxed),
    }
}

/// Has `told` hear how long each wait for a connection took, also one that was given up, and zero where
/// nobody had to wait. For the life of the process: the first who asks stays.
pub fn watch_waits(told: fn(Duration)) {
    let _ = WATCH.set(told);
}

/// A connection that is open, as long as this is kept.
pub(super) fn open() -> Counted {
    Counted::new(&OPEN, 1)
}

/// A part of a count, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    count: &'static AtomicU64,
    by: u64,
}

impl Counted {
    fn new(count: &'static AtomicU64, by: u64) -> Self {
        count.fetch_add(by, Relaxed);
        Self { count, by }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.count.fetch_sub(self.by, Relaxed);
    }
}

/// As many slots as there may be connections.
#[derive(Debug)]
pub(super) struct Slots {
    size: usize,
    permits: Arc<Semaphore>,
    _most: Counted,
    /// Where connections are files of the process, which are not counted one by one.
    _open: Option<Counted>,
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    _in_use: Counted,
}

/// Somebody who waits; tells how long when it is over, however it ends.
struct Waiting {
    since: Instant,
    _counted: Counted,
}

impl Slots {
    /// Slots for connections that are counted when they are opened.
    pub(super) fn new(size: u32) -> Self {
        let size = size.max(1);
        Self {
            size: size as usize,
            permits: Arc::new(Semaphore::new(size as usize)),
            _most: Counted::new(&MOST, size.into()),
            _open: None,
        }
    }

    /// Slots for connections that are as good as open.
    pub(super) fn of_open(size: u32) -> Self {
        let slots = Self::new(size);
        Self {
            _open: Some(Counted::new(&OPEN, slots.size as u64)),
            ..slots
        }
    }

    /// How many there are.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// How many somebody has.
    pub(super) fn lent(&self) -> usize {
        self.size - self.permits.available_permits()
    }

    /// Waits for one, at most `patience`.
    pub(super) async fn take(&self, patience: Duration) -> Result<Slot, DbErr> {
        let permit = if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            tell(Duration::ZERO);
            permit
        } else {
            let waiting = Waiting {
                since: Instant::now(),
                _counted: Counted::new(&WAITING, 1),
            };
            let permit = timeout(patience, Arc::clone(&self.permits).acquire_owned()).await;
            drop(waiting);
            // Nobody closes the semaphore.
            permit.map_err(|_| late())?.map_err(|_| late())?
        };
        Ok(Slot {
            _permit: permit,
            _in_use: Counted::new(&IN_USE, 1),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        tell(self.since.elapsed());
    }
}

fn tell(wait: Duration) {
    if let Some(told) = WATCH.get() {
        told(wait);
    }
}

/// Nobody gave a connection back in time.
pub(super) fn late() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn whoever_finds_no_slot_waits_and_in_the_end_gives_up() {
        let slots = Slots::of_open(1);
        let first = slots.take(MOMENT).await.unwrap();
        assert_eq!((slots.size(), slots.lent()), (1, 1));
        // Others of this process may have more.
        let all = usage();
        assert!(all.most >= 1 && all.in_use >= 1, "{all:?}");
        let late = slots.take(MOMENT).await.unwrap_err();
        assert!(matches!(late, DbErr::ConnectionAcquire(_)), "{late:?}");

        let second = slots.take(Duration::from_mins(1));
        tokio::pin!(second);
        assert!(timeout(MOMENT, &mut second).await.is_err(), "it waits");
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(slots.lent(), 1);
        drop(second);
        assert_eq!(slots.lent(), 0);
    }

    #[test]
    fn a_count_goes_down_by_what_it_went_up() {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let three = Counted::new(&COUNT, 3);
        let one = Counted::new(&COUNT, 1);
        assert_eq!(COUNT.load(Relaxed), 4);
        drop(three);
        assert_eq!(COUNT.load(Relaxed), 1);
        drop(one);
        assert_eq!(COUNT.load(Relaxed), 0);
    }
}
