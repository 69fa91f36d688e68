//! Lists of tasks, in pages.

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, ConversationId, Id as _, MemberId, TaskId, TeamId, WorkspaceId},
    kind::{TaskPriority, TaskStatus},
    task,
};
use sea_orm::{DatabaseBackend, Iterable as _};
use serde::{Deserialize, Serialize};

use crate::{
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest, within},
    store::{Query, rows_by_id},
};

/// Which tasks a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskFilter {
    /// Standing in one of these ways.
    pub statuses: Vec<TaskStatus>,
    /// As pressing as one of these.
    pub priorities: Vec<TaskPriority>,
    /// Of one of these members; with `unassigned`, of one of them or of nobody.
    pub assignees: Vec<MemberId>,
    /// Of nobody in particular.
    pub unassigned: bool,
    /// Of one of these teams, whether a member has taken it or not.
    pub teams: Vec<TeamId>,
    /// About this contact.
    pub contact: Option<ContactId>,
    /// About this account.
    pub account: Option<AccountId>,
    /// About this conversation.
    pub conversation: Option<ConversationId>,
    /// Open although its moment has passed.
    pub overdue: bool,
    /// Due at this moment or later.
    pub due_from: Option<DateTime<Utc>>,
    /// Due before this moment.
    pub due_until: Option<DateTime<Utc>>,
    /// Made or changed at this moment or later.
    pub changed_from: Option<DateTime<Utc>>,
}

impl TaskFilter {
    /// The ways to stand that are asked for.
    fn standing(&self) -> Vec<TaskStatus> {
        let is_asked = |status: &TaskStatus| {
            (self.statuses.is_empty() || self.statuses.contains(status))
                && (!self.overdue || *status == TaskStatus::Open)
        };
        TaskStatus::iter().filter(is_asked).collect()
    }

    /// Whether they are tasks of somebody or about something: few enough to be brought into order.
    fn is_narrow(&self) -> bool {
        self.contact.is_some()
            || self.account.is_some()
            || self.conversation.is_some()
            || !self.assignees.is_empty()
            || !self.teams.is_empty()
    }

    fn apply(
        &self,
        query: &mut Query,
        backend: DatabaseBackend,
        statuses: &[TaskStatus],
        now: DateTime<Utc>,
    ) {
        one_of(query, "t.status", statuses.iter().map(|one| one.word()));
        let priorities = self.priorities.iter().map(|one| one.word());
        one_of(query, "t.priority", priorities);
        let assignees: Vec<String> = self.assignees.iter().map(|&id| query.arg(id)).collect();
        let assignees = assignees.join(", ");
        match (self.assignees.is_empty(), self.unassigned) {
            (true, false) => {}
            (true, true) => query.push(" AND t.assignee_id IS NULL"),
            (false, false) => query.push(&format!(" AND t.assignee_id IN ({assignees})")),
            (false, true) => query.push(&format!(
                " AND (t.assignee_id IN ({assignees}) OR t.assignee_id IS NULL)"
            )),
        }
        one_of(query, "t.team_id", self.teams.iter().copied());
        one_of_few(query, backend, "t.contact_id", self.contact.into_iter());
        one_of_few(query, backend, "t.account_id", self.account.into_iter());
        let conversation = self.conversation.into_iter();
        one_of_few(query, backend, "t.conversation_id", conversation);
        within(query, "t.updated_at", self.changed_from, None);
        for (sign, moment) in [
            ("<=", self.overdue.then_some(now)),
            (">=", self.due_from),
            ("<", self.due_until),
        ] {
            if let Some(moment) = moment {
                let moment = query.arg(moment);
                query.push(&format!(
                    " AND t.due_at IS NOT NULL AND t.sort_at {sign} {moment}"
                ));
            }
        }
    }
}

/// How to order tasks.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[graphql(name = "TaskOrderBy")]
pub enum TaskOrder {
    /// What is due next first; what has no due moment last.
    #[default]
    #[graphql(name = "DUE_ASC")]
    Due,
    /// The newest first.
    #[graphql(name = "CREATED_DESC")]
    Newest,
}

impl TaskOrder {
    fn keyset(self) -> Keyset {
        let (order, key, descending) = match self {
            Self::Due => ("task_due", Some(Column::Time("t.sort_at")), false),
            Self::Newest => ("task_new", None, true),
        };
        Keyset {
            order,
            key,
            id: "t.id",
            descending,
        }
    }

    fn key(self, row: &task::Model) -> Key {
        match self {
            Self::Due => Key::Time(row.sort_at),
            Self::Newest => Key::Id(()),
        }
    }
}

/// A page of the workspace's tasks, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &TaskFilter,
    order: TaskOrder,
    page: &PageRequest,
) -> Result<Page<(String, task::Model)>> {
    let (backend, now) = (ctx.db.backend(), ctx.clock.now());
    let statuses = filter.standing();
    if statuses.is_empty() {
        return Ok(Page::empty());
    }
    let all: &[TaskStatus] = if filter.statuses.is_empty() && !filter.overdue {
        &[]
    } else {
        &statuses
    };
    // The indexes by time have each status for itself.
    let runs: Vec<&[TaskStatus]> = match order {
        TaskOrder::Due if !filter.is_narrow() => statuses.chunks(1).collect(),
        _ => vec![all],
    };
    let select = |query: &mut Query, statuses: &&[TaskStatus]| {
        let workspace = query.arg(workspace);
        query.push(&format!(
            "SELECT t.* FROM task t WHERE t.workspace_id = {workspace}"
        ));
        filter.apply(query, backend, statuses, now);
    };
    let place = |row: &task::Model| (order.key(row), row.id.uuid());
    order
        .keyset()
        .merge(ctx, "t", &runs, select, page, place)
        .await
}

/// The tasks among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[TaskId]) -> Result<Vec<task::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
