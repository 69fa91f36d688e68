//! Which things a list has, by their tags; the same for contacts, accounts and conversations.

use chrono::{DateTime, Utc};
use entity::id::{Id as _, TagGroupId, TagId, WorkspaceId};
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
    /// Not a single one of these.
    pub none: Vec<TagId>,
    /// Whether a tag's descendants count as the tag.
    pub with_descendants: bool,
    /// Nothing of these groups.
    pub group_empty: Vec<TagGroupId>,
    /// No tag at all, or at least one.
    pub untagged: Option<bool>,
    /// As it was at this moment; the tree of tags is as it is now, with those deleted since.
    pub at: Option<DateTime<Utc>>,
}

/// Tags of a filter that are asked whether they are on few things.
const LOOKED_AT: usize = 3;

impl Default for TagFilter {
    fn default() -> Self {
        Self {
            any: Vec::new(),
            all: Vec::new(),
            none: Vec::new(),
            with_descendants: true,
            group_empty: Vec::new(),
            untagged: None,
            at: None,
        }
    }
}

impl TagFilter {
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

    /// The things that may be found, where one of the tags they must have is on few: a list is then made
    /// of them, instead of being gone through until enough of it are found. One statement for each tag
    /// looked at.
    pub(crate) async fn few(&self, ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Vec<Uuid>>> {
        if self.at.is_some() || !self.with_descendants {
            return Ok(None);
        }
        let any = self.any.iter().filter(|_| self.any.len() == 1);
        for tag in any.chain(&self.all).take(LOOKED_AT) {
            let query = Query::new(
                "SELECT r.target_id FROM tag_rank r WHERE r.workspace_id = $1 AND r.tag_id = $2",
            )
            .bind(workspace)
            .bind(*tag);
            if let Some(few) = narrow::few_of(ctx, query).await? {
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
            query.push(&format!(
                " AND {not}EXISTS (SELECT 1 FROM tagging f
                    WHERE f.workspace_id = $1 AND f.target_id = {target} AND {holds})"
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
