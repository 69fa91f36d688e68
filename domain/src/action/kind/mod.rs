//! The actions there are.

pub(super) mod conversation;
pub(super) mod notify;
pub(super) mod playbook;
pub(super) mod profile;
pub(super) mod survey;
pub(super) mod tag;
pub(super) mod task;
