//! Tasks: what members have to do, by when, about whom.
//!
//! Made by members, rules and playbooks. A task that belongs to nobody in particular is for whoever
//! takes it; one of a team, for whichever of its members does. Members are told of what becomes of tasks through the change log only.
//!
//! - `write`: making and changing one; `make`: making many at once;
//! - `list`: whose, about whom, overdue, in pages;
//! - `overdue`: finding those whose moment has passed.

mod list;
mod make;
mod overdue;
mod write;

use chrono::{DateTime, Utc};

pub use list::{TaskFilter, TaskOrder, list, load};
pub use make::Unassigned;
pub(crate) use make::{Assignee, Draft, Made, make};
pub use overdue::find_overdue;
pub use write::{NewTask, TaskChange, create, end, reopen, update};
pub(crate) use write::{leave_team, release};

/// Characters a title has at most.
pub const MAX_TITLE: usize = 200;
/// Characters a description has at most.
pub const MAX_DESCRIPTION: usize = 10_000;

/// Stands for a due moment where there is none: the last second of the year 9999.
fn end_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(253_402_300_799, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
