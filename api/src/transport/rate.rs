//! The bucket of points each caller spends from: one token bucket per rate key, in this process.
//!
//! An operation is charged its estimate before it runs, and what it did not use flows back when it
//! has run. The buckets are `governor`'s, which has no word for giving back; but it keeps of each
//! bucket only the moment at which it will be full again, in a store that may be shared. To refund
//! points is to move that moment forward by the time they take to flow back.

use std::{
    convert::Infallible,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::HttpResponseBuilder;
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{
        StateStore,
        keyed::{DashMapStateStore, ShrinkableKeyedStateStore},
    },
};

use super::{code::Code, failure::Failure, limits::RateSettings};

/// Charges between two removals of full buckets.
const SWEEP_EVERY: u32 = 4096;

/// All buckets. Shared by the worker threads through an `Arc`.
#[derive(Debug)]
pub struct RateLimits {
    limiter: RateLimiter<u128, FullAt, DefaultClock, StateInformationMiddleware>,
    full_at: FullAt,
    /// What `full_at` is counted from.
    start: Instant,
    burst: NonZeroU32,
    per_second: NonZeroU32,
    charges: AtomicU32,
}

/// When each bucket that is not full will be full; the limiter and the refunds both write it.
#[derive(Debug, Clone, Default)]
struct FullAt(Arc<DashMapStateStore<u128>>);

/// A caller's bucket after an operation was charged. Resolvers find it in the request's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Points a full bucket holds.
    pub limit: u32,
    /// Points left.
    pub remaining: u32,
    /// Seconds until the bucket is full again.
    pub reset_s: u64,
}

impl RateLimits {
    /// Empty of callers: everybody starts with a full bucket.
    pub fn new(settings: RateSettings) -> Self {
        let burst = NonZeroU32::new(settings.burst).unwrap_or(NonZeroU32::MIN);
        let per_second = NonZeroU32::new(settings.per_second).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let full_at = FullAt::default();
        let clock = DefaultClock::default();
        Self {
            start: clock.now(),
            limiter: RateLimiter::new(quota, full_at.clone(), clock),
            full_at,
            burst,
            per_second,
            charges: AtomicU32::new(0),
        }
    }

    /// Points a full bucket holds.
    pub(crate) fn burst(&self) -> u64 {
        self.burst.get().into()
    }

    /// Takes `cost` points from the caller's bucket, or says how long to wait for them.
    pub(crate) fn charge(&self, key: u128, cost: u64) -> Result<Bucket, Failure> {
        self.sweep_now_and_then();
        let points = self.points(cost);
        match self.limiter.check_key_n(&key, points) {
            Ok(Ok(state)) => Ok(self.bucket(state.remaining_burst_capacity())),
            Ok(Err(not_yet)) => {
                let wait = not_yet.wait_time_from(self.limiter.clock().now());
                Err(self.refusal(wait, points))
            }
            // Cannot happen: the charge is at most the bucket.
            Err(_) => Err(self.refusal(Duration::from_secs(1), points)),
        }
    }

    /// Takes `cost` points for a message that one of the caller's subscriptions has told, and says how
    /// long it waits until they are there. Each is paid in its turn: a large one would never find its
    /// points while small ones take whatever flows in. Messages are paid from a bucket of their own, so
    /// that queries are not refused because much happens.
    pub(crate) fn charge_message(&self, key: u128, cost: u64) -> Duration {
        self.sweep_now_and_then();
        let taken = self.point_time() * u64::from(self.points(cost).get());
        let whole = self.point_time() * u64::from(self.burst.get());
        let now: Nanos = self.start.elapsed().into();
        let Ok(full_at) = self.full_at.measure_and_replace(&!key, |full_at| {
            let full_at = full_at.unwrap_or_default().max(now) + taken;
            Ok::<_, Infallible>((full_at, full_at))
        });
        full_at.saturating_sub(now + whole).into()
    }

    /// Gives back `points` that were charged and not used.
    pub(crate) fn refund(&self, key: u128, points: u64) -> Bucket {
        let back = self.point_time() * u64::from(self.points(points).get());
        let Ok(full_at) = self.full_at.measure_and_replace(&key, |full_at| {
            let full_at = full_at.unwrap_or_default().saturating_sub(back);
            Ok::<_, Infallible>((full_at, full_at))
        });
        let now = self.start.elapsed().into();
        let missing = self.flow_in(full_at.saturating_sub(now));
        self.bucket(self.burst.get().saturating_sub(missing))
    }

    /// An operation larger than the bucket takes a full one.
    fn points(&self, cost: u64) -> NonZeroU32 {
        let points = u32::try_from(cost).unwrap_or(u32::MAX);
        NonZeroU32::new(points.min(self.burst.get())).unwrap_or(NonZeroU32::MIN)
    }

    /// The time in which one point flows back.
    fn point_time(&self) -> Nanos {
        Nanos::from(Duration::from_secs(1) / self.per_second.get())
    }

    /// Points that flow back within `time`, a part of one counted whole.
    fn flow_in(&self, time: Nanos) -> u32 {
        let points = time.as_u64().div_ceil(self.point_time().as_u64());
        u32::try_from(points).unwrap_or(u32::MAX)
    }

    fn bucket(&self, remaining: u32) -> Bucket {
        let missing = u64::from(self.burst.get().saturating_sub(remaining));
        Bucket {
            limit: self.burst.get(),
            remaining,
            reset_s: missing.div_ceil(u64::from(self.per_second.get())),
        }
    }

    /// `wanted` points are there after `wait`.
    fn refusal(&self, wait: Duration, wanted: NonZeroU32) -> Failure {
        let seconds = (wait.as_millis() as u64).div_ceil(1000).max(1);
        let mut failure = Failure::new(
            Code::RateLimited,
            format!("The rate limit is reached; try again in {seconds} s."),
        );
        let lacking = self.flow_in(wait.into());
        failure.retry_after_s = Some(seconds);
        failure.bucket = Some(self.bucket(wanted.get().saturating_sub(lacking)));
        failure
    }

    /// Forgets full buckets, so that memory follows the callers of the last minute, not of all time.
    fn sweep_now_and_then(&self) {
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
    }
}

impl StateStore for FullAt {
    type Key = u128;

    fn measure_and_replace<T, F, E>(&self, key: &u128, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, f)
    }
}

impl ShrinkableKeyedStateStore<u128> for FullAt {
    fn retain_recent(&self, drop_below: Nanos) {
        self.0.retain_recent(drop_below);
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Bucket {
    /// Announces the bucket in the answer's headers.
    pub(crate) fn announce(&self, response: &mut HttpResponseBuilder) {
        response.insert_header(("RateLimit-Limit", self.limit));
        response.insert_header(("RateLimit-Remaining", self.remaining));
        response.insert_header(("RateLimit-Reset", self.reset_s));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With a point a second, what is charged below leaves room for a minute in which the machine stands still.
    fn limits(burst: u32, per_second: u32) -> RateLimits {
        RateLimits::new(RateSettings { burst, per_second })
    }

    #[test]
    fn a_caller_spends_until_the_bucket_is_empty_and_is_told_when_to_come_back() {
        let limits = limits(1_000, 1);
        assert_eq!(limits.charge(1, 600).unwrap().remaining, 400);
        let refusal = limits.charge(1, 600).unwrap_err();
        assert_eq!(refusal.code, Code::RateLimited);
        assert!((140..=200).contains(&refusal.retry_after_s.unwrap()));
        assert!((400..=460).contains(&refusal.bucket.unwrap().remaining));
    }

    #[test]
    fn callers_do_not_share_a_bucket() {
        let limits = limits(100, 1);
        limits.charge(1, 100).unwrap();
        assert!(limits.charge(1, 60).is_err());
        assert!(limits.charge(2, 100).is_ok());
    }

    #[test]
    fn an_operation_larger_than_the_bucket_takes_a_full_one() {
        let limits = limits(100, 1);
        assert_eq!(limits.charge(1, 1_000_000).unwrap().remaining, 0);
        assert!(limits.charge(1, 1_000_000).is_err());
    }

    #[test]
    fn what_is_given_back_can_be_spent_again_and_never_overfills() {
        let limits = limits(1_000, 1);
        limits.charge(1, 900).unwrap();
        assert!((900..=960).contains(&limits.refund(1, 800).remaining));
        assert!(limits.charge(1, 900).unwrap().remaining <= 60);
        let full = limits.refund(1, 5_000);
        assert_eq!((full.remaining, full.reset_s), (1_000, 0));
        assert!(limits.charge(1, 1_000).is_ok());
        assert!(limits.charge(1, 100).is_err());
        assert_eq!(limits.refund(2, 5).remaining, 1_000);
    }

    #[test]
    fn messages_are_paid_in_turn_and_not_by_queries() {
        let limits = limits(100, 1);
        assert!(limits.charge_message(1, 100).is_zero());
        let large = limits.charge_message(1, 1_000_000);
        assert!((40..=100).contains(&large.as_secs()), "{large:?}");
        let later = limits.charge_message(1, 90);
        assert!(later > large, "{later:?}, {large:?}");
        assert!(limits.charge_message(2, 100).is_zero());
        assert_eq!(limits.charge(1, 100).unwrap().remaining, 0);
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let limits = limits(1_000_000_000, 1_000_000);
        limits.charge(1, 10).unwrap();
        limits.charge(2, 1_000_000_000).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        limits.charges.store(SWEEP_EVERY - 1, Ordering::Relaxed);
        limits.sweep_now_and_then();
        assert_eq!(limits.full_at.len(), 1);
    }
}
