//! Rules: when a message arrives and a condition holds, do something. The part that decides.
//!
//! Everything here takes values and returns values; loading rules and facts, carrying out effects
//! and logging firings belong to the callers.
//!
//! The cast:
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
//! To add one: a new trigger, condition or action is a file in its folder and a variant in that
//! folder's `mod.rs`, which says the rest.

pub mod action;
pub mod check;
pub mod condition;
pub mod definition;
pub mod facts;
pub mod matcher;
mod path;
pub mod plan;
pub mod reference;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod schema_tests;
pub mod sentence;
pub mod text;
pub mod trace;
pub mod trigger;
