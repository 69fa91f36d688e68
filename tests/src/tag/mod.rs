//! The tag catalogue on both databases.

mod archive;
mod concurrent;
mod create;
mod delete;
mod group;
mod merge;
mod relocate;
mod support;
