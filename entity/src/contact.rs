//! A customer person.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, CampaignId, ContactId, MemberId, WorkspaceId},
    kind::{Channel, LifecycleStage},
};

/// A customer person.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contact")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ContactId,
    /// The company the contact belongs to.
    pub account_id: Option<AccountId>,
    /// The name shown to people.
    pub name: String,
    /// The name folded for comparison (NFKC, case).
    pub name_key: String,
    /// The main email address, in lower case.
    pub email: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
    /// The language of the texts written for people.
    pub locale: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// The member who looks after the contact.
    pub owner_id: Option<MemberId>,
    /// How far the relationship has come.
    pub stage: Option<LifecycleStage>,
    /// The stage's place in the order of stages, 0 for none; lists are ordered by it.
    pub stage_rank: i64,
    /// The channel the contact came through first.
    pub source_channel: Option<Channel>,
    /// The campaign the contact came from.
    pub source_campaign_id: Option<CampaignId>,
    /// The member who brought the contact.
    pub brought_by_id: Option<MemberId>,
    /// The phone number, in E.164 form.
    pub phone: Option<String>,
    /// How the name is read.
    pub kana: Option<String>,
    /// The reading folded for comparison.
    pub kana_key: Option<String>,
    /// When the contact came in, where that is told; else when the row was made.
    pub arrived_at: Option<DateTimeUtc>,
    /// Who answers for the contact since it was merged.
    pub merged_into_id: Option<ContactId>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
