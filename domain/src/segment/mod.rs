//! Segments: saved conditions over contacts or accounts whose members come and go by themselves, and
//! lists that members of the workspace keep by hand.
//!
//! Who is in a segment is a table (`segment_member`), so that reading never evaluates a condition.
//! A live segment's members are kept by three things, all of which write through `moves`:
//!
//! - [`build`]: an operation that evaluates everybody, in bounded steps, when a segment was made, its
//!   condition changed, or something changed that touches too many to be named;
//! - [`projection`]: after each change, those whom it concerns are evaluated for the segments whose
//!   conditions ask about it. Its cost follows the change, not the number of contacts;
//! - [`clock`]: once an hour, the segments that time alone can change.
//!
//! All three first hold the rows of the segments concerned and evaluate afterwards, so whoever comes
//! second has seen everything the first one saw: no change is lost while a segment is being filled.
//! Each going in and out is a row of the history with its cause, and an entry of the change log, by
//! which rules, playbooks and segments made of segments follow. The one exception is the first
//! filling of a new segment, which is not news about anybody.
//!
//! The files beside them:
//!
//! - `definition`, `catalogue`, `graph`, `sentence`: the condition as it is kept, what the live segments of a
//!   workspace ask about, which are made of which, and a segment in words;
//! - `write`, `read`, `duplicate`, `preview`: members of the workspace changing and reading them, and what a
//!   condition would find;
//! - `route`, `colleagues`, `edge`: whom a change concerns, beside whom, and whom the hour;
//! - `evaluate`, `moves`, `cause`, `aside`: for whom conditions hold, writing who comes in and goes out, and
//!   why, and telling the owner where a condition cannot be judged;
//! - `hand`, `lines`, `fill`: lists kept by hand, from the lines of a file, from a filter;
//! - `merge`, `retag`, `uses`: when people or tags are merged, and what keeps a segment from being deleted.
//!
//! Called by the GraphQL layer and by workers. It never asks another service anything.

mod aside;
pub mod build;
mod catalogue;
mod cause;
pub mod clock;
mod colleagues;
mod definition;
mod duplicate;
mod edge;
mod evaluate;
pub mod fill;
mod graph;
pub mod hand;
mod lines;
mod merge;
mod moves;
pub mod preview;
pub mod projection;
mod read;
pub mod retag;
mod route;
mod sentence;
pub mod uses;
mod write;

use crate::condition::{Condition, path::Path, reference::Reference};

pub use cause::{About, Cause};
pub use duplicate::{Duplicate, duplicate};
pub(crate) use moves::forget;
pub(crate) use read::count_of;
pub use read::{
    Entered, Filter, Member, MemberFilter, Membership, Move, MovesOf, Segment, find, history, list,
    load, load_moves, members, members_of_all, memberships,
};
pub use sentence::sentence;
pub use write::{Changes, NewSegment, create, delete, rebuild, update};

/// Everything a condition names by id, with the place where it does.
pub fn references(condition: &Condition) -> Vec<Reference> {
    let mut found = Vec::new();
    condition.references(&Path::root("condition"), &mut found);
    found
}

/// Characters a name may have.
pub const NAME_LIMIT: usize = 100;
/// Characters a description may have.
pub const DESCRIPTION_LIMIT: usize = 1_000;
/// Segments a workspace may have.
pub const SEGMENT_LIMIT: i64 = 1_000;
