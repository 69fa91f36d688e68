//! Where the tags that conditions name stand in the tree, for what only the tree tells to be impossible: a tag must be
//! there, and nothing may be there of one above it.
//!
//! Asked by whoever saves a condition in which [`check`](super::check()) has found nothing wrong. It never changes
//! what is saved, and knows nothing of where tags are moved later.

use std::collections::{BTreeSet, HashMap};

use entity::id::{Id as _, TagId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{
    Condition, Use, check::contradictory, path::Path, reference::Reference, shape::ShapeMut,
};
use crate::{
    error::{Result, UserError},
    store::{Query, Rows},
};

/// Of tags that are named: those below each of them that are named as well.
pub(crate) type Below = HashMap<Uuid, BTreeSet<Uuid>>;

#[derive(FromQueryResult)]
struct Link {
    tag_id: TagId,
    ancestor_id: TagId,
}

/// Which of some tags are below which.
pub(crate) struct Lineage(Below);

impl Lineage {
    /// Reads it for the tags that are named, in one statement at most.
    pub(crate) async fn load(
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        references: &[Reference],
    ) -> Result<Self> {
        let named = references.iter().filter(|one| one.kind.is_tag());
        let tags: BTreeSet<Uuid> = named.map(|one| one.id).collect();
        let mut below = Below::new();
        if tags.len() > 1 {
            let links: Vec<Link> = Query::new(
                "SELECT l.tag_id, l.ancestor_id FROM {r}
                 JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id
                 WHERE l.distance > 0",
            )
            .bind(workspace)
            .rows("r", Rows::new().uuids("id", tags.iter().copied()))
            .all(connection)
            .await?;
            for link in links {
                let above = link.ancestor_id.uuid();
                if tags.contains(&above) {
                    below.entry(above).or_default().insert(link.tag_id.uuid());
                }
            }
        }
        Ok(Self(below))
    }

    /// What of a condition can never hold, by itself or together with what is `given`, each with the place that says
    /// so. Paths begin with `condition`.
    pub(crate) fn contradicted(
        &self,
        condition: &Condition,
        given: &[(Path, Condition)],
        of: Use,
    ) -> Vec<UserError> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let given = given.iter();
        let given: Vec<(Path, Condition)> = given
            .map(|(at, one)| (at.clone(), self.spelt_out(one)))
            .collect();
        contradictory(&self.spelt_out(condition), &given, of)
    }

    /// The same condition with the tags below named ones named too, so that it is seen without the tree what it
    /// asks.
    fn spelt_out(&self, condition: &Condition) -> Condition {
        let mut condition = condition.clone();
        self.spell_out(&mut condition);
        condition
    }

    fn spell_out(&self, condition: &mut Condition) {
        match condition.shape_mut() {
            ShapeMut::Group(children) => {
                for child in children {
                    self.spell_out(child);
                }
            }
            ShapeMut::Leaf(leaf) => leaf.name_below(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CUSTOMER: Uuid = Uuid::from_u128(1);
    const VIP: Uuid = Uuid::from_u128(2);

    fn tags(mode: &str, tag: Uuid, with_descendants: bool) -> Value {
        json!({"contactTags": {"mode": mode, "tagIds": [tag], "withDescendants": with_descendants}})
    }

    fn condition(stored: Value) -> Condition {
        serde_json::from_value(stored).unwrap()
    }

    /// Whether both can never hold together, with VIP below Customer.
    fn contradict(one: &Value, other: &Value) -> bool {
        let lineage = Lineage(Below::from([(CUSTOMER, BTreeSet::from([VIP]))]));
        let together = condition(json!({"all": [one, other]}));
        let found = lineage.contradicted(&together, &[], Use::Segment);
        let (one, other) = (condition(one.clone()), condition(other.clone()));
        let given = [(Path::root("trigger"), one)];
        let with_given = lineage.contradicted(&other, &given, Use::Rule);
        assert_eq!(found.is_empty(), with_given.is_empty());
        !found.is_empty()
    }

    #[test]
    fn a_tag_and_nothing_of_the_one_above_it_never_hold_together() {
        let no_customer = tags("NONE", CUSTOMER, true);
        for wanted in [
            tags("ANY", VIP, true),
            tags("ANY", VIP, false),
            tags("ALL", VIP, true),
        ] {
            assert!(contradict(&wanted, &no_customer), "{wanted}");
            assert!(contradict(&no_customer, &wanted), "{wanted}");
        }
        let not_customer = json!({"not": tags("ANY", CUSTOMER, true)});
        assert!(contradict(&tags("ANY", VIP, true), &not_customer));
    }

    #[test]
    fn what_may_hold_is_left_alone() {
        for (one, other) in [
            // The one above without the one below.
            (tags("ANY", CUSTOMER, true), tags("NONE", VIP, true)),
            // Nothing but the tag below.
            (tags("ANY", VIP, true), tags("NONE", CUSTOMER, false)),
            (tags("NONE", VIP, true), tags("NONE", CUSTOMER, true)),
            (tags("ANY", VIP, true), tags("ALL", CUSTOMER, true)),
        ] {
            assert!(!contradict(&one, &other), "{one} {other}");
        }
    }
}
