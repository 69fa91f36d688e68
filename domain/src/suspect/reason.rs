//! What makes two seem to be one: as bits, which are stored together, and how much each says. Pure.

use entity::kind::DuplicateReason;
use sea_orm::Iterable as _;

/// The bit by which a reason is stored; they are never given to another.
pub(crate) fn bit(reason: DuplicateReason) -> i64 {
    match reason {
        DuplicateReason::Identities => 1,
        DuplicateReason::NameAndAccount => 2,
        DuplicateReason::NameAndPhone => 4,
        DuplicateReason::NameAndEmail => 8,
        DuplicateReason::NameAndReading => 16,
        DuplicateReason::Reading => 32,
        DuplicateReason::AccountName => 64,
        DuplicateReason::AccountDomain => 128,
    }
}

/// The bits of several reasons.
pub(crate) fn bits(reasons: &[DuplicateReason]) -> i64 {
    reasons.iter().fold(0, |all, reason| all | bit(*reason))
}

/// How much a reason says, 1 to 100.
fn strength(reason: DuplicateReason) -> i64 {
    match reason {
        DuplicateReason::Identities => 95,
        DuplicateReason::NameAndPhone => 90,
        DuplicateReason::NameAndAccount | DuplicateReason::AccountDomain => 80,
        DuplicateReason::NameAndEmail | DuplicateReason::AccountName => 70,
        DuplicateReason::NameAndReading => 50,
        DuplicateReason::Reading => 40,
    }
}

/// A reason in words.
fn sentence(reason: DuplicateReason) -> &'static str {
    match reason {
        DuplicateReason::Identities => "Identities of both were given for one person",
        DuplicateReason::NameAndAccount => "Both have the same name and are at the same account",
        DuplicateReason::NameAndPhone => {
            "Both have the same name, and their phone numbers end alike"
        }
        DuplicateReason::NameAndEmail => {
            "Both have the same name and the same address but for what follows the @"
        }
        DuplicateReason::NameAndReading => "Both have the same name, read alike",
        DuplicateReason::Reading => "The name of one is how the name of the other is read",
        DuplicateReason::AccountName => "Both have the same name but for the legal form",
        DuplicateReason::AccountDomain => "Both have the same domain, or parts of one",
    }
}

/// The reasons of which the bits are stored, those that say most first.
pub fn reasons(evidence: i64) -> Vec<DuplicateReason> {
    let all = DuplicateReason::iter();
    let mut found: Vec<DuplicateReason> = all.filter(|one| bit(*one) & evidence != 0).collect();
    found.sort_by_key(|one| -strength(*one));
    found
}

/// How much the strongest of the reasons says, 1 to 100; 0 without any.
pub(super) fn strength_of(evidence: i64) -> i64 {
    reasons(evidence).first().map_or(0, |one| strength(*one))
}

/// The reasons in words, those that say most first.
pub fn in_words(evidence: i64) -> String {
    let words: Vec<&str> = reasons(evidence).into_iter().map(sentence).collect();
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_bit_of_its_own_and_the_strongest_comes_first() {
        let all = DuplicateReason::iter().fold(0, |all, one| {
            assert_eq!((bit(one).count_ones(), all & bit(one)), (1, 0), "{one:?}");
            all | bit(one)
        });
        assert_eq!(reasons(all).len(), DuplicateReason::iter().count());
        assert_eq!(reasons(all)[0], DuplicateReason::Identities);
        assert_eq!((strength_of(32 | 4), strength_of(0)), (90, 0));
        assert!(in_words(32 | 4).starts_with("Both have the same name, and their phone"));
    }
}
