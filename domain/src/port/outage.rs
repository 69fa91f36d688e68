//! Living without a service that may vanish: one log line when it goes, one when it is back.

use std::{
    fmt::Display,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// Whether a service answers, kept by those who call it.
#[derive(Debug)]
pub struct Outage {
    service: &'static str,
    failures: AtomicU32,
}

impl Outage {
    /// A service, called `service` in the log, that is taken to be well.
    pub const fn new(service: &'static str) -> Self {
        Self {
            service,
            failures: AtomicU32::new(0),
        }
    }

    /// Notes a failed call and answers how long to wait before the next one: doubling from 50 ms
    /// to 1 s. Never longer, since one attempt a second costs nothing and every second waited
    /// is added to the latency of the whole installation.
    pub fn failed(&self, error: &dyn Display) -> Duration {
        let before = self.failures.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            tracing::warn!(service = self.service, %error, "service failed; retrying until it answers");
        }
        SHORTEST.saturating_mul(1 << before.min(10)).min(LONGEST)
    }

    /// Notes a call that succeeded.
    pub fn answered(&self) {
        // The load alone keeps the everyday case free of writes to a shared cache line.
        if self.failures.load(Ordering::Relaxed) != 0
            && self.failures.swap(0, Ordering::Relaxed) != 0
        {
            tracing::info!(service = self.service, "service answers again");
        }
    }

    /// Whether the last call failed. For health reports.
    pub fn is_open(&self) -> bool {
        self.failures.load(Ordering::Relaxed) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_a_second_and_starts_over_after_an_answer() {
        let outage = Outage::new("test");
        let waits: Vec<_> = (0..40)
            .map(|_| outage.failed(&"gone").as_millis())
            .collect();
        assert_eq!(waits[..6], [50, 100, 200, 400, 800, 1000]);
        assert_eq!(waits[39], 1000);
        assert!(outage.is_open());
        outage.answered();
        assert!(!outage.is_open());
        assert_eq!(outage.failed(&"gone"), SHORTEST);
    }
}
