//! Messages to a team: what is said to which target, what the target's answer means, and when to
//! try again.
//!
//! Everything here is pure. The delivery job in `worker` loads what is due, calls
//! [`crate::port::Egress`] with the body built here, asks the target's `judge` what the answer
//! means and [`retry::next_attempt`] when to come back.

pub mod retry;
pub mod target;
mod verdict;

pub use verdict::{DisableReason, Verdict};
