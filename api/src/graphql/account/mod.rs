//! Accounts over GraphQL.

mod delete;
mod input;
mod merge;
mod mutation;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    account::{self, AccountOrder},
    contact::{self, ContactFilter, ContactOrder},
    conversation::ConversationOrder,
    email::report::Period,
    fact::Of,
    health,
    page::PageRequest,
    rule::firing::FiringsOf,
    segment::MovesOf,
    task::TaskFilter,
};

use entity::kind::{CustomerKind, EmailScope, HealthBand, LifecycleStage, TaskStatus};

use super::{
    access::{Member, find_member},
    attribute::{AttributeOrderInput, AttributeValue, values},
    contact::Contact,
    context::{loader, reader},
    conversation::{Conversation, ConversationFilterInput, conversations_of},
    email::EmailMetrics,
    error::fault,
    fact::{AccountFacts, AccountReferenceInput},
    few::few,
    health::{AccountHealth, HealthEntry, band_of},
    id,
    loader::{ChangeOf, StandingOf},
    note::{Note, notes},
    page::{Connection, connection},
    profile::{GroupEngagement, Rfm, engagement_of_account, rfm_of},
    rule::{RuleFiring, firings},
    scalar::Date,
    segment::{SegmentMembership, SegmentMove, memberships, moves},
    stage::{StageChange, stage_history},
    tag::{Carried, Tagging, history_of},
    task::{Task, tasks},
};
use crate::boxed;

pub(crate) use delete::{AccountDeleteMutation, AccountUsageQuery};
pub(crate) use input::AccountFilterInput;
pub(crate) use merge::{AccountMerge, AccountMergeMutation, AccountMergeQuery};
pub(crate) use mutation::AccountMutation;

/// A customer company.
#[derive(Debug, Clone)]
pub struct Account(pub(crate) entity::account::Model);

/// A customer company.
#[Object]
impl Account {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Orders, invoices, tickets and opportunities.
    #[graphql(flatten)]
    fn facts(&self) -> AccountFacts {
        AccountFacts(Of::Account(self.0.id))
    }

    /// The name shown.
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The company's email domain; contacts who write from it join the account.
    fn domain(&self) -> Option<&str> {
        self.0.domain.as_deref()
    }

    /// The id another system gave.
    fn external_id(&self) -> Option<&str> {
        self.0.external_id.as_deref()
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its own data last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When anything last changed that is shown with the account: its own data, values of attributes, tags, stage
    /// and owner, by archiving and by merging. Not its people, what they do, or how they are doing. A moment behind
    /// the change.
    #[boxed]
    async fn changed_at(&self, context: &Context<'_>) -> Result<DateTime<Utc>> {
        let noted = loader(context)?.load_one(ChangeOf(self.0.id.0)).await?;
        Ok(noted.unwrap_or(self.0.updated_at))
    }

    /// When it was archived; nothing for one that is in use.
    fn archived_at(&self) -> Option<DateTime<Utc>> {
        self.0.archived_at
    }

    /// The company's web site.
    fn website(&self) -> Option<&str> {
        self.0.website.as_deref()
    }

    /// The company's phone number, in E.164 form.
    fn phone(&self) -> Option<&str> {
        self.0.phone.as_deref()
    }

    /// What the company is and does.
    fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The member who looks after the account.
    #[boxed]
    async fn owner(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, self.0.owner_id).await
    }

    /// How far the relationship has come.
    fn stage(&self) -> Option<LifecycleStage> {
        self.0.stage
    }

    /// How engaged the company's people are, by channel.
    #[boxed]
    async fn engagement(&self, context: &Context<'_>) -> Result<GroupEngagement> {
        engagement_of_account(context, self.0.id).await
    }

    /// How lately, how often and for how much the company or its people bought in the last 365 days; null
    /// when they bought nothing.
    #[boxed]
    async fn rfm(&self, context: &Context<'_>) -> Result<Option<Rfm>> {
        rfm_of(context, CustomerKind::Account, self.0.id.0).await
    }

    /// The mean of the known health scores of the company's people, 0 to 100; a moment behind them.
    #[boxed]
    async fn health_score(&self, context: &Context<'_>) -> Result<Option<f64>> {
        let standing = loader(context)?.load_one(StandingOf(self.0.id)).await?;
        Ok(standing.and_then(|standing| standing.score))
    }

    /// The band the health score is in.
    #[boxed]
    async fn health_band(&self, context: &Context<'_>) -> Result<HealthBand> {
        band_of(context, self.0.id).await
    }

    /// How the account is doing, and why.
    fn health(&self) -> AccountHealth {
        AccountHealth(self.0.id)
    }

    /// How the company's people were doing, newest first; an entry for every change of a person's score
    /// or band.
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
        let found = health::history_of_account(ctx, actor.workspace, self.0.id, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, HealthEntry))
    }

    /// Which rules fired on the account and on the company's people, newest first.
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
        firings(context, FiringsOf::Account(self.0.id), &page).await
    }

    /// The conversations with the company's people.
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
        conversations_of(context, Of::Account(self.0.id), filter, order_by, &page).await
    }

    /// When any of the company's people last did something, and at least when the last of them was made; a
    /// moment behind them.
    #[boxed]
    async fn last_activity_at(&self, context: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let standing = loader(context)?.load_one(StandingOf(self.0.id)).await?;
        Ok(standing.and_then(|standing| standing.people_active_at))
    }

    /// The stages the account went through, newest first.
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
        stage_history(context, self.0.id.0, &page).await
    }

    /// The segments the account is in, by their names.
    #[boxed]
    async fn segments(&self, context: &Context<'_>) -> Result<Vec<SegmentMembership>> {
        memberships(context, self.0.id.0).await
    }

    /// Which segments the account came into and went out of, and why, newest first.
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
        moves(context, MovesOf::Account(self.0.id), &page).await
    }

    /// The values the account has for custom attributes, in the attributes' order.
    #[boxed]
    async fn attributes(&self, context: &Context<'_>) -> Result<Vec<AttributeValue>> {
        values(context, self.0.id.0).await
    }

    /// What members wrote down about the account, newest first.
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
        notes(context, self.0.id.into(), &page).await
    }

    /// What members have to do about the account, done or not, what is due next first.
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
            account: Some(self.0.id),
            ..TaskFilter::default()
        };
        tasks(context, &filter, &page).await
    }

    /// The tags it carries now, oldest first.
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
        let wanted = Carried::read(at, group_ids, tag_ids)?;
        wanted.of(context, self.0.id.0, None).await
    }

    /// Everything it was ever tagged with, newest first, removals included.
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
        history_of(context, self.0.id.0, &page).await
    }

    /// What was merged into the account, newest first; undone merges too.
    #[boxed]
    async fn merges(&self, context: &Context<'_>) -> Result<Vec<AccountMerge>> {
        let (ctx, actor) = reader(context)?;
        let found = account::merge::of_account(ctx, actor.workspace, self.0.id)
            .await
            .map_err(fault)?;
        Ok(found.into_iter().map(AccountMerge).collect())
    }

    /// What became of the emails sent to the company's people.
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
        EmailMetrics::read(context, EmailScope::Account, self.0.id.0, from, to, period).await
    }

    /// The people of the company.
    #[boxed]
    async fn contacts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How to order them.", default)] order_by: ContactOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Contact>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = ContactFilter {
            account: Some(self.0.id),
            ..ContactFilter::default()
        };
        let found = contact::list(ctx, actor.workspace, filter, order_by, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Contact::from))
    }
}

#[derive(Default)]
pub(crate) struct AccountQuery;

#[Object]
impl AccountQuery {
    /// One account; nothing when there is none of this id. The id of an account that was merged into another
    /// is answered with that other.
    #[boxed]
    async fn account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The account's global id.")] id: ID,
    ) -> Result<Option<Account>> {
        let (ctx, actor) = reader(context)?;
        let Ok(id) = id::parse(&id, &["id"]) else {
            return Ok(None);
        };
        Ok(account::find(ctx, actor.workspace, id)
            .await
            .map_err(fault)?
            .map(Account))
    }

    /// One account, by its id, the id another system gave or its email domain; nothing when there is
    /// none.
    #[boxed]
    async fn account_by(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How the account is named.")] reference: AccountReferenceInput,
    ) -> Result<Option<Account>> {
        let (ctx, actor) = reader(context)?;
        let workspace = actor.workspace;
        let found = match reference {
            AccountReferenceInput::Id(id) => match id::parse(&id, &["reference", "id"]) {
                Ok(id) => account::find(ctx, workspace, id).await,
                Err(_) => return Ok(None),
            },
            AccountReferenceInput::ExternalId(id) => {
                account::find_by_external_id(ctx, workspace, &id).await
            }
            AccountReferenceInput::Domain(domain) => {
                account::find_by_domain(ctx, workspace, &domain).await
            }
        };
        Ok(found.map_err(fault)?.map(Account))
    }

    /// The workspace's accounts; archived ones only with `filter: { archived: true }`.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and orders"
    )]
    #[boxed]
    async fn accounts(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which accounts.")] filter: Option<AccountFilterInput>,
        #[graphql(desc = "How to order them.", default)] order_by: AccountOrder,
        #[graphql(desc = "Orders them by a custom attribute, instead of `orderBy`.")]
        order_by_attribute: Option<AttributeOrderInput>,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Account>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter
            .unwrap_or_default()
            .read(ctx, actor.workspace)
            .await
            .map_err(fault)?;
        let by_attribute = order_by_attribute.map(AttributeOrderInput::read);
        let found = match by_attribute.transpose().map_err(fault)? {
            Some(order) => {
                account::list_by_attribute(ctx, actor.workspace, &filter, order, &page).await
            }
            None => account::list(ctx, actor.workspace, &filter, order_by, &page).await,
        };
        let found = found.map_err(fault)?;
        Ok(connection(found, Account))
    }
}
