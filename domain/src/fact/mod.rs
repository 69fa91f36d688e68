//! What orders, invoices, tickets, opportunities and survey answers have in common: other systems own them, tell of
//! them in bulk and any number of times, and the last word counts.
//!
//! - [`money`]: amounts and currencies.
//! - [`party`]: whose they are.
//! - [`ingest`]: taking them in; `check`: whether an item can be.
//! - [`delete`]: taking facts back that should never have been told;
//! - [`read`]: lists and look-ups.
//!
//! Called by the folders of the five nouns, which say what their own columns are. Nothing here knows
//! which of the five it handles, and nothing here judges them: that is for health and rules.
//!
//! To add a kind of fact: a table with the common columns, an implementation of `ingest::Told` in the
//! noun's folder, its [`Fact`](crate::work::change::Fact), and its line in
//! [`timeline`](crate::timeline).

mod check;
pub mod delete;
pub mod ingest;
pub mod money;
pub mod party;
pub mod read;

pub use crate::contact::ContactRef;
pub(crate) use check::Checker;
pub use ingest::{Ingested, MAX_ITEMS, Outcome};
pub use money::Money;
pub use party::{AccountRef, Party};
pub use read::{Filter, Of};
