//! Tags: a tree of labels of two kinds, and the taggings that put them on things.
//!
//! [`catalogue`] keeps the tree and [`group`] its dimensions, [`tagging`] puts tags on contacts, accounts and conversations and
//! takes them off again, keeping the history. Three derived tables are kept at write time, in the
//! same transaction, so that reading never counts: `tag_closure` (every tag with all its ancestors),
//! `tag_rank` (which things count as tagged, directly or by a descendant, in order of health), and
//! `tag_count`. [`TagFilter`] reads them for every list.

pub mod catalogue;
mod filter;
pub mod group;
mod named;
mod order;
pub mod pack;
pub mod path;
mod rank;
pub mod tagging;

pub(crate) use catalogue::create::require_creation;
pub(crate) use named::Named;
pub(crate) use rank::rank_things;

pub use catalogue::{NewTag, Place, TagChanges, TagCount};
pub use filter::TagFilter;
pub use group::{GroupChanges, NewGroup};
pub use tagging::{NewTaggings, Reason, Request, Tagged};
