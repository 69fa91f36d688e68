//! Messages to a team: what is said to which target, what the target's answer means, and when to
//! try again.
//!
//! The cast:
//! - [`manage`]: the targets of a workspace, and members changing them;
//! - [`delivery`]: deliveries, their attempts and replays;
//! - [`deliver`]: the worker's turn, which calls [`crate::port::Egress`] and writes down what came
//!   of it;
//! - [`target`]: what is said to each kind of target and what its answer means, purely;
//! - [`retry`]: when a delivery is tried again, purely.

pub mod deliver;
pub mod delivery;
pub mod manage;
pub mod retry;
pub mod target;
mod verdict;

pub use verdict::{DisableReason, Verdict};
