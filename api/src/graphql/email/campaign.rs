//! Making and changing campaigns.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use domain::{
    email::{CampaignChanges, NewCampaign, campaign},
    error::UserError,
};

use super::Campaign;
use crate::boxed;
use crate::graphql::{context::writer, error::settle, given::kept, id};

/// A campaign to be made.
#[derive(InputObject)]
pub(crate) struct CreateCampaignInput {
    /// The id the campaign has where it is sent from: email events that name it belong to this campaign.
    external_id: String,
    /// The name shown to people, at most 200 characters.
    name: String,
    /// Whether opens of its emails are tracked. If not, its open rates are null.
    #[graphql(default = true)]
    tracks_opens: bool,
}

/// Changes to a campaign; what is left out stays.
#[derive(InputObject)]
pub(crate) struct UpdateCampaignInput {
    /// The campaign's global id.
    id: ID,
    /// The name shown to people, at most 200 characters. Email events that give the campaign a name, by
    /// its external id, rename it again.
    name: MaybeUndefined<String>,
    /// The id the campaign has where it is sent from. What has come in by the old id stays with the
    /// campaign; an email event that names the old id afterwards makes a campaign of its own.
    external_id: MaybeUndefined<String>,
    /// Whether opens of its emails are tracked. It holds for email events that come in afterwards, so set it before
    /// the campaign is sent.
    tracks_opens: MaybeUndefined<bool>,
}

macro_rules! campaign_payload {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(SimpleObject)]
        pub(crate) struct $name {
            /// The campaign as it is now.
            campaign: Option<Campaign>,
            /// What to mend in the input; empty when it worked.
            user_errors: Vec<UserError>,
        }
    };
}

campaign_payload!(CreateCampaignPayload, "What became of `createCampaign`.");
campaign_payload!(UpdateCampaignPayload, "What became of `updateCampaign`.");

#[derive(Default)]
pub(crate) struct CampaignMutation;

#[Object]
impl CampaignMutation {
    /// Makes a campaign, before any email event names it. Scope: WRITE.
    #[boxed]
    async fn create_campaign(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateCampaignInput,
    ) -> Result<CreateCampaignPayload> {
        let (ctx, actor) = writer(context)?;
        let new = NewCampaign {
            external_id: input.external_id,
            name: input.name,
        };
        let (made, user_errors) =
            settle(campaign::create(ctx, actor, new, input.tracks_opens).await)?;
        Ok(CreateCampaignPayload {
            campaign: made.map(Campaign),
            user_errors,
        })
    }

    /// Gives a campaign another name or another external id, or says whether its opens are tracked. Its figures
    /// and the contacts that came from it stay with it. Scope: WRITE.
    #[boxed]
    async fn update_campaign(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateCampaignInput,
    ) -> Result<UpdateCampaignPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let changes = CampaignChanges {
                name: kept(input.name, "name")?,
                external_id: kept(input.external_id, "externalId")?,
                tracks_opens: kept(input.tracks_opens, "tracksOpens")?,
            };
            campaign::update(ctx, actor, id, changes).await
        };
        let (changed, user_errors) = settle(result.await)?;
        Ok(UpdateCampaignPayload {
            campaign: changed.map(Campaign),
            user_errors,
        })
    }
}
