//! The tag catalogue on both databases.

mod archive;
mod concurrent;
mod contradiction;
mod create;
mod delete;
mod distribution;
mod group;
mod group_delete;
mod merge;
mod merge_preview;
mod pack;
mod person;
mod purity;
mod quality;
mod rank;
mod relocate;
mod shown;
mod support;
mod target;
mod unmerge;
mod visitor;
