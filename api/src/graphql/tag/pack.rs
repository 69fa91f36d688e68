//! Starter packs over GraphQL.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use domain::{
    error::UserError,
    locale::Locale,
    tag::pack::{self, StarterPack},
};

use super::TagGroup;
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
#[derive(SimpleObject)]
pub(crate) struct ApplyStarterPackPayload {
    /// The pack's groups; nothing when it was refused.
    tag_groups: Option<Vec<TagGroup>>,
    /// How many groups were made now.
    groups_created: usize,
    /// How many tags were made now.
    tags_created: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct StarterPackMutation;

#[Object]
impl StarterPackMutation {
    /// Makes the groups and tags of a starter pack that are not there yet. What was renamed, moved,
    /// archived or merged since an earlier time stays as it is. Scope: CONFIGURE.
    async fn apply_starter_pack(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ApplyStarterPackInput,
    ) -> Result<ApplyStarterPackPayload> {
        let (ctx, actor) = writer(context)?;
        let result = pack::apply(ctx, actor, input.pack, input.locale).await;
        let (applied, user_errors) = settle(result)?;
        let (mut groups_created, mut tags_created) = (0, 0);
        let tag_groups = applied.map(|applied| {
            groups_created = applied.groups_made;
            tags_created = applied.tags_made;
            applied.groups.into_iter().map(TagGroup).collect()
        });
        Ok(ApplyStarterPackPayload {
            tag_groups,
            groups_created,
            tags_created,
            user_errors,
        })
    }
}
