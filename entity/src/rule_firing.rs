//! One match of one rule on one thing.

use sea_orm::entity::prelude::*;

use crate::id::{AccountId, ContactId, ConversationId, FiringId, MessageId, RuleId, WorkspaceId};

/// One match of one rule on one thing.
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
    /// The message it matched, if it was one.
    pub message_id: Option<MessageId>,
    /// The conversation it is about, if it is about one.
    pub conversation_id: Option<ConversationId>,
    /// The contact it is about, if it is about one.
    pub contact_id: Option<ContactId>,
    /// The parts that matched.
    pub matched: Json,
    /// What each action did.
    pub outcomes: Json,
    /// When.
    pub fired_at: DateTimeUtc,
    /// The account it is about.
    pub account_id: Option<AccountId>,
    /// The thing it matched: a message, conversation, contact or account.
    pub subject_id: Option<Uuid>,
    /// Where in the log the cascade began.
    pub root: Option<String>,
    /// How many steps that is away.
    pub depth: i64,
    /// What happened, as the log tells it.
    pub cause: Option<Json>,
    /// Each condition's verdict and what was there; missing in firings of earlier releases.
    pub trace: Option<Json>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
