//! Rules: when a message arrives and a condition holds, do something.
//!
//! The part that decides takes values and returns values:
//! - [`trigger`], [`condition`], [`action`]: the kinds a rule is made of, one file each;
//! - [`definition`]: the three together, and their JSON;
//! - [`check`](mod@check): whether a rule makes sense, before it is saved;
//! - [`sentence`](mod@sentence): a rule in words, in three languages;
//! - [`facts`] and [`text`]: what is known about a message, and how texts are compared;
//! - [`matcher`]: which rules fire, for thousands of rules at once;
//! - [`trace`]: why one rule did or did not fire;
//! - [`plan`](mod@plan): what to do about those that fired;
//! - [`reference`](mod@reference): the ids a rule names.
//!
//! The part that acts:
//! - [`write`](mod@write) and [`read`]: the rules of a workspace, and members changing them;
//! - `cache`: the compiled rules of each workspace, until they change;
//! - [`projection`]: evaluates messages as they come in and writes what follows;
//! - [`firing`]: the log of what fired, on what, and what became of it.
//!
//! To add one: a new trigger, condition or action is a file in its folder and a variant in that
//! folder's `mod.rs`, which says the rest.

pub mod action;
mod cache;
pub mod check;
pub mod condition;
pub mod definition;
pub mod facts;
pub mod firing;
pub mod matcher;
mod path;
pub mod plan;
pub mod projection;
pub mod read;
pub mod reference;
pub(crate) mod retag;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schema_tests;
pub mod sentence;
pub mod text;
pub mod trace;
pub mod trigger;
pub mod write;

pub use read::{Rule, find, list, load};
pub use write::{
    NewRule, RuleChanges, create, delete, delete_and_withdraw, pause_and_withdraw, reorder,
    set_active, update,
};
