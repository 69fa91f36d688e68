//! The change log: what happened in a workspace, in order.
//!
//! - `fact`: everything that can happen, as it is stored. A new fact is a variant there and a line in
//!   each match of `naming`.
//! - `naming`: what a fact is called, and what thing it is about.
//! - `entry`: a fact on its way into the log, and one that was read from it.
//! - `position`: a place in the log.
//! - `log`: appending, reading, and the end of it. Whoever changes something notes it with its
//!   transaction (`store::Tx::record`), which appends at its end; projections and subscriptions read.
//!
//! Nothing here decides what follows from a fact, and no entry is changed after it was written.

mod entry;
mod fact;
mod log;
mod naming;
mod position;

pub(crate) use self::log::{append, read_facts};
pub use self::{
    entry::{Change, Entry, Unreadable},
    fact::Fact,
    log::{end, read},
    position::Position,
};
