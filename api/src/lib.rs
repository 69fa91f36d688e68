//! The thin door for requests: HTTP and GraphQL.

/// Boxes the future of a resolver that awaits something. What the library generates for a type holds
/// the futures of all its resolvers, and the compiler proves anew for each type that everything in
/// them may move between threads. A boxed future says so by its type, which more than halves the time
/// to check this crate.
pub(crate) use async_recursion::async_recursion as boxed;

pub mod assets;
pub mod command;
pub mod config;
pub mod form;
pub mod graphql;
pub mod hints;
pub mod hook;
pub mod link;
pub mod rest;
pub mod serve;
pub mod session;
pub mod track;
pub mod transport;
