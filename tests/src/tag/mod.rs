//! The tag catalogue on both databases.

mod archive;
mod concurrent;
mod create;
mod delete;
mod group;
mod merge;
mod pack;
mod relocate;
mod support;
