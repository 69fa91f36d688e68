//! The thin door for requests: HTTP and GraphQL.

pub mod hints;
pub mod transport;
