//! The conditions without conditions inside, one file each.

pub(super) mod author;
pub(super) mod channel;
pub(super) mod keyword;
pub(super) mod tag;
