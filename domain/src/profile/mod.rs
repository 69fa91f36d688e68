//! Profiles of what customers do, put together from facts and events and kept beside them.
//!
//! - [`engagement`]: on how many days somebody chose to do something, as an index that compares.
//! - [`rfm`]: how lately, how often and for how much somebody bought, as scores among all customers.
//! - [`web`]: visits to the web site as sessions, and who comes back.
//!
//! Called by the API for reading; written by projections of the change log and at night. Nothing here
//! changes what it is made of.

pub mod engagement;
pub mod rfm;
pub mod web;
