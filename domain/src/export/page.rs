//! The pages that lists are read in.

use super::PAGE;
use crate::page::{Page, PageRequest};

/// The request for a page after a cursor.
pub(super) fn request(after: Option<String>) -> PageRequest {
    request_of(PAGE, after)
}

/// The request for a page of so many rows after a cursor.
pub(super) fn request_of(size: i64, after: Option<String>) -> PageRequest {
    PageRequest {
        after,
        ..PageRequest::first(size)
    }
}

/// The rows of a page, and the cursor of the last if more follow.
pub(super) fn split<T>(page: Page<(String, T)>) -> (Vec<T>, Option<String>) {
    let last = page.rows.last().map(|(cursor, _)| cursor.clone());
    let next = last.filter(|_| page.has_next);
    (page.rows.into_iter().map(|(_, row)| row).collect(), next)
}
