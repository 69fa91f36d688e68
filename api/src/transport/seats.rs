//! How many sockets and live subscriptions each access token and each workspace has, and the most
//! they may have. A seat is taken when one opens and given back when it is dropped, however it
//! ends. One [`Seats`] serves the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{code::Code, failure::Failure, figures::Open};

/// The most of each kind that may be open at once in one process.
#[derive(Debug, Clone, Copy)]
pub struct SeatLimits {
    /// Sockets of one access token.
    pub sockets_per_token: u32,
    /// Sockets of one workspace.
    pub sockets_per_workspace: u32,
    /// Live subscriptions of one access token, on sockets and streams together.
    pub subscriptions_per_token: u32,
    /// Live subscriptions of one workspace.
    pub subscriptions_per_workspace: u32,
}

impl Default for SeatLimits {
    fn default() -> Self {
        Self {
            sockets_per_token: 1_000,
            sockets_per_workspace: 5_000,
            subscriptions_per_token: 2_000,
            subscriptions_per_workspace: 10_000,
        }
    }
}

/// What a seat is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum SeatKind {
    Socket,
    Subscription,
}

/// Whose a seat is: the token's and the workspace's at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Token(u128),
    Workspace(u128),
}

/// All seats that are taken.
#[derive(Debug)]
pub struct Seats {
    limits: SeatLimits,
    counts: Mutex<HashMap<(SeatKind, Holder), u32>>,
}

/// One that is taken; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    kind: SeatKind,
    holders: [Holder; 2],
    /// Sockets are counted by themselves: they are open before they have a seat.
    _open: Option<Open>,
}

/// Why there is none left, in words for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Full(pub(crate) String);

impl Seats {
    /// Nothing taken yet.
    pub fn new(limits: SeatLimits) -> Self {
        Self {
            limits,
            counts: Mutex::default(),
        }
    }

    pub(crate) fn take(
        self: &Arc<Self>,
        kind: SeatKind,
        token: u128,
        workspace: u128,
    ) -> Result<Seat, Full> {
        let holders = [Holder::Token(token), Holder::Workspace(workspace)];
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for holder in holders {
            let limit = self.limit(kind, holder);
            if counts.get(&(kind, holder)).copied().unwrap_or(0) >= limit {
                return Err(Full::new(kind, holder, limit));
            }
        }
        for holder in holders {
            *counts.entry((kind, holder)).or_default() += 1;
        }
        Ok(Seat {
            seats: Arc::clone(self),
            kind,
            holders,
            _open: (kind == SeatKind::Subscription).then(Open::subscription),
        })
    }

    fn limit(&self, kind: SeatKind, holder: Holder) -> u32 {
        let limits = &self.limits;
        match (kind, holder) {
            (SeatKind::Socket, Holder::Token(_)) => limits.sockets_per_token,
            (SeatKind::Socket, Holder::Workspace(_)) => limits.sockets_per_workspace,
            (SeatKind::Subscription, Holder::Token(_)) => limits.subscriptions_per_token,
            (SeatKind::Subscription, Holder::Workspace(_)) => limits.subscriptions_per_workspace,
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self
            .seats
            .counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for holder in self.holders {
            let key = (self.kind, holder);
            if let Some(count) = counts.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&key);
                }
            }
        }
    }
}

impl Full {
    fn new(kind: SeatKind, holder: Holder, limit: u32) -> Self {
        let what = match kind {
            SeatKind::Socket => "sockets",
            SeatKind::Subscription => "live subscriptions",
        };
        let whose = match holder {
            Holder::Token(_) => "access token",
            Holder::Workspace(_) => "workspace",
        };
        Self(format!(
            "This {whose} has {limit} {what} open; end one first"
        ))
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Self {
        let mut failure = Self::new(Code::TooManyOperations, full.0 + ".");
        failure.retry_after_s = Some(5);
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::{SeatKind::*, *};

    #[test]
    fn a_token_and_a_workspace_have_so_many_seats_and_get_them_back() {
        let seats = Arc::new(Seats::new(SeatLimits {
            sockets_per_token: 2,
            sockets_per_workspace: 3,
            subscriptions_per_token: 1,
            subscriptions_per_workspace: 1,
        }));
        let first = seats.take(Socket, 1, 9).unwrap();
        let _second = seats.take(Socket, 1, 9).unwrap();
        let full = seats.take(Socket, 1, 9).unwrap_err();
        assert!(full.0.contains("access token has 2 sockets"), "{full:?}");
        let _third = seats.take(Socket, 2, 9).unwrap();
        let full = seats.take(Socket, 2, 9).unwrap_err();
        assert!(full.0.contains("workspace has 3 sockets"), "{full:?}");
        assert!(seats.take(Subscription, 1, 9).is_ok());
        drop(first);
        assert!(seats.take(Socket, 1, 9).is_ok());
    }

    #[test]
    fn nothing_is_remembered_of_those_who_left() {
        let seats = Arc::new(Seats::new(SeatLimits::default()));
        drop(seats.take(Socket, 1, 9).unwrap());
        assert!(seats.counts.lock().unwrap().is_empty());
    }
}
