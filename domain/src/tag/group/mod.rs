//! Groups of tags: dimensions such as "Industry", of which a thing carries one value or many.
//!
//! A group is made and changed by those who keep the tree, under the same hold as the tags
//! (`super::catalogue::hold`), so that a group's tags cannot change while it does. It has no place
//! in the tree itself: the roots in it carry its id, and so does everything below them. One of many
//! values becomes one of one at once (`selection`), or in steps where very much is tagged (`narrow`).

mod change;
pub(crate) mod create;
mod delete;
mod narrow;
mod order;
mod read;
pub(super) mod selection;
mod usage;

pub use change::{Changed, GroupChanges, archive, restore, update};
pub use create::{NewGroup, create};
pub use delete::delete;
pub use narrow::NarrowTagGroup;
pub use order::order;
pub use read::{list, load};
pub use usage::{Usage, Value, usage};

/// Groups a workspace may have.
pub const GROUP_LIMIT: i64 = 200;
