//! Asking for tasks.

use async_graphql::{Context, ID, InputObject, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    access::Actor,
    page::PageRequest,
    task::{self, TaskFilter, TaskOrder},
};
use entity::{
    id::TaskId,
    kind::{TaskPriority, TaskStatus},
};

use super::Task;
use crate::boxed;
use crate::graphql::{
    context::{loaded_by, reader},
    error::fault,
    few::{few_ids, few_renamed},
    id,
    page::{Connection, connection},
};

/// Which tasks a list has; every part given must hold. An empty list in it is refused.
#[derive(InputObject, Default)]
pub(crate) struct TaskFilterInput {
    /// Standing in one of these ways.
    statuses: Option<Vec<TaskStatus>>,
    /// The earlier name of `statuses`.
    #[graphql(deprecation = "Use `statuses`. Removed after 2027-06-30.")]
    status: Option<Vec<TaskStatus>>,
    /// As pressing as one of these.
    priorities: Option<Vec<TaskPriority>>,
    /// The earlier name of `priorities`.
    #[graphql(deprecation = "Use `priorities`. Removed after 2027-06-30.")]
    priority: Option<Vec<TaskPriority>>,
    /// Of the member who asks. Together with `assigneeIds` or `unassigned`, also those.
    #[graphql(default)]
    mine: bool,
    /// Of one of these members.
    assignee_ids: Option<Vec<ID>>,
    /// Of nobody in particular; together with `assigneeIds`, of one of them or of nobody.
    #[graphql(default)]
    unassigned: bool,
    /// Of one of these teams, whether a member has taken it or not.
    team_ids: Option<Vec<ID>>,
    /// About this contact.
    contact_id: Option<ID>,
    /// About this account.
    account_id: Option<ID>,
    /// About this conversation.
    conversation_id: Option<ID>,
    /// Open although the due moment has passed.
    #[graphql(default)]
    overdue: bool,
    /// Due at this moment or later.
    due_from: Option<DateTime<Utc>>,
    /// Due before this moment.
    due_until: Option<DateTime<Utc>>,
}

impl TaskFilterInput {
    pub(crate) fn read(self, actor: &Actor) -> domain::error::Result<TaskFilter> {
        let mut assignees = few_ids(self.assignee_ids, &["filter", "assigneeIds"])?;
        assignees.extend(self.mine.then_some(actor.member));
        Ok(TaskFilter {
            statuses: few_renamed(("statuses", self.statuses), ("status", self.status))?,
            priorities: few_renamed(("priorities", self.priorities), ("priority", self.priority))?,
            assignees,
            unassigned: self.unassigned,
            teams: few_ids(self.team_ids, &["filter", "teamIds"])?,
            contact: id::parse_opt(self.contact_id.as_ref(), &["filter", "contactId"])?,
            account: id::parse_opt(self.account_id.as_ref(), &["filter", "accountId"])?,
            conversation: id::parse_opt(
                self.conversation_id.as_ref(),
                &["filter", "conversationId"],
            )?,
            overdue: self.overdue,
            due_from: self.due_from,
            due_until: self.due_until,
            changed_from: None,
        })
    }
}

#[derive(Default)]
pub(crate) struct TaskQuery;

#[Object]
impl TaskQuery {
    /// One task; nothing when there is none of this id.
    #[boxed]
    async fn task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task's global id.")] id: ID,
    ) -> Result<Option<Task>> {
        loaded_by::<TaskId, _>(context, &id, Task).await
    }

    /// The workspace's tasks.
    #[expect(
        clippy::too_many_arguments,
        reason = "Relay's four arguments, filter and order"
    )]
    #[boxed]
    async fn tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which tasks.")] filter: Option<TaskFilterInput>,
        #[graphql(desc = "How to order them.", default)] order_by: TaskOrder,
        #[graphql(desc = "How many from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<Connection<String, Task>> {
        let (ctx, actor) = reader(context)?;
        let page = PageRequest::relay(first, after, last, before).map_err(fault)?;
        let filter = filter.unwrap_or_default().read(actor).map_err(fault)?;
        let found = task::list(ctx, actor.workspace, &filter, order_by, &page)
            .await
            .map_err(fault)?;
        Ok(connection(found, Task))
    }
}
