//! Profiles of what customers do, on both databases.
//!
//! - `engagement`: active days as an index;
//! - `rfm`: recency, frequency and monetary value;
//! - `web`: visits to the web site.

mod engagement;
mod rfm;
mod web;

use crate::support::engine::contact_of;
