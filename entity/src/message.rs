//! A piece of a conversation.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, ConversationId, InboxId, MemberId, MessageId, WorkspaceId},
    kind::{Author, Direction},
};

/// A piece of a conversation.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "message")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// The contact it is about.
    pub contact_id: ContactId,
    /// The inbox it came through.
    pub inbox_id: InboxId,
    /// The id another system gave.
    pub external_id: String,
    /// Which way it went.
    pub direction: Direction,
    /// Who wrote it.
    pub author: Author,
    /// Whether a program answered by itself.
    pub automatic: bool,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// When it was sent.
    pub sent_at: DateTimeUtc,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// The member who wrote it, where that is known.
    pub member_id: Option<MemberId>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
