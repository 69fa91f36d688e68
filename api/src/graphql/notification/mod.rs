//! Notification targets and deliveries over GraphQL.

mod in_app;
mod mutation;
mod preview;
mod target;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    notification::{
        delivery::{self, DeliveryFilter},
        manage,
    },
    page::PageRequest,
};
use entity::{
    attempt::Attempt,
    id::{DeliveryId, Id},
    kind::DeliveryState,
};

use super::{
    account::Account,
    attribute::TimeRangeInput,
    contact::Contact,
    context::{loaded, loader, reader},
    error::fault,
    id,
    page::{Connection, connection},
    playbook::{Enrolment, Playbook},
    rule::{Rule, RuleFiring},
};
use crate::boxed;

pub use in_app::InAppNotification;
pub(crate) use in_app::{InAppMutation, InAppQuery, InAppSubscription};
pub(crate) use mutation::NotificationMutation;
pub(crate) use preview::PreviewQuery;
pub use target::NotificationTarget;

/// One notification on its way. Each attempt carries this id, so that a receiver can tell a
/// repetition.
#[derive(Debug, Clone)]
pub struct Delivery(pub(crate) entity::delivery::Model);

/// One notification on its way. Each attempt carries this id, so that a receiver can tell a
/// repetition.
#[Object]
impl Delivery {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Where it stands.
    fn state(&self) -> DeliveryState {
        self.0.state
    }

    /// Where it goes.
    #[boxed]
    async fn target(&self, context: &Context<'_>) -> Result<Option<NotificationTarget>> {
        Ok(loader(context)?
            .load_one(self.0.target_id)
            .await?
            .map(NotificationTarget))
    }

    /// The rule that asked for it.
    #[boxed]
    async fn rule(&self, context: &Context<'_>) -> Result<Option<Rule>> {
        loaded(context, self.0.rule_id, Rule).await
    }

    /// The firing that asked for it. It has what the rule fired on: a message, an event, an email event or an
    /// answer to a survey.
    #[boxed]
    async fn firing(&self, context: &Context<'_>) -> Result<Option<RuleFiring>> {
        loaded(context, self.0.firing_id, RuleFiring).await
    }

    /// Whom it is about.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact_id, Contact::from).await
    }

    /// The account it is about, where it is about no contact.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        let account = self
            .0
            .account_id
            .or_else(|| delivery::head(&self.0).account);
        loaded(context, account, Account).await
    }

    /// The playbook that asked for it, if one did.
    #[boxed]
    async fn playbook(&self, context: &Context<'_>) -> Result<Option<Playbook>> {
        let playbook = self.0.playbook_id;
        let playbook = playbook.or_else(|| delivery::head(&self.0).playbook);
        loaded(context, playbook, Playbook).await
    }

    /// The enrolment that had come to the step, if a playbook asked for it. Not known of deliveries of earlier
    /// releases.
    #[boxed]
    async fn enrolment(&self, context: &Context<'_>) -> Result<Option<Enrolment>> {
        loaded(context, delivery::head(&self.0).enrolment, Enrolment).await
    }

    /// What it is headed with; absent for what tells of several, or tries a target out.
    fn title(&self) -> Option<String> {
        delivery::head(&self.0).title
    }

    /// How many attempts were made.
    fn attempt_count(&self) -> i64 {
        self.0.attempts
    }

    /// When it was asked for.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it is tried next.
    fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_attempt_at
    }

    /// When it was delivered or given up.
    fn finished_at(&self) -> Option<DateTime<Utc>> {
        self.0.finished_at
    }

    /// What went wrong last.
    fn last_error(&self) -> Option<&str> {
        self.0.last_error.as_deref()
    }

    /// When it was first handed to its receiver.
    fn sent_at(&self) -> Option<DateTime<Utc>> {
        self.0.sent_at
    }

    /// The delivery in whose message it was told together with others, if it was.
    #[boxed]
    async fn folded_into(&self, context: &Context<'_>) -> Result<Option<Delivery>> {
        loaded(context, self.0.folded_into, Delivery).await
    }

    /// What is told together in this one's message, newest first; empty for most.
    #[boxed]
    async fn folded(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Delivery>> {
        let filter = DeliveryFilter {
            folded_into: Some(self.0.id),
            ..DeliveryFilter::default()
        };
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        deliveries(context, filter, &page).await
    }

    /// The attempts, oldest first.
    #[boxed]
    async fn attempts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, DeliveryAttempt>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let found = delivery::attempts(ctx, actor.workspace, self.0.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, DeliveryAttempt::from))
    }
}

/// One try to deliver a notification, or the mail of a survey.
#[derive(SimpleObject)]
pub struct DeliveryAttempt {
    /// The attempt's id.
    id: ID,
    /// Counts from 1.
    number: i64,
    /// When it began.
    started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// What was sent: headers, none of which is a secret. For email the addresses and the subject.
    /// Nothing when nothing was sent, and once it is forgotten.
    request_headers: Option<Vec<RequestHeader>>,
    /// What was sent: the body. For email the plain text, for surveys without the contact's own link.
    /// Nothing when nothing was sent, and once it is forgotten.
    request_body: Option<String>,
    /// The status of the answer, of HTTP or of SMTP; nothing when there was none.
    status: Option<i64>,
    /// What went wrong.
    error: Option<String>,
    /// The beginning of the answer.
    response: String,
}

impl<I: Id> From<Attempt<I>> for DeliveryAttempt {
    fn from(row: Attempt<I>) -> Self {
        Self {
            id: row.id.into(),
            number: row.attempt,
            started_at: row.started_at,
            duration_ms: row.duration_ms,
            request_headers: row.request_headers.and_then(headers),
            request_body: row.request_body,
            status: row.status,
            error: row.error,
            response: row.response,
        }
    }
}

fn headers(pairs: serde_json::Value) -> Option<Vec<RequestHeader>> {
    let pairs: Vec<(String, String)> = serde_json::from_value(pairs).ok()?;
    let each = pairs.into_iter();
    Some(
        each.map(|(name, value)| RequestHeader { name, value })
            .collect(),
    )
}

/// A header of a request that was sent.
#[derive(SimpleObject)]
pub(crate) struct RequestHeader {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

async fn deliveries(
    context: &Context<'_>,
    filter: DeliveryFilter,
    page: &PageRequest,
) -> Result<Connection<String, Delivery>> {
    let (ctx, actor) = reader(context)?;
    let found = delivery::list(ctx, actor.workspace, filter, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, Delivery))
}

#[derive(Default)]
pub(crate) struct NotificationQuery;

#[Object]
impl NotificationQuery {
    /// The workspace's notification targets, oldest first.
    #[boxed]
    async fn notification_targets(&self, context: &Context<'_>) -> Result<Vec<NotificationTarget>> {
        let (ctx, actor) = reader(context)?;
        let targets = manage::list(ctx, actor.workspace).await.map_err(fault)?;
        Ok(targets.into_iter().map(NotificationTarget).collect())
    }

    /// One delivery; nothing when there is none of this id.
    #[boxed]
    async fn delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The delivery's global id.")] id: ID,
    ) -> Result<Option<Delivery>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse::<DeliveryId>(&id, &["id"]) else {
            return Ok(None);
        };
        Ok(delivery::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?
            .map(Delivery))
    }

    /// The workspace's deliveries, newest first.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments and eight filters"
    )]
    #[boxed]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only to this target.")] target_id: Option<ID>,
        #[graphql(desc = "Only those standing so.")] state: Option<DeliveryState>,
        #[graphql(desc = "Only those about this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only those that this firing of a rule asked for.")] firing_id: Option<ID>,
        #[graphql(desc = "Only those that this rule asked for.")] rule_id: Option<ID>,
        #[graphql(
            desc = "Only those that this playbook asked for; those asked for before 0.1.0 are not found."
        )]
        playbook_id: Option<ID>,
        #[graphql(
            desc = "Only those about this account and no contact; those asked for before 0.1.0 are not found."
        )]
        account_id: Option<ID>,
        #[graphql(desc = "Only those made at a moment of this range.")] created: Option<
            TimeRangeInput,
        >,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Delivery>> {
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let target = id::parse_opt(target_id.as_ref(), &["targetId"]).map_err(fault)?;
        let created = created.unwrap_or_default();
        let filter = DeliveryFilter {
            target,
            state,
            contact: id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?,
            firing: id::parse_opt(firing_id.as_ref(), &["firingId"]).map_err(fault)?,
            rule: id::parse_opt(rule_id.as_ref(), &["ruleId"]).map_err(fault)?,
            playbook: id::parse_opt(playbook_id.as_ref(), &["playbookId"]).map_err(fault)?,
            account: id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?,
            from: created.from,
            until: created.until,
            ..DeliveryFilter::default()
        };
        deliveries(context, filter, &page).await
    }
}
