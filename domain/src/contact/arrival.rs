//! When contacts came in: as it is told, else when their rows were made.

use chrono::{DateTime, SubsecRound as _, Utc};
use entity::contact;

use crate::{
    error::{UserError, UserErrorCode},
    scalar,
};

/// When the contact `c` came in, as SQL.
pub(crate) const CAME_AT: &str =
    "CASE WHEN c.arrived_at IS NULL THEN c.created_at ELSE c.arrived_at END";

/// The moment as it is stored, with the microseconds both databases keep; refused where nobody can
/// have come in then.
pub(crate) fn check(
    at: DateTime<Utc>,
    now: DateTime<Utc>,
    path: &[&str],
) -> Result<DateTime<Utc>, UserError> {
    match scalar::not_past(at, now) {
        Some(message) => Err(UserError::new(path, UserErrorCode::Invalid, message)),
        None => Ok(at.trunc_subsecs(6)),
    }
}

/// When a contact came in.
pub(crate) fn of(contact: &contact::Model) -> DateTime<Utc> {
    contact.arrived_at.unwrap_or(contact.created_at)
}

/// What is told of a survivor of a merge: one person came in when the first of the two did.
pub(super) fn earlier(survivor: &contact::Model, loser: &contact::Model) -> Option<DateTime<Utc>> {
    let theirs = of(loser);
    if theirs < of(survivor) {
        Some(theirs)
    } else {
        survivor.arrived_at
    }
}
