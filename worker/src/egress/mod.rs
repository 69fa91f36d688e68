//! The one way out: every call to an address that a member configured (Slack, webhooks, provider
//! calls) leaves through [`EgressClient`].
//!
//! The workers' delivery jobs and, for the certificates of Amazon SNS, the api's hooks call it through
//! [`domain::port::Egress`]; nothing else in the program opens an outgoing HTTP connection.
//!
//! The cast: [`guard`] decides which URLs and which addresses may be called and knows no network;
//! `resolver` asks the operating system for addresses and drops those the guard refuses;
//! `outlets` adds the mail server, which the operator names and no member can; `client` sends, bounds time and size, and gives every failure the same few words.
//!
//! It never follows a redirect, never reads a proxy from the environment, never keeps a cookie,
//! never asks for or unpacks a compressed body, and never retries: when to call again is decided
//! in `domain`.

mod client;
pub mod guard;
mod outlets;
mod resolver;
mod retry_after;

pub use client::{EgressClient, EgressSettings};
pub use outlets::Outlets;
pub use resolver::{Lookup, SystemLookup};
