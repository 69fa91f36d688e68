//! Tasks over GraphQL.

mod mutation;
mod query;
mod subscription;

use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    page::PageRequest,
    task::{self, TaskFilter, TaskOrder},
};
use entity::kind::{TaskPriority, TaskStatus};

use super::{
    access::{ChangeOrigin, Member, find_member},
    account::Account,
    contact::Contact,
    context::{business, loaded, reader},
    conversation::Conversation,
    error::fault,
    page::{Connection, connection},
    team::Team,
};
use crate::boxed;

pub(crate) use mutation::TaskMutation;
pub(crate) use query::{TaskFilterInput, TaskQuery};
pub(crate) use subscription::TaskSubscription;

/// Something a member has to do.
#[derive(Debug, Clone)]
pub struct Task(pub(crate) entity::task::Model);

/// Something a member has to do: made by a member, a rule or a playbook.
#[Object]
impl Task {
    /// The global id.
    pub(crate) async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// What is to be done, in a line.
    fn title(&self) -> &str {
        &self.0.title
    }

    /// More about it; may be empty.
    fn description(&self) -> &str {
        &self.0.description
    }

    /// Where it stands.
    fn status(&self) -> TaskStatus {
        self.0.status
    }

    /// How pressing it is.
    fn priority(&self) -> TaskPriority {
        self.0.priority
    }

    /// When it is to be done.
    fn due_at(&self) -> Option<DateTime<Utc>> {
        self.0.due_at
    }

    /// Whether it is open although its due moment has passed.
    fn overdue(&self, context: &Context<'_>) -> Result<bool> {
        let now = business(context)?.clock.now();
        Ok(self.0.status == TaskStatus::Open && self.0.due_at.is_some_and(|due| due <= now))
    }

    /// Whose it is; nothing when it is for whoever takes it.
    #[boxed]
    async fn assignee(&self, context: &Context<'_>) -> Result<Option<Member>> {
        find_member(context, self.0.assignee_id).await
    }

    /// The team whose it is, whether a member has taken it or not.
    #[boxed]
    async fn team(&self, context: &Context<'_>) -> Result<Option<Team>> {
        loaded(context, self.0.team_id, Team).await
    }

    /// The contact it is about.
    #[boxed]
    async fn contact(&self, context: &Context<'_>) -> Result<Option<Contact>> {
        loaded(context, self.0.contact_id, Contact::from).await
    }

    /// The account it is about.
    #[boxed]
    async fn account(&self, context: &Context<'_>) -> Result<Option<Account>> {
        loaded(context, self.0.account_id, Account).await
    }

    /// The conversation it is about.
    #[boxed]
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        loaded(context, self.0.conversation_id, Conversation::from).await
    }

    /// Who or what made it.
    fn made_by(&self) -> Result<ChangeOrigin> {
        ChangeOrigin::read(&self.0.made_by)
    }

    /// When it was made.
    fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When it was last changed.
    fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it was done or cancelled.
    fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// Who did or cancelled it.
    fn ended_by(&self) -> Result<Option<ChangeOrigin>> {
        self.0.ended_by.as_ref().map(ChangeOrigin::read).transpose()
    }
}

/// A page of the tasks a filter finds, what is due next first.
pub(crate) async fn tasks(
    context: &Context<'_>,
    filter: &TaskFilter,
    page: &PageRequest,
) -> Result<Connection<String, Task>> {
    let (ctx, actor) = reader(context)?;
    let found = task::list(ctx, actor.workspace, filter, TaskOrder::Due, page)
        .await
        .map_err(fault)?;
    Ok(connection(found, Task))
}
