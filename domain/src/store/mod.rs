//! The way to the database: connections, statements that run on both dialects, transactions.
//!
//! Everything in `domain` that reads or writes goes through here. A statement is one SQL text with
//! `$1` parameters for both databases ([`Query`]); many rows travel as one [`Rows`] value; a
//! business transaction is a [`Tx`], which also writes the change log. Rows of one table are read and
//! held by their ids with `rows_by_id`, `hold_by_id` and `ids_after`. Where a dialect needs its own words, they are
//! in [`dialect`] and nowhere else.
//!
//! On PostgreSQL the server keeps a second wall between workspaces: a [`Db`] that is walled to one
//! ([`Db::walled_to`]) sees and writes rows of that one only, whatever a statement says. What is done
//! for a caller or in a [`Tx`] is walled; what goes through all workspaces is not.
//!
//! What the rows of a list have is read through a [`Db`] that gathers ([`Db::gathering`]): the statements of all
//! rows go as one.

mod attempt;
mod by_id;
mod connect;
mod connection;
mod db;
pub mod dialect;
mod gather;
mod kept;
mod postgres;
mod query;
mod rows;
pub mod statistics;
mod trouble;
mod tx;
mod usage;
mod wall;
mod whole;

pub(crate) use attempt::{MAX_BOUND, attempt, is_its_own};
pub(crate) use by_id::{hold_by_id, ids_after, rows_by_id};
pub use connect::{Location, LocationError};
pub use connection::{Connection, Place, Transaction};
pub use db::Db;
pub(crate) use kept::Kept;
pub use query::Query;
pub use rows::Rows;
pub(crate) use trouble::is_conflict;
pub use trouble::is_of_the_moment;
pub use tx::Tx;
pub use usage::{Usage, usage, watch_waits};
pub use wall::Wall;
