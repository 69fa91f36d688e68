//! The published retry schedule, and nothing else: when a delivery is tried again.
//!
//! Delivery jobs call [`next_attempt`] after each attempt and store the time it gives with the
//! failure count, so that a restart in mid-schedule changes nothing.

use chrono::TimeDelta;

use super::Verdict;

/// The wait before each attempt, in seconds, counted from the attempt before it. The first is made
/// at once; the last comes 75 h 35 min later. Published: `docs` and receivers rely on it.
pub const SCHEDULE_S: [i64; 10] = [
    0,
    5,
    5 * MINUTE_S,
    30 * MINUTE_S,
    2 * HOUR_S,
    5 * HOUR_S,
    10 * HOUR_S,
    14 * HOUR_S,
    20 * HOUR_S,
    24 * HOUR_S,
];

/// The longest `Retry-After` that is honoured, in seconds. A longer one is shortened to it, so
/// that one header cannot park a delivery for ever.
pub const RETRY_AFTER_CAP_S: i64 = 24 * HOUR_S;

/// The shortest wait after a receiver throttled us or did not answer in time, in seconds.
pub const THROTTLED_FLOOR_S: i64 = MINUTE_S;

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;

/// When the delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// This long after the attempt just judged.
    At(TimeDelta),
    /// No further attempt: the schedule is used up, or the verdict leaves nothing to try.
    GiveUp,
}

/// The next attempt after `failures` failed ones, the last of them with `verdict`. `random` is 32
/// random bits, for the jitter of ±10 % that keeps deliveries which failed together apart.
///
/// With `failures` 0 nothing was tried yet, and the attempt is due now.
pub fn next_attempt(failures: u32, verdict: Verdict, random: u32) -> Next {
    let (after, throttled) = match verdict {
        Verdict::Retry { after } => (after, false),
        Verdict::Throttled { after } => (after, true),
        Verdict::Delivered | Verdict::Refused | Verdict::Disable { .. } => return Next::GiveUp,
    };
    let Some(&scheduled_s) = SCHEDULE_S.get(failures as usize) else {
        return Next::GiveUp;
    };
    let mut wait = share(scheduled_s, 900_000, 1_100_000, random);
    if throttled {
        // Jitter only upwards: the floor is a promise.
        wait = wait.max(share(THROTTLED_FLOOR_S, 1_000_000, 1_100_000, random));
    }
    let asked = after.map_or(TimeDelta::zero(), |after| {
        after.min(TimeDelta::seconds(RETRY_AFTER_CAP_S))
    });
    Next::At(wait.max(asked))
}

/// `seconds` times a factor between `low` and `high` millionths.
fn share(seconds: i64, low: i64, high: i64, random: u32) -> TimeDelta {
    let factor = low + (((high - low + 1) * i64::from(random)) >> 32);
    TimeDelta::microseconds(seconds * factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notification::DisableReason;

    const RETRY: Verdict = Verdict::Retry { after: None };
    const THROTTLED: Verdict = Verdict::Throttled { after: None };
    const MIDDLE: u32 = u32::MAX / 2 + 1;

    fn wait_s(next: Next) -> f64 {
        match next {
            Next::At(wait) => wait.as_seconds_f64(),
            Next::GiveUp => f64::INFINITY,
        }
    }

    fn check(failures: u32, verdict: Verdict, random: u32, expected_s: f64) {
        let wait = wait_s(next_attempt(failures, verdict, random));
        assert!(
            (wait - expected_s).abs() < 0.001,
            "{failures} {verdict:?} {random}: {wait} is not {expected_s}"
        );
    }

    fn asking(seconds: i64) -> Verdict {
        Verdict::Retry {
            after: Some(TimeDelta::seconds(seconds)),
        }
    }

    #[test]
    fn the_schedule_is_the_published_one() {
        let published_s = [
            0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
        ];
        for (failures, expected) in (0..).zip(published_s) {
            check(failures, RETRY, MIDDLE, f64::from(expected));
            check(failures, RETRY, 0, f64::from(expected) * 0.9);
            check(failures, RETRY, u32::MAX, f64::from(expected) * 1.1);
        }
        assert_eq!(SCHEDULE_S.iter().sum::<i64>(), 75 * 3600 + 35 * 60 + 5);
    }

    #[test]
    fn nothing_follows_the_tenth_failure_a_delivery_or_a_refusal_for_good() {
        for failures in [10, 11, u32::MAX] {
            assert_eq!(next_attempt(failures, RETRY, 0), Next::GiveUp);
            assert_eq!(next_attempt(failures, asking(1), 0), Next::GiveUp);
        }
        let disable = Verdict::Disable {
            reason: DisableReason::WebhookRemoved,
        };
        assert_eq!(next_attempt(1, disable, 0), Next::GiveUp);
        assert_eq!(next_attempt(1, Verdict::Delivered, 0), Next::GiveUp);
    }

    #[test]
    fn retry_after_lengthens_a_wait_up_to_a_day_and_never_shortens_it() {
        check(1, asking(0), MIDDLE, 5.0);
        check(1, asking(-9), MIDDLE, 5.0);
        check(1, asking(77), MIDDLE, 77.0);
        check(4, asking(77), MIDDLE, 7_200.0);
        check(1, asking(86_400), MIDDLE, 86_400.0);
        check(1, asking(86_401), MIDDLE, 86_400.0);
        let endless = Verdict::Throttled {
            after: Some(TimeDelta::MAX),
        };
        check(2, endless, MIDDLE, 86_400.0);
    }

    #[test]
    fn a_throttled_delivery_waits_a_minute_at_least() {
        check(1, THROTTLED, 0, 60.0);
        check(1, THROTTLED, u32::MAX, 66.0);
        check(2, THROTTLED, MIDDLE, 300.0);
    }

    fn verdicts() -> impl Strategy<Value = Verdict> {
        let after = prop::option::of((-10_i64..10_000_000).prop_map(TimeDelta::seconds));
        (after, any::<bool>()).prop_map(|(after, throttled)| {
            if throttled {
                Verdict::Throttled { after }
            } else {
                Verdict::Retry { after }
            }
        })
    }

    proptest! {
        #[test]
        fn every_wait_keeps_to_what_was_promised(
            failures in 0_u32..10,
            verdict in verdicts(),
            random: u32,
        ) {
            let published = SCHEDULE_S[failures as usize] as f64;
            let wait = wait_s(next_attempt(failures, verdict, random));
            let (after, floor) = match verdict {
                Verdict::Throttled { after } => (after, 60.0),
                Verdict::Retry { after } => (after, 0.0),
                _ => unreachable!(),
            };
            let asked = after.map_or(0.0, |after| after.as_seconds_f64().clamp(0.0, 86_400.0));
            prop_assert!(wait >= published * 0.9 && wait >= floor && wait >= asked);
            prop_assert!(wait <= (published * 1.1).max(floor * 1.1).max(asked) + 0.001);
        }

        #[test]
        fn more_randomness_never_shortens_a_wait(failures in 0_u32..10, a: u32, b: u32) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(
                wait_s(next_attempt(failures, RETRY, low))
                    <= wait_s(next_attempt(failures, RETRY, high))
            );
        }
    }
}
