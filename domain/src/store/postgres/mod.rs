//! The connections to PostgreSQL: [`Sessions`] holds them and lends them out, a [`Session`] is one of
//! them and remembers whom it is set for, [`Plans`] says how its statements are planned.
//!
//! Only [`Connection`](super::Connection) and [`Transaction`](super::Transaction) ask for them. They are
//! held here and not in a pool of the driver's: such a pool does not tell whom a connection is set for, and
//! asks the server after each use whether the connection still lives, which doubles the round trips of
//! a statement that stands alone.

mod plans;
mod session;
mod sessions;

pub(super) use plans::Plans;
pub(super) use session::Session;
pub(super) use sessions::{Lent, PATIENCE, Sessions};
