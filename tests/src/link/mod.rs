//! Tracked links.
//!
//! - `store`: who is counted, credited and tagged, on both databases;
//! - `door`: the addresses over real HTTP, as a browser without a login sees them.

mod door;
mod store;
