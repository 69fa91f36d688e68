//! The thin door for requests: HTTP and GraphQL.

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
