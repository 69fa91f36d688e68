//! Email events and metrics over GraphQL.

mod campaign;
mod metrics;
mod mutation;
mod pressure;
mod query;
mod source;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    email::{
        campaign as campaigns,
        origin::{Reason, Verdict, may_be_a_machines},
        read,
        report::Period,
    },
    page::PageRequest,
};
use entity::{
    id::CampaignId,
    kind::{BounceKind, EmailEventKind, EmailEventOrigin, EmailScope},
};

use super::{
    contact::Contact,
    context::{loaded, loaded_by, loader, reader},
    error::fault,
    loader::VerdictOf,
    page::{Connection, connection},
    scalar::Date,
};
use crate::boxed;

pub(crate) use campaign::CampaignMutation;
pub(crate) use metrics::{EmailMetrics, EmailRecency};
pub(crate) use mutation::EmailMutation;
pub(crate) use pressure::EmailPressure;
pub(crate) use query::{EmailEventFilterInput, EmailEventQuery};
pub use source::EmailSource;
pub(crate) use source::{EmailSourceMutation, EmailSourceQuery};

/// A campaign that emails belong to.
#[derive(Debug, Clone)]
pub struct Campaign(pub(crate) entity::campaign::Model);

/// A campaign that emails belong to.
#[Object]
impl Campaign {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The id it has where it is sent from.
    fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// Whether opens of its emails are tracked, where an email event does not say so itself. If not, its open
    /// rates are null.
    fn tracks_opens(&self) -> bool {
        self.0.tracks_opens
    }

    /// When it came to be known.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// What became of its emails.
    #[boxed]
    async fn email_metrics(
        &self,
        context: &Context<'_>,
        #[graphql(
            desc = "The first day, in the workspace's time zone; left out, 29 days before \
                          the last."
        )]
        from: Option<Date>,
        #[graphql(desc = "The last day; left out, today.")] to: Option<Date>,
        #[graphql(
            desc = "How long the periods of the series are.",
            default_with = "Period::Day"
        )]
        period: Period,
    ) -> Result<EmailMetrics> {
        EmailMetrics::read(context, EmailScope::Campaign, self.0.id.0, from, to, period).await
    }
}

/// What a provider or a sender told about an email.
#[derive(Debug, Clone)]
pub struct EmailEvent(pub(crate) entity::email_event::Model);

impl EmailEvent {
    async fn verdict(&self, context: &Context<'_>) -> Result<Option<Verdict>> {
        if !may_be_a_machines(self.0.kind) {
            return Ok(None);
        }
        let of = VerdictOf {
            id: self.0.id,
            email_key: self.0.email_key.clone(),
            recipient: self.0.recipient.clone(),
        };
        loader(context)?.load_one(of).await
    }
}

/// What a provider or a sender told about an email.
#[Object]
impl EmailEvent {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The id of whoever told of it: `externalId` of `ingestEmailEvents`, or, of what an email source told, its
    /// provider and the provider's id, such as `SENDGRID:4711`.
    fn external_id(&self) -> &str {
        &self.0.external_id
    }

    /// What happened.
    fn kind(&self) -> EmailEventKind {
        self.0.kind
    }

    /// Who or what caused it, as the figures count it: as the teller judged or, where they did not, as far
    /// as the events of the email known by now let tell. What is `UNKNOWN` counts as a person's.
    #[boxed]
    async fn origin(&self, context: &Context<'_>) -> Result<EmailEventOrigin> {
        let verdict = self.verdict(context).await?;
        Ok(verdict.map_or(self.0.origin, |verdict| verdict.origin))
    }

    /// Why it is taken for a person's or a machine's; nothing for what machines do not cause in a
    /// person's place, such as a delivery.
    #[boxed]
    async fn origin_reason(&self, context: &Context<'_>) -> Result<Option<Reason>> {
        Ok(self.verdict(context).await?.map(|verdict| verdict.reason))
    }

    /// Why it came back, if it did.
    fn bounce(&self) -> Option<BounceKind> {
        self.0.bounce
    }

    /// The sender's id of the email.
    fn email_key(&self) -> &str {
        &self.0.email_key
    }

    /// The address the email went to.
    fn recipient(&self) -> &str {
        &self.0.recipient
    }

    /// The link that was followed.
    fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// Whether opens of the email are tracked, as far as this event says: it says false if whoever told of it, its
    /// campaign or its email source did. One event is enough to leave the email out of open rates.
    fn tracks_opens(&self) -> bool {
        self.0.tracks_opens
    }

    /// When it happened.
    fn occurred_at(&self) -> DateTime<Utc> {
        self.0.occurred_at
    }

    /// When it was taken in.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// Who got the email.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        Ok(loader(context)?
            .load_one(self.0.contact_id)
            .await?
            .map(Contact::from))
    }

    /// The campaign the email belongs to.
    #[boxed]
    async fn campaign(&self, context: &Context<'_>) -> Result<Option<Campaign>> {
        loaded(context, self.0.campaign_id, Campaign).await
    }
}

#[derive(Default)]
pub(crate) struct EmailQuery;

#[Object]
impl EmailQuery {
    /// One campaign; nothing when there is none of this id.
    #[boxed]
    async fn campaign(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The campaign's global id.")] id: ID,
    ) -> Result<Option<Campaign>> {
        loaded_by::<CampaignId, _>(context, &id, Campaign).await
    }

    /// The campaign of an external id; nothing when there is none.
    #[boxed]
    async fn campaign_by_external_id(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id the campaign has where it is sent from, to the letter.")]
        external_id: String,
    ) -> Result<Option<Campaign>> {
        let (ctx, actor) = reader(context)?;
        let found = campaigns::find_by_external_id(ctx, actor.workspace, &external_id).await;
        Ok(found.map_err(fault)?.map(Campaign))
    }

    /// The workspace's campaigns, newest first.
    #[boxed]
    async fn campaigns(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Campaign>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = read::campaigns(ctx, actor.workspace, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Campaign))
    }
}
