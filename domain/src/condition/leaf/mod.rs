//! The conditions without conditions inside, one file each, and what several of them share.

pub(super) mod account;
pub(super) mod attribute;
pub(super) mod author;
pub(super) mod business;
pub(super) mod channel;
pub(super) mod clock;
pub(super) mod contact;
pub(super) mod conversation;
pub(super) mod email;
pub(super) mod event;
pub(super) mod field;
pub(super) mod group;
pub(super) mod health;
pub(super) mod keyword;
pub(super) mod pattern;
pub(super) mod record;
pub(super) mod segment;
pub(super) mod subscription;
pub(super) mod survey;
pub(super) mod tag;
mod things;
pub(super) mod whose;
mod words;
