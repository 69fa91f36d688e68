//! Rules: when something happens and a condition holds, do something.
//!
//! The part that decides takes values and returns values:
//! - [`trigger`]: what a rule waits for; what it asks is a [`condition`](crate::condition), what it
//!   does are [`action`s](crate::action);
//! - [`limits`](mod@limits): how often, and when, it may act;
//! - [`definition`]: all of it together, and its JSON;
//! - [`check`](mod@check): whether a rule makes sense, before it is saved;
//! - [`sentence`](mod@sentence): a rule in words, in three languages;
//! - `lead`: what the effects of its actions lead to;
//! - [`conflict`]: rules that get in each other's way;
//! - [`template`]: ready-made rules;
//! - [`plan`](mod@plan): what to do about those that fired.
//!
//! The part that acts:
//! - [`write`](mod@write) and [`read`]: the rules of a workspace, and members changing them;
//!   `duplicate` makes one like another, `size` keeps all together small enough;
//! - `cache`: the compiled rules of each workspace, until they change;
//! - [`projection`]: shows the rules what happens: `occasion` makes of entries of the log what rules
//!   look at, `evaluate` decides, `sample` picks what did not fire to be noted, `settle` writes; `chain` tells
//!   where rules have led to each other for too long;
//! - [`tick`]: the same when the clock comes round;
//! - [`wait`]: tells the log of contacts who have waited for an answer for as long as some rule waits for;
//! - [`rehearse`](mod@rehearse): the same on what happened before, without doing any of it;
//! - `hours`: the limits that hold the notices of rules and playbooks, for whoever finds a moment for one;
//! - [`version`]: what a rule once was;
//! - [`firing`]: the log of what fired, on what, and what became of it;
//! - [`miss`]: the sample of what did not;
//! - [`why`](mod@why): both asked about one message;
//! - `naming`, `retag`: which rules name something, and what becomes of them when that goes or is merged.
//!
//! To add one: a new trigger is a struct in its folder and a line in that folder's `mod.rs`, which says
//! the rest.

pub(crate) mod cache;
mod chain;
pub mod check;
pub mod conflict;
pub mod definition;
mod duplicate;
mod evaluate;
pub mod firing;
pub(crate) mod hours;
mod lead;
pub mod limits;
pub mod miss;
pub(crate) mod naming;
mod occasion;
pub mod plan;
pub mod projection;
pub mod read;
pub mod rehearse;
pub(crate) mod retag;
mod sample;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod schema_tests;
pub mod sentence;
#[cfg(test)]
mod sentence_tests;
mod settle;
mod size;
pub mod template;
pub mod tick;
pub mod trigger;
pub mod version;
pub mod wait;
pub mod why;
pub mod write;

pub use duplicate::duplicate;
pub use limits::{Limits, OncePer, QuietHours};
pub use read::{Rule, RuleFilter, find, list, load};
pub use write::{
    NewRule, RuleChanges, create, delete, delete_and_withdraw, pause_and_withdraw, reorder,
    set_active, update,
};
