//! How the process uses its connections to the database: how many there may be, who has one, who waits.
//!
//! [`Slots`] stand before the connections of one thread or runtime: whoever wants a connection waits for a
//! slot, in the order of asking, and keeps it as long as the connection. Of one workspace, no more have a
//! slot or stand in that line than there are slots, and the others wait behind them: whoever comes for another
//! workspace waits for one slot to become free, however many a backlog has waiting. What all of them come to
//! is told by [`usage`] and [`watch_waits`], for the figures of the process. The two connections of the
//! tables' owner ([`Db::owner`](super::Db::owner)), which are there at the start, are not counted.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use entity::id::WorkspaceId;
use sea_orm::{ConnAcquireErr, DbErr};
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::wall::Wall;

/// From how many lines on those in which nobody stands are forgotten.
const MANY_LINES: usize = 1_000;

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
    /// For each workspace, the right to have a slot or to stand in the line of all: as many as there are slots.
    lines: Mutex<HashMap<WorkspaceId, Arc<Semaphore>>>,
    _most: Counted,
    /// Where connections are files of the process, which are not counted one by one.
    _open: Option<Counted>,
}

/// The right to one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _permits: Permits,
    _in_use: Counted,
}

/// For one slot, and to be one of those of its workspace.
type Permits = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

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
            lines: Mutex::default(),
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

    /// Waits for one, for whom `wall` stands around, at most `patience`.
    pub(super) async fn take(&self, wall: Wall, patience: Duration) -> Result<Slot, DbErr> {
        let line = self.line_of(wall);
        let permits = if let Some(permits) = self.try_take(line.as_ref()) {
            tell(Duration::ZERO);
            permits
        } else {
            let waiting = Waiting {
                since: Instant::now(),
                _counted: Counted::new(&WAITING, 1),
            };
            let permits = timeout(patience, self.wait(line)).await;
            drop(waiting);
            // Nobody closes the semaphores.
            permits.map_err(|_| late())?.map_err(|_| late())?
        };
        Ok(Slot {
            _permits: permits,
            _in_use: Counted::new(&IN_USE, 1),
        })
    }

    /// The line of the workspace that `wall` stands around.
    fn line_of(&self, wall: Wall) -> Option<Arc<Semaphore>> {
        let Wall::Around(workspace) = wall else {
            return None;
        };
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= MANY_LINES {
            lines.retain(|_, line| Arc::strong_count(line) > 1);
        }
        let line = lines.entry(workspace);
        let line = line.or_insert_with(|| Arc::new(Semaphore::new(self.size)));
        Some(Arc::clone(line))
    }

    fn try_take(&self, line: Option<&Arc<Semaphore>>) -> Option<Permits> {
        let place = match line {
            Some(line) => Some(Arc::clone(line).try_acquire_owned().ok()?),
            None => None,
        };
        let slot = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some((slot, place))
    }

    async fn wait(&self, line: Option<Arc<Semaphore>>) -> Result<Permits, AcquireError> {
        let place = match line {
            Some(line) => Some(line.acquire_owned().await?),
            None => None,
        };
        let slot = Arc::clone(&self.permits).acquire_owned().await?;
        Ok((slot, place))
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
    use uuid::Uuid;

    use super::*;

    const LONG: Duration = Duration::from_mins(1);
    const MOMENT: Duration = Duration::from_millis(5);

    #[tokio::test]
    async fn whoever_finds_no_slot_waits_and_in_the_end_gives_up() {
        let slots = Slots::of_open(1);
        let first = slots.take(Wall::Open, MOMENT).await.unwrap();
        assert_eq!((slots.size(), slots.lent()), (1, 1));
        // Others of this process may have more.
        let all = usage();
        assert!(all.most >= 1 && all.in_use >= 1, "{all:?}");
        let late = slots.take(Wall::Open, MOMENT).await.unwrap_err();
        assert!(matches!(late, DbErr::ConnectionAcquire(_)), "{late:?}");

        let second = slots.take(Wall::Open, LONG);
        tokio::pin!(second);
        assert!(timeout(MOMENT, &mut second).await.is_err(), "it waits");
        drop(first);
        let second = second.await.unwrap();
        assert_eq!(slots.lent(), 1);
        drop(second);
        assert_eq!(slots.lent(), 0);
    }

    /// Takes a slot, notes `name`, and gives it back.
    async fn pass(slots: &Slots, wall: Wall, name: &'static str, order: &Mutex<Vec<&'static str>>) {
        let slot = slots.take(wall, LONG).await.unwrap();
        order.lock().unwrap().push(name);
        drop(slot);
    }

    #[tokio::test]
    async fn another_workspace_comes_before_a_crowd_of_the_one_that_has_the_slots() {
        let [busy, other] = [1, 2].map(|n| Wall::Around(WorkspaceId(Uuid::from_u128(n))));
        let slots = Slots::of_open(1);
        let order = Mutex::default();
        let first = slots.take(busy, MOMENT).await.unwrap();
        tokio::join!(
            pass(&slots, busy, "busy", &order),
            pass(&slots, busy, "busy", &order),
            pass(&slots, other, "other", &order),
            async { drop(first) },
        );
        assert_eq!(*order.lock().unwrap(), ["other", "busy", "busy"]);
        assert_eq!(slots.lent(), 0);
    }

    #[tokio::test]
    async fn lines_in_which_nobody_stands_are_forgotten() {
        let slots = Slots::of_open(2);
        let wall = |n| Wall::Around(WorkspaceId(Uuid::from_u128(n)));
        let _kept = slots.take(wall(0), MOMENT).await.unwrap();
        for n in 1..=MANY_LINES as u128 {
            slots.take(wall(n), MOMENT).await.unwrap();
        }
        let lines = slots.lines.lock().unwrap();
        assert_eq!(lines.len(), 2, "the one in use and the last");
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
