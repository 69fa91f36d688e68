//! The few words on which the two databases differ.

use chrono::{DateTime, SecondsFormat, Utc};
use sea_orm::DatabaseBackend;
use serde_json::Value as Json;

/// Now by the database's own clock, in the form times are stored. Leases are taken and judged by
/// this clock only, so that a worker whose clock is wrong cannot steal or keep a claim.
pub fn now(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "now()",
        _ => "strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')",
    }
}

/// [`now`] plus a number of seconds written into the statement.
pub fn now_plus(backend: DatabaseBackend, seconds: i64) -> String {
    match backend {
        DatabaseBackend::Postgres => format!("(now() + interval '{seconds} seconds')"),
        _ => format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', '{seconds:+} seconds')"),
    }
}

/// [`now`] plus as many seconds as the expression `seconds` says.
pub fn now_plus_expression(backend: DatabaseBackend, seconds: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => format!("(now() + ({seconds}) * interval '1 second')"),
        _ => format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now', ({seconds}) || ' seconds')"),
    }
}

/// The time so many times 24 hours after the column `time`, in the form times are stored.
pub fn days_after(backend: DatabaseBackend, time: &str, days: u32) -> String {
    match backend {
        // A day of an interval may have 23 hours; an hour is an hour.
        DatabaseBackend::Postgres => {
            format!("({time} + interval '{} hours')", u64::from(days) * 24)
        }
        _ => format!("strftime('%Y-%m-%dT%H:%M:%f+00:00', {time}, '+{days} days')"),
    }
}

/// A time written into a statement.
pub fn time(backend: DatabaseBackend, time: DateTime<Utc>) -> String {
    match backend {
        DatabaseBackend::Postgres => format!("TIMESTAMPTZ '{}'", time.to_rfc3339()),
        _ => format!("'{}'", sqlite_time(time)),
    }
}

/// Holds for the entries of the change log that may be read: every transaction that could still
/// write an earlier one has ended. In a log that was restored from elsewhere, or whose cluster took
/// over from another, nobody writes in the old epoch any more: all of it may be read. SQLite writes
/// one transaction at a time, so there is nothing to wait for.
pub fn settled(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => {
            "tx < (SELECT CASE WHEN log_epoch.xmin = log_epoch.opened_by
                                AND log_epoch.tableoid = log_epoch.opened_in
                                AND log_epoch.timeline
                                    = left(pg_walfile_name(pg_current_wal_lsn()), 8)
                          THEN (log_epoch.epoch << 48)
                               | pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                          ELSE (log_epoch.epoch + 1) << 48 END
                   FROM log_epoch)"
        }
        _ => "1 = 1",
    }
}

/// The place (`tx`, `seq`) in the change log, for its entries to be compared with: `(tx, seq) > {place}`.
///
/// SQLite finds it by both numbers of its index only if `seq` has a collation and no type of its own. The
/// column beside it is the row's number, which has neither: without these words SQLite looks for `tx`
/// alone, which is the same in all that one process has written, and goes through all of that.
pub fn place(backend: DatabaseBackend, tx: &str, seq: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => format!("({tx}, {seq})"),
        _ => format!("({tx}, +{seq} COLLATE BINARY)"),
    }
}

/// The condition `test`, which few rows of a large table meet, such as that they are of one contact.
///
/// SQLite keeps no statistics and takes any index for as good as any other: one contact's open conversations
/// were looked for among all that are open, and those in the order of a column among all there are. Told so,
/// it begins with this condition. PostgreSQL knows by itself.
pub fn few(backend: DatabaseBackend, test: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => test.to_owned(),
        _ => format!("likelihood({test}, 0.000001)"),
    }
}

/// `column` as the index of a list by its values has it, such as the tickets in one state.
///
/// With an index on the column itself SQLite, which keeps no statistics, would look for one account's open tickets
/// among all that are open. It finds one on an expression only where the expression is named.
pub fn listed(backend: DatabaseBackend, column: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => column.to_owned(),
        _ => format!("({column} || '')"),
    }
}

/// The number under which the running transaction writes to the change log.
pub fn log_tx(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "change_tx()",
        _ => "epoch FROM log_epoch",
    }
}

/// Leaves rows out that another transaction is holding. SQLite has no row locks to skip.
///
/// Where a `LIMIT` stands beside it, the rows are to be picked in a `WITH ... AS MATERIALIZED`: as a
/// sub-query of an `UPDATE` PostgreSQL may run it anew for each row, and as it leaves out what the
/// statement itself has just updated, it then picks others every time, beyond all limits.
pub fn skip_locked(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    }
}

/// Holds the rows read until the transaction ends, against others who would hold or change them.
/// SQLite has one writer at a time and no words for it.
pub fn row_lock(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "FOR NO KEY UPDATE",
        _ => "",
    }
}

/// Holds the rows read until the transaction ends, even against those who only refer to them: a
/// foreign key waits. SQLite has one writer at a time and no words for it.
pub fn exclusive_lock(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "FOR UPDATE",
        _ => "",
    }
}

/// Keeps the rows read as `t` from being held by [`exclusive_lock`] until the transaction ends, as a
/// foreign key does; others may change them and do the same.
pub fn reference_lock(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "FOR KEY SHARE OF t",
        _ => "",
    }
}

/// Keeps the rows read from being changed until the transaction ends; others may do the same.
pub fn share_lock(backend: DatabaseBackend) -> &'static str {
    match backend {
        DatabaseBackend::Postgres => "FOR SHARE",
        _ => "",
    }
}

/// The hexadecimal digits of an id, as an expression over its column; NULL for none, of which SQLite
/// would make an empty text.
pub fn uuid_text(backend: DatabaseBackend, column: &str) -> String {
    match backend {
        DatabaseBackend::Postgres => format!("replace({column}::text, '-', '')"),
        _ => format!("lower(NULLIF(hex({column}), ''))"),
    }
}

/// A JSON object made inside the database from names and expressions.
pub fn json_object(backend: DatabaseBackend, members: &[(&str, &str)]) -> String {
    let function = match backend {
        DatabaseBackend::Postgres => "jsonb_build_object",
        _ => "json_object",
    };
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("'{name}', {value}"))
        .collect();
    format!("{function}({})", members.join(", "))
}

/// The nearest moment that both databases hold and bring into order, from the year 1 to 9999. Clients
/// may send any; nothing happens outside, so a bound of a list means the same after it.
pub(super) fn held(time: DateTime<Utc>) -> DateTime<Utc> {
    const FIRST: i64 = -62_135_596_800_000_000;
    const LAST: i64 = 253_402_300_799_999_999;
    let micros = time.timestamp_micros();
    if (FIRST..=LAST).contains(&micros) {
        return time;
    }
    DateTime::from_timestamp_micros(micros.clamp(FIRST, LAST)).unwrap_or(time)
}

/// The text as both databases hold it. PostgreSQL has no NUL, which is taken out of everything before
/// it is stored; what is asked for may have one, and is nothing's text then.
pub(super) fn held_text(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

/// The same for the texts in a JSON value.
pub(super) fn held_json(value: Json) -> Json {
    if has_nul(&value) {
        without_nul(value)
    } else {
        value
    }
}

fn has_nul(value: &Json) -> bool {
    match value {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

fn without_nul(value: Json) -> Json {
    match value {
        Json::String(text) => Json::String(held_text(text)),
        Json::Array(items) => Json::Array(items.into_iter().map(without_nul).collect()),
        Json::Object(fields) => Json::Object(
            fields
                .into_iter()
                .map(|(name, value)| (held_text(name), without_nul(value)))
                .collect(),
        ),
        other => other,
    }
}

/// A time as SQLite stores it; the same text sqlx writes, so that text order is time order.
pub(super) fn sqlite_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_times_sort_as_text_whatever_their_fraction() {
        let base = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        let times = [0, 1_000, 1_000_000, 1_001_000, 20_000_000]
            .map(|nanos| sqlite_time(base + chrono::TimeDelta::nanoseconds(nanos)));
        assert!(times.is_sorted(), "{times:?}");
    }

    #[test]
    fn moments_outside_of_what_is_held_are_its_ends() {
        let texts = |time| sqlite_time(held(time));
        assert_eq!(texts(DateTime::<Utc>::MIN_UTC), "0001-01-01T00:00:00+00:00");
        assert_eq!(
            texts(DateTime::<Utc>::MAX_UTC),
            "9999-12-31T23:59:59.999999+00:00"
        );
        let base = DateTime::from_timestamp(1_700_000_000, 1).unwrap_or_default();
        assert_eq!(held(base), base);
    }

    #[test]
    fn texts_have_no_character_that_postgresql_lacks() {
        assert_eq!(held_text("a\0b".to_owned()), "a\u{fffd}b");
        assert_eq!(held_text("縁".to_owned()), "縁");
        let given = serde_json::json!({ "a\0": ["b\0", { "c": "\0" }], "d": [1, null, true] });
        let held = serde_json::json!({
            "a\u{fffd}": ["b\u{fffd}", { "c": "\u{fffd}" }], "d": [1, null, true],
        });
        assert_eq!(held_json(given), held);
        assert_eq!(held_json(held.clone()), held);
    }
}
