//! When tags that are put on come off by themselves, as inputs give it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::error::{Error, Result, UserErrorCode};

/// The moment given as such, or as so many seconds from `now`; nothing when neither is.
pub(super) fn ends_at(
    at: Option<DateTime<Utc>>,
    seconds: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>> {
    let path = &["expiresInSeconds"];
    match (at, seconds) {
        (Some(_), Some(_)) => {
            let message = "Give `expiresAt` or `expiresInSeconds`, not both.";
            Err(Error::refused(path, UserErrorCode::Contradictory, message))
        }
        (at, None) => Ok(at),
        (None, Some(seconds)) => {
            let end = TimeDelta::try_seconds(seconds).filter(|_| seconds > 0);
            let end = end.and_then(|span| now.checked_add_signed(span));
            let refuse = || {
                let message = "Give a number of seconds from now, at least 1.";
                Error::refused(path, UserErrorCode::Invalid, message)
            };
            Ok(Some(end.ok_or_else(refuse)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_moment_or_so_many_seconds_ahead_and_not_both() {
        let now = DateTime::UNIX_EPOCH;
        let later = now + TimeDelta::seconds(60);
        for (at, seconds, expected) in [
            (None, None, Some(None)),
            (Some(later), None, Some(Some(later))),
            (None, Some(60), Some(Some(later))),
            (Some(later), Some(60), None),
            (None, Some(0), None),
            (None, Some(i64::MAX), None),
        ] {
            let read = ends_at(at, seconds, now).ok();
            assert_eq!(read, expected, "{at:?} {seconds:?}");
        }
    }
}
