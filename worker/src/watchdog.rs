//! Ends the process when a piece of work never gives its thread back.
//!
//! A job that waits too long is ended by the runtime (`Settings::job_timeout`). One in an endless loop is not:
//! it gives way to nobody, keeps a thread, its transaction and its claim, and takes one more thread with each
//! worker that finds the claim run out; on SQLite nobody writes any more. All that helps is to end the process.
//! Whoever looks after it starts it again; the claim that was left standing is counted as a crash, and work
//! that does so three times is set aside like any other that takes its worker down.
//!
//! Called by the runtime and the handler, which [`watch`] what they run, and by `start`, which has one thread
//! look ([`start`]). Work that gives way is never ended here, however long it takes: what counts is the
//! processor time a single poll of it has used, which a busy machine or a stopped process does not add to.

use std::{
    collections::BTreeMap,
    fs,
    future::poll_fn,
    io, mem, process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// From when on a piece of work is taken for hung.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Processor time a thread may use without giving way.
    pub busy: Duration,
    /// How long a thread may stand still without giving way, as for a lock that never comes free. Counted in
    /// looks, so that the time in which the whole process stood still does not count.
    pub stuck: Duration,
    /// The pause between two looks.
    pub look_every: Duration,
}

impl Default for Limits {
    /// Work that is well takes milliseconds. PostgreSQL ends a transaction that is idle for 30 s, with the
    /// locks that keep others from being blamed for what this one does: so less than that.
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(15),
            stuck: Duration::from_mins(5),
            look_every: Duration::from_secs(1),
        }
    }
}

/// Everything that is watched in this process, by number.
static PIECES: Mutex<BTreeMap<u64, Arc<Piece>>> = Mutex::new(BTreeMap::new());
static NUMBERS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// What the system calls this thread; 0 where it does not say.
    static THREAD: u64 = own_thread().unwrap_or_default();
}

/// A piece of work under way.
#[derive(Debug)]
struct Piece {
    what: String,
    /// The thread it was polled on last.
    thread: AtomicU64,
    /// Beginnings and ends of polls so far: odd during one.
    turns: AtomicU64,
}

/// Does `work`, which is called `what` in the log should it hang.
pub async fn watch<T>(what: impl Into<String>, work: impl Future<Output = T>) -> T {
    let listed = Listed::new(what.into());
    let mut work = Box::pin(work);
    poll_fn(|context| {
        let _turn = Turn::begin(&listed.piece);
        work.as_mut().poll(context)
    })
    .await
}

/// Has a thread of its own look after what is watched, from now on until the process ends.
pub fn start(limits: Limits) -> io::Result<()> {
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            let mut looks = Looks::default();
            let tell = |what: &str| {
                tracing::error!(
                    work = what,
                    "work hangs and does not give its thread back; unless only the log hung, the process ends, to \
                     be started again"
                );
            };
            loop {
                thread::sleep(limits.look_every);
                if looks.find_hung(&limits, tell) {
                    process::exit(1);
                }
            }
        })?;
    Ok(())
}

fn pieces() -> MutexGuard<'static, BTreeMap<u64, Arc<Piece>>> {
    PIECES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A piece of work among those that are watched, until this is dropped.
struct Listed {
    number: u64,
    piece: Arc<Piece>,
}

impl Listed {
    fn new(what: String) -> Self {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let piece = Arc::new(Piece {
            what,
            thread: AtomicU64::new(0),
            turns: AtomicU64::new(0),
        });
        pieces().insert(number, Arc::clone(&piece));
        Self { number, piece }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        pieces().remove(&self.number);
    }
}

/// One poll. It also ends where that panics.
struct Turn<'p>(&'p Piece);

impl<'p> Turn<'p> {
    fn begin(piece: &'p Piece) -> Self {
        piece
            .thread
            .store(THREAD.with(|thread| *thread), Ordering::Relaxed);
        piece.turns.fetch_add(1, Ordering::Release);
        Self(piece)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turns.fetch_add(1, Ordering::Release);
    }
}

/// What was found at the last look: the poll each piece was in.
#[derive(Debug, Default)]
struct Looks {
    seen: BTreeMap<u64, Seen>,
}

/// A poll that was under way at a look.
#[derive(Debug, Clone, Copy)]
struct Seen {
    turns: u64,
    /// The thread it is on.
    thread: u64,
    /// How many looks have found it since the first.
    again: u32,
    /// The processor time its thread had used at the first, if that is known.
    used_before: Option<Duration>,
}

impl Looks {
    /// Looks, and tells of what hangs; whether anything does. Where telling takes long, the log takes nothing, as of
    /// a terminal that is stopped: what stands still may have waited for that, and is given all its time again.
    fn find_hung(&mut self, limits: &Limits, tell: impl Fn(&str)) -> bool {
        let mut hung = self.look(limits);
        let start = Instant::now();
        for what in &hung {
            tell(what);
        }
        if start.elapsed() >= limits.look_every {
            hung = self.look(&Limits {
                stuck: Duration::MAX,
                ..*limits
            });
            self.seen.clear();
        }
        !hung.is_empty()
    }

    /// Looks at everything that is watched; the names of what hangs.
    fn look(&mut self, limits: &Limits) -> Vec<String> {
        let watched: Vec<_> = pieces()
            .iter()
            .map(|(number, piece)| (*number, Arc::clone(piece)))
            .collect();
        let before = mem::take(&mut self.seen);
        let mut hung = Vec::new();
        for (number, piece) in watched {
            let turns = piece.turns.load(Ordering::Acquire);
            if turns.is_multiple_of(2) {
                continue;
            }
            // If the poll has just ended this may be the thread of the next one, which has used what it has.
            let thread = piece.thread.load(Ordering::Relaxed);
            let used = processor_time(thread);
            let seen = match before.get(&number) {
                Some(seen) if (seen.turns, seen.thread) == (turns, thread) => Seen {
                    again: seen.again.saturating_add(1),
                    ..*seen
                },
                _ => Seen {
                    turns,
                    thread,
                    again: 0,
                    used_before: used,
                },
            };
            if seen.is_hung(used, limits) {
                hung.push(piece.what.clone());
            }
            self.seen.insert(number, seen);
        }
        hung
    }
}

impl Seen {
    fn is_hung(&self, used: Option<Duration>, limits: &Limits) -> bool {
        let busy = used
            .zip(self.used_before)
            .is_some_and(|(used, before)| used.saturating_sub(before) >= limits.busy);
        busy || limits.look_every.saturating_mul(self.again) >= limits.stuck
    }
}

/// What Linux calls the thread this runs on.
fn own_thread() -> Option<u64> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// The processor time a thread of this process has used, where Linux says.
fn processor_time(thread: u64) -> Option<Duration> {
    let told = fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok()?;
    processor_time_in(&told)
}

/// The fields `utime` and `stime` of `proc_pid_stat(5)`, in hundredths of a second.
fn processor_time_in(told: &str) -> Option<Duration> {
    // The name in brackets may have brackets and spaces itself.
    let (_, fields) = told.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    let hundredths = next()?.saturating_add(next()?);
    Some(Duration::from_millis(hundredths.saturating_mul(10)))
}

#[cfg(test)]
mod tests {
    use std::{
        hint,
        sync::{atomic::AtomicBool, mpsc},
    };

    use super::*;

    const LIMITS: Limits = Limits {
        busy: Duration::from_millis(200),
        stuck: Duration::from_hours(1),
        look_every: Duration::from_millis(10),
    };

    #[test]
    fn the_processor_time_of_a_thread_is_read_behind_its_name() {
        let told = "71 (a (b) c) R 1 71 71 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 4 0 1 2 3";
        assert_eq!(processor_time_in(told), Some(Duration::from_secs(3)));
        assert_eq!(processor_time_in("71 (a) R 1"), None);
        assert_eq!(processor_time_in(""), None);
    }

    #[test]
    fn what_waits_for_a_busy_machine_does_not_hang_and_what_stands_still_for_long_does() {
        let before = Duration::from_secs(7);
        let seen = |again| Seen {
            turns: 1,
            thread: 0,
            again,
            used_before: Some(before),
        };
        let limits = Limits {
            stuck: Duration::from_mins(1),
            look_every: Duration::from_secs(1),
            ..LIMITS
        };
        for (again, used, hangs) in [
            (0, Some(before), false),
            (30, Some(before + limits.busy / 2), false),
            (1, Some(before + limits.busy), true),
            (59, None, false),
            (60, None, true),
        ] {
            assert_eq!(
                seen(again).is_hung(used, &limits),
                hangs,
                "{again} {used:?}"
            );
        }
    }

    #[test]
    fn what_another_thread_has_used_before_is_not_held_against_a_poll() {
        const NAME: &str = "goes over to another thread";
        let (told, hears) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        let idle = thread::spawn(move || {
            told.send(THREAD.with(|thread| *thread)).expect("a test");
            let _ = stopped.recv();
        });
        let listed = Listed::new(NAME.to_owned());
        let on = |thread| listed.piece.thread.store(thread, Ordering::Relaxed);
        let mut looks = Looks::default();
        listed.piece.turns.store(1, Ordering::Relaxed);
        on(hears.recv().expect("a thread"));
        looks.look(&LIMITS);
        let own = THREAD.with(|thread| *thread);
        while processor_time(own).is_some_and(|used| used < LIMITS.busy * 2) {
            hint::spin_loop();
        }
        on(own);
        assert!(!looks.look(&LIMITS).iter().any(|what| what == NAME));
        drop(stop);
        idle.join().expect("an end");
    }

    #[test]
    fn what_may_wait_for_a_log_that_takes_nothing_does_not_hang() {
        let listed = Listed::new("waits for the log".to_owned());
        listed.piece.turns.store(1, Ordering::Relaxed);
        let at_once = |look_every| Limits {
            busy: Duration::from_hours(1),
            stuck: Duration::ZERO,
            look_every,
        };
        let mut looks = Looks::default();
        let slowly = |_: &str| thread::sleep(LIMITS.look_every * 2);
        assert!(!looks.find_hung(&at_once(LIMITS.look_every), slowly));
        assert!(looks.seen.is_empty());
        assert!(looks.find_hung(&at_once(Duration::from_mins(1)), |_| {}));
    }

    /// Does `work` on a thread of its own.
    fn beside(work: impl Future<Output = ()> + Send + 'static) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime").block_on(work);
        })
    }

    #[test]
    fn what_keeps_its_thread_is_found_and_what_gives_way_is_not() {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = || {
            let stop = Arc::clone(&stop);
            move || stop.load(Ordering::SeqCst)
        };
        let (keeping, giving) = (stopped(), stopped());
        let threads = [
            beside(watch("keeps its thread", async move {
                while !keeping() {
                    hint::spin_loop();
                }
            })),
            beside(watch("gives way", async move {
                while !giving() {
                    tokio::task::yield_now().await;
                }
            })),
        ];
        let mut looks = Looks::default();
        let start = Instant::now();
        let hung = loop {
            thread::sleep(LIMITS.look_every);
            let hung = looks.look(&LIMITS);
            if hung.iter().any(|what| what == "keeps its thread") {
                break hung;
            }
            assert!(start.elapsed() < Duration::from_mins(1), "it is not found");
        };
        assert!(!hung.iter().any(|what| what == "gives way"));
        stop.store(true, Ordering::SeqCst);
        for thread in threads {
            thread.join().expect("an end");
        }
        looks.look(&LIMITS);
        let mine = ["keeps its thread", "gives way"];
        assert!(
            !pieces()
                .values()
                .any(|piece| mine.contains(&piece.what.as_str()))
        );
    }
}
