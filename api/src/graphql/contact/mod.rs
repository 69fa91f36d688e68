//! Contacts over GraphQL.

mod identify;
mod identity;
mod input;
mod mutation;
mod query;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    contact,
    conversation::ConversationOrder,
    email::{self, report::Period},
    event,
    fact::Of,
    health,
    page::PageRequest,
    playbook::EnrolmentFilter,
    rule::firing::FiringsOf,
    segment::MovesOf,
    task::TaskFilter,
};
use entity::{
    id::Id as _,
    kind::{
        Channel, CustomerKind, EmailScope, HealthBand, IdentityKind, LifecycleStage, TaskStatus,
    },
};

use super::{
    access::{Member, find_member},
    account::Account,
    attribute::{AttributeValue, values},
    context::{loaded, loader, reader},
    conversation::{Conversation, ConversationFilterInput, Message, conversations_of},
    email::{
        Campaign, EmailEvent, EmailEventFilterInput, EmailMetrics, EmailPressure, EmailRecency,
    },
    error::fault,
    event::{Event, EventFilterInput},
    fact::ContactFacts,
    few::few,
    health::{Health, HealthEntry},
    loader::{ChangeOf, HealthOf, IdentitiesOf, SubscriptionsOf},
    note::{Note, notes},
    page::{Connection, connection},
    playbook::{Enrolment, EnrolmentProgress, enrolments},
    profile::{Engagement, Rfm, WebProfile, engagement_of, rfm_of, web_profile_of},
    rule::{RuleFiring, firings},
    scalar::Date,
    segment::{SegmentMembership, SegmentMove, memberships, moves},
    stage::{StageChange, stage_history},
    tag::{Carried, Tagging, history_of},
    task::{Task, tasks},
};
use crate::boxed;

use identity::Subscription;

pub(crate) use identify::{IdentityInput, IdentityMutation, IdentityQuery};
pub(crate) use identity::{
    ContactMerge, MergeConflict, MergeCount, MergeTagConflict, SubscriptionChange,
};
pub(crate) use input::ContactFilterInput;
pub(crate) use mutation::ContactMutation;
pub(crate) use query::ContactQuery;

/// A customer person.
#[derive(Debug, Clone)]
pub struct Contact {
    pub(crate) row: contact::Contact,
    pub(crate) preloaded: Preloaded,
}

/// What the list that made a contact was asked for of each of its contacts, and has fetched for all
/// of them at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Preloaded {
    pub(crate) messages: bool,
    pub(crate) last_message: Option<entity::message::Model>,
    pub(crate) taggings: Option<Vec<Tagging>>,
}

impl From<contact::Contact> for Contact {
    fn from(row: contact::Contact) -> Self {
        Self {
            row,
            preloaded: Preloaded::default(),
        }
    }
}

/// A customer person.
#[Object]
impl Contact {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.row.id.into()
    }

    /// Orders, invoices, tickets and opportunities.
    #[graphql(flatten)]
    fn facts(&self) -> ContactFacts {
        ContactFacts(Of::Contact(self.row.id))
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.row.name
    }

    /// The main email address, in lower case.
    fn email(&self) -> Option<&str> {
        self.row.email.as_deref()
    }

    /// The id another system gave.
    fn external_id(&self) -> Option<&str> {
        self.row.external_id.as_deref()
    }

    /// The contact's language, as a BCP 47 tag.
    fn locale(&self) -> Option<&str> {
        self.row.locale.as_deref()
    }

    /// How the name is read, such as its kana.
    fn kana(&self) -> Option<&str> {
        self.row.kana.as_deref()
    }

    /// The phone number, in E.164 form.
    fn phone(&self) -> Option<&str> {
        self.row.phone.as_deref()
    }

    /// The member who looks after the contact.
    #[boxed]
    async fn owner(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, self.row.owner_id).await
    }

    /// How far the relationship has come.
    fn stage(&self) -> Option<LifecycleStage> {
        self.row.stage
    }

    /// The stages the contact went through, newest first.
    #[boxed]
    async fn stage_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, StageChange>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        stage_history(context, self.row.id.uuid(), &page).await
    }

    /// The channel the contact came through first.
    fn source_channel(&self) -> Option<Channel> {
        self.row.source_channel
    }

    /// The campaign the contact came from.
    #[boxed]
    async fn source_campaign(&self, context: &Context<'_>) -> Result<Option<Campaign>> {
        loaded(context, self.row.source_campaign_id, Campaign).await
    }

    /// The member who brought the contact.
    #[boxed]
    async fn brought_by(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, self.row.brought_by_id).await
    }

    /// The values the contact has for custom attributes, in the attributes' order.
    #[boxed]
    async fn attributes(&self, context: &Context<'_>) -> Result<Vec<AttributeValue>> {
        values(context, self.row.id.uuid()).await
    }

    /// What members wrote down about the contact, newest first.
    #[boxed]
    async fn notes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Note>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        notes(context, self.row.id.into(), &page).await
    }

    /// What members have to do about the contact, done or not, what is due next first.
    #[boxed]
    async fn tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those standing in one of these ways. An empty list is refused.")]
        status: Option<Vec<TaskStatus>>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Task>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = TaskFilter {
            statuses: few(status, &["status"]).map_err(fault)?,
            contact: Some(self.row.id),
            ..TaskFilter::default()
        };
        tasks(context, &filter, &page).await
    }

    /// The playbooks the contact is or was enrolled in, newest first.
    #[boxed]
    async fn enrolments(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only those under way, or only those that have ended.")] progress: Option<
            EnrolmentProgress,
        >,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Enrolment>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = EnrolmentFilter {
            contact: Some(self.row.id),
            states: progress.map(EnrolmentProgress::states).unwrap_or_default(),
            ..EnrolmentFilter::default()
        };
        enrolments(context, &filter, &page).await
    }

    /// When the contact came in: as it was told, or when the contact was made. Of merged contacts the
    /// first counts.
    fn arrived_at(&self) -> DateTime<Utc> {
        self.row.came_at()
    }

    /// When the contact was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.row.created_at
    }

    /// When the contact's own data last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.row.updated_at
    }

    /// When anything last changed that is shown with the contact: the contact's own data, identities,
    /// subscriptions, values of attributes, tags, stage, owner, account and health score, and by merging. Not what
    /// the contact does (see `lastActivityAt`), nor what is only named here, such as the account's name. A moment
    /// behind the change.
    #[boxed]
    async fn changed_at(&self, context: &Context<'_>) -> Result<DateTime<Utc>> {
        let noted = loader(context)?.load_one(ChangeOf(self.row.id.0)).await?;
        Ok(noted.unwrap_or(self.row.updated_at))
    }

    /// When the contact last did anything. At least the moment the contact was made here, also of whoever did
    /// nothing, or did it before: `createdAt` tells the two apart.
    fn last_activity_at(&self) -> Option<DateTime<Utc>> {
        self.row.last_activity_at
    }

    /// The health score, 0 (worst) to 100; nothing when too little is known.
    fn health_score(&self) -> Option<f64> {
        self.row.health_score
    }

    /// The health band.
    fn health_band(&self) -> HealthBand {
        self.row.health_band
    }

    /// What became of the emails sent to the contact.
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
        EmailMetrics::read(
            context,
            EmailScope::Contact,
            self.row.id.uuid(),
            from,
            to,
            period,
        )
        .await
    }

    /// How regularly the contact reads email.
    #[boxed]
    async fn email_recency(&self, context: &Context<'_>) -> Result<EmailRecency> {
        EmailRecency::read(context, self.row.id).await
    }

    /// Whether the contact gets too much or too little email; null when none was ever sent.
    #[boxed]
    async fn email_pressure(&self, context: &Context<'_>) -> Result<Option<EmailPressure>> {
        EmailPressure::read(context, self.row.id).await
    }

    /// The email events of the contact, newest first.
    #[boxed]
    async fn email_events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which of them.")] filter: Option<EmailEventFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, EmailEvent>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default();
        let filter = filter.read_below(self.row.id).map_err(fault)?;
        let found = email::list(ctx, actor.workspace, &filter, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, EmailEvent))
    }

    /// How the contact is doing, and why.
    #[boxed]
    async fn health(&self, context: &Context<'_>) -> Result<Option<Health>> {
        Ok(loader(context)?
            .load_one(HealthOf(self.row.id))
            .await?
            .map(Health))
    }

    /// How the contact was doing, newest first; an entry for every change of score or band.
    #[boxed]
    async fn health_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, HealthEntry>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = health::history(ctx, actor.workspace, self.row.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, HealthEntry))
    }

    /// How engaged the contact is, by channel.
    #[boxed]
    async fn engagement(&self, context: &Context<'_>) -> Result<Engagement> {
        engagement_of(context, self.row.id).await
    }

    /// How lately, how often and for how much the contact bought in the last 365 days; null when it
    /// bought nothing.
    #[boxed]
    async fn rfm(&self, context: &Context<'_>) -> Result<Option<Rfm>> {
        rfm_of(context, CustomerKind::Contact, self.row.id.uuid()).await
    }

    /// How the contact visits the web site; null when it never did.
    #[boxed]
    async fn web_profile(&self, context: &Context<'_>) -> Result<Option<WebProfile>> {
        web_profile_of(context, self.row.id).await
    }

    /// The segments the contact is in, by their names.
    #[boxed]
    async fn segments(&self, context: &Context<'_>) -> Result<Vec<SegmentMembership>> {
        memberships(context, self.row.id.uuid()).await
    }

    /// Which segments the contact came into and went out of, and why, newest first.
    #[boxed]
    async fn segment_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, SegmentMove>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        moves(context, MovesOf::Contact(self.row.id), &page).await
    }

    /// Which rules fired about the contact, whatever set them off; newest first.
    #[boxed]
    async fn rule_firings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, RuleFiring>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        firings(context, FiringsOf::Contact(self.row.id), &page).await
    }

    /// Who was merged into the contact, newest first; undone merges too.
    #[boxed]
    async fn merges(&self, context: &Context<'_>) -> Result<Vec<ContactMerge>> {
        let (ctx, actor) = reader(context)?;
        let found = contact::merge::of_contact(ctx, actor.workspace, self.row.id)
            .await
            .map_err(fault)?;
        Ok(found.into_iter().map(ContactMerge).collect())
    }

    /// What the contact said about wanting to hear from us; nothing said, nothing listed.
    #[boxed]
    async fn subscriptions(&self, context: &Context<'_>) -> Result<Vec<Subscription>> {
        let key = SubscriptionsOf(self.row.id);
        let found = loader(context)?.load_one(key).await?.unwrap_or_default();
        Ok(found.into_iter().map(Subscription).collect())
    }

    /// How that came about, newest first.
    #[boxed]
    async fn subscription_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, SubscriptionChange>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = contact::subscription::history(ctx, actor.workspace, self.row.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, SubscriptionChange))
    }

    /// Every way the contact is recognised.
    #[boxed]
    async fn identities(&self, context: &Context<'_>) -> Result<Vec<Identity>> {
        let found = loader(context)?.load_one(IdentitiesOf(self.row.id)).await?;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .map(|identity| Identity {
                kind: identity.kind,
                value: identity.value,
            })
            .collect())
    }

    /// The company.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.row.account_id, Account).await
    }

    /// The newest message to or from the contact.
    #[boxed]
    async fn last_message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        if self.preloaded.messages {
            return Ok(self.preloaded.last_message.clone().map(Message));
        }
        loaded(context, self.row.last_message_id, Message).await
    }

    /// The tags the contact carries now, oldest first.
    #[boxed]
    async fn taggings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Those it carried at this moment instead.")] at: Option<DateTime<Utc>>,
        #[graphql(
            desc = "Only tags of one of these groups, as the tree of tags is now. An empty list is refused."
        )]
        group_ids: Option<Vec<ID>>,
        #[graphql(desc = "Only these tags, not those below them. An empty list is refused.")]
        tag_ids: Option<Vec<ID>>,
    ) -> Result<Vec<Tagging>> {
        let preloaded = self.preloaded.taggings.as_deref();
        let wanted = Carried::read(at, group_ids, tag_ids)?;
        wanted.of(context, self.row.id.uuid(), preloaded).await
    }

    /// Everything the contact was ever tagged with, newest first, removals included.
    #[boxed]
    async fn tagging_history(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Tagging>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        history_of(context, self.row.id.uuid(), &page).await
    }

    /// The contact's conversations.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and order"
    )]
    #[boxed]
    async fn conversations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which of them.")] filter: Option<ConversationFilterInput>,
        #[graphql(desc = "How to order them.", default)] order_by: ConversationOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Conversation>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        conversations_of(context, Of::Contact(self.row.id), filter, order_by, &page).await
    }

    /// What the contact did, newest first.
    #[boxed]
    async fn events(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which of them.")] filter: Option<EventFilterInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Event>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default();
        let filter = filter.read_below(self.row.id).map_err(fault)?;
        let found = event::list(ctx, actor.workspace, &filter, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Event))
    }
}

/// One way a contact is recognised.
#[derive(SimpleObject)]
pub(crate) struct Identity {
    /// Which kind.
    kind: IdentityKind,
    /// The value in its normal form.
    value: String,
}
