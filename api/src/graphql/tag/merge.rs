//! Merges of tags that are kept, and undoing them.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    page::PageRequest,
    tag::catalogue::{self, TagMergeFilter},
};

use super::{Tag, lifecycle::TagUse};
use crate::boxed;
use crate::graphql::{
    access::ChangeOrigin,
    context::{loaded, loaded_each, reader, writer},
    error::{fault, settle},
    id,
    page::{Connection, connection},
};

/// Tags made one by one call; it can be undone for 90 days.
#[derive(Debug, Clone)]
pub struct TagMerge(pub(crate) catalogue::TagMerge);

/// Tags made one by one call; it can be undone for 90 days.
#[Object]
impl TagMerge {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The tag that stayed.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<Tag>> {
        loaded(context, Some(self.0.into_id), Tag::from).await
    }

    /// The tags that were asked to go, as they are now. Tags below them that were merged because of their names
    /// went and come back with them.
    #[boxed]
    async fn sources(&self, context: &Context<'_>) -> Result<Vec<Tag>> {
        let ids = self.0.sources().map_err(fault)?;
        loaded_each(context, &ids, Tag::from).await
    }

    /// When.
    fn merged_at(&self) -> DateTime<Utc> {
        self.0.merged_at
    }

    /// By whom.
    fn merged_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.merged_by)
    }

    /// Until when it can be undone; the merge itself is kept as long.
    fn undoable_until(&self) -> DateTime<Utc> {
        self.0.undoable_until()
    }

    /// When it was undone.
    fn undone_at(&self) -> Option<DateTime<Utc>> {
        self.0.undone_at
    }

    /// By whom it was undone.
    fn undone_by(&self) -> Result<Option<ChangeOrigin>> {
        self.0
            .undone_by
            .as_ref()
            .map(ChangeOrigin::read)
            .transpose()
    }
}

/// A merge of tags to be undone.
#[derive(InputObject)]
pub(crate) struct UnmergeTagsInput {
    /// The merge's global id, as `mergeTags` and `tagMerges` give it.
    id: ID,
}

/// What became of `unmergeTags`.
#[derive(SimpleObject)]
pub(crate) struct UnmergeTagsPayload {
    /// The merge, undone.
    merge: Option<TagMerge>,
    /// The tags that are back, each where it stood; those below another of them too.
    tags: Vec<Tag>,
    /// What named one of these tags before the merge and was edited since: it is left as it is, and names the
    /// survivor unless the edit took that out. Look at each.
    left_as_is: Vec<TagUse>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct TagMergeQuery;

#[Object]
impl TagMergeQuery {
    /// Merges of tags, newest first, by hand and by plans of the quality audit. They are kept for 90 days.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and two to choose by"
    )]
    #[boxed]
    async fn tag_merges(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "Only those in which this tag went or took another in; also below the tags named."
        )]
        tag_id: Option<ID>,
        #[graphql(desc = "Only those that were undone, or only those that were not.")]
        undone: Option<bool>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, TagMerge>> {
        let (ctx, actor) = reader(context)?;
        let filter = TagMergeFilter {
            tag: id::parse_opt(tag_id.as_ref(), &["tagId"]).map_err(fault)?,
            undone,
        };
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = catalogue::merges(ctx, actor.workspace, &filter, &page).await;
        Ok(connection(found.map_err(fault)?, TagMerge))
    }
}

#[derive(Default)]
pub(crate) struct TagMergeMutation;

#[Object]
impl TagMergeMutation {
    /// Undoes a merge of tags: the tags that went stand again where they stood, with their taggings, the tags
    /// below them, and the rules, segments, playbooks, reports and links that named them. What happened since
    /// stays: a tag put on since is the survivor's, one taken off stays off. Merges are undone from the newest.
    /// Refused when the survivor, the tag above or the group is gone (`NOT_FOUND`), when another tag has the name
    /// there (`TAKEN`), or when the merge is undone already, older than 90 days, or a later one stands in the
    /// way (`INVALID`). Scope: CONFIGURE.
    #[boxed]
    async fn unmerge_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UnmergeTagsInput,
    ) -> Result<UnmergeTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { catalogue::unmerge(ctx, actor, id::parse(&input.id, &["id"])?).await };
        let (done, user_errors) = settle(result.await)?;
        let (merge, tags, left) = match done {
            Some(done) => (Some(done.merge), done.tags, done.left),
            None => (None, Vec::new(), Vec::new()),
        };
        Ok(UnmergeTagsPayload {
            merge: merge.map(TagMerge),
            tags: tags.into_iter().map(Tag::from).collect(),
            left_as_is: left.into_iter().map(TagUse::from).collect(),
            user_errors,
        })
    }
}
