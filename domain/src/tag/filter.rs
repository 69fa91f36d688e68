//! Which things a list has, by their tags; the same for contacts, accounts and conversations.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::id::{Id as _, TagGroupId, TagId, WorkspaceId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ctx::Ctx, error::Result, search::narrow, store::Query};

/// Which tags a thing must and must not have. Every part given must hold; "none of" is a statement
/// about all tags of a thing, not about some other tag it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TagFilter {
    /// At least one of these.
    pub any: Vec<TagId>,
    /// Every one of these.
    pub all: Vec<TagId>,
    /// At least one of the tags of each of these lists, such as an industry of two and a size of two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub any_of_each: Vec<Vec<TagId>>,
    /// Not a single one of these.
    pub none: Vec<TagId>,
    /// Whether a tag's descendants count as the tag.
    pub with_descendants: bool,
    /// Nothing of these groups.
    pub group_empty: Vec<TagGroupId>,
    /// No tag at all, or at least one.
    pub untagged: Option<bool>,
    /// As it was at this moment, or now if it has not come yet; the tree of tags is as it is now, with those
    /// deleted since.
    pub at: Option<DateTime<Utc>>,
}

/// Tags, or lists of which one is needed, that are asked whether they are on few things.
const LOOKED_AT: usize = 3;

impl Default for TagFilter {
    fn default() -> Self {
        Self {
            any: Vec::new(),
            all: Vec::new(),
            any_of_each: Vec::new(),
            none: Vec::new(),
            with_descendants: true,
            group_empty: Vec::new(),
            untagged: None,
            at: None,
        }
    }
}

#[derive(FromQueryResult)]
struct Merged {
    id: TagId,
    merged_into: TagId,
}

impl TagFilter {
    /// Lets each tag that was merged into another be that other, which has its taggings now. A filter outlives
    /// the tags it names: it stands in a saved view, or waits with an operation.
    pub(crate) async fn follow_merges(
        &mut self,
        connection: &impl ConnectionTrait,
        workspace: WorkspaceId,
    ) -> Result<()> {
        let named: BTreeSet<TagId> = self.lists().flat_map(|tags| tags.clone()).collect();
        if named.is_empty() {
            return Ok(());
        }
        let mut query = Query::new(
            "SELECT t.id, t.merged_into FROM tag t
             WHERE t.workspace_id = $1 AND t.merged_into IS NOT NULL",
        )
        .bind(workspace);
        let named = list(&mut query, named.into_iter().map(|tag| tag.0));
        query.push(&format!(" AND t.id IN ({named})"));
        let merged: Vec<Merged> = query.all(connection).await?;
        if !merged.is_empty() {
            self.replace(&merged.iter().map(|one| (one.id, one.merged_into)).collect());
        }
        Ok(())
    }

    /// Puts the others in the place of those that were merged, without naming one twice: a single tag drives a
    /// list.
    fn replace(&mut self, survivors: &HashMap<TagId, TagId>) {
        for tags in self.lists() {
            let mut seen = HashSet::new();
            for tag in tags.iter_mut() {
                *tag = survivors.get(tag).copied().unwrap_or(*tag);
            }
            tags.retain(|tag| seen.insert(*tag));
        }
    }

    /// All lists of tags it has.
    fn lists(&mut self) -> impl Iterator<Item = &mut Vec<TagId>> {
        [&mut self.any, &mut self.all, &mut self.none]
            .into_iter()
            .chain(&mut self.any_of_each)
    }

    /// Takes out one tag that every result must have, to drive a list from that tag's rank index.
    pub(crate) fn take_driver(&mut self) -> Option<TagId> {
        if self.at.is_some() || !self.with_descendants {
            return None;
        }
        if self.all.is_empty() && self.any.len() == 1 {
            self.any.pop()
        } else {
            self.all.pop()
        }
    }

    /// Whether every result has a tag of several, and no single tag that drives the list.
    pub(crate) fn is_of_several(&self) -> bool {
        !self.any_of_each.is_empty() && self.all.is_empty() && self.any.len() != 1
    }

    /// The sets of tags of each of which every result has at least one.
    fn needed(&self) -> impl Iterator<Item = &[TagId]> {
        let any = Some(self.any.as_slice()).filter(|any| any.len() == 1);
        let all = self.all.iter().map(std::slice::from_ref);
        let each = self.any_of_each.iter().map(Vec::as_slice);
        any.into_iter().chain(all).chain(each)
    }

    /// The things that may be found, where one of the tags they must have is on few, or all tags of a list of
    /// which they must have one are together: a list is then made of them, instead of being gone through until
    /// enough of it are found. One statement for each tag or list looked at.
    pub(crate) async fn few(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Vec<Uuid>>> {
        if self.at.is_some() || !self.with_descendants {
            return Ok(None);
        }
        for tags in self.needed().take(LOOKED_AT) {
            let mut query =
                Query::new("SELECT r.target_id FROM tag_rank r WHERE r.workspace_id = $1")
                    .bind(workspace);
            let tags = list(&mut query, tags.iter().map(|tag| tag.uuid()));
            // Distinct ones would have to be looked for among all rows; what stands twice is counted twice.
            query.push(&format!(" AND r.tag_id IN ({tags})"));
            if let Some(mut few) = narrow::few_of(ctx, query).await? {
                few.sort_unstable();
                few.dedup();
                return Ok(Some(few));
            }
        }
        Ok(None)
    }

    /// Appends the filter on the thing whose id is the SQL `target`, in a statement whose `$1` is the
    /// workspace.
    pub(crate) fn apply(&self, query: &mut Query, target: &str) {
        if !self.any.is_empty() {
            let tagged = self.tagged(query, target, &self.any);
            query.push(&format!(" AND EXISTS ({tagged})"));
        }
        for tag in &self.all {
            let tagged = self.tagged(query, target, std::slice::from_ref(tag));
            query.push(&format!(" AND EXISTS ({tagged})"));
        }
        for tags in &self.any_of_each {
            let tagged = self.tagged(query, target, tags);
            query.push(&format!(" AND EXISTS ({tagged})"));
        }
        if !self.none.is_empty() {
            let tagged = self.tagged(query, target, &self.none);
            query.push(&format!(" AND NOT EXISTS ({tagged})"));
        }
        if !self.group_empty.is_empty() {
            let groups = list(query, self.group_empty.iter().map(|group| group.uuid()));
            let holds = self.holds(query);
            query.push(&format!(
                " AND NOT EXISTS (SELECT 1 FROM tagging f
                    JOIN tag v ON v.workspace_id = $1 AND v.id = f.tag_id AND v.group_id IN ({groups})
                    WHERE f.workspace_id = $1 AND f.target_id = {target} AND {holds})"
            ));
        }
        if let Some(untagged) = self.untagged {
            let not = if untagged { "NOT " } else { "" };
            let holds = self.holds(query);
            // The limit keeps SQLite from making a join of it, in which it goes through the taggings of all
            // things behind a place in the list for each of them.
            query.push(&format!(
                " AND {not}EXISTS (SELECT 1 FROM tagging f
                    WHERE f.workspace_id = $1 AND f.target_id = {target} AND {holds} LIMIT 1)"
            ));
        }
    }

    /// What finds a row when the thing has one of `tags`.
    fn tagged(&self, query: &mut Query, target: &str, tags: &[TagId]) -> String {
        let tags = list(query, tags.iter().map(|tag| tag.uuid()));
        match (self.at, self.with_descendants) {
            (None, true) => format!(
                "SELECT 1 FROM tag_rank f WHERE f.workspace_id = $1 AND f.target_id = {target}
                   AND f.tag_id IN ({tags})"
            ),
            (_, false) => {
                let holds = self.holds(query);
                format!(
                    "SELECT 1 FROM tagging f WHERE f.workspace_id = $1 AND f.target_id = {target}
                       AND f.tag_id IN ({tags}) AND {holds}"
                )
            }
            // The closure knows nothing of tags that were deleted since; their rows know what they
            // were below.
            (Some(_), true) => {
                let holds = self.holds(query);
                format!(
                    "SELECT 1 FROM tagging f
                     WHERE f.workspace_id = $1 AND f.target_id = {target} AND {holds}
                       AND f.tag_id IN (WITH RECURSIVE below (id) AS (
                           SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND t.id IN ({tags})
                           UNION
                           SELECT t.id FROM below JOIN tag t
                             ON t.workspace_id = $1 AND t.parent_id = below.id)
                         SELECT below.id FROM below)"
                )
            }
        }
    }

    /// That the tagging `f` holds at the moment asked for.
    fn holds(&self, query: &mut Query) -> String {
        match self.at {
            None => "f.removed_at IS NULL".to_owned(),
            Some(at) => {
                let at = query.arg(at);
                format!("f.added_at <= {at} AND (f.removed_at IS NULL OR f.removed_at > {at})")
            }
        }
    }
}

fn list(query: &mut Query, ids: impl Iterator<Item = Uuid>) -> String {
    ids.map(|id| query.arg(id)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_tags_are_replaced_in_every_list_and_none_is_named_twice() {
        let [gold, vip, old, other] = [1, 2, 3, 4].map(|n| TagId(Uuid::from_u128(n)));
        let mut filter = TagFilter {
            any: vec![gold, vip],
            all: vec![old],
            any_of_each: vec![vec![other, gold], vec![old, vip]],
            none: vec![gold],
            ..TagFilter::default()
        };
        filter.replace(&HashMap::from([(gold, vip), (old, vip)]));
        let replaced = TagFilter {
            any: vec![vip],
            all: vec![vip],
            any_of_each: vec![vec![other, vip], vec![vip]],
            none: vec![vip],
            ..TagFilter::default()
        };
        assert_eq!(filter, replaced);
    }
}
