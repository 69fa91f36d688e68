//! Visits to the web site: sessions, pages, dwell time and who comes back, from `page_viewed` events.
//!
//! The unit is one contact's day, in the workspace's time zone.
//!
//! - [`session`]: a day's page views as sessions. Pure.
//! - [`figures`]: what a contact's days add to the periods of the workspace. Pure.
//! - [`projection`]: keeps days (`web_visit_day`), visitors (`web_visitor`) and the traffic of the workspace
//!   by day, week, month, quarter and year (`web_traffic`) equal to the sessions of everything told;
//!   `write` has its statements.
//! - [`read`]: reads them back.

pub mod figures;
pub mod projection;
pub mod read;
pub mod session;
mod write;

/// The event that is a page view. Its property [`DWELL`] says how long the page was looked at.
pub const PAGE_VIEWED: &str = "page_viewed";

/// The property of a page view that says for how many seconds the page was looked at.
pub const DWELL: &str = "dwellSeconds";
