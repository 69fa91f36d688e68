//! One notification on its way.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, ContactId, DeliveryId, FiringId, PlaybookId, RuleId, TargetId, WorkspaceId},
    kind::DeliveryState,
};

/// One notification on its way.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "delivery")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeliveryId,
    /// The thing that carries the tag, or the place notified.
    pub target_id: TargetId,
    /// The rule.
    pub rule_id: Option<RuleId>,
    /// The firing that asked for it.
    pub firing_id: Option<FiringId>,
    /// The contact it is about.
    pub contact_id: Option<ContactId>,
    /// What is said.
    pub payload: Json,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts were made.
    pub attempts: i64,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When it is tried next.
    pub next_attempt_at: Option<DateTimeUtc>,
    /// When it came to an end.
    pub finished_at: Option<DateTimeUtc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// The delivery in whose message it was told, if it was folded.
    pub folded_into: Option<DeliveryId>,
    /// Whether it waited because its target had been sent enough.
    pub over_budget: bool,
    /// When it was first handed to its receiver, by the database's clock.
    pub sent_at: Option<DateTimeUtc>,
    /// The addresses that need not be told again, as a list; for email.
    pub told: Option<Json>,
    /// Until when quiet hours hold it.
    pub not_before: Option<DateTimeUtc>,
    /// The playbook that asked for it; missing in those of earlier releases.
    pub playbook_id: Option<PlaybookId>,
    /// The account it is about, where it is about no contact; missing in those of earlier releases.
    pub account_id: Option<AccountId>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
