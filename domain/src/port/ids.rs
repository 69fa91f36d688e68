//! Where ids and randomness come from.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

/// The only source of ids and random bytes in `domain`, `api` and `worker`.
pub trait Ids: Send + Sync {
    /// A new UUIDv7 carrying `now`, so that ids sort by the time of the injected clock.
    fn uuid(&self, now: DateTime<Utc>) -> Uuid;

    /// Fills `bytes` with random data fit for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

/// Ids from the operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        uuid_v7(now, random)
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Ids that repeat for the same seed, for tests.
#[derive(Debug)]
pub struct SeededIds(Mutex<StdRng>);

impl SeededIds {
    /// The sequence that belongs to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Ids for SeededIds {
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        uuid_v7(now, random)
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill_bytes(bytes);
    }
}

fn uuid_v7(now: DateTime<Utc>, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The last moment an id can hold, in milliseconds.
const LAST_MILLIS: u128 = (1 << 48) - 1;

/// The smallest id that can have been made at `time`: ids begin with their milliseconds.
pub(crate) fn first_id_at(time: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(time.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(millis.min(LAST_MILLIS) << 80)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn ids_lie_on_the_right_side_of_a_time() {
        let time = DateTime::from_timestamp_millis(1_772_334_000_123).unwrap();
        let ids = SeededIds::new(1);
        assert!(ids.uuid(time) >= first_id_at(time));
        assert!(ids.uuid(time - TimeDelta::milliseconds(1)) < first_id_at(time));
        assert!(ids.uuid(time) < first_id_at(DateTime::<Utc>::MAX_UTC));
    }
}
