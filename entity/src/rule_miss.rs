//! A look of one rule at one thing it did not fire on; a sample of all.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, ConversationId, MessageId, MissId, RuleId, WorkspaceId},
    kind::MissReason,
};

/// A look of one rule at one thing it did not fire on; a sample of all.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_miss")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MissId,
    /// The rule.
    pub rule_id: RuleId,
    /// Its version.
    pub rule_version: i64,
    /// The thing it looked at.
    pub subject_id: Uuid,
    /// The message, if it was one.
    pub message_id: Option<MessageId>,
    /// The conversation, if it was about one.
    pub conversation_id: Option<ConversationId>,
    /// The contact, if it was about one.
    pub contact_id: Option<ContactId>,
    /// The account, if it was about one: the contact's, where it was about a contact.
    pub account_id: Option<AccountId>,
    /// Why it did not fire.
    pub reason: MissReason,
    /// Each condition's verdict and what was there; missing where earlier releases noted a limit.
    pub trace: Option<Json>,
    /// When.
    pub missed_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
