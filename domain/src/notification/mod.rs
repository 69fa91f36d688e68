//! Messages to a team: what is said to which target, what the target's answer means, and when to
//! try again.
//!
//! The cast:
//! - [`manage`]: the targets of a workspace, and members changing them; `address` is their URL,
//!   [`receiver`] the people they go to, `charge` who of them is in charge, [`key`] what webhooks are signed
//!   with;
//! - [`delivery`]: deliveries and their attempts; `replay`: sending again, and trying a target out;
//! - [`deliver`]: the worker's turn, which calls [`crate::port::Egress`] and writes down what came
//!   of it; `attempt`: each try, as it is kept;
//! - [`template`]: texts that members write, with the facts at hand; [`about`] loads the facts;
//! - [`trigger`]: what set a rule off, as its notices tell it;
//! - [`notice`]: what a notification says, whatever its target;
//! - [`target`]: how that is said to each kind of target and what its answer means, purely, as a
//!   `verdict`;
//! - [`in_app`]: the list each member has;
//! - [`uses`]: what notifies a target, which keeps it from being deleted;
//! - [`retry`]: when a delivery is tried again, purely.

pub mod about;
pub(crate) mod address;
pub(crate) mod attempt;
mod charge;
pub mod deliver;
pub mod delivery;
pub mod in_app;
pub mod key;
pub mod manage;
pub mod notice;
pub mod receiver;
mod replay;
pub mod retry;
pub mod target;
pub mod template;
pub mod trigger;
pub mod uses;
mod verdict;

pub use receiver::Receivers;
pub use replay::{replay, replay_failed, send_test};
pub use verdict::{DisableReason, Verdict};
