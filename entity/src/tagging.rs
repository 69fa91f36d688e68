//! One tag on one target, from its adding to its removal.

use sea_orm::entity::prelude::*;

use crate::{
    id::{RuleId, TagGroupId, TagId, TaggingId, WorkspaceId},
    kind::{TagTarget, TaggingEnd},
};

/// One tag on one target, from its adding to its removal.
#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "tagging")]
pub struct Model {
    /// The workspace the row belongs to.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: WorkspaceId,
    /// The row's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TaggingId,
    /// The tag.
    pub tag_id: TagId,
    /// What kind of thing carries the tag.
    pub target: TagTarget,
    /// The thing that carries the tag, or the place notified.
    pub target_id: Uuid,
    /// From when.
    pub added_at: DateTimeUtc,
    /// By whom.
    pub added_by: Json,
    /// Why.
    pub added_reason: String,
    /// When it ended, if it has.
    pub removed_at: Option<DateTimeUtc>,
    /// By whom it was removed.
    pub removed_by: Option<Json>,
    /// Why it was removed.
    pub removed_reason: Option<String>,
    /// The tag it was made with, when that was merged into another since.
    pub merged_from: Option<TagId>,
    /// When it ends by itself, if it does.
    pub expires_at: Option<DateTimeUtc>,
    /// The group of the tag, if that was SINGLE: what others of the group may not hold beside.
    pub single_group_id: Option<TagGroupId>,
    /// The rule that put it on, if one did.
    pub rule_id: Option<RuleId>,
    /// How it ended, if it has.
    pub ended: Option<TaggingEnd>,
    /// The tagging that took its place, if one did.
    pub successor_id: Option<TaggingId>,
}

/// None: joins are written where they are needed.
#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

crate::scope::scoped!();
