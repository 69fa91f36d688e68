//! The way to the database: connections, statements that run on both dialects, transactions.
//!
//! Everything in `domain` that reads or writes goes through here. A statement is one SQL text with
//! `$1` parameters for both databases ([`Query`]); many rows travel as one [`Rows`] value; a
//! business transaction is a [`Tx`], which also writes the change log. Where a dialect needs its own
//! words, they are in [`dialect`] and nowhere else.

mod attempt;
mod connect;
mod db;
pub mod dialect;
mod query;
mod rows;
mod tx;

pub(crate) use attempt::{MAX_BOUND, attempt, is_its_own};
pub use connect::{Location, LocationError};
pub use db::Db;
pub use query::Query;
pub use rows::Rows;
pub use tx::Tx;
