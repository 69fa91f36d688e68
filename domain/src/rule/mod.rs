//! Rules: when a message arrives and a condition holds, do something.
//!
//! The part that decides takes values and returns values:
//! - [`trigger`], [`action`]: the kinds a rule is made of beside its [`condition`](crate::condition),
//!   one file each;
//! - [`definition`]: the three together, and their JSON;
//! - [`check`](mod@check): whether a rule makes sense, before it is saved;
//! - [`sentence`](mod@sentence): a rule in words, in three languages;
//! - [`plan`](mod@plan): what to do about those that fired.
//!
//! The part that acts:
//! - [`write`](mod@write) and [`read`]: the rules of a workspace, and members changing them;
//! - `cache`: the compiled rules of each workspace, until they change;
//! - [`projection`]: evaluates messages as they come in and writes what follows;
//! - [`firing`]: the log of what fired, on what, and what became of it.
//!
//! To add one: a new trigger or action is a file in its folder and a variant in that
//! folder's `mod.rs`, which says the rest.

pub mod action;
mod cache;
pub mod check;
pub mod definition;
pub mod firing;
pub mod plan;
pub mod projection;
pub mod read;
pub(crate) mod retag;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod schema_tests;
pub mod sentence;
pub mod trigger;
pub mod write;

pub use read::{Rule, find, list, load};
pub use write::{
    NewRule, RuleChanges, create, delete, delete_and_withdraw, pause_and_withdraw, reorder,
    set_active, update,
};
