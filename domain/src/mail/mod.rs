//! Mail as it lies in archives and mailboxes, turned into values the product can store.

pub mod address;
pub mod eml;
pub mod mbox;

pub use address::{AddressError, EmailAddress};
pub use eml::{EmlError, read_eml};
pub use mbox::{MboxError, MboxReader, RawMail};

/// The largest single message that is read at all, in bytes (25 MiB, the size the big providers
/// accept). A larger one is reported and skipped.
pub const MAX_MAIL_BYTES: usize = 25 * 1024 * 1024;
