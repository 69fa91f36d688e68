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
            for (tag, other, likeness) in alike(bucket).await {
                findings.push(finding(scope, tag, other, likeness));
            }
        }
        Ok(findings)
    }
}

/// Those whose names are alike, two by two. Of ten thousand names that is long work: others have their turn in
/// between, and nobody takes it for an endless loop.
async fn alike<'t>(
    names: &[(Folded, &'t tag::Model)],
) -> Vec<(&'t tag::Model, &'t tag::Model, Likeness)> {
    let mut found = Vec::new();
    for (index, (name, tag)) in names.iter().enumerate() {
        for (other_name, other) in &names[index + 1..] {
            if Scope::differ_in_dimension(tag, other) {
                continue;
            }
            if let Some(likeness) = name.likeness(other_name) {
                found.push((*tag, *other, likeness));
            }
        }
        tokio::task::yield_now().await;
    }
    found
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use entity::id::{TagId, WorkspaceId};
    use futures::{FutureExt as _, executor::block_on};
    use uuid::Uuid;

    use super::*;

    fn tag(number: u128, name: &str) -> tag::Model {
        tag::Model {
            workspace_id: WorkspaceId(Uuid::nil()),
            id: TagId(Uuid::from_u128(number)),
            kind: TagKind::Contact,
            parent_id: None,
            name: name.to_owned(),
            name_key: name.to_owned(),
            description: String::new(),
            colour: String::new(),
            created_by: serde_json::Value::Null,
            created_at: DateTime::<Utc>::UNIX_EPOCH,
            updated_at: DateTime::<Utc>::UNIX_EPOCH,
            archived_at: None,
            group_id: None,
            position: 0,
            merged_into: None,
            deleted_at: None,
        }
    }

    #[test]
    fn names_are_compared_with_all_others_and_meanwhile_others_have_their_turn() {
        let tags = [tag(1, "Partner"), tag(2, "Retail"), tag(3, "Partnar")];
        let names = tags.iter().map(|tag| (Folded::new(&tag.name), tag));
        let names: Vec<(Folded, &tag::Model)> = names.collect();
        let found = block_on(alike(&names)).into_iter();
        let found: Vec<_> = found
            .map(|(one, other, likeness)| (one.name.as_str(), other.name.as_str(), likeness))
            .collect();
        assert_eq!(found, [("Partner", "Partnar", Likeness::Spelling(1))]);
        assert!(alike(&names).now_or_never().is_none());
    }
}
