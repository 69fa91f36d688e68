//! The work core: how every consequence of a change happens once, whatever crashes.
//!
//! - [`change`]: the log of what happened, written in the transaction of the change.
//! - [`projection`]: reads the log in order, in batches; its cursor moves in the transaction of its
//!   effects.
//! - [`epoch`]: keeps the log in order across a restored backup.
//! - [`due`]: rows with a time, claimed under a lease with a fencing token.
//! - [`schedule`]: ticks that exactly one worker runs.
//! - [`quarantine`]: where work goes that keeps failing or crashing, to be seen; [`replay`] tries it
//!   again.
//! - [`standing`]: how far all of this is, for whoever measures.
//! - [`ahead`]: cuts short what a clock that was ahead put off for too long.
//! - [`takeover`]: takes up soon what a killed process had claimed, where none else is at work.
//! - [`retention`]: what is forgotten in the end; `floor`: where the log begins since.
//! - `rounds`: workspaces take turns at what comes due outside of all this.
//!
//! All truth is in the database. Workers are woken by hints and find the same work by sweeping.
//! Nothing here calls out of the installation.

pub mod ahead;
pub mod change;
pub mod due;
pub mod epoch;
pub mod floor;
pub mod projection;
pub mod quarantine;
pub mod replay;
pub mod retention;
pub(crate) mod rounds;
pub mod schedule;
pub mod standing;
pub mod takeover;
