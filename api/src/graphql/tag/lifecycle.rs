//! Merging, archiving, restoring and deleting tags; what refers to a tag; how a tag would look.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    tag::catalogue::{self, Draft, Merge, Usage, UseKind},
};
use entity::kind::{TagKind, TagTarget};

use super::{Tag, TagGroup, TagMerge, merge_preview::TagMergePreview};
use crate::boxed;
use crate::graphql::{
    context::{reader, writer},
    error::{fault, settle},
    id,
};

/// What refers to a tag and to what is below it.
#[derive(SimpleObject)]
pub(crate) struct TagUsage {
    /// Stands for exactly this state; `deleteTag` takes it as the proof that the state was seen.
    token: String,
    /// Taggings on contacts.
    contacts: TagUsageCount,
    /// Taggings on accounts.
    accounts: TagUsageCount,
    /// Taggings on conversations.
    conversations: TagUsageCount,
    /// How many tags are below it; they would be deleted with it.
    tags_below: usize,
    /// What names the tag or one below it.
    uses: Vec<TagUse>,
}

/// How many taggings there are with a tag and what is below it.
#[derive(SimpleObject, Default)]
pub(crate) struct TagUsageCount {
    /// Those that hold now.
    active: i64,
    /// Those that ended.
    past: i64,
}

/// Something that names a tag or a tag group.
#[derive(SimpleObject)]
pub(crate) struct TagUse {
    /// What kind of thing it is.
    kind: UseKind,
    /// Its global id.
    id: ID,
    /// Its name.
    name: String,
    /// Whether it is at work: then what it names cannot be deleted.
    active: bool,
}

impl From<catalogue::Use> for TagUse {
    fn from(one: catalogue::Use) -> Self {
        Self {
            kind: one.kind,
            id: one.id.into(),
            name: one.name,
            active: one.active,
        }
    }
}

impl From<Usage> for TagUsage {
    fn from(usage: Usage) -> Self {
        let of = |target: TagTarget| {
            let counted = usage.taggings.iter().find(|count| count.target == target);
            counted.map_or_else(TagUsageCount::default, |count| TagUsageCount {
                active: count.active,
                past: count.past,
            })
        };
        Self {
            contacts: of(TagTarget::Contact),
            accounts: of(TagTarget::Account),
            conversations: of(TagTarget::Conversation),
            tags_below: usage.below.len(),
            uses: usage.uses.into_iter().map(TagUse::from).collect(),
            token: usage.token,
        }
    }
}

/// A tag somebody thinks of making, or of giving another name or place.
#[derive(InputObject)]
pub(crate) struct PreviewTagInput {
    /// The tag's global id, when it is there already; left out, a new one is shown.
    id: Option<ID>,
    /// What it says something about; a tag that is there keeps its kind.
    #[graphql(default_with = "TagKind::Contact")]
    kind: TagKind,
    /// The name.
    name: String,
    /// What it means.
    #[graphql(default)]
    description: String,
    /// `#rrggbb`.
    colour: Option<String>,
    /// The tag above.
    parent_id: Option<ID>,
    /// The group it is a value of.
    group_id: Option<ID>,
}

/// How a tag would look and stand.
#[derive(SimpleObject)]
pub(crate) struct TagPreview {
    /// The name as it would be stored.
    name: String,
    /// The colour as it would be stored.
    colour: String,
    /// The group it would be in.
    group: Option<TagGroup>,
    /// The names from the root to it; the group's is not among them.
    path: Vec<String>,
    /// The whole way as people read it: `Group / Parent / Child`.
    path_text: String,
    /// On which level it would be: 1 for a root.
    depth: usize,
    /// What would be refused; empty when it could be saved.
    user_errors: Vec<UserError>,
}

/// A tag to be put away, with everything below it.
#[derive(InputObject)]
pub(crate) struct ArchiveTagInput {
    /// The tag's global id.
    id: ID,
}

/// A tag to be brought back, with what was archived together with it.
#[derive(InputObject)]
pub(crate) struct RestoreTagInput {
    /// The tag's global id.
    id: ID,
}

/// Tags to be made one.
#[derive(InputObject)]
pub(crate) struct MergeTagsInput {
    /// The tags that go, at most 100: of the target's kind, and not above it.
    source_ids: Vec<ID>,
    /// The tag that stays.
    target_id: ID,
    /// Where things would carry several values of a `SINGLE` group: keep the one put on last and
    /// take the others off, instead of refusing.
    #[graphql(default)]
    keep_newest: bool,
}

impl MergeTagsInput {
    fn read(&self) -> domain::error::Result<Merge> {
        let mut sources = Vec::with_capacity(self.source_ids.len());
        for (index, source) in self.source_ids.iter().enumerate() {
            sources.push(id::parse(source, &["sourceIds", &index.to_string()])?);
        }
        Ok(Merge {
            sources,
            target: id::parse(&self.target_id, &["targetId"])?,
            keep_newest: self.keep_newest,
        })
    }
}

/// A tag to be deleted, with everything below it.
#[derive(InputObject)]
pub(crate) struct DeleteTagInput {
    /// The tag's global id.
    id: ID,
    /// The `token` of `tagUsage`, which shows what is lost. Refused with `IN_USE` when
    /// anything in it has changed since.
    usage_token: String,
}

/// What became of a mutation of a tag.
macro_rules! tag_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The tag as it is now.
            tag: Option<Tag>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }

        impl $name {
            fn of(result: domain::error::Result<entity::tag::Model>) -> Result<Self> {
                let (tag, user_errors) = settle(result)?;
                Ok(Self {
                    tag: tag.map(Tag::from),
                    user_errors,
                })
            }
        }
    };
}

tag_payload!(ArchiveTagPayload, "What became of `archiveTag`.");
tag_payload!(RestoreTagPayload, "What became of `restoreTag`.");

/// What became of `mergeTags`.
#[derive(SimpleObject)]
pub(crate) struct MergeTagsPayload {
    /// The tag that stayed, as it is now.
    tag: Option<Tag>,
    /// The merge; `unmergeTags` takes its id.
    merge: Option<TagMerge>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

tag_payload!(
    DeleteTagPayload,
    "What became of `deleteTag`; the tag is as the history will show it."
);

#[derive(Default)]
pub(crate) struct TagLifecycleQuery;

#[Object]
impl TagLifecycleQuery {
    /// What refers to a tag and to what is below it: read before it is deleted. Nothing when there
    /// is no such tag, or it is deleted already. Counted afresh, to the last tagging.
    #[boxed]
    async fn tag_usage(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tag's global id.")] id: ID,
    ) -> Result<Option<TagUsage>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        let usage = catalogue::usage(ctx, actor.workspace, id).await;
        Ok(usage.map_err(fault)?.map(TagUsage::from))
    }

    /// What `mergeTags` would do with the same input, and what would be refused. Refusals about the tags named
    /// come alone. That a rule, a segment or a playbook would contradict itself is told by `mergeTags` only.
    #[boxed]
    async fn preview_tag_merge(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The merge as it would be asked for.")] input: MergeTagsInput,
    ) -> Result<TagMergePreview> {
        let (ctx, actor) = reader(context)?;
        let preview = async { catalogue::preview_merge(ctx, actor, &input.read()?).await };
        let (preview, refused) = settle(preview.await)?;
        let preview = preview.unwrap_or_else(|| catalogue::MergePreview {
            errors: refused,
            ..Default::default()
        });
        Ok(TagMergePreview::from(preview))
    }

    /// How a tag would look and stand, and what would be refused, before anything is saved.
    #[boxed]
    async fn preview_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tag as it would be.")] input: PreviewTagInput,
    ) -> Result<TagPreview> {
        let (ctx, actor) = reader(context)?;
        let preview = async {
            let draft = Draft {
                id: id::parse_opt(input.id.as_ref(), &["id"])?,
                kind: input.kind,
                name: input.name,
                description: input.description,
                colour: input.colour,
                parent: id::parse_opt(input.parent_id.as_ref(), &["parentId"])?,
                group: id::parse_opt(input.group_id.as_ref(), &["groupId"])?,
            };
            catalogue::preview(ctx, actor, draft).await
        };
        let preview = preview.await.map_err(fault)?;
        let group_name = preview.group.as_ref().map(|group| group.name.as_str());
        let path_text = domain::tag::path::shown(group_name, &preview.path);
        Ok(TagPreview {
            name: preview.name,
            colour: preview.colour,
            group: preview.group.map(TagGroup),
            depth: preview.path.len(),
            path: preview.path,
            path_text,
            user_errors: preview.errors,
        })
    }
}

#[derive(Default)]
pub(crate) struct TagLifecycleMutation;

#[Object]
impl TagLifecycleMutation {
    /// Archives a tag with everything below it: they keep their taggings and cannot be put on
    /// anything. Scope: CONFIGURE.
    #[boxed]
    async fn archive_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveTagInput,
    ) -> Result<ArchiveTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { catalogue::archive(ctx, actor, id::parse(&input.id, &["id"])?).await };
        ArchiveTagPayload::of(result.await)
    }

    /// Brings a tag back with what was archived together with it. Scope: CONFIGURE.
    #[boxed]
    async fn restore_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RestoreTagInput,
    ) -> Result<RestoreTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { catalogue::restore(ctx, actor, id::parse(&input.id, &["id"])?).await };
        RestoreTagPayload::of(result.await)
    }

    /// Merges tags into another: taggings, past and present, tags below and rules follow. Where a
    /// thing carries both, one tagging ends; tags below of the same name are merged in turn. It can be
    /// undone for 90 days. Scope: CONFIGURE.
    #[boxed]
    async fn merge_tags(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: MergeTagsInput,
    ) -> Result<MergeTagsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let done = catalogue::merge(ctx, actor, input.read()?).await?;
            let merge = catalogue::find_merge(ctx, actor.workspace, done.merge).await?;
            Ok::<_, domain::error::Error>((done.tag, merge))
        };
        let (done, user_errors) = settle(result.await)?;
        let (tag, merge) = done.unzip();
        Ok(MergeTagsPayload {
            tag: tag.map(Tag::from),
            merge: merge.flatten().map(TagMerge),
            user_errors,
        })
    }

    /// Deletes a tag with everything below it, and takes it off everything. Look at `tagUsage` first:
    /// its token is needed. Segments, active rules and active playbooks that name one
    /// of the tags forbid it. Scope: CONFIGURE.
    #[boxed]
    async fn delete_tag(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteTagInput,
    ) -> Result<DeleteTagPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            catalogue::delete(ctx, actor, id, &input.usage_token).await
        };
        DeleteTagPayload::of(result.await)
    }
}
