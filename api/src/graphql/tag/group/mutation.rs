//! Making, changing, ordering and archiving groups of tags.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    tag::{GroupChanges, NewGroup, group},
};
use entity::kind::{TagKind, TagSelection, TagStage};

use super::TagGroup;
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept, optional},
    id,
    operation::Operation,
};

/// A tag group to be made.
#[derive(InputObject)]
pub(crate) struct CreateTagGroupInput {
    /// The kind of its tags.
    kind: TagKind,
    /// The name, 1 to 64 characters; unique among the groups of its kind, whatever the case and
    /// width.
    name: String,
    /// What it means, at most 255 characters as a person counts them.
    #[graphql(default)]
    description: String,
    /// How many of its values one thing may carry.
    selection: TagSelection,
    /// What it is for.
    stage: Option<TagStage>,
}

/// Changes to a tag group; what is left out stays. `null` is refused where a field does not say what
/// it means.
#[derive(InputObject)]
pub(crate) struct UpdateTagGroupInput {
    /// The group's global id.
    id: ID,
    /// The name.
    name: MaybeUndefined<String>,
    /// What it means; `null` for nothing.
    description: MaybeUndefined<String>,
    /// How many of its values one thing may carry. `SINGLE` is refused while something carries
    /// several, unless `keepNewest` says what is to become of them. More than 2,000 taggings are gone
    /// through by an operation; until it has ended, things may still carry several.
    selection: MaybeUndefined<TagSelection>,
    /// When the group becomes `SINGLE`: keep on each thing the value that was put on last, and take
    /// the others off. The history keeps them.
    #[graphql(default)]
    keep_newest: bool,
    /// What it is for; `null` for nothing in particular.
    stage: MaybeUndefined<TagStage>,
}

/// A tag group to be put away, with all its tags.
#[derive(InputObject)]
pub(crate) struct ArchiveTagGroupInput {
    /// The group's global id.
    id: ID,
}

/// A tag group to be brought back, with the tags that were put away together with it.
#[derive(InputObject)]
pub(crate) struct RestoreTagGroupInput {
    /// The group's global id.
    id: ID,
}

/// A tag group to be deleted; it has no tags.
#[derive(InputObject)]
pub(crate) struct DeleteTagGroupInput {
    /// The group's global id.
    id: ID,
    /// The `token` of `tagGroupUsage`, which shows what names the group. Refused with `IN_USE` when
    /// anything in it has changed since.
    usage_token: String,
}

/// The order of tag groups.
#[derive(InputObject)]
pub(crate) struct OrderTagGroupsInput {
    /// The groups that come first, in this order; the others follow in the order they have.
    group_ids: Vec<ID>,
}

macro_rules! group_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The group as it is now.
            tag_group: Option<TagGroup>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }

        impl $name {
            fn of(result: domain::error::Result<entity::tag_group::Model>) -> Result<Self> {
                let (group, user_errors) = settle(result)?;
                Ok(Self {
                    tag_group: group.map(TagGroup),
                    user_errors,
                })
            }
        }
    };
}

group_payload!(CreateTagGroupPayload, "What became of `createTagGroup`.");
/// What became of `updateTagGroup`.
#[derive(SimpleObject)]
pub(crate) struct UpdateTagGroupPayload {
    /// The group as it is now.
    tag_group: Option<TagGroup>,
    /// What brings each thing to one value of a group that became `SINGLE`, when that is not done
    /// already. Its `counts` has `removed`. It goes on to its end, or until the group becomes `MULTI`
    /// again.
    operation: Option<Operation>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

group_payload!(ArchiveTagGroupPayload, "What became of `archiveTagGroup`.");
group_payload!(RestoreTagGroupPayload, "What became of `restoreTagGroup`.");

/// What became of `deleteTagGroup`.
#[derive(SimpleObject)]
pub(crate) struct DeleteTagGroupPayload {
    /// The id of the group that is gone.
    deleted_id: Option<ID>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

/// What became of `orderTagGroups`.
#[derive(SimpleObject)]
pub(crate) struct OrderTagGroupsPayload {
    /// All groups, archived ones too, in their order as it is now.
    tag_groups: Option<Vec<TagGroup>>,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct TagGroupMutation;

#[Object]
impl TagGroupMutation {
    /// Makes a tag group, behind all others. Scope: CONFIGURE.
    #[boxed]
    async fn create_tag_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateTagGroupInput,
    ) -> Result<CreateTagGroupPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewGroup {
            kind: input.kind,
            name: input.name,
            description: input.description,
            selection: input.selection,
            stage: input.stage,
        };
        CreateTagGroupPayload::of(group::create(ctx, actor, new).await)
    }

    /// Changes a tag group. Scope: CONFIGURE.
    #[boxed]
    async fn update_tag_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateTagGroupInput,
    ) -> Result<UpdateTagGroupPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = GroupChanges {
                name: kept(input.name, "name")?,
                description: emptied(input.description),
                selection: kept(input.selection, "selection")?,
                keep_newest: input.keep_newest,
                stage: optional(input.stage),
            };
            group::update(ctx, actor, id, changes).await
        };
        let (changed, user_errors) = settle(result.await)?;
        let (group, operation) = changed.map(|one| (one.group, one.operation)).unzip();
        Ok(UpdateTagGroupPayload {
            tag_group: group.map(TagGroup),
            operation: operation.flatten().map(Operation),
            user_errors,
        })
    }

    /// Puts a tag group away with all its tags: they keep their taggings and cannot be put on
    /// anything. Scope: CONFIGURE.
    #[boxed]
    async fn archive_tag_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveTagGroupInput,
    ) -> Result<ArchiveTagGroupPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { group::archive(ctx, actor, id::parse(&input.id, &["id"])?).await };
        ArchiveTagGroupPayload::of(result.await)
    }

    /// Brings a tag group back, with the tags that were put away together with it. Scope: CONFIGURE.
    #[boxed]
    async fn restore_tag_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RestoreTagGroupInput,
    ) -> Result<RestoreTagGroupPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { group::restore(ctx, actor, id::parse(&input.id, &["id"])?).await };
        RestoreTagGroupPayload::of(result.await)
    }

    /// Deletes a tag group that has no tags, archived ones counted: move, merge or delete these first. Look at
    /// `tagGroupUsage` first: its token is needed. Segments, active rules, active playbooks and the lead
    /// judgement that name the group forbid it with `IN_USE`. Scope: CONFIGURE.
    #[boxed]
    async fn delete_tag_group(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: DeleteTagGroupInput,
    ) -> Result<DeleteTagGroupPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            group::delete(ctx, actor, id, &input.usage_token).await
        };
        let (group, user_errors) = settle(result.await)?;
        Ok(DeleteTagGroupPayload {
            deleted_id: group.map(|group| group.id.into()),
            user_errors,
        })
    }

    /// Puts tag groups into an order. Scope: CONFIGURE.
    #[boxed]
    async fn order_tag_groups(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: OrderTagGroupsInput,
    ) -> Result<OrderTagGroupsPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let ids = id::parse_all(&input.group_ids, &["groupIds"])?;
            group::order(ctx, actor, &ids).await
        };
        let (groups, user_errors) = settle(result.await)?;
        Ok(OrderTagGroupsPayload {
            tag_groups: groups.map(|groups| groups.into_iter().map(TagGroup).collect()),
            user_errors,
        })
    }
}
