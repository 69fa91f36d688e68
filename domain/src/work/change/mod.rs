//! The change log: what happened in a workspace, in order.
//!
//! - `fact`: everything that can happen, as it is stored. A new fact is a variant there, a line in
//!   `kind` and its table, in `subject`, and one in `condition::bearing`.
//! - `kind`: what facts are called, and what they tell; the table in `docs/api.md` says the same.
//! - `subject`: what thing a fact is about.
//! - `entry`: a fact on its way into the log, and one that was read from it.
//! - `position`: a place in the log.
//! - `log`: appending, reading, and the end of it. Whoever changes something notes it with its
//!   transaction (`store::Tx::record`), which appends at its end; projections and subscriptions read.
//!
//! Nothing here decides what follows from a fact, and no entry is changed after it was written.

mod entry;
mod fact;
mod kind;
mod log;
mod position;
mod subject;

pub(crate) use self::log::{append, read_facts};
pub use self::{
    entry::{Besides, Change, Entry, Unreadable},
    fact::Fact,
    kind::FactKind,
    log::{end, read},
    position::Position,
};
