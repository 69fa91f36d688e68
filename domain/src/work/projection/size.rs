//! How many entries a batch has: as many as take about [`AIM`], at most what the projection takes at once.
//!
//! The log is read as far as the oldest transaction that still runs, so a batch that takes a second holds
//! everybody back who reads it: a message that comes in meanwhile has its tags a second later. What an
//! entry costs depends on the machine and on what else it does. Each process learns it from the
//! batches before, for each projection; a batch that was short and full is followed by a larger one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Projection;

/// How long a batch should take at most.
pub(crate) const AIM: Duration = Duration::from_millis(300);
/// Entries a batch may have however long they take: each batch has costs of its own.
const LEAST: i64 = 100;

static SIZES: Mutex<BTreeMap<&'static str, i64>> = Mutex::new(BTreeMap::new());

fn sizes() -> MutexGuard<'static, BTreeMap<&'static str, i64>> {
    SIZES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many entries `projection` takes at once now.
pub(super) fn of(projection: &dyn Projection) -> i64 {
    let (most, known) = (projection.batch(), sizes().get(projection.name()).copied());
    known.map_or(most, |size| size.min(most))
}

/// Learns from a batch of so many entries that was written, by a transaction that took so long.
pub(super) fn learn(projection: &dyn Projection, entries: usize, took: Duration) {
    let size = next(of(projection), projection.batch(), entries as i64, took);
    sizes().insert(projection.name(), size);
}

/// What comes after `size`, which is `most` at most.
fn next(size: i64, most: i64, entries: i64, took: Duration) -> i64 {
    let least = LEAST.min(most);
    if took > AIM && entries > least {
        let fitting = entries as f64 * AIM.as_secs_f64() / took.as_secs_f64();
        return size.min((fitting as i64).max(least));
    }
    if entries >= size && took < AIM / 2 {
        return (size * 2).min(most);
    }
    size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_batches_are_followed_by_smaller_ones_and_short_full_ones_by_larger_ones() {
        for (size, entries, took_ms, expected) in [
            (2_000, 2_000, 1_000, 600),
            (2_000, 1_000, 600, 500),
            // Nothing is too slow for a hundred, and of fewer nothing follows.
            (2_000, 2_000, 60_000, 100),
            (2_000, 90, 60_000, 2_000),
            (600, 600, 200, 600),
            (600, 600, 100, 1_200),
            (1_500, 1_500, 100, 2_000),
            (600, 599, 100, 600),
        ] {
            let took = Duration::from_millis(took_ms);
            assert_eq!(
                next(size, 2_000, entries, took),
                expected,
                "{size} {entries}"
            );
        }
        assert_eq!(next(64, 64, 64, Duration::from_secs(9)), 64);
    }

    #[test]
    fn batches_that_are_long_whatever_is_in_them_become_the_least() {
        let long = AIM + Duration::from_millis(1);
        let mut size = 1_000;
        for _ in 0..1_000 {
            size = next(size, 1_000, size, long);
        }
        assert_eq!(size, LEAST);
    }
}
