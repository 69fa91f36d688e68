//! The work core: how every consequence of a change happens once, whatever crashes.
//!
//! - [`change`]: the log of what happened, written in the transaction of the change.
//! - [`projection`]: reads the log in order, in batches; its cursor moves in the transaction of its
//!   effects.
//! - [`due`]: rows with a time, claimed under a lease with a fencing token.
//! - [`schedule`]: ticks that exactly one worker runs.
//! - [`quarantine`]: where work goes that keeps failing or crashing, to be seen and replayed.
//!
//! All truth is in the database. Workers are woken by hints and find the same work by sweeping.
//! Nothing here calls out of the installation.

pub mod change;
pub mod due;
pub mod projection;
pub mod quarantine;
pub mod schedule;
