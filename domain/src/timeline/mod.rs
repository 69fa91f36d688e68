//! Timelines: everything that happened to a contact or an account, newest first.
//!
//! An entry says what happened when, by the thing's own time, and where to find the thing; the thing
//! itself is loaded by whoever shows it. A fact of last year that is told today stands where last
//! year is.
//!
//! **Entries are written by triggers of the database, not by a projection.** They were first meant to
//! be one over the change log, exactly once and a moment late. A trigger costs less: the rows are at
//! hand, so that nothing is read, decoded and joined again, and no cursor is claimed and moved behind
//! every ingest. It is right at once and stays right: an entry appears, moves and goes in the
//! statement that writes, changes or deletes its thing, whichever part of the program that is, so no
//! part can forget it, and erasing contacts needs no word about timelines. The price is that the list of what
//! has entries is in migrations, `m0010_timeline` and those that call it, for both dialects (`m0071_tags_off`
//! says once more, for PostgreSQL, what a tag that comes off enters). Merging needs one word: what a timeline
//! says of earlier merges moves with `merge::entries`.
//!
//! Only a contact's change of account is followed later and in steps, by [`follow`], because it may
//! concern a million entries.
//!
//! **Reading** merges one run per kind: each kind's entries of one owner lie in the order of time in an
//! index, so a page takes one page from each kind asked for and keeps the newest. That costs the same
//! at any depth, and a filter by a rare kind does not wade through the frequent ones.

pub mod follow;
mod read;

pub(crate) use read::with_things;
pub use read::{Entry, list};
