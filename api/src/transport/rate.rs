//! The bucket of points each caller spends from: one token bucket per rate key, in this process.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use actix_web::HttpResponseBuilder;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};

use super::{code::Code, failure::Failure, limits::RateSettings};

/// Charges between two removals of full buckets.
const SWEEP_EVERY: u32 = 4096;

/// All buckets. Shared by the worker threads through an `Arc`.
#[derive(Debug)]
pub struct RateLimits {
    limiter: RateLimiter<u128, DashMapStateStore<u128>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    burst: NonZeroU32,
    per_second: NonZeroU32,
    charges: AtomicU32,
}

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
        Self {
            limiter: RateLimiter::dashmap(quota).with_middleware(),
            clock: DefaultClock::default(),
            burst,
            per_second,
            charges: AtomicU32::new(0),
        }
    }

    /// Takes `cost` points from the caller's bucket, or says how long to wait for them.
    pub(crate) fn charge(&self, key: u128, cost: u64) -> Result<Bucket, Failure> {
        self.sweep_now_and_then();
        let points = u32::try_from(cost)
            .unwrap_or(u32::MAX)
            .min(self.burst.get());
        let points = NonZeroU32::new(points).unwrap_or(NonZeroU32::MIN);
        match self.limiter.check_key_n(&key, points) {
            Ok(Ok(state)) => Ok(self.bucket(state.remaining_burst_capacity())),
            Ok(Err(not_yet)) => Err(self.refusal(not_yet.wait_time_from(self.clock.now()))),
            // Cannot happen: the charge is at most the bucket.
            Err(_) => Err(self.refusal(Duration::from_secs(1))),
        }
    }

    fn bucket(&self, remaining: u32) -> Bucket {
        let missing = u64::from(self.burst.get().saturating_sub(remaining));
        Bucket {
            limit: self.burst.get(),
            remaining,
            reset_s: missing.div_ceil(u64::from(self.per_second.get())),
        }
    }

    fn refusal(&self, wait: Duration) -> Failure {
        let seconds = (wait.as_millis() as u64).div_ceil(1000).max(1);
        let mut failure = Failure::new(
            Code::RateLimited,
            format!("The rate limit is reached; try again in {seconds} s."),
        );
        failure.retry_after_s = Some(seconds);
        failure.bucket = Some(self.bucket(0));
        failure
    }

    /// Forgets full buckets, so that memory follows the callers of the last minute, not of all time.
    fn sweep_now_and_then(&self) {
        if self.charges.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
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

    fn slow(burst: u32) -> RateLimits {
        RateLimits::new(RateSettings {
            burst,
            per_second: 1,
        })
    }

    #[test]
    fn a_caller_spends_until_the_bucket_is_empty_and_is_told_when_to_come_back() {
        let limits = slow(1_000);
        assert_eq!(limits.charge(1, 600).unwrap().remaining, 400);
        let refusal = limits.charge(1, 600).unwrap_err();
        assert_eq!(refusal.code, Code::RateLimited);
        assert!((190..=200).contains(&refusal.retry_after_s.unwrap()));
    }

    #[test]
    fn callers_do_not_share_a_bucket() {
        let limits = slow(10);
        limits.charge(1, 10).unwrap();
        assert!(limits.charge(1, 1).is_err());
        assert!(limits.charge(2, 10).is_ok());
    }

    #[test]
    fn an_operation_larger_than_the_bucket_takes_a_full_one() {
        let limits = slow(10);
        assert_eq!(limits.charge(1, 1_000_000).unwrap().remaining, 0);
        assert!(limits.charge(1, 1_000_000).is_err());
    }
}
