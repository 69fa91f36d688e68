//! The thin door for requests: HTTP and GraphQL.

pub mod graphql;
pub mod hints;
pub mod session;
pub mod transport;
