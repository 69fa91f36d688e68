//! How long answers and solutions took. Pure; the moments are kept where messages are taken in and
//! where conversations are closed.

use entity::{conversation::Model, kind::ConversationStatus};

/// Seconds from the contact's first message to the first answer by a person of ours. Nothing while
/// there is none; what programs answer by themselves, on either side, does not count.
pub fn first_response_s(row: &Model) -> Option<i64> {
    let first = row.first_inbound_at?;
    Some((row.first_response_at? - first).num_seconds())
}

/// Seconds from the contact's first message to the closing. Nothing while it is not closed, or when
/// it was closed before the contact wrote.
pub fn resolution_s(row: &Model) -> Option<i64> {
    let closed = row
        .closed_at
        .filter(|_| row.status == ConversationStatus::Closed)?;
    let seconds = (closed - row.first_inbound_at?).num_seconds();
    (seconds >= 0).then_some(seconds)
}
