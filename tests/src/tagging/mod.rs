//! Taggings on both databases: what gives way to what, what held when, and derived tables that
//! always equal a naive recount.

mod call;
mod empty;
mod everywhere;
mod expiring;
mod filter;
mod made;
mod place;
mod property;
pub(crate) mod recount;
mod rule;
mod single;
mod steps;
