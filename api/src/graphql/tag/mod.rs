//! Tags and taggings over GraphQL: this file has the tags, `tagging` what they are on.

mod bulk;
mod carried;
mod end;
mod group;
mod lifecycle;
mod merge;
mod merge_preview;
mod mutation;
mod pack;
mod tagging;

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::tag::{
    self, TagFilter,
    catalogue::{Counts, Forest, ForestFilter},
};
use entity::kind::{TagKind, TagTarget};

use super::{
    access::ChangeOrigin,
    context::{loaded, loader, reader},
    error::fault,
    few::{few_ids, few_ids_of_each},
    id,
    loader::{ChildrenOf, CountsOf, PathOf},
};
use crate::boxed;

pub(crate) use bulk::{BulkMutation, ThingsInput};
pub(crate) use carried::Carried;
pub use group::TagGroup;
pub(crate) use group::{TagGroupMutation, TagGroupQuery};
pub(crate) use lifecycle::{TagLifecycleMutation, TagLifecycleQuery};
pub use merge::TagMerge;
pub(crate) use merge::{TagMergeMutation, TagMergeQuery};
pub(crate) use mutation::TagMutation;
pub(crate) use pack::StarterPackMutation;
pub use tagging::Tagging;
pub(crate) use tagging::history_of;

/// A label in a tree.
#[derive(Debug, Clone)]
pub struct Tag {
    row: Arc<entity::tag::Model>,
    /// What was read together with it, when a whole tree was.
    shared: Option<Arc<Shared>>,
}

/// What the tags of one list have in common, so that none of them asks for itself.
#[derive(Debug)]
struct Shared {
    forest: Arc<Forest>,
    counts: Option<Counts>,
}

impl From<entity::tag::Model> for Tag {
    fn from(row: entity::tag::Model) -> Self {
        Self::from(Arc::new(row))
    }
}

impl From<Arc<entity::tag::Model>> for Tag {
    fn from(row: Arc<entity::tag::Model>) -> Self {
        Self { row, shared: None }
    }
}

/// A label in a tree.
#[Object]
impl Tag {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// What it says something about.
    fn kind(&self) -> TagKind {
        self.row.kind
    }

    /// The name; unique among its siblings, whatever the case and width.
    fn name(&self) -> &str {
        &self.row.name
    }

    /// What it means.
    fn description(&self) -> &str {
        &self.row.description
    }

    /// `#rrggbb`.
    fn colour(&self) -> &str {
        &self.row.colour
    }

    /// The names from the root to this tag.
    #[boxed]
    async fn path(&self, context: &Context<'_>) -> Result<Vec<String>> {
        self.names(context).await
    }

    /// The whole way as people read it, with the group: `Group / Parent / Child`.
    #[boxed]
    async fn path_text(&self, context: &Context<'_>) -> Result<String> {
        let names = self.names(context).await?;
        let group = self.group_model(context).await?;
        let group = group.as_ref().map(|group| group.name.as_str());
        Ok(tag::path::shown(group, &names))
    }

    /// The tag above.
    #[boxed]
    async fn parent(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        let Some(id) = self.row.parent_id else {
            return Ok(None);
        };
        if let Some(shared) = &self.shared
            && let Some(row) = shared.forest.get(id)
        {
            return Ok(Some(Self {
                row: row.clone(),
                shared: self.shared.clone(),
            }));
        }
        Ok(loader(context)?.load_one(id).await?.map(Tag::from))
    }

    /// The tags directly below it, by their place among their siblings and their names.
    #[boxed]
    async fn children(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Archived tags too.", default)] include_archived: bool,
    ) -> Result<Vec<Tag>> {
        let children: Vec<Arc<entity::tag::Model>> = if let Some(shared) = &self.shared {
            shared.forest.children(self.row.id).cloned().collect()
        } else {
            let found = loader(context)?.load_one(ChildrenOf(self.row.id)).await?;
            found.unwrap_or_default()
        };
        let wanted = children
            .into_iter()
            .filter(|row| include_archived || row.archived_at.is_none());
        Ok(wanted
            .map(|row| Self {
                row,
                shared: self.shared.clone(),
            })
            .collect())
    }

    /// The group it is a value of; nothing when it stands outside all groups.
    #[boxed]
    async fn group(&self, context: &Context<'_>) -> Result<Option<TagGroup>> {
        Ok(self.group_model(context).await?.map(TagGroup))
    }

    /// Its place among its siblings; lower comes first, those of the same place by name.
    fn position(&self) -> i64 {
        self.row.position
    }

    /// How many things carry it.
    #[boxed]
    async fn counts(&self, context: &Context<'_>) -> Result<TagCounts> {
        let shared = self
            .shared
            .as_ref()
            .and_then(|shared| shared.counts.as_ref());
        if let Some(counts) = shared {
            return Ok(TagCounts::of(|target| counts.get(&(self.row.id, target))));
        }
        let counts = loader(context)?
            .load_one(CountsOf(self.row.id))
            .await?
            .unwrap_or_default();
        Ok(TagCounts::of(|target| counts.get(&target)))
    }

    /// Who made it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.row.created_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// When it was archived; archived tags cannot be added to anything.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.row.archived_at
    }

    /// When it was deleted; only the history of what carried it still shows it.
    fn deleted_at(&self) -> Option<DateTime<Utc>> {
        self.row.deleted_at
    }

    /// The tag it was merged into, if it was.
    #[boxed]
    async fn merged_into(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, self.row.merged_into, Tag::from).await
    }
}

impl Tag {
    async fn names(&self, context: &Context<'_>) -> Result<Vec<String>> {
        if let Some(shared) = &self.shared {
            return Ok(shared.forest.path(&self.row));
        }
        let path = loader(context)?.load_one(PathOf(self.row.id)).await?;
        // A deleted tag has no way any more.
        Ok(path.map_or_else(
            || vec![self.row.name.clone()],
            |path| path.into_iter().map(|ancestor| ancestor.name).collect(),
        ))
    }

    async fn group_model(&self, context: &Context<'_>) -> Result<Option<entity::tag_group::Model>> {
        let Some(id) = self.row.group_id else {
            return Ok(None);
        };
        if let Some(shared) = &self.shared
            && let Some(group) = shared.forest.group(id)
        {
            return Ok(Some(group.clone()));
        }
        loader(context)?.load_one(id).await
    }
}

/// How many things of each kind carry a tag; kept up to date with every tagging, never counted when
/// read.
#[derive(SimpleObject)]
pub(crate) struct TagCounts {
    /// Contacts.
    contacts: TagCount,
    /// Accounts.
    accounts: TagCount,
    /// Conversations.
    conversations: TagCount,
}

impl TagCounts {
    fn of<'c>(count: impl Fn(TagTarget) -> Option<&'c tag::TagCount>) -> Self {
        let of = |target| {
            count(target).map_or_else(TagCount::default, |count| TagCount {
                direct: count.direct,
                total: count.total,
            })
        };
        Self {
            contacts: of(TagTarget::Contact),
            accounts: of(TagTarget::Account),
            conversations: of(TagTarget::Conversation),
        }
    }
}

/// How many things of one kind carry a tag.
#[derive(SimpleObject, Default)]
pub(crate) struct TagCount {
    /// Those that carry this very tag.
    direct: i64,
    /// Those that carry it or a tag below it, each counted once.
    total: i64,
}

/// Which tags a thing must and must not have. Every part given must hold; parts left out ask for
/// nothing, and an empty list is refused.
#[derive(InputObject)]
pub(crate) struct TagFilterInput {
    /// At least one of these tags.
    any: Option<Vec<ID>>,
    /// Every one of these tags.
    all: Option<Vec<ID>>,
    /// At least one of the tags of each list, at most 100 tags in all: `[[IT, Retail], [Small, Large]]` for
    /// one of two industries and one of two sizes.
    any_of_each: Option<Vec<Vec<ID>>>,
    /// Not a single one of these tags, whatever else it is tagged with.
    none: Option<Vec<ID>>,
    /// Whether a tag's descendants count as the tag.
    #[graphql(default = true)]
    with_descendants: bool,
    /// Nothing of these groups.
    group_empty: Option<Vec<ID>>,
    /// Without any tag, or with at least one.
    untagged: Option<bool>,
    /// As the things were tagged at this moment; one that has not come yet counts as now. The tree of tags is
    /// as it is now.
    at: Option<DateTime<Utc>>,
}

impl TagFilterInput {
    pub(crate) fn read(self) -> domain::error::Result<TagFilter> {
        fn list<I: entity::id::Id>(
            ids: Option<Vec<ID>>,
            field: &'static str,
        ) -> domain::error::Result<Vec<I>> {
            few_ids(ids, &["filter", "tags", field])
        }
        Ok(TagFilter {
            any: list(self.any, "any")?,
            all: list(self.all, "all")?,
            any_of_each: few_ids_of_each(self.any_of_each, &["filter", "tags", "anyOfEach"])?,
            none: list(self.none, "none")?,
            with_descendants: self.with_descendants,
            group_empty: list(self.group_empty, "groupEmpty")?,
            untagged: self.untagged,
            at: self.at,
        })
    }
}

#[derive(Default)]
pub(crate) struct TagQuery;

#[Object]
impl TagQuery {
    /// One tag; nothing when there is none of this id.
    #[boxed]
    async fn tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tag's global id.")] id: ID,
    ) -> Result<Option<Tag>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let found = tag::catalogue::load(ctx, actor.workspace, &[id])
            .await
            .map_err(fault)?;
        Ok(found.into_iter().next().map(Tag::from))
    }

    /// The workspace's tags, by their place among their siblings and their names; a tree by their
    /// parents. At most 10,000.
    #[boxed]
    async fn tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only tags of this kind.")] kind: Option<TagKind>,
        #[graphql(desc = "Only tags of this group.")] group_id: Option<ID>,
        #[graphql(desc = "Archived tags too.", default)] include_archived: bool,
    ) -> Result<Vec<Tag>> {
        let (ctx, actor) = reader(context)?;
        let group = group_id.map(|id| id::parse(&id, &["groupId"])).transpose();
        let Ok(group) = group else {
            // A group that is not there has no tags.
            return Ok(Vec::new());
        };
        let (forest, counts) = if context.look_ahead().field("counts").exists() {
            let (forest, counts) = tag::catalogue::counted(ctx, actor.workspace)
                .await
                .map_err(fault)?;
            (forest, Some(counts))
        } else {
            let forest = tag::catalogue::forest(ctx, actor.workspace).await;
            (forest.map_err(fault)?, None)
        };
        let shared = Arc::new(Shared { forest, counts });
        let filter = ForestFilter {
            kind,
            group,
            archived: include_archived,
        };
        Ok(shared
            .forest
            .list(filter)
            .map(|row| Tag {
                row: row.clone(),
                shared: Some(shared.clone()),
            })
            .collect())
    }
}
