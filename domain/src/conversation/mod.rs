//! Conversations and messages: threads with contacts, and what was written in them.
//!
//! Messages come in through [`ingest`], in bulk and any number of times; reading goes through
//! `read`. A message is never changed afterwards.

pub mod import;
mod ingest;
mod read;
mod status;
mod thread;

pub use ingest::{Ingested, MAX_MESSAGES, NewMessage, Outcome, ingest, ingest_as};
pub use read::{
    ConversationFilter, find, find_message, list, load, load_messages, messages, of_contact,
};
pub use status::set_status;
