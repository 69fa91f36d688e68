//! The plan: which tags to merge into which, made of the findings.
//!
//! Tags of one name, of nearly one spelling, or on the same things are joined to sets; of each set
//! one tag stays. No set has values of two groups: they say different things, however alike they are,
//! and a tag without a group that is like values of several could mean any of them. A plan is a
//! proposal: somebody looks at it and says which merges to carry out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, TagGroupId, TagId},
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity},
};
use serde::{Deserialize, Serialize};

use super::{Finding, Scope};
use crate::tag::catalogue::MERGE_LIMIT;

/// How sure it is that the tags of a planned merge mean the same.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Enum,
)]
#[graphql(name = "TagMergeConfidence")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Confidence {
    /// They may: a spelling that is close, or, of values of one group or one tree, the same things
    /// under names that are not alike.
    Medium,
    /// They have one name but for width, case or spelling, or alike names on the same things.
    High,
}

/// All merges proposed by one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The surest first, and of equal ones those on most things.
    pub merges: Vec<PlannedMerge>,
}

/// One merge proposed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedMerge {
    /// The tag that would stay.
    pub target: TagId,
    /// The tags that would go, at most as many as one merge takes.
    pub sources: Vec<TagId>,
    /// How sure it is.
    pub confidence: Confidence,
    /// The findings it is made of.
    pub reasons: Vec<Reason>,
    /// How many things carry the tags that would go.
    pub things: i64,
    /// What became of it, once somebody had it carried out.
    pub outcome: Option<Outcome>,
}

/// Why two tags are to become one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The kind of finding.
    pub kind: Kind,
    /// The two tags.
    pub tags: [TagId; 2],
}

/// What became of a planned merge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// When.
    pub at: DateTime<Utc>,
    /// Why it was refused; nothing when it was carried out.
    pub refusal: Option<String>,
}

/// Two tags that may be one.
struct Edge {
    confidence: Confidence,
    reasons: Vec<Reason>,
}

/// Makes the plan of the findings of a run.
pub(super) fn plan(scope: &Scope<'_>, findings: &[Finding]) -> Plan {
    let edges = edges(scope, findings);
    let group = |tag: TagId| scope.forest.get(tag).and_then(|tag| tag.group_id);
    let mut merges: Vec<PlannedMerge> = sets(&edges, group)
        .into_iter()
        .filter_map(|tags| merge_of(scope, &tags, &edges))
        .collect();
    merges.sort_by_key(|merge| {
        (
            std::cmp::Reverse((merge.confidence, merge.things)),
            merge.target,
        )
    });
    Plan { merges }
}

fn edges(scope: &Scope<'_>, findings: &[Finding]) -> BTreeMap<(TagId, TagId), Edge> {
    let mut edges: BTreeMap<(TagId, TagId), Edge> = BTreeMap::new();
    // What is said of names comes first: on what things two tags are bears it out.
    let (of_names, of_things): (Vec<_>, Vec<_>) = findings
        .iter()
        .partition(|finding| finding.kind == Kind::SimilarName);
    for finding in of_names.into_iter().chain(of_things) {
        let &[a, b] = finding.tags.as_slice() else {
            continue;
        };
        let confidence = match (finding.kind, finding.severity) {
            (Kind::SimilarName, Severity::High) => Confidence::High,
            (Kind::SimilarName | Kind::SameMembers, _) => Confidence::Medium,
            _ => continue,
        };
        let (Some(first), Some(second)) = (scope.forest.get(a), scope.forest.get(b)) else {
            continue;
        };
        if Scope::differ_in_dimension(first, second) {
            continue;
        }
        // Being on the same things says that two tags go together. Only of values of one question
        // does it say that they may be one.
        let is_named = edges.contains_key(&(a.min(b), a.max(b)));
        if finding.kind == Kind::SameMembers
            && !is_named
            && !scope.answer_one_question(first, second)
        {
            continue;
        }
        let reason = Reason {
            kind: finding.kind,
            tags: [a, b],
        };
        edges
            .entry((a.min(b), a.max(b)))
            .and_modify(|edge| {
                // Alike names on the same things: the one finding bears the other out.
                edge.confidence = Confidence::High;
                edge.reasons.push(reason.clone());
            })
            .or_insert_with(|| Edge {
                confidence,
                reasons: vec![reason],
            });
    }
    edges
}

/// What makes it seem sure that two tags are one, to be compared with another such: a name that is the
/// same says more than one that is close, and being on the same things bears a name out.
type Strength = (Confidence, usize);

/// The tags that may be one, in sets of which none has values of two groups.
fn sets(
    edges: &BTreeMap<(TagId, TagId), Edge>,
    group: impl Fn(TagId) -> Option<TagGroupId>,
) -> Vec<BTreeSet<TagId>> {
    let mut sets = Sets::default();
    for &(a, b) in edges.keys() {
        if group(a) == group(b) {
            sets.join(a, b);
        }
    }
    // What has no group takes the place of the values it is like, and gives it to all it was joined
    // with: they have to agree.
    let mut ways: BTreeMap<TagId, Vec<(Strength, TagGroupId, TagId)>> = BTreeMap::new();
    for (&(a, b), edge) in edges {
        let (loose, value, group) = match (group(a), group(b)) {
            (None, Some(group)) => (a, b, group),
            (Some(group), None) => (b, a, group),
            _ => continue,
        };
        let strength = (edge.confidence, edge.reasons.len());
        let ways = ways.entry(sets.top(loose)).or_default();
        ways.push((strength, group, value));
    }
    for (loose, ways) in ways {
        if let Some(group) = only_group(&ways) {
            for (_, _, value) in ways.iter().filter(|(_, to, _)| *to == group) {
                sets.join(loose, *value);
            }
        }
    }
    sets.all()
}

/// The group to which the strongest ways lead; nothing, if they lead to several.
fn only_group(ways: &[(Strength, TagGroupId, TagId)]) -> Option<TagGroupId> {
    let strongest = ways.iter().map(|(strength, ..)| *strength).max()?;
    let mut groups = ways
        .iter()
        .filter(|(strength, ..)| *strength == strongest)
        .map(|(_, group, _)| *group);
    let first = groups.next()?;
    groups.all(|group| group == first).then_some(first)
}

fn merge_of(
    scope: &Scope<'_>,
    tags: &BTreeSet<TagId>,
    edges: &BTreeMap<(TagId, TagId), Edge>,
) -> Option<PlannedMerge> {
    let rank = |tag: &TagId| {
        let is_below = scope.above(*tag).iter().any(|above| tags.contains(above));
        let group = scope.forest.get(*tag).and_then(|tag| tag.group_id);
        let (_, total) = scope.carried(*tag);
        (is_below, group.is_none(), std::cmp::Reverse(total), *tag)
    };
    let target = *tags.iter().min_by_key(|tag| rank(tag))?;
    let mut sources: Vec<TagId> = tags.iter().copied().filter(|tag| *tag != target).collect();
    sources.truncate(MERGE_LIMIT);
    let inside = edges
        .iter()
        .filter(|((a, b), _)| tags.contains(a) && tags.contains(b));
    let confidence = inside.clone().map(|(_, edge)| edge.confidence).min()?;
    Some(PlannedMerge {
        target,
        confidence,
        reasons: inside.flat_map(|(_, edge)| edge.reasons.clone()).collect(),
        things: sources.iter().map(|tag| scope.carried(*tag).1).sum(),
        sources,
        outcome: None,
    })
}

/// Sets that are joined (union-find).
#[derive(Default)]
struct Sets {
    above: HashMap<TagId, TagId>,
}

impl Sets {
    fn top(&mut self, tag: TagId) -> TagId {
        let above = *self.above.entry(tag).or_insert(tag);
        if above.uuid() == tag.uuid() {
            return tag;
        }
        let top = self.top(above);
        self.above.insert(tag, top);
        top
    }

    fn join(&mut self, a: TagId, b: TagId) {
        let (a, b) = (self.top(a), self.top(b));
        self.above.insert(a.max(b), a.min(b));
    }

    fn all(mut self) -> Vec<BTreeSet<TagId>> {
        let tags: Vec<TagId> = self.above.keys().copied().collect();
        let mut sets: BTreeMap<TagId, BTreeSet<TagId>> = BTreeMap::new();
        for tag in tags {
            sets.entry(self.top(tag)).or_default().insert(tag);
        }
        sets.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn tag(n: u128) -> TagId {
        TagId(Uuid::from_u128(n))
    }

    fn edges(pairs: &[(u128, u128, Confidence, usize)]) -> BTreeMap<(TagId, TagId), Edge> {
        let pairs = pairs.iter().map(|&(a, b, confidence, reasons)| {
            let reason = Reason {
                kind: Kind::SimilarName,
                tags: [tag(a), tag(b)],
            };
            let reasons = vec![reason; reasons];
            let edge = Edge {
                confidence,
                reasons,
            };
            ((tag(a), tag(b)), edge)
        });
        pairs.collect()
    }

    /// Tags from 10 on are values of the group their tens name; the others have none.
    fn tens(tag: TagId) -> Option<TagGroupId> {
        let tens = tag.uuid().as_u128() / 10;
        (tens > 0).then(|| TagGroupId(Uuid::from_u128(tens)))
    }

    #[test]
    fn no_set_has_values_of_two_groups() {
        use Confidence::{High, Medium};
        for (pairs, expected) in [
            // A tag that is like values of two groups is not joined to either.
            (vec![(1, 10, High, 1), (1, 20, High, 1)], vec![]),
            // Nor are two such, which may be one all the same.
            (
                vec![(1, 2, High, 1), (1, 10, High, 1), (2, 20, High, 1)],
                vec![vec![1, 2]],
            ),
            // Surer signs decide: another likeness, or the same things.
            (
                vec![(1, 10, High, 1), (1, 20, Medium, 1)],
                vec![vec![1, 10]],
            ),
            (vec![(1, 10, High, 1), (1, 20, High, 2)], vec![vec![1, 20]]),
            // Within one group a tag may lead from value to value.
            (
                vec![(1, 10, High, 1), (1, 11, High, 1), (20, 21, High, 1)],
                vec![vec![1, 10, 11], vec![20, 21]],
            ),
        ] {
            let found: Vec<BTreeSet<TagId>> = sets(&edges(&pairs), tens)
                .into_iter()
                .filter(|set| set.len() > 1)
                .collect();
            let expected: Vec<BTreeSet<TagId>> = expected
                .into_iter()
                .map(|set| set.into_iter().map(tag).collect())
                .collect();
            assert_eq!(found, expected, "{pairs:?}");
        }
    }

    #[test]
    fn what_is_joined_to_one_is_joined_to_all_of_its_set() {
        let mut sets = Sets::default();
        for (a, b) in [(1, 2), (3, 4), (5, 4), (2, 1)] {
            sets.join(tag(a), tag(b));
        }
        let found = sets.all();
        assert_eq!(
            found,
            [
                BTreeSet::from([tag(1), tag(2)]),
                BTreeSet::from([tag(3), tag(4), tag(5)])
            ]
        );
    }

    #[test]
    fn stored_plans_keep_decoding() {
        let (a, b) = (
            "tag_01900000000070008000000000000001",
            "tag_01900000000070008000000000000002",
        );
        let merge = |confidence: &str, outcome: serde_json::Value| {
            serde_json::json!({
                "target": a, "sources": [b], "confidence": confidence,
                "reasons": [{ "kind": "SIMILAR_NAME", "tags": [a, b] }], "things": 12,
                "outcome": outcome,
            })
        };
        let at = "2026-11-01T00:00:00Z";
        let stored = serde_json::json!({ "merges": [
            merge("HIGH", serde_json::json!(null)),
            merge("MEDIUM", serde_json::json!({ "at": at, "refusal": null })),
            merge("MEDIUM", serde_json::json!({ "at": at, "refusal": "It is archived." })),
        ] });
        let plan: Plan = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::json!(plan), stored);
    }
}
