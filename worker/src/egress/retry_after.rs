//! Reads `Retry-After`, which is either seconds or a date in one of HTTP's three spellings.

use chrono::{DateTime, NaiveDateTime, Utc};

/// HTTP's date formats: the current one and the two that receivers must still understand.
const DATES: &[&str] = &[
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// The wait asked for, in whole seconds from `now`, rounded up; none when it cannot be read. A date
/// in the past is no wait. The caller caps it: a receiver may write any number of digits.
pub(super) fn seconds(value: &str, now: DateTime<Utc>) -> Option<u64> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().unwrap_or(u64::MAX));
    }
    let until = DATES
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(value, format).ok())?
        .and_utc();
    let wait_ms = u64::try_from((until - now).num_milliseconds()).unwrap_or(0);
    Some(wait_ms.div_ceil(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_any_http_date() {
        let now = DateTime::from_timestamp(784_111_700, 500_000_000).unwrap();
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(77)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(77)),
            ("Sun Nov  6 08:49:37 1994", Some(77)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("1994-11-06T08:49:37Z", None),
        ] {
            assert_eq!(seconds(value, now), expected, "{value:?}");
        }
    }
}
