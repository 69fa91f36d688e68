//! A customer company.

use sea_orm::entity::prelude::*;

use crate::{
    id::{AccountId, MemberId, WorkspaceId},
    kind::LifecycleStage,
};

/// A customer company.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AccountId,
    /// The name shown to people.
    pub name: String,
    /// The name folded for comparison (NFKC, case).
    pub name_key: String,
    /// The company's email domain.
    pub domain: Option<String>,
    /// The id another system gave.
    pub external_id: Option<String>,
    /// When the row was made.
    pub created_at: DateTimeUtc,
    /// When the row was last changed.
    pub updated_at: DateTimeUtc,
    /// The member who looks after the account.
    pub owner_id: Option<MemberId>,
    /// How far the relationship has come.
    pub stage: Option<LifecycleStage>,
    /// The stage's place in the order of stages, 0 for none; lists are ordered by it.
    pub stage_rank: i64,
    /// The company's web site.
    pub website: Option<String>,
    /// The company's phone number, in E.164 form.
    pub phone: Option<String>,
    /// What the company is and does.
    pub description: Option<String>,
    /// Which account answers for this one since it was merged.
    pub merged_into_id: Option<AccountId>,
    /// When it was put away.
    pub archived_at: Option<DateTimeUtc>,
    /// When it was deleted; the row stays for what names it.
    pub deleted_at: Option<DateTimeUtc>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
