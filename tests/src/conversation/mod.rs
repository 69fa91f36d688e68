//! Working on conversations, on both databases.

mod change;
mod excerpt;
mod history;
mod inbox;
mod latest;
mod list;
mod response;
mod status;
mod steps;
mod thread;
mod whose;
mod writer;
