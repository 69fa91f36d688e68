//! The tree of tags: what may happen to it, one file for each use case.
//!
//! Every change begins with `hold`, so that those who change a workspace's tree take turns and
//! find it as they checked it. Nothing here puts a tag on anything; where taggings follow a change
//! of the tree, `tagging` moves them.

mod archive;
mod change;
mod check;
pub(crate) mod create;
mod delete;
mod forest;
mod give_back;
mod graft;
mod merge;
mod merge_note;
mod merge_plan;
mod merge_preview;
mod merge_read;
mod order;
mod preview;
mod read;
mod referrer;
mod relocate;
mod unmerge;
mod usage;

pub use archive::{archive, restore};
pub use change::{TagChanges, update};
pub use create::{NewTag, create};
pub use delete::delete;
pub(crate) use forest::of_version;
pub use forest::{Counts, Forest, ForestFilter, counted, forest};
pub(crate) use merge::merge_within;
pub use merge::{MERGE_LIMIT, Merge, MergeDone, merge};
pub use merge_note::UNDOABLE;
pub(crate) use merge_note::forget as forget_merges;
pub use merge_preview::{Conflict, Follows, Joined, MergePreview, preview_merge};
pub use merge_read::{TagMerge, TagMergeFilter, find_merge, merges};
pub use order::order;
pub use preview::{Draft, Preview, preview};
pub(crate) use read::count_of;
pub use read::{Ancestor, TagCount, load, load_counts, load_paths};
pub(crate) use referrer::{Merged, Referrer, Replaced, Sought, named, refuse_contradiction};
pub use referrer::{Use, UseKind};
pub(super) use referrer::{told, uses};
pub use relocate::{Destination, Place, move_to};
pub use unmerge::{Unmerged, unmerge};
pub use usage::{TargetUsage, Usage, usage};

use crate::{
    error::Result,
    store::{Query, Tx},
};

/// Characters a name may have, as a person counts them.
pub const NAME_LIMIT: usize = 64;
/// Characters a description may have, as a person counts them.
pub const DESCRIPTION_LIMIT: usize = 255;
/// Levels a tree may have.
pub const DEPTH_LIMIT: usize = 10;
/// Tags a workspace may have; lists of them are not paged.
pub const TAG_LIMIT: i64 = 10_000;
/// What a tag looks like when no colour is given.
pub const DEFAULT_COLOUR: &str = "#64748b";

/// Holds the workspace's tree until the end of `tx`, and outdates what was remembered of it.
pub(crate) async fn hold(tx: &Tx<'_>) -> Result<()> {
    Query::new("UPDATE workspace SET tags_version = tags_version + 1 WHERE id = $1")
        .bind(tx.workspace)
        .execute(tx.connection())
        .await?;
    Ok(())
}
