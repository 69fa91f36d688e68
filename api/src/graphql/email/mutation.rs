//! Taking email events in.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    email::{self, IngestStatus, IngestedEvent, NewCampaign, NewEmailEvent},
    error::UserError,
};
use entity::kind::{BounceKind, EmailEventKind, EmailEventOrigin};

use crate::boxed;
use crate::graphql::{context::writer, error::settle};

/// The campaign an email belongs to; made when it is not known yet.
#[derive(InputObject)]
pub(crate) struct CampaignInput {
    /// The id the campaign has where it is sent from.
    external_id: String,
    /// The name shown to people; left out, the known one stays, or the id is shown.
    #[graphql(default)]
    name: String,
}

/// An email event to be taken in.
#[derive(InputObject)]
pub(crate) struct EmailEventInput {
    /// The teller's own id of the event; the same id is the same event.
    external_id: String,
    /// The sender's id of the email; one email to several recipients may share it.
    email_key: String,
    /// The address the email went to; a contact is made when it is nobody's.
    recipient: String,
    /// What happened.
    kind: EmailEventKind,
    /// When it happened.
    occurred_at: DateTime<Utc>,
    /// The campaign the email belongs to.
    campaign: Option<CampaignInput>,
    /// The provider's own verdict on who or what caused an open, a click or a reply.
    origin: Option<EmailEventOrigin>,
    /// Why the email came back; for bounces only. Left out, a bounce counts as soft.
    bounce: Option<BounceKind>,
    /// The link that was followed.
    url: Option<String>,
    /// What the client called itself.
    user_agent: Option<String>,
    /// The IP address a click came from, by which later clicks of a scanner are told. It is kept only as a hash,
    /// which is another one in every email; that of other events is not kept.
    ip: Option<String>,
    /// Whether opens of the email are tracked: false for an email without the picture that tells of opens. One
    /// event of an email that says false is enough, and the email is left out of open rates. Left out, it is what
    /// the campaign says, and true without a campaign; so true has to be said by each event that names a campaign
    /// that is not tracked.
    tracks_opens: Option<bool>,
}

/// Email events to be taken in.
#[derive(InputObject)]
pub(crate) struct IngestEmailEventsInput {
    /// The events, at most 1,000. When one is refused, none is taken.
    events: Vec<EmailEventInput>,
}

/// One email event after the call.
#[derive(SimpleObject)]
pub(crate) struct IngestedEmailEvent {
    /// The event's global id, whether it is new or not; null for `ERASED`.
    id: Option<ID>,
    /// The teller's own id.
    external_id: String,
    /// What became of it.
    outcome: IngestStatus,
}

impl From<IngestedEvent> for IngestedEmailEvent {
    fn from(event: IngestedEvent) -> Self {
        Self {
            id: event.id.map(ID::from),
            external_id: event.external_id,
            outcome: event.status,
        }
    }
}

/// What became of `ingestEmailEvents`.
#[derive(SimpleObject)]
pub(crate) struct IngestEmailEventsPayload {
    /// The events, one for each given and in the same order; empty when the call was refused.
    events: Vec<IngestedEmailEvent>,
    /// How many were new.
    created: usize,
    /// How many were there before, or twice in the call.
    duplicates: usize,
    /// How many were of people who were erased.
    erased: usize,
    /// What to mend in the input; empty when it worked.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(crate) struct EmailMutation;

#[Object]
impl EmailMutation {
    /// Takes email events in, in bulk and in any order; repeating a call changes nothing. The
    /// figures of contacts, accounts, campaigns and the workspace follow within seconds. Scope:
    /// INGEST.
    #[boxed]
    async fn ingest_email_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: IngestEmailEventsInput,
    ) -> Result<IngestEmailEventsPayload> {
        let (ctx, actor) = writer(context)?;
        let events = input
            .events
            .into_iter()
            .map(|event| NewEmailEvent {
                external_id: event.external_id,
                email_key: event.email_key,
                recipient: event.recipient,
                kind: event.kind,
                occurred_at: event.occurred_at,
                campaign: event.campaign.map(|campaign| NewCampaign {
                    external_id: campaign.external_id,
                    name: campaign.name,
                }),
                origin: event.origin,
                bounce: event.bounce,
                url: event.url,
                user_agent: event.user_agent,
                ip: event.ip,
                tracks_opens: event.tracks_opens,
            })
            .collect();
        let (outcome, user_errors) = settle(email::ingest(ctx, actor, events).await)?;
        let outcome = outcome.unwrap_or_default();
        Ok(IngestEmailEventsPayload {
            events: outcome.items.into_iter().map(Into::into).collect(),
            created: outcome.created,
            duplicates: outcome.duplicates,
            erased: outcome.erased,
            user_errors,
        })
    }
}
