//! What became of a conversation at one moment: another status, assignee or urgency.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ConversationId, ConversationStepId, MemberId, WorkspaceId},
    kind::{ConversationStatus, ConversationStepKind, Priority},
};

/// What became of a conversation at one moment: another status, assignee or urgency.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation_step")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConversationStepId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// What changed.
    pub kind: ConversationStepKind,
    /// The status before, if that changed.
    pub from_status: Option<ConversationStatus>,
    /// The status after, if that changed.
    pub to_status: Option<ConversationStatus>,
    /// The assignee before, if that changed and there was one.
    pub from_assignee_id: Option<MemberId>,
    /// The assignee after, if that changed and there is one.
    pub to_assignee_id: Option<MemberId>,
    /// The urgency before, if that changed.
    pub from_priority: Option<Priority>,
    /// The urgency after, if that changed.
    pub to_priority: Option<Priority>,
    /// When.
    pub at: DateTimeUtc,
    /// Who changed it.
    pub by_origin: Json,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
