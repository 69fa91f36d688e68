//! A thread with a contact.

use sea_orm::entity::prelude::*;

use crate::{
    id::{ContactId, ConversationId, InboxId, MemberId, MessageId, WorkspaceId},
    kind::{ConversationStatus, Priority},
};

/// A thread with a contact.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "conversation")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ConversationId,
    /// The inbox it came through.
    pub inbox_id: InboxId,
    /// The contact it is about.
    pub contact_id: ContactId,
    /// The subject line.
    pub subject: String,
    /// Where it stands.
    pub status: ConversationStatus,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the first message was sent.
    pub first_message_at: DateTimeUtc,
    /// When the newest message was sent.
    pub last_message_at: DateTimeUtc,
    /// The newest message.
    pub last_message_id: MessageId,
    /// Since when the contact waits for an answer.
    pub waiting_since: Option<DateTimeUtc>,
    /// How many messages it has.
    pub messages: i64,
    /// When a snoozed one opens again by itself.
    pub snoozed_until: Option<DateTimeUtc>,
    /// How urgent it is.
    pub priority: Priority,
    /// Who is to deal with it.
    pub assignee_id: Option<MemberId>,
    /// When the contact first wrote, programs that answer by themselves left out.
    pub first_inbound_at: Option<DateTimeUtc>,
    /// When a person of ours first wrote after that.
    pub first_response_at: Option<DateTimeUtc>,
    /// When it was last closed, whether it was opened again or not.
    pub closed_at: Option<DateTimeUtc>,
    /// How often it was opened again after it was closed.
    pub reopenings: i64,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
