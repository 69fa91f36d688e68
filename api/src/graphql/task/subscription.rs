//! Tasks as they are made, changed and done.

use async_graphql::{Context, ID, Result, SimpleObject, Subscription};
use chrono::{DateTime, Utc};
use domain::work::change::Fact;
use entity::id::{AccountId, ContactId, ConversationId, MemberId, TaskId, TeamId};
use futures::Stream;

use super::Task;
use crate::graphql::{access::ChangeOrigin, change::follow, context::found, error::fault, id};

/// One thing that happened to a task.
#[derive(SimpleObject)]
pub(crate) struct TaskChange {
    /// Where it stands in the log; give it as `after` to go on from here.
    cursor: String,
    /// What happened: `task.created`, `task.changed`, `task.completed` or `task.overdue`.
    kind: String,
    /// The task as it is now.
    task: Task,
    /// Who or what did it.
    origin: ChangeOrigin,
    /// When.
    at: DateTime<Utc>,
}

#[derive(Default)]
pub(crate) struct TaskSubscription;

#[Subscription]
impl TaskSubscription {
    /// Tasks as they are made, changed, given to somebody else, done, cancelled, opened again, and as
    /// their due moment passes.
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the API")]
    async fn task_changed<'c>(
        &self,
        context: &'c Context<'c>,
        #[graphql(desc = "Only this task.")] id: Option<ID>,
        #[graphql(desc = "Only what is this member's now.")] assignee_id: Option<ID>,
        #[graphql(desc = "Only what is this team's now.")] team_id: Option<ID>,
        #[graphql(desc = "Only what is about this contact.")] contact_id: Option<ID>,
        #[graphql(desc = "Only what is about this account now.")] account_id: Option<ID>,
        #[graphql(desc = "Only what is about this conversation now.")] conversation_id: Option<ID>,
        #[graphql(desc = "The last cursor you have; left out, it starts now.")] after: Option<
            String,
        >,
    ) -> Result<impl Stream<Item = Result<TaskChange>> + 'c> {
        let only: Option<TaskId> = id::parse_opt(id.as_ref(), &["id"]).map_err(fault)?;
        let assignee: Option<MemberId> =
            id::parse_opt(assignee_id.as_ref(), &["assigneeId"]).map_err(fault)?;
        let team: Option<TeamId> = id::parse_opt(team_id.as_ref(), &["teamId"]).map_err(fault)?;
        let contact: Option<ContactId> =
            id::parse_opt(contact_id.as_ref(), &["contactId"]).map_err(fault)?;
        let account: Option<AccountId> =
            id::parse_opt(account_id.as_ref(), &["accountId"]).map_err(fault)?;
        let conversation: Option<ConversationId> =
            id::parse_opt(conversation_id.as_ref(), &["conversationId"]).map_err(fault)?;
        follow(context, after, move |entry| async move {
            let task_id = subject(&entry.fact)?;
            if only.is_some_and(|wanted| wanted != task_id)
                || contact.is_some_and(|wanted| entry.contact != Some(wanted))
            {
                return None;
            }
            let row = match found(context, task_id).await.transpose()? {
                Ok(row) => row,
                Err(error) => return Some(Err(error)),
            };
            if assignee.is_some_and(|wanted| row.assignee_id != Some(wanted))
                || team.is_some_and(|wanted| row.team_id != Some(wanted))
                || account.is_some_and(|wanted| row.account_id != Some(wanted))
                || conversation.is_some_and(|wanted| row.conversation_id != Some(wanted))
            {
                return None;
            }
            Some(Ok(TaskChange {
                cursor: entry.position.to_string(),
                kind: entry.fact.name().to_owned(),
                task: Task(row),
                origin: entry.origin.into(),
                at: entry.at,
            }))
        })
        .await
    }
}

/// The task a fact is about, if it is about one.
fn subject(fact: &Fact) -> Option<TaskId> {
    match fact {
        Fact::TaskCreated { task_id }
        | Fact::TaskChanged { task_id }
        | Fact::TaskCompleted { task_id }
        | Fact::TaskOverdue { task_id } => Some(*task_id),
        _ => None,
    }
}
