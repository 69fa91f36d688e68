//! Tags whose names are the same but for width, case, kana, forms of characters or spelling.

use std::collections::BTreeMap;

use async_trait::async_trait;
use entity::{
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity, TagKind},
    tag,
};

use super::{Check, Finding, Scope};
use crate::{
    error::Result,
    report::quality::name::{Folded, Likeness},
};

pub(super) struct SimilarNames;

#[async_trait]
impl Check for SimilarNames {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        // Names that differ in Han characters or numbers are never alike: each bucket stays small.
        let mut buckets: BTreeMap<(TagKind, String, String), Vec<(Folded, &tag::Model)>> =
            BTreeMap::new();
        for tag in scope.tags() {
            let name = Folded::new(&tag.name);
            let key = (tag.kind, name.han.clone(), name.numbers.clone());
            buckets.entry(key).or_default().push((name, tag));
        }
        let mut findings = Vec::new();
        for bucket in buckets.values() {
            for (index, (name, tag)) in bucket.iter().enumerate() {
                for (other_name, other) in &bucket[index + 1..] {
                    if Scope::differ_in_dimension(tag, other) {
                        continue;
                    }
                    if let Some(likeness) = name.likeness(other_name) {
                        findings.push(finding(scope, tag, other, likeness));
                    }
                }
            }
        }
        Ok(findings)
    }
}

fn finding(scope: &Scope<'_>, a: &tag::Model, b: &tag::Model, likeness: Likeness) -> Finding {
    let (keep, other) = in_order(scope, a, b);
    let (severity, distance) = match likeness {
        Likeness::Same | Likeness::Reordered => (Severity::High, 0),
        Likeness::Spelling(distance) => (Severity::Medium, distance),
    };
    Finding::new(Kind::SimilarName, severity, vec![keep.id, other.id])
        .of_group(keep.group_id.or(other.group_id))
        .with("lettersThatDiffer", distance as f64)
        .count("things", scope.carried(keep.id).1)
        .count("thingsOfOther", scope.carried(other.id).1)
}

/// The one to keep first: what is above the other, then what is a value of a group, then what more
/// things carry, then the older.
pub(super) fn in_order<'t>(
    scope: &Scope<'_>,
    a: &'t tag::Model,
    b: &'t tag::Model,
) -> (&'t tag::Model, &'t tag::Model) {
    let rank = |tag: &tag::Model, other: &tag::Model| {
        (
            !scope.above(other.id).contains(&tag.id),
            tag.group_id.is_none(),
            std::cmp::Reverse(scope.carried(tag.id).1),
            tag.id,
        )
    };
    if rank(a, b) <= rank(b, a) {
        (a, b)
    } else {
        (b, a)
    }
}
