//! One reader of the change log per workspace and process, for any number of subscribers.
//!
//! A subscriber first reads from its cursor up to the end of the log, then joins the live feed at
//! exactly that place. One that falls further behind than the feed keeps goes back to reading: it is
//! slow, but nothing is missed and nothing piles up in memory. Many are behind at once, when much
//! happens or when they all connect again: they read in pages, and whoever comes to a page that another
//! has just read takes that.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{
    ctx::Ctx,
    error::Result,
    port::{Hint, Work},
    work::{
        change::{self, Entry, Position},
        floor,
    },
};
use entity::id::WorkspaceId;
use futures::Stream;
use tokio::{
    runtime::Handle,
    sync::{
        OnceCell,
        broadcast::{self, error::RecvError},
    },
    time::{sleep, timeout},
};

/// Entries a feed keeps for subscribers that are a little behind.
const KEPT: usize = 1_024;
/// Entries read at once.
const BATCH: u64 = 500;
/// Pages that a feed keeps for others who are as far behind, until nothing has happened for a while.
const PAGES: usize = 8;
/// How long somebody waits for the readings of others: on a connection that is dead one never ends.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a feed waits for a hint before it looks by itself.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Waits between looks after a hint that showed nothing: the entry is committed, but an older
/// transaction is still running.
const SETTLING_MS: [u64; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// The feeds of one process.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    ctx: Ctx,
    hints: broadcast::Sender<Hint>,
    runtime: Handle,
    feeds: Mutex<HashMap<WorkspaceId, Weak<Feed>>>,
}

/// The live end of one workspace's log; its reader ends with the last subscriber.
struct Feed {
    entries: broadcast::Sender<Arc<Entry>>,
    begin: OnceCell<Position>,
    /// How many readings of those who are behind have begun.
    readings: AtomicU64,
    /// What they read last, the newest at the end.
    pages: Mutex<VecDeque<Page>>,
    /// Held by whoever reads. Those whom no page serves wait for it: theirs may be the page being read.
    turn: tokio::sync::Mutex<()>,
}

/// A part of the log that was read at once.
#[derive(Clone)]
struct Page {
    /// It has what comes behind this.
    after: Position,
    /// How far it goes, over entries that cannot be read too.
    until: Position,
    entries: Arc<[Arc<Entry>]>,
    /// Whether the log may go on behind it. Where it does not, that was so when it was read, and what came
    /// since is not in it.
    is_full: bool,
    /// The number of its reading.
    reading: u64,
}

impl Page {
    /// Whether it tells what comes behind `at`, for somebody who has listened to the live end since before
    /// any reading later than `since` began.
    fn serves(&self, at: Position, since: u64) -> bool {
        self.after <= at
            && if self.is_full {
                at < self.until
            } else {
                self.reading > since
            }
    }
}

impl Feed {
    fn new() -> Self {
        Self {
            entries: broadcast::channel(KEPT).0,
            begin: OnceCell::new(),
            readings: AtomicU64::new(0),
            pages: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Where in the log it begins: it passes on what comes behind. Each subscriber settles that before it
    /// reads by itself, because what is written between such a reading and a later beginning would be in
    /// neither.
    async fn begin(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Position> {
        let end = || change::end(ctx.reader(), workspace);
        Ok(*self.begin.get_or_try_init(end).await?)
    }

    /// How many readings have begun; what begins later is a later reading.
    fn readings(&self) -> u64 {
        self.readings.load(Ordering::SeqCst)
    }

    /// What comes behind `at`: a page that another has read, or else `reading`.
    async fn page(
        &self,
        at: Position,
        since: u64,
        reading: impl Future<Output = Result<Page>>,
    ) -> Result<Page> {
        // Whoever is served by what is there does not wait for those who read on.
        if let Some(page) = self.kept(at, since) {
            return Ok(page);
        }
        // Whose patience is at its end reads without a turn, unless the page came while others stood before them.
        let _turn = timeout(PATIENCE, self.turn.lock()).await;
        if let Some(page) = self.kept(at, since) {
            return Ok(page);
        }
        let page = reading.await?;
        self.keep(page.clone());
        Ok(page)
    }

    fn pages(&self) -> MutexGuard<'_, VecDeque<Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, at: Position, since: u64) -> Option<Page> {
        let pages = self.pages();
        pages.iter().find(|page| page.serves(at, since)).cloned()
    }

    fn keep(&self, page: Page) {
        let mut pages = self.pages();
        // Of the end of the log the newest is enough, and without turns two may have read the same.
        pages.retain(|kept| kept.is_full && kept.after != page.after);
        if pages.len() == PAGES {
            pages.pop_front();
        }
        pages.push_back(page);
    }

    async fn read(&self, ctx: &Ctx, workspace: WorkspaceId, at: Position) -> Result<Page> {
        let reading = self.readings.fetch_add(1, Ordering::SeqCst) + 1;
        let batch = change::read(ctx.reader(), workspace, at, BATCH).await?;
        let until = match batch.last() {
            Some(Ok(entry)) => entry.position,
            Some(Err(unreadable)) => unreadable.position,
            None => at,
        };
        Ok(Page {
            after: at,
            until,
            is_full: batch.len() as u64 == BATCH,
            entries: batch.into_iter().flatten().map(Arc::new).collect(),
            reading,
        })
    }

    /// Lets the pages go.
    fn forget(&self) {
        self.pages().clear();
    }
}

impl Hub {
    /// Makes the hub on the process's main runtime; feeds read through `ctx` and are woken by
    /// `hints`.
    pub fn new(ctx: Ctx, hints: broadcast::Sender<Hint>, runtime: Handle) -> Self {
        let shared = Shared {
            ctx,
            hints,
            runtime,
            feeds: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Everything after `after`, or from now on, in order and without a gap. `ctx` reads what lies
    /// before the live feed.
    pub(super) async fn follow(
        &self,
        ctx: Ctx,
        workspace: WorkspaceId,
        after: Option<Position>,
    ) -> Result<impl Stream<Item = Result<Arc<Entry>>> + Send + 'static> {
        let feed = self.feed(workspace);
        // Subscribed before the log is read: what is written in between comes twice and is dropped
        // by its position.
        let live = feed.entries.subscribe();
        let since = feed.readings();
        feed.begin(&ctx, workspace).await?;
        let at = match after {
            Some(after) => {
                floor::check_cursor(&ctx, workspace, after).await?;
                after
            }
            None => change::end(ctx.reader(), workspace).await?,
        };
        let reader = Reader {
            ctx,
            workspace,
            feed,
            live,
            since,
            at,
            backlog: Vec::new().into_iter(),
            behind: true,
        };
        Ok(futures::stream::unfold(reader, |mut reader| async move {
            let entry = reader.next().await?;
            Some((entry, reader))
        }))
    }

    fn feed(&self, workspace: WorkspaceId) -> Arc<Feed> {
        let mut feeds = self
            .shared
            .feeds
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&workspace).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed::new());
        feeds.insert(workspace, Arc::downgrade(&feed));
        let source = Source {
            ctx: self.shared.ctx.walled_to(workspace),
            workspace,
            hints: self.shared.hints.subscribe(),
            feed: Arc::downgrade(&feed),
        };
        self.shared.runtime.spawn(source.run());
        feed
    }
}

/// Reads one workspace's log and passes it on as long as somebody listens.
struct Source {
    ctx: Ctx,
    workspace: WorkspaceId,
    hints: broadcast::Receiver<Hint>,
    feed: Weak<Feed>,
}

impl Source {
    async fn run(mut self) {
        let Some(mut at) = self.begin().await else {
            return;
        };
        while self.feed.strong_count() > 0 {
            let hinted = self.wait().await;
            if !hinted && let Some(feed) = self.feed.upgrade() {
                feed.forget();
            }
            let waits = if hinted { &SETTLING_MS[..] } else { &[] };
            for wait in std::iter::once(&0).chain(waits) {
                sleep(Duration::from_millis(*wait)).await;
                let before = at;
                at = self.pass_on(at).await;
                if at > before {
                    break;
                }
            }
        }
    }

    /// Where the feed begins, however often that has to be asked; nothing when nobody listens any more.
    async fn begin(&self) -> Option<Position> {
        loop {
            let begin = self.feed.upgrade()?.begin(&self.ctx, self.workspace).await;
            match begin {
                Ok(at) => return Some(at),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a feed cannot read"
                    );
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }

    /// Waits for a hint of this workspace; false when none came in time.
    async fn wait(&mut self) -> bool {
        let wanted = Hint {
            workspace: self.workspace.0,
            work: Work::Changes,
        };
        timeout(LOOK_EVERY, async {
            loop {
                match self.hints.recv().await {
                    Ok(hint) if hint == wanted => return true,
                    Ok(_) => {}
                    // Too many hints at once: one of them may have been ours.
                    Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        })
        .await
        .unwrap_or_default()
    }

    /// Reads everything there is after `at`, and returns how far it came.
    async fn pass_on(&self, mut at: Position) -> Position {
        loop {
            let batch = match change::read(self.ctx.reader(), self.workspace, at, BATCH).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a feed cannot read"
                    );
                    return at;
                }
            };
            let Some(feed) = self.feed.upgrade() else {
                return at;
            };
            let full = batch.len() as u64 == BATCH;
            for entry in batch {
                match entry {
                    Ok(entry) => {
                        at = entry.position;
                        // Nobody listening is not a failure.
                        let _ = feed.entries.send(Arc::new(entry));
                    }
                    Err(unreadable) => at = unreadable.position,
                }
            }
            if !full {
                return at;
            }
        }
    }
}

/// One subscriber's place in the log.
struct Reader {
    ctx: Ctx,
    workspace: WorkspaceId,
    feed: Arc<Feed>,
    live: broadcast::Receiver<Arc<Entry>>,
    /// How many readings had begun when `live` was there.
    since: u64,
    at: Position,
    backlog: std::vec::IntoIter<Arc<Entry>>,
    behind: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Arc<Entry>>> {
        loop {
            if let Some(entry) = self.backlog.next() {
                self.at = entry.position;
                return Some(Ok(entry));
            }
            if self.behind {
                if let Err(error) = self.read_on().await {
                    return Some(Err(error));
                }
                continue;
            }
            match self.live.recv().await {
                Ok(entry) if entry.position > self.at => {
                    self.at = entry.position;
                    return Some(Ok(entry));
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    self.live = self.feed.entries.subscribe();
                    self.since = self.feed.readings();
                    self.behind = true;
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn read_on(&mut self) -> Result<()> {
        let feed = &self.feed;
        let reading = feed.read(&self.ctx, self.workspace, self.at);
        let page = feed.page(self.at, self.since, reading).await?;
        self.behind = page.is_full;
        let entries = page.entries.iter();
        let entries = entries.filter(|entry| entry.position > self.at).cloned();
        let backlog: Vec<_> = entries.collect();
        if backlog.is_empty() {
            // Unreadable entries at the end are stepped over too.
            self.at = self.at.max(page.until);
        }
        self.backlog = backlog.into_iter();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures::FutureExt as _;

    use super::*;

    fn at(seq: i64) -> Position {
        Position { tx: 1, seq }
    }

    fn page(after: i64, is_full: bool) -> Page {
        Page {
            after: at(after),
            until: at(after + 10),
            entries: Arc::default(),
            is_full,
            reading: 5,
        }
    }

    #[test]
    fn a_page_serves_those_whom_it_has_something_for_and_who_miss_nothing_by_it() {
        for (is_full, seq, since, serves) in [
            (true, 9, 0, false),
            (true, 10, 0, true),
            (true, 19, 9, true),
            (true, 20, 0, false),
            (false, 9, 0, false),
            (false, 10, 4, true),
            (false, 20, 4, true),
            (false, 30, 4, true),
            (false, 20, 5, false),
        ] {
            let told = page(10, is_full).serves(at(seq), since);
            assert_eq!(told, serves, "{is_full} {seq} {since}");
        }
    }

    #[actix_web::test]
    async fn whoever_is_served_by_a_page_waits_for_no_reading() {
        let feed = Feed::new();
        let read = feed.page(at(10), 0, ready(Ok(page(10, true)))).await;
        assert_eq!(read.unwrap().until, at(20));
        let turn = feed.turn.lock().await;
        let served = feed.page(at(15), 0, pending()).now_or_never();
        assert!(served.is_some_and(|page| page.is_ok()));
        let next = || ready(Ok(page(20, true)));
        let waiting = feed.page(at(20), 0, next()).now_or_never();
        assert!(waiting.is_none());
        drop(turn);
        let read = feed.page(at(20), 0, next()).now_or_never();
        assert!(read.is_some_and(|page| page.is_ok()));
    }

    #[test]
    fn few_pages_are_kept_and_of_the_end_of_the_log_one() {
        let feed = Feed::new();
        for number in 0..20 {
            feed.keep(page(number * 10, true));
            feed.keep(page(number * 10 + 5, false));
        }
        assert_eq!(feed.pages().len(), PAGES);
        assert!(feed.kept(at(0), 0).is_none());
        assert!(feed.kept(at(190), 0).is_some());
        feed.keep(page(190, true));
        assert_eq!(feed.pages().len(), PAGES - 1);
        feed.forget();
        assert!(feed.kept(at(190), 0).is_none());
    }
}
