//! Making and changing tasks.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    error::{Error, UserError, UserErrorCode},
    task::{self, NewTask, TaskChange},
};
use entity::kind::{TaskPriority, TaskStatus};

use super::Task;
use crate::boxed;
use crate::graphql::{
    context::writer,
    error::settle,
    given::{emptied, kept, optional},
    id,
};

/// A task to be made.
#[derive(InputObject)]
pub(crate) struct CreateTaskInput {
    /// What is to be done, 1 to 200 characters.
    title: String,
    /// More about it, at most 10,000 characters.
    #[graphql(default)]
    description: String,
    /// How pressing it is.
    #[graphql(default_with = "TaskPriority::Normal")]
    priority: TaskPriority,
    /// When it is to be done; a moment in the past makes it overdue at once.
    due_at: Option<DateTime<Utc>>,
    /// Whose it is; nobody's in particular when left out.
    assignee_id: Option<ID>,
    /// The team whose it is, for whichever of its members takes it.
    team_id: Option<ID>,
    /// The contact it is about; the conversation's contact when only that is given.
    contact_id: Option<ID>,
    /// The account it is about.
    account_id: Option<ID>,
    /// The conversation it is about.
    conversation_id: Option<ID>,
}

/// A task to be changed. What is left out stays as it is. `null` is refused where a field does not
/// say what it means.
#[derive(InputObject)]
pub(crate) struct UpdateTaskInput {
    /// The task's global id.
    id: ID,
    /// The new title, 1 to 200 characters.
    title: MaybeUndefined<String>,
    /// The new description, at most 10,000 characters; `null` for none.
    description: MaybeUndefined<String>,
    /// The new priority.
    priority: MaybeUndefined<TaskPriority>,
    /// The new due moment; `null` for none.
    due_at: MaybeUndefined<DateTime<Utc>>,
    /// The member it is given to; `null` for nobody in particular.
    assignee_id: MaybeUndefined<ID>,
    /// The team it is given to; `null` for none.
    team_id: MaybeUndefined<ID>,
}

/// A task that was done.
#[derive(InputObject)]
pub(crate) struct CompleteTaskInput {
    /// The task's global id.
    id: ID,
}

/// A task that is not to be done any more.
#[derive(InputObject)]
pub(crate) struct CancelTaskInput {
    /// The task's global id.
    id: ID,
}

/// A task that is to be done after all, or again.
#[derive(InputObject)]
pub(crate) struct ReopenTaskInput {
    /// The task's global id.
    id: ID,
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(SimpleObject)]
            pub(crate) struct $name {
                /// The task as it is now.
                task: Option<Task>,
                /// What to mend in the input; empty when it worked.
                user_errors: Vec<UserError>,
            }

            impl $name {
                fn of(
                    result: domain::error::Result<entity::task::Model>,
                ) -> Result<Self> {
                    let (task, user_errors) = settle(result)?;
                    Ok(Self {
                        task: task.map(Task),
                        user_errors,
                    })
                }
            }
        )*
    };
}

payloads! {
    /// What became of `createTask`.
    CreateTaskPayload;
    /// What became of `updateTask`.
    UpdateTaskPayload;
    /// What became of `completeTask`.
    CompleteTaskPayload;
    /// What became of `cancelTask`.
    CancelTaskPayload;
    /// What became of `reopenTask`.
    ReopenTaskPayload;
}

impl CreateTaskInput {
    fn read(self) -> domain::error::Result<NewTask> {
        Ok(NewTask {
            assignee: id::parse_opt(self.assignee_id.as_ref(), &["assigneeId"])?,
            team: id::parse_opt(self.team_id.as_ref(), &["teamId"])?,
            contact: id::parse_opt(self.contact_id.as_ref(), &["contactId"])?,
            account: id::parse_opt(self.account_id.as_ref(), &["accountId"])?,
            conversation: id::parse_opt(self.conversation_id.as_ref(), &["conversationId"])?,
            title: self.title,
            description: self.description,
            priority: self.priority,
            due_at: self.due_at.map(check_due).transpose()?,
        })
    }
}

/// Moments that no calendar shows would only break the order of lists.
fn check_due(at: DateTime<Utc>) -> domain::error::Result<DateTime<Utc>> {
    use chrono::Datelike as _;
    if (1970..=9998).contains(&at.year()) {
        Ok(at)
    } else {
        let message = "Choose a moment between the years 1970 and 9998.";
        Err(Error::refused(&["dueAt"], UserErrorCode::Invalid, message))
    }
}

#[derive(Default)]
pub(crate) struct TaskMutation;

#[Object]
impl TaskMutation {
    /// Makes a task. Scope: WRITE.
    #[boxed]
    async fn create_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CreateTaskInput,
    ) -> Result<CreateTaskPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async { task::create(ctx, actor, input.read()?).await };
        CreateTaskPayload::of(result.await)
    }

    /// Changes a task. Scope: WRITE.
    #[boxed]
    async fn update_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: UpdateTaskInput,
    ) -> Result<UpdateTaskPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            let due = match optional(input.due_at) {
                Some(Some(at)) => Some(Some(check_due(at)?)),
                other => other,
            };
            let change = TaskChange {
                title: kept(input.title, "title")?,
                description: emptied(input.description),
                priority: kept(input.priority, "priority")?,
                due_at: due,
                assignee: id::parse_change(input.assignee_id, &["assigneeId"])?,
                team: id::parse_change(input.team_id, &["teamId"])?,
            };
            task::update(ctx, actor, id, change).await
        };
        UpdateTaskPayload::of(result.await)
    }

    /// Says that a task was done. Scope: WRITE.
    #[boxed]
    async fn complete_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CompleteTaskInput,
    ) -> Result<CompleteTaskPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            task::end(ctx, actor, id, TaskStatus::Done).await
        };
        CompleteTaskPayload::of(result.await)
    }

    /// Cancels a task that is not to be done any more; it stays in lists of cancelled ones. Scope:
    /// WRITE.
    #[boxed]
    async fn cancel_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: CancelTaskInput,
    ) -> Result<CancelTaskPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            task::end(ctx, actor, id, TaskStatus::Cancelled).await
        };
        CancelTaskPayload::of(result.await)
    }

    /// Opens a task again that was done or cancelled. Scope: WRITE.
    #[boxed]
    async fn reopen_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be done.")] input: ReopenTaskInput,
    ) -> Result<ReopenTaskPayload> {
        let (ctx, actor) = writer(context)?;
        let result = async {
            let id = id::parse(&input.id, &["id"])?;
            task::reopen(ctx, actor, id).await
        };
        ReopenTaskPayload::of(result.await)
    }
}
