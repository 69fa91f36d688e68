//! Imports of contacts and accounts from CSV files, on both databases and over HTTP, and of mail archives.

mod account;
mod ahead;
mod archive;
mod arrival;
mod contact;
mod erased;
mod interruption;
mod mapped;
mod reading;
mod rehearsal;
pub(crate) mod steps;
mod subscribed;
mod tags;
mod upload;
