//! What is counted of tracking, for `/metrics`.

use domain::track::Taken;
use metrics::{counter, describe_counter};

const CALLS: &str = "enishi_track_calls_total";
const REFUSED: &str = "enishi_track_refused_total";
const TRAITS: &str = "enishi_track_traits_total";

/// Says what is counted here.
pub(crate) fn describe() {
    describe_counter!(
        CALLS,
        "Tracking calls by what became of them: accepted, of which duplicate were there already; erased, of people \
         of whom nothing is kept; refused"
    );
    describe_counter!(REFUSED, "Tracking calls that were refused, by the reason");
    describe_counter!(
        TRAITS,
        "Traits of people and companies that were left out: ignored, because no attribute is declared for them; \
         unfit, because their value does not fit"
    );
}

/// Counts what became of the calls of a request.
pub(super) fn count(taken: &Taken) {
    let refused: u64 = taken.refused.values().sum();
    for (outcome, calls) in [
        ("accepted", taken.accepted),
        ("duplicate", taken.duplicates),
        ("erased", taken.erased),
        ("refused", refused),
    ] {
        if calls > 0 {
            counter!(CALLS, "outcome" => outcome).increment(calls);
        }
    }
    for (reason, calls) in &taken.refused {
        counter!(REFUSED, "reason" => reason.word()).increment(*calls);
    }
    for (outcome, traits) in [
        ("ignored", taken.traits_ignored),
        ("unfit", taken.traits_unfit),
    ] {
        if traits > 0 {
            counter!(TRAITS, "outcome" => outcome).increment(traits);
        }
    }
}
