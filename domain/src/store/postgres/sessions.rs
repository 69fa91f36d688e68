//! The connections a process or a thread has to PostgreSQL, and who has which.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sea_orm::{DbErr, RuntimeErr};
use sqlx::postgres::PgConnectOptions;
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::Session;
use crate::store::{
    Wall,
    usage::{Slot, Slots, late},
};

/// How long somebody waits for a connection.
pub(in crate::store) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection is kept that nobody needs.
const MAX_IDLE: Duration = Duration::from_mins(10);

/// Up to a number of connections, opened when they are needed.
pub(in crate::store) struct Sessions {
    options: PgConnectOptions,
    /// Those nobody has, the one given back last at the end.
    idle: Mutex<VecDeque<Idle>>,
    /// One for each connection that may be lent; never fewer are taken than connections are lent.
    slots: Slots,
}

struct Idle {
    session: Session,
    since: Instant,
}

/// A connection that nobody else has until this is dropped. Then it goes back as it should be: what was left
/// in it is read or undone first.
#[derive(Debug)]
pub(in crate::store) struct Lent {
    /// There until it is dropped.
    session: Option<Session>,
    sessions: Arc<Sessions>,
    slot: Option<Slot>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions")
            .field("size", &self.slots.size())
            .finish_non_exhaustive()
    }
}

impl Sessions {
    pub(in crate::store) fn new(options: PgConnectOptions, size: u32) -> Arc<Self> {
        Arc::new(Self {
            options,
            idle: Mutex::default(),
            slots: Slots::new(size),
        })
    }

    /// Waits for a connection that sees what `wall` lets through.
    pub(in crate::store) async fn take(self: &Arc<Self>, wall: Wall) -> Result<Lent, DbErr> {
        let taken = timeout(PATIENCE, async {
            let slot = self.slots.take(wall, PATIENCE).await?;
            let session = self.session(wall).await;
            let session = session.map_err(|error| DbErr::Conn(RuntimeErr::SqlxError(error.into())));
            Ok(Lent {
                session: Some(session?),
                sessions: Arc::clone(self),
                slot: Some(slot),
            })
        });
        taken.await.unwrap_or_else(|_| Err(late()))
    }

    /// An idle connection that still lives, or a new one.
    async fn session(&self, wall: Wall) -> Result<Session, sqlx::Error> {
        while let Some(mut session) = self.choose(wall) {
            match session.turn(wall).await {
                Ok(()) => return Ok(session),
                Err(error) => tracing::debug!(%error, "a connection was lost while nobody had it"),
            }
        }
        let mut pause = Duration::from_millis(10);
        loop {
            match Session::open(&self.options, wall).await {
                Err(error) if is_passing(&error) => {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                done => return done,
            }
        }
    }

    /// The idle connection used last of those set for `wall`: few stay warm, and the others can be closed. If
    /// there is none, a new one is worth opening, since from then on there is one more that can stay set for
    /// somebody, until there are as many as there may be; then it is the one left alone for longest.
    fn choose(&self, wall: Wall) -> Option<Session> {
        let mut idle = self.idle();
        let ready = idle.iter().rposition(|one| one.session.is_set_for(wall));
        let index = match ready {
            Some(index) => index,
            None if idle.len() + self.slots.lent() <= self.slots.size() => return None,
            None => 0,
        };
        idle.remove(index).map(|one| one.session)
    }

    fn give_back(&self, session: Session) {
        if session.is_broken() {
            // Most likely the server has gone or was started again: whoever took one of the others would find
            // that out once more.
            self.idle().clear();
            return;
        }
        if !session.is_to_be_kept() {
            part(session);
            return;
        }
        let since = Instant::now();
        let mut idle = self.idle();
        idle.push_back(Idle { session, since });
        let is_forgotten = idle
            .front()
            .is_some_and(|one| one.since.elapsed() > MAX_IDLE);
        let forgotten = is_forgotten.then(|| idle.pop_front()).flatten();
        drop(idle);
        if let Some(one) = forgotten {
            part(one.session);
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// The connection.
    pub(in crate::store) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("it is there until the drop")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some(mut session), slot) = (self.session.take(), self.slot.take()) else {
            return;
        };
        let sessions = Arc::clone(&self.sessions);
        if session.is_broken() || !session.needs_settling() {
            sessions.give_back(session);
            return;
        }
        // Without a runtime nobody will want it any more.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            // One that does not come to an end is closed: the server undoes what was open.
            if let Ok(Ok(())) = timeout(PATIENCE, session.settle()).await {
                sessions.give_back(session);
            }
            drop(slot);
        });
    }
}

/// Closes a connection, and does not wait for it.
fn part(session: Session) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            let _ = timeout(PATIENCE, session.close()).await;
        });
    }
}

/// Whether a server that does not let us in may do so in a moment: it starts, or has too many connections.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
        _ => false,
    }
}
