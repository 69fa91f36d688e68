//! The running programs, seen from outside: every test starts an installation of its own, on SQLite
//! and on PostgreSQL with Redis.

mod batched;
mod cause;
mod changed;
mod crowd;
mod document;
mod evolution;
mod frontend;
mod input;
mod model;
mod moment;
mod named;
mod narrow;
mod outcome;
mod protocol;
mod proxy;
mod stop;
mod stream;
mod timeline;
mod watch;
mod written;
