//! Reports on how the tag system is doing: read from what is stored, never kept by the reader.
//!
//! - [`distribution`]: how many things carried each value of a group, at the end of each period;
//! - [`purity`]: which share of the incoming contacts were leads worth having;
//! - [`quality`]: the audit of the tags themselves, with a plan of what to merge;
//! - [`period`]: days, weeks, months, quarters and years in the workspace's zone; `bucket`: sorting moments
//!   into them inside a statement;
//! - [`stats`]: shares and 2x2 tables with what chance may do to them.
//!
//! The first two are one or two statements over the taggings' intervals, so that a report on last
//! year says what was true then. The third takes minutes on a large workspace: it runs in steps, and
//! readers see the last finished run. Nothing here changes a tag, except `quality::apply`, which
//! somebody has to ask for.

mod bucket;
pub mod distribution;
pub mod period;
pub mod purity;
pub mod quality;
pub mod stats;

pub use period::Period;
