//! Conversations and messages: threads with contacts, and what was written in them.
//!
//! Messages come in through [`ingest`], in bulk and any number of times; reading goes through
//! `read`, `list`, `order` and `message`. A message is never changed afterwards. What people and rules do with a conversation goes
//! through [`update`] and [`apply`]: `plan` decides, `update` and `watch` write, `wake` opens what
//! was snoozed, and `history` keeps what became of it.

mod history;
pub mod import;
mod ingest;
mod list;
mod message;
mod order;
mod plan;
mod read;
mod recount;
mod status;
mod thread;
mod times;
mod update;
mod wake;
mod watch;

pub use history::{history, load_steps};
pub use ingest::{Ingested, MAX_MESSAGES, NewMessage, Outcome, Written, ingest, ingest_as};
pub use list::{ConversationFilter, list, list_by_attribute};
pub use message::{MessageFilter, list_messages};
pub use order::ConversationOrder;
pub use read::{find, find_message, load, load_messages, messages};
pub(crate) use recount::recount;
pub use status::set_status;
pub use times::{first_response_s, resolution_s};
pub(crate) use update::apply_each;
pub use update::{By, Changes, MAX_UPDATED, apply, update};
pub(crate) use wake::wake;
pub(crate) use watch::release;
pub use watch::{Watcher, load_watchers};
