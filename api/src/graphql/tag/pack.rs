//! Starter packs over GraphQL.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    locale::Locale,
    tag::pack::{self, StarterPack},
};

use super::TagGroup;
use crate::boxed;
use crate::graphql::{context::writer, error::settle};

/// A starter pack to be applied.
#[derive(InputObject)]
pub(crate) struct ApplyStarterPackInput {
    /// Which pack.
    pack: StarterPack,
    /// The language of its names; it also decides whose provinces and cities come with it.
    locale: Locale,
}

/// What became of `applyStarterPack`.
#[derive(SimpleObject, Default)]
pub(crate) struct ApplyStarterPackPayload {
    /// The pack's groups; nothing when it was refused.
    tag_groups: Option<Vec<TagGroup>>,
    /// How many groups were made now.
    groups_created: usize,
    /// How many groups were there before and stay as they are.
    groups_present: usize,
    /// How many tags were made now.
    tags_created: usize,
    /// How many of the pack's tags were there before and stay as they are, under whatever name. The
    /// tags of a group that was archived are not counted.
    tags_present: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct StarterPackMutation;

#[Object]
impl StarterPackMutation {
    /// Makes the groups and tags of a starter pack that are not there yet. What was renamed, moved,
    /// archived or merged since an earlier time stays as it is, so that nothing is created where all of
    /// it is present. Scope: CONFIGURE.
    #[boxed]
    async fn apply_starter_pack(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ApplyStarterPackInput,
    ) -> Result<ApplyStarterPackPayload> {
        let (ctx, actor) = writer(context)?;
        let result = pack::apply(ctx, actor, input.pack, input.locale).await;
        let (applied, user_errors) = settle(result)?;
        let Some(applied) = applied else {
            return Ok(ApplyStarterPackPayload {
                user_errors,
                ..ApplyStarterPackPayload::default()
            });
        };
        Ok(ApplyStarterPackPayload {
            groups_created: applied.groups_made,
            groups_present: applied.groups.len() - applied.groups_made,
            tags_created: applied.tags_made,
            tags_present: applied.tags_present,
            tag_groups: Some(applied.groups.into_iter().map(TagGroup).collect()),
            user_errors,
        })
    }
}
