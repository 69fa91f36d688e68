//! What a merge makes of the tree, decided in memory for the preview of it.
//!
//! [`super::merge`] does the same in the database, one tag after the other; a test holds the two together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::id::{TagGroupId, TagId};
use sea_orm::FromQueryResult;

use super::referrer::Merged;

/// A tag of the tree.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Node {
    /// Its id.
    pub(super) id: TagId,
    /// The tag above.
    pub(super) parent_id: Option<TagId>,
    /// Its group.
    pub(super) group_id: Option<TagGroupId>,
    /// Its name folded for comparison.
    pub(super) name_key: String,
}

/// What becomes of a tree.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The tags that stay.
    nodes: BTreeMap<TagId, Node>,
    /// The tags directly below each.
    below: HashMap<TagId, BTreeSet<TagId>>,
    /// The tags that go, in the order in which they do.
    pub(super) merged: Vec<Merged>,
    /// The tags that stay and come to hang below another, and that one.
    pub(super) hung: BTreeMap<TagId, TagId>,
}

impl Plan {
    /// What merging `sources`, deepest first, into `target` makes of `nodes`.
    pub(super) fn of(nodes: Vec<Node>, sources: &[TagId], target: TagId) -> Self {
        let mut plan = Self::default();
        for node in nodes {
            if let Some(parent) = node.parent_id {
                plan.below.entry(parent).or_default().insert(node.id);
            }
            plan.nodes.insert(node.id, node);
        }
        for &source in sources {
            // One of the same name may have taken it in already.
            if plan.nodes.contains_key(&source) {
                plan.join(source, target);
            }
        }
        plan
    }

    fn join(&mut self, source: TagId, target: TagId) {
        // It may have come to hang elsewhere before.
        self.hung.remove(&source);
        // From here on its name is free for a tag below it.
        let parent = self.nodes.remove(&source).and_then(|node| node.parent_id);
        if let Some(parent) = parent
            && let Some(siblings) = self.below.get_mut(&parent)
        {
            siblings.remove(&source);
        }
        let taken: HashMap<String, TagId> = self
            .children(target)
            .map(|node| (node.name_key.clone(), node.id))
            .collect();
        for child in self.below.remove(&source).unwrap_or_default() {
            let Some(node) = self.nodes.get_mut(&child) else {
                continue;
            };
            if let Some(&twin) = taken.get(&node.name_key) {
                self.join(child, twin);
            } else {
                node.parent_id = Some(target);
                self.below.entry(target).or_default().insert(child);
                self.hung.insert(child, target);
            }
        }
        self.merged.push(Merged { source, target });
    }

    fn children(&self, tag: TagId) -> impl Iterator<Item = &Node> {
        let ids = self.below.get(&tag).into_iter().flatten();
        ids.filter_map(|id| self.nodes.get(id))
    }

    /// What each tag that goes is in the end.
    pub(super) fn becomes(&self) -> BTreeMap<TagId, TagId> {
        let mut becomes = BTreeMap::new();
        // What a target became later stands behind it.
        for pair in self.merged.iter().rev() {
            let last = becomes.get(&pair.target).copied().unwrap_or(pair.target);
            becomes.insert(pair.source, last);
        }
        becomes
    }

    /// The tag and all that will be below it, level by level.
    pub(super) fn levels(&self, tag: TagId) -> Vec<Vec<TagId>> {
        let mut levels = Vec::new();
        let mut level = vec![tag];
        while !level.is_empty() {
            let next = level.iter().flat_map(|&above| self.children(above));
            let next = next.map(|node| node.id).collect();
            levels.push(std::mem::replace(&mut level, next));
        }
        levels
    }

    /// The tags that will be values of `group`, which is that of `target`.
    pub(super) fn values(&self, group: TagGroupId, target: TagId) -> BTreeSet<TagId> {
        let old = self.nodes.values();
        let old = old.filter(|node| node.group_id == Some(group));
        let old = old.map(|node| node.id);
        old.chain(self.levels(target).into_iter().flatten())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> TagId {
        TagId(Uuid::from_u128(number))
    }

    fn node(number: u128, parent: Option<u128>, name: &str) -> Node {
        Node {
            id: id(number),
            parent_id: parent.map(id),
            group_id: None,
            name_key: name.to_owned(),
        }
    }

    fn hung(plan: &Plan) -> Vec<(TagId, TagId)> {
        plan.hung.iter().map(|(&tag, &into)| (tag, into)).collect()
    }

    fn merged(plan: &Plan) -> Vec<(TagId, TagId)> {
        let pairs = plan.merged.iter();
        pairs.map(|pair| (pair.source, pair.target)).collect()
    }

    #[test]
    fn twins_are_merged_and_the_others_come_to_hang_below() {
        let nodes = vec![
            node(1, None, "a"),
            node(2, Some(1), "x"),
            node(3, Some(2), "deep"),
            node(4, Some(1), "y"),
            node(5, Some(4), "low"),
            node(11, None, "b"),
            node(12, Some(11), "x"),
        ];
        let plan = Plan::of(nodes, &[id(1)], id(11));
        assert_eq!(merged(&plan), [(id(2), id(12)), (id(1), id(11))]);
        assert_eq!(hung(&plan), [(id(3), id(12)), (id(4), id(11))]);
        let levels = plan.levels(id(11));
        assert_eq!(levels[1], [id(4), id(12)]);
        assert_eq!(levels[2], [id(5), id(3)]);
        assert_eq!(levels.len(), 3);
    }

    #[test]
    fn a_tag_that_took_one_in_and_goes_itself_is_followed_to_the_end() {
        let nodes = vec![
            node(1, None, "target"),
            node(2, Some(1), "x"),
            node(11, None, "other"),
            node(12, None, "top"),
            node(13, Some(12), "x"),
        ];
        // The one below the target goes after it has taken in its twin.
        let plan = Plan::of(nodes, &[id(12), id(2)], id(1));
        assert_eq!(
            merged(&plan),
            [(id(13), id(2)), (id(12), id(1)), (id(2), id(1))]
        );
        assert_eq!(plan.becomes()[&id(13)], id(1));
        assert_eq!(plan.levels(id(1)), [[id(1)]]);
    }

    #[test]
    fn what_hung_below_a_tag_that_goes_later_is_told_once_as_it_stands_in_the_end() {
        let nodes = vec![
            node(1, None, "target"),
            node(2, Some(1), "x"),
            node(3, Some(1), "twin"),
            node(11, None, "top"),
            node(12, Some(11), "other"),
            node(13, Some(12), "x"),
            node(14, Some(13), "free"),
            node(15, Some(13), "twin"),
        ];
        let plan = Plan::of(nodes, &[id(12), id(2)], id(1));
        assert_eq!(hung(&plan), [(id(14), id(1))]);
        assert_eq!(plan.becomes()[&id(13)], id(1));
        assert_eq!(plan.becomes()[&id(15)], id(3));
    }

    #[test]
    fn a_child_named_like_what_goes_takes_its_place() {
        let nodes = vec![
            node(1, None, "target"),
            node(2, Some(1), "a"),
            node(3, Some(2), "a"),
        ];
        let plan = Plan::of(nodes, &[id(2)], id(1));
        assert_eq!(merged(&plan), [(id(2), id(1))]);
        assert_eq!(hung(&plan), [(id(3), id(1))]);
    }
}
