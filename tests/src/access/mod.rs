//! Who may do what, and that nobody sees or touches what is another workspace's.
//!
//! [`table`] has a row for every field of the three roots; [`house`] makes a workspace with
//! something of every kind in it; [`roles`] tries every row as every role; [`strangers`] puts the
//! ids of one workspace into every place of the schema that takes one ([`place`]), on behalf of another;
//! [`totals`] compares what the lists of a house say of their length with their rows; [`nodes`] fetches
//! what has an id by it; [`files`] tries
//! the doors beside GraphQL; [`members`] shows who did what to those who only read; [`expiry`] lets
//! tokens run out; [`at_rest`] looks for secrets in the database.

#[cfg(test)]
mod at_rest;
#[cfg(test)]
mod audited;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod files;
pub(crate) mod house;
#[cfg(test)]
mod members;
mod nodes;
mod place;
mod roles;
mod strangers;
mod table;
mod totals;
