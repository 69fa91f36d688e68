//! Playbooks: sequences of steps with waits and branches that contacts are enrolled in.
//!
//! - `definition`, `check`, `flow`, `moment`, `outline`: what a playbook is, whether it makes sense, how
//!   its steps hang together, when a wait is over, all of it in words. Nothing there knows a database;
//! - `write`, `read`, `duplicate`: playbooks and their versions. An enrolment stays on the version it began with
//!   until somebody takes it to another; new ones take the published version, which may be an older one again;
//! - `enrol`: enrolling any number of contacts at once; `bulk`: everybody a filter finds, and ending
//!   everybody's enrolment, as operations;
//! - `run`: moves enrolments on that are due, hundreds in a transaction. Called by workers;
//! - `projection`: reads the change log, enrols whom a source names, and brings forward whoever a
//!   change may move; `hear`: which kinds of facts that is, `judge`: for whom of many a condition holds;
//! - `shift`: taking enrolments under way to another version, when somebody asks for it;
//! - `hand`: cancelling, moving on and trying again by hand; `ending`: what ended an enrolment, in words;
//! - `count`: how many are where, kept by whoever moves one; `history`: what each left behind;
//! - `failing`: actions that cannot be done, and the pause of a playbook that has too many of them; `failure`: why
//!   an enrolment does not go on;
//! - `double`: enrolments of contacts who are merged into others that are in the same playbook; `erase`: what
//!   people who are erased leave in the counts;
//! - `naming`, `retag`: which playbooks name something, and what becomes of them when a tag goes or is merged;
//! - `template`: playbooks ready to be made.
//!
//! An enrolment is moved only by a worker that holds it (a lease with a fencing token), in one
//! transaction with everything its steps do: whoever dies in the middle has done nothing. Facts are
//! judged when an enrolment is looked at, never when a change is read: that only brings the look
//! forward, so no order of events can make one be missed.

mod bulk;
mod check;
mod count;
pub mod definition;
mod double;
mod duplicate;
mod ending;
mod enrol;
mod erase;
mod failing;
mod failure;
pub(crate) mod flow;
pub mod hand;
mod hear;
mod history;
mod judge;
mod moment;
pub(crate) mod naming;
mod outline;
mod projection;
mod read;
pub(crate) mod retag;
mod run;
#[cfg(test)]
pub(crate) mod samples;
mod shift;
pub mod template;
mod write;

pub use bulk::{EndEnrolments, EnrolByFilter, enrol_by_filter};
pub(crate) use count::Counts;
pub use count::{Overall, OverallStep, Tallies, Tally, load_overall, load_tallies};
pub use definition::Definition;
pub(crate) use double::{end_doubles, resume_doubles};
pub use duplicate::duplicate;
pub use ending::ending;
pub(crate) use enrol::{Ended, Entrant, start, stop};
pub use enrol::{Enrolled, NotEnrolled, enrol_contacts};
pub(crate) use erase::forget;
pub use failure::{Failure, FailureCode, failure};
pub use outline::outline;
pub use projection::Playbooks;
pub(crate) use projection::sources;
pub use read::{
    EnrolmentFilter, Version, enrolments, find_version, history, list, load, load_enrolments,
    load_versions, outcomes, versions,
};
pub use run::{Turn, run_due};
pub use shift::{Landing, MoveEnrolments, Shift, Shifted, StepMove, shift};
pub use write::{NewPlaybook, PlaybookChange, create, publish, set_state, update};

/// Characters the name of a playbook may have.
pub const NAME_LIMIT: usize = 100;
/// Characters the description of a playbook may have.
pub const DESCRIPTION_LIMIT: usize = 2_000;
/// Playbooks a workspace may have that are not archived.
pub const PLAYBOOK_LIMIT: i64 = 500;
/// Versions one playbook may have.
pub const VERSION_LIMIT: i64 = 1_000;
/// Contacts that may be enrolled by one request.
pub const MAX_AT_ONCE: usize = 1_000;
