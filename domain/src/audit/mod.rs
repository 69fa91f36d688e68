//! The audit log: every change of the configuration and of people's data, who made it, what was
//! before and after.
//!
//! Use cases hand a [`Record`] to [`Tx::audit`](crate::store::Tx::audit), which writes it in the
//! transaction of the change. The projection [`Seal`] gives entries their numbers and hashes, one
//! worker at a time, so that writers at once cannot fork the chain; the database refuses to change
//! what is sealed. [`verify`] goes along the chain and tells the first place where it is broken.
//! Erasing a person takes the texts out of their entries and leaves the chain whole ([`erase`]).
//!
//! What it cannot do: whoever can write to the database can cut entries off the end, or make a
//! whole new chain. Only a [`Head`] kept elsewhere tells; `enishi audit head` prints it.

mod chain;
mod erase;
mod read;
mod record;
mod seal;
mod verify;
mod write;

pub use chain::{
    Broken, Check, ERASED, Fault, Hash, Head, ParseHeadError, beginning, digest, digits, link,
};
pub use erase::erase;
pub use read::{AuditFilter, find, list};
pub use record::{Record, Who};
pub use seal::Seal;
pub use verify::{Verdict, head, verify};
pub(crate) use write::write;
