//! Making, changing, archiving and restoring tracked links.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::UserError,
    link::{self, LinkChanges, NewLink},
};
use entity::kind::Channel;

use super::{TrackedLink, UtmParametersInput, link_id};
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept, optional},
    id,
};

/// A tracked link to be made.
#[derive(InputObject)]
pub(crate) struct CreateTrackedLinkInput {
    /// The name shown to members, at most 100 characters.
    name: String,
    /// Where it leads: a URL of `https` or `http`, at most 2,000 characters.
    target_url: String,
    /// What its address is to end with: 3 to 64 letters a to z, digits, and hyphens between them. Left out,
    /// ten characters of chance. It stays for good, and is nobody else's in the installation.
    slug: Option<String>,
    /// Where it is shown.
    channel: Option<Channel>,
    /// The global id of the campaign it belongs to.
    campaign_id: Option<ID>,
    /// Global ids of contact tags to put on contacts who follow it, at most 20. Each is put on a contact
    /// once: who takes it off is not overruled by the next click.
    #[graphql(default)]
    tag_ids: Vec<ID>,
    /// What is added to where it leads.
    utm: Option<UtmParametersInput>,
    /// When it stops working; left out, never.
    expires_at: Option<DateTime<Utc>>,
}

/// Changes to a tracked link; what is left out stays. Its slug cannot be changed: it is printed and sent.
#[derive(InputObject)]
pub(crate) struct UpdateTrackedLinkInput {
    /// The link's global id.
    id: ID,
    /// The name shown to members.
    name: MaybeUndefined<String>,
    /// Where it leads; whoever follows it from now on is sent there.
    target_url: MaybeUndefined<String>,
    /// Where it is shown; null is nowhere in particular.
    channel: MaybeUndefined<Channel>,
    /// The global id of the campaign it belongs to; null is none.
    campaign_id: MaybeUndefined<ID>,
    /// Global ids of the contact tags it puts on, all of them; null is none.
    tag_ids: MaybeUndefined<Vec<ID>>,
    /// What is added to where it leads, all of it; null is nothing.
    utm: MaybeUndefined<UtmParametersInput>,
    /// When it stops working; null is never.
    expires_at: MaybeUndefined<DateTime<Utc>>,
}

/// A tracked link to be archived.
#[derive(InputObject)]
pub(crate) struct ArchiveTrackedLinkInput {
    /// The link's global id.
    id: ID,
}

/// A tracked link to be restored.
#[derive(InputObject)]
pub(crate) struct RestoreTrackedLinkInput {
    /// The link's global id.
    id: ID,
}

macro_rules! link_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The link as it is now.
            tracked_link: Option<TrackedLink>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

link_payload!(
    CreateTrackedLinkPayload,
    "What became of `createTrackedLink`."
);
link_payload!(
    UpdateTrackedLinkPayload,
    "What became of `updateTrackedLink`."
);
link_payload!(
    ArchiveTrackedLinkPayload,
    "What became of `archiveTrackedLink`."
);
link_payload!(
    RestoreTrackedLinkPayload,
    "What became of `restoreTrackedLink`."
);

#[derive(Default)]
pub(crate) struct LinkMutation;

#[Object]
impl LinkMutation {
    /// Makes a tracked link. Scope: WRITE.
    #[boxed]
    async fn create_tracked_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateTrackedLinkInput,
    ) -> Result<CreateTrackedLinkPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let new = NewLink {
                campaign: id::parse_opt(input.campaign_id.as_ref(), &["campaignId"])?,
                tags: id::parse_each(&input.tag_ids, "tagIds")?,
                name: input.name,
                slug: input.slug,
                target_url: input.target_url,
                channel: input.channel,
                utm: input.utm.unwrap_or_default().into(),
                expires_at: input.expires_at,
            };
            link::create(ctx, actor, new).await
        };
        let (made, user_errors) = settle(result.await)?;
        Ok(CreateTrackedLinkPayload {
            tracked_link: made.map(TrackedLink),
            user_errors,
        })
    }

    /// Changes a tracked link, also an archived one. Its figures and what contacts did stay. Scope: WRITE.
    #[boxed]
    async fn update_tracked_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateTrackedLinkInput,
    ) -> Result<UpdateTrackedLinkPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = link_id(&input.id)?;
            let tags = emptied(input.tag_ids);
            let changes = LinkChanges {
                name: kept(input.name, "name")?,
                target_url: kept(input.target_url, "targetUrl")?,
                channel: optional(input.channel),
                campaign: id::parse_change(input.campaign_id, &["campaignId"])?,
                tags: tags
                    .map(|tags| id::parse_each(&tags, "tagIds"))
                    .transpose()?,
                utm: emptied(input.utm).map(Into::into),
                expires_at: optional(input.expires_at),
            };
            link::update(ctx, actor, id, changes).await
        };
        let (changed, user_errors) = settle(result.await)?;
        Ok(UpdateTrackedLinkPayload {
            tracked_link: changed.map(TrackedLink),
            user_errors,
        })
    }

    /// Archives a tracked link: it leads nowhere from now on. Its slug stays its own, and its figures and what
    /// contacts did stay. Scope: WRITE.
    #[boxed]
    async fn archive_tracked_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ArchiveTrackedLinkInput,
    ) -> Result<ArchiveTrackedLinkPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { link::set_archived(ctx, actor, link_id(&input.id)?, true).await };
        let (archived, user_errors) = settle(result.await)?;
        Ok(ArchiveTrackedLinkPayload {
            tracked_link: archived.map(TrackedLink),
            user_errors,
        })
    }

    /// Restores an archived tracked link: it leads where it led. Scope: WRITE.
    #[boxed]
    async fn restore_tracked_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: RestoreTrackedLinkInput,
    ) -> Result<RestoreTrackedLinkPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { link::set_archived(ctx, actor, link_id(&input.id)?, false).await };
        let (restored, user_errors) = settle(result.await)?;
        Ok(RestoreTrackedLinkPayload {
            tracked_link: restored.map(TrackedLink),
            user_errors,
        })
    }
}
