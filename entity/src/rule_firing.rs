//! One match of one rule on one message.

use sea_orm::entity::prelude::*;

use crate::id::{ContactId, ConversationId, FiringId, MessageId, RuleId, WorkspaceId};

/// One match of one rule on one message.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "rule_firing")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: FiringId,
    /// The rule.
    pub rule_id: RuleId,
    /// The version that matched.
    pub rule_version: i64,
    /// The message it matched.
    pub message_id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// The contact it is about.
    pub contact_id: ContactId,
    /// The parts that matched.
    pub matched: Json,
    /// What each action did.
    pub outcomes: Json,
    /// When.
    pub fired_at: DateTimeUtc,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
