//! What is written into the log and what is read from it.

use chrono::{DateTime, Utc};
use entity::id::ContactId;

use super::{fact::Fact, position::Position};
use crate::access::Origin;

/// An entry about to be written.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub fact: Fact,
    /// The contact it concerns, if it concerns one.
    pub contact: Option<ContactId>,
    /// Who did it.
    pub origin: Origin,
    /// 0 for what came from outside, one more than its cause for a consequence.
    pub depth: i64,
    /// Where the cascade it belongs to began; nothing for what came from outside.
    pub root: Option<Position>,
}

impl Change {
    /// Something that came from outside: a request, an import.
    pub fn new(origin: Origin, contact: Option<ContactId>, fact: Fact) -> Self {
        Self {
            fact,
            contact,
            origin,
            depth: 0,
            root: None,
        }
    }

    /// Something that followed from an entry of the log.
    pub fn caused(cause: &Entry, origin: Origin, contact: Option<ContactId>, fact: Fact) -> Self {
        Self {
            fact,
            contact,
            origin,
            depth: cause.depth + 1,
            root: Some(cause.root),
        }
    }
}

/// An entry of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// What happened.
    pub fact: Fact,
    /// The contact it concerns, if it concerns one.
    pub contact: Option<ContactId>,
    /// Who did it.
    pub origin: Origin,
    /// How many steps it is away from what came from outside.
    pub depth: i64,
    /// Where the cascade it belongs to began: its own place, if it came from outside.
    pub root: Position,
    /// When.
    pub at: DateTime<Utc>,
}

/// An entry that cannot be read: written by a newer release, or damaged.
#[derive(Debug, Clone)]
pub struct Unreadable {
    /// Where it stands.
    pub position: Position,
    /// What it says, as stored.
    pub data: serde_json::Value,
    /// What is known of it besides, for a release that can read it.
    pub besides: Box<Besides>,
    /// Why it cannot be read.
    pub error: String,
}

/// What stands beside what an entry says.
#[derive(Debug, Clone)]
pub struct Besides {
    /// The contact it concerns, if it concerns one.
    pub contact: Option<ContactId>,
    /// Who did it, as stored.
    pub origin: serde_json::Value,
    /// How many steps it is away from what came from outside.
    pub depth: i64,
    /// Where the cascade it belongs to began.
    pub root: Position,
    /// When.
    pub at: DateTime<Utc>,
}
