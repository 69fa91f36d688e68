//! Mail as it lies in archives and mailboxes, turned into values the product can store.
//!
//! `enishi import` reads an mbox or an .eml file through [`mbox`] and [`eml`], an IMAP poller will
//! hand over single messages; both call [`parse::parse`], then [`direction::place`] to learn who
//! the customer is and [`thread::thread_keys`] to find the conversation. Contacts everywhere use
//! [`address::EmailAddress`] as the one spelling of an e-mail identity.
//!
//! Bytes in, values out. Nothing here opens a file, a socket or a database, keeps the content of an
//! attachment, or trusts what a stranger wrote: every size, count and depth has a limit that holds
//! before the MIME parser sees the message, and a message over a limit is an error of that one
//! message, never the end of an import.
//!
//! MIME, charsets and RFC 2047 are `mail-parser`'s work. What is ours is what it leaves open:
//! limits, undeclared charsets, what counts as automatic, and what a bounce says.

pub mod address;
mod automatic;
mod body;
mod bounce;
mod charset;
pub mod direction;
pub mod eml;
mod guard;
mod head;
pub mod mbox;
pub mod parse;
mod text;
pub mod thread;

pub use address::{AddressError, EmailAddress};
pub use automatic::AutomaticKind;
pub use body::Attachment;
pub use bounce::{BounceAction, BounceClass, BounceReport, ComplaintReport};
pub use direction::{Direction, OwnAddresses, Placement, Unplaced, place};
pub use eml::{EmlError, read_eml};
pub use guard::{MAX_DEPTH, MAX_HEADER_BYTES, MAX_PARTS};
pub use mbox::{MboxError, MboxReader, RawMail};
pub use parse::{Mail, MailError, Mailbox, parse};
pub use thread::{normal_subject, thread_keys};

/// The largest single message that is read at all, in bytes (25 MiB, the size the big providers
/// accept). A larger one is reported and skipped.
pub const MAX_MAIL_BYTES: usize = 25 * 1024 * 1024;

#[cfg(test)]
mod archive_test;
#[cfg(test)]
mod parse_test;
