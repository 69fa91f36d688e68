//! Tags on the same things: nearly the same members, or one nearly always together with another.
//!
//! Measured on the sample. Two tags have the same members if nine in ten of the things that carry
//! either carry both (Jaccard); one is always together with another if 95 in 100 of its things carry
//! the other too, and that is more than the other's share among all things lets expect.

use std::collections::HashSet;

use async_trait::async_trait;
use entity::kind::{TagFindingKind as Kind, TagFindingSeverity as Severity};

use super::{Check, Finding, Scope, similar::in_order};
use crate::{
    error::Result,
    report::quality::sample::{Pair, pairs},
};

/// The overlap from which two tags have the same members.
const SAME: f64 = 0.9;
/// The share from which one tag is always together with another.
const TOGETHER: f64 = 0.95;
/// How many times as often as by chance.
const LIFT: f64 = 1.5;
/// Things a tag must be on for its overlap to say something: all of them counted, or in a sample.
const LEAST: i64 = 5;
const LEAST_SAMPLED: i64 = 20;

pub(super) struct Overlap;

#[async_trait]
impl Check for Overlap {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let least = if scope.sample.is_exact() {
            LEAST
        } else {
            LEAST_SAMPLED
        };
        let used: HashSet<_> = scope.tags().map(|tag| tag.id).collect();
        let found = pairs(scope.tx, scope.run, least, TOGETHER.min(SAME)).await?;
        Ok(found
            .into_iter()
            .filter(|pair| used.contains(&pair.a) && used.contains(&pair.b))
            .filter_map(|pair| judge(scope, &pair))
            .collect())
    }
}

/// The share of the things with either tag that carry both.
fn jaccard(pair: &Pair) -> f64 {
    let either = pair.of_a + pair.of_b - pair.together;
    pair.together as f64 / either.max(1) as f64
}

fn judge(scope: &Scope<'_>, pair: &Pair) -> Option<Finding> {
    let (a, b) = (scope.forest.get(pair.a)?, scope.forest.get(pair.b)?);
    let overlap = jaccard(pair);
    let with = |finding: Finding| {
        finding
            .count("both", pair.together)
            .with("jaccard", overlap)
            .count("sampled", i64::from(!scope.sample.is_exact()))
    };
    if overlap >= SAME {
        let (keep, other) = in_order(scope, a, b);
        let severity = if !scope.answer_one_question(a, b) {
            // Tags of different questions that go together: worth knowing, and nothing to mend.
            Severity::Low
        } else if overlap >= 0.98 {
            Severity::High
        } else {
            Severity::Medium
        };
        let (of_keep, of_other) = if keep.id == pair.a {
            (pair.of_a, pair.of_b)
        } else {
            (pair.of_b, pair.of_a)
        };
        let finding = Finding::new(Kind::SameMembers, severity, vec![keep.id, other.id])
            .of_group(keep.group_id.or(other.group_id))
            .count("things", of_keep)
            .count("thingsOfOther", of_other);
        return Some(with(finding));
    }
    // The rarer tag is the one that says nothing beside the other.
    let (part, of_part, whole, of_whole) = if pair.of_a <= pair.of_b {
        (a, pair.of_a, b, pair.of_b)
    } else {
        (b, pair.of_b, a, pair.of_a)
    };
    let share = pair.together as f64 / of_part.max(1) as f64;
    let expected = of_whole as f64 / scope.sampled(whole.kind).max(1) as f64;
    let lift = share / expected.max(f64::MIN_POSITIVE);
    if share < TOGETHER || lift < LIFT || of_part < 2 * LEAST {
        return None;
    }
    let finding = Finding::new(Kind::AlwaysTogether, Severity::Low, vec![part.id, whole.id])
        .of_group(part.group_id)
        .count("things", of_part)
        .count("thingsOfOther", of_whole)
        .with("share", share)
        .with("lift", lift);
    Some(with(finding))
}
