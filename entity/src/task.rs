//! Something a member has to do.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, ConversationId, MemberId, TaskId, TeamId, WorkspaceId},
    kind::{TaskPriority, TaskStatus},
};

/// Something a member has to do.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "task")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaskId,
    /// What is to be done, in a line.
    pub title: String,
    /// More about it.
    pub description: String,
    /// Where it stands.
    pub status: TaskStatus,
    /// How pressing it is.
    pub priority: TaskPriority,
    /// When it is to be done.
    pub due_at: Option<DateTimeUtc>,
    /// When it is to be done, or the end of time.
    pub sort_at: DateTimeUtc,
    /// When it was found that the due moment had passed.
    pub overdue_at: Option<DateTimeUtc>,
    /// Whose it is; nobody's in particular if nothing.
    pub assignee_id: Option<MemberId>,
    /// The team whose it is, for whichever of its members takes it.
    pub team_id: Option<TeamId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// The account it is about.
    pub account_id: Option<AccountId>,
    /// The conversation it is about.
    pub conversation_id: Option<ConversationId>,
    /// Who made it.
    pub made_by: Json,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// When it was done or cancelled.
    pub ended_at: Option<DateTimeUtc>,
    /// Who did or cancelled it.
    pub ended_by: Option<Json>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
