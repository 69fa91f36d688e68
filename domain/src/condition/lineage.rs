//! Where the tags that conditions name stand, for what only their tree and their groups tell to be impossible: a tag
//! must be there, and nothing may be there of one above it; two values of a SINGLE group must be there.
//!
//! Asked by whoever saves a condition in which [`check`](super::check()) has found nothing wrong, and not again when
//! what has the condition is changed for something else. It never changes what is saved, and knows nothing of where
//! tags are moved later.

use std::collections::{BTreeSet, HashMap};

use entity::{
    id::{Id as _, TagGroupId, TagId, WorkspaceId},
    kind::TagKind,
};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use super::{
    AccountTags, Condition, ContactTags, ConversationTags, TagMode, TagTest, Use,
    check::contradictory, path::Path, reference::Reference, shape::ShapeMut,
};
use crate::{
    error::{Result, UserError},
    store::{Query, Rows},
};

/// Of tags that are named: those below each of them that are named as well.
pub(crate) type Below = HashMap<Uuid, BTreeSet<Uuid>>;

/// At most so many pairs of values of SINGLE groups are compared.
const MAX_PAIRS: usize = 100;

#[derive(FromQueryResult)]
struct Link {
    tag_id: TagId,
    ancestor_id: TagId,
}

/// A tag that is a value of a SINGLE group.
#[derive(FromQueryResult)]
struct Chosen {
    id: TagId,
    kind: TagKind,
    group_id: TagGroupId,
    name: String,
}

/// Where some tags stand.
#[derive(Default)]
pub(crate) struct Lineage {
    below: Below,
    /// What never holds, each with the group that says so.
    apart: Vec<(Path, Condition)>,
}

impl Lineage {
    /// Reads it for the tags that are named, in two statements at most.
    pub(crate) async fn load(
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
        references: &[Reference],
    ) -> Result<Self> {
        let named = references.iter().filter(|one| one.kind.is_tag());
        let tags: BTreeSet<Uuid> = named.map(|one| one.id).collect();
        if tags.len() < 2 {
            return Ok(Self::default());
        }
        let rows = || Rows::new().uuids("id", tags.iter().copied());
        let links: Vec<Link> = Query::new(
            "SELECT l.tag_id, l.ancestor_id FROM {r}
             JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id
             WHERE l.distance > 0",
        )
        .bind(workspace)
        .rows("r", rows())
        .all(connection)
        .await?;
        let mut below = Below::new();
        for link in links {
            let above = link.ancestor_id.uuid();
            if tags.contains(&above) {
                below.entry(above).or_default().insert(link.tag_id.uuid());
            }
        }
        let chosen: Vec<Chosen> = Query::new(
            "SELECT t.id, t.kind, g.id AS group_id, g.name FROM {r}
             JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
             JOIN tag_group g ON g.workspace_id = $1 AND g.id = t.group_id AND g.selection = 'SINGLE'
             ORDER BY g.id, t.id",
        )
        .bind(workspace)
        .rows("r", rows())
        .all(connection)
        .await?;
        let apart = apart(&chosen, &below);
        Ok(Self { below, apart })
    }

    /// What of a condition can never hold, by itself or together with what is `given`, each with the place that says
    /// so. Paths begin with `condition`.
    pub(crate) fn contradicted(
        &self,
        condition: &Condition,
        given: &[(Path, Condition)],
        of: Use,
    ) -> Vec<UserError> {
        if self.below.is_empty() && self.apart.is_empty() {
            return Vec::new();
        }
        let given = given.iter();
        let given = given.map(|(at, one)| (at.clone(), self.spelt_out(one)));
        let given: Vec<(Path, Condition)> = self.apart.iter().cloned().chain(given).collect();
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
            ShapeMut::Leaf(leaf) => leaf.name_below(&self.below),
        }
    }
}

/// That no two values of a group that has one at a time are there together, unless one is below the other.
fn apart(chosen: &[Chosen], below: &Below) -> Vec<(Path, Condition)> {
    let is_below = |one: Uuid, other: Uuid| below.get(&other).is_some_and(|all| all.contains(&one));
    let pairs = chosen.iter().enumerate().flat_map(|(place, one)| {
        let others = chosen[place + 1..].iter();
        others.map(move |other| (one, other))
    });
    let pairs = pairs.filter(|(one, other)| {
        let (a, b) = (one.id.uuid(), other.id.uuid());
        one.group_id == other.group_id && !is_below(a, b) && !is_below(b, a)
    });
    let never = pairs.take(MAX_PAIRS).flat_map(|(one, other)| {
        let at = Path::root(&format!("the SINGLE group “{}”", one.name));
        let both = together(one.kind, [one.id.uuid(), other.id.uuid()]);
        both.into_iter()
            .map(move |both| (at.clone(), Condition::Not(Box::new(both))))
    });
    never.collect()
}

/// That both tags are there, in every way to ask for them.
fn together(kind: TagKind, tags: [Uuid; 2]) -> Vec<Condition> {
    let mut all = Vec::new();
    for with_descendants in [true, false] {
        let test = || TagTest {
            mode: TagMode::All,
            tag_ids: tags.to_vec(),
            with_descendants,
        };
        match kind {
            TagKind::Contact => {
                all.push(Condition::ContactTags(ContactTags(test())));
                all.push(Condition::AccountTags(AccountTags(test())));
            }
            TagKind::Conversation => {
                all.push(Condition::ConversationTags(ConversationTags(test())));
            }
        }
    }
    all
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
        let lineage = Lineage {
            below: Below::from([(CUSTOMER, BTreeSet::from([VIP]))]),
            apart: Vec::new(),
        };
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

    fn value(tag: Uuid) -> Chosen {
        Chosen {
            id: TagId(tag),
            kind: TagKind::Contact,
            group_id: TagGroupId(Uuid::from_u128(9)),
            name: "Rank".to_owned(),
        }
    }

    #[test]
    fn two_values_of_a_single_group_never_hold_together_unless_one_is_below_the_other() {
        let low = Uuid::from_u128(3);
        let below = Below::from([(CUSTOMER, BTreeSet::from([VIP]))]);
        let chosen = [value(CUSTOMER), value(VIP), value(low)];
        let apart = apart(&chosen, &below);
        let lineage = Lineage { below, apart };
        let refused = |stored: Value| {
            let found = lineage.contradicted(&condition(stored), &[], Use::Rule);
            let found = found.into_iter();
            found
                .map(|one| (one.path.join("."), one.message))
                .collect::<Vec<_>>()
        };
        let both = json!({"contactTags": {"mode": "ALL", "tagIds": [VIP, low]}});
        let message = "This can never hold together with the SINGLE group “Rank”, so the rule would never fire. \
                       Change one of the two.";
        let path = "condition".to_owned();
        assert_eq!(refused(both), [(path, message.to_owned())]);
        let found = refused(json!({"all": [tags("ANY", VIP, false), tags("ANY", low, false)]}));
        let message = "This can never hold together with the SINGLE group “Rank” and condition.all.0, so the rule \
                       would never fire. Change one of them.";
        assert_eq!(found, [("condition.all.1".to_owned(), message.to_owned())]);

        let either = json!({"contactTags": {"mode": "ANY", "tagIds": [VIP, low]}});
        assert_eq!(refused(either), []);
        let related = json!({"contactTags": {"mode": "ALL", "tagIds": [CUSTOMER, VIP]}});
        assert_eq!(refused(related), []);
        let without = json!({"all": [tags("ANY", VIP, true), tags("NONE", low, true)]});
        assert_eq!(refused(without), []);
    }
}
