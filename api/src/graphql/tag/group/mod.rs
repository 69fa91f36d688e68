//! Groups of tags over GraphQL.

mod mutation;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::tag::group;
use entity::kind::{TagKind, TagSelection, TagStage};

use super::{Tag, lifecycle::TagUse};
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    context::{loader, reader},
    error::fault,
    id,
    loader::TagsOf,
};

pub(crate) use mutation::TagGroupMutation;

/// A dimension that tags are values of, such as "Industry".
#[derive(Debug, Clone)]
pub struct TagGroup(pub(crate) entity::tag_group::Model);

/// A dimension that tags are values of, such as "Industry".
#[Object]
impl TagGroup {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The kind of its tags.
    fn kind(&self) -> TagKind {
        self.0.kind
    }

    /// The name; unique among the groups of its kind, whatever the case and width.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// What it means.
    fn description(&self) -> &str {
        &self.0.description
    }

    /// How many of its values one thing may carry.
    fn selection(&self) -> TagSelection {
        self.0.selection
    }

    /// What it is for; nothing when it is for nothing in particular.
    fn stage(&self) -> Option<TagStage> {
        self.0.stage
    }

    /// Its place among all groups; lower comes first.
    fn position(&self) -> i64 {
        self.0.position
    }

    /// The tags that are its values, by their place among their siblings and their names.
    #[boxed]
    async fn tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Archived tags too.", default)] include_archived: bool,
    ) -> Result<Vec<Tag>> {
        let tags = loader(context)?.load_one(TagsOf(self.0.id)).await?;
        let tags = tags.unwrap_or_default().into_iter();
        let wanted = tags.filter(|tag| include_archived || tag.archived_at.is_none());
        Ok(wanted.map(Tag::from).collect())
    }

    /// Who made it.
    fn created_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.created_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was archived; the tags of an archived group cannot be added to anything.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }
}

/// What refers to a tag group.
#[derive(SimpleObject)]
pub(crate) struct TagGroupUsage {
    /// Stands for exactly this state; `deleteTagGroup` takes it as the proof that the state was seen.
    token: String,
    /// How many tags are its values, archived ones too. A group that has any cannot be deleted.
    tags: usize,
    /// How many of these are archived.
    archived_tags: usize,
    /// What names the group itself; `tagUsage` tells what names its tags.
    uses: Vec<TagUse>,
}

impl From<group::Usage> for TagGroupUsage {
    fn from(usage: group::Usage) -> Self {
        Self {
            token: usage.token,
            tags: usage.values.len(),
            archived_tags: usage.values.iter().filter(|value| value.archived).count(),
            uses: usage.uses.into_iter().map(TagUse::from).collect(),
        }
    }
}

#[derive(Default)]
pub(crate) struct TagGroupQuery;

#[Object]
impl TagGroupQuery {
    /// The workspace's tag groups, in their order; at most 200.
    #[boxed]
    async fn tag_groups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only groups of tags of this kind.")] kind: Option<TagKind>,
        #[graphql(desc = "Archived groups too.", default)] include_archived: bool,
    ) -> Result<Vec<TagGroup>> {
        let (ctx, actor) = reader(context)?;
        let groups = group::list(ctx, actor.workspace, kind, include_archived).await;
        Ok(groups.map_err(fault)?.into_iter().map(TagGroup).collect())
    }

    /// What refers to a tag group: read before it is deleted. Nothing when there is no such group.
    #[boxed]
    async fn tag_group_usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The group's global id.")] id: ID,
    ) -> Result<Option<TagGroupUsage>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let usage = group::usage(ctx, actor.workspace, id).await;
        Ok(usage.map_err(fault)?.map(TagGroupUsage::from))
    }
}
