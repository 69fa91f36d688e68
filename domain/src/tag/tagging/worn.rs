//! What things carry, for those who are about to give them more.

use std::collections::HashMap;

use entity::id::{TagGroupId, TagId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::AUTOMATIC;
use crate::{
    error::Result,
    store::{Query, Tx},
};

/// A tag that a thing carries.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Worn {
    target_id: Uuid,
    /// The tag.
    pub(crate) tag_id: TagId,
    /// The group of which the thing carries only one value.
    pub(crate) single_group_id: Option<TagGroupId>,
    /// Whether a rule or a playbook put it on, so that anybody else who asks for it takes it over.
    pub(crate) automatic: bool,
}

/// What each of the things carries; nothing of those that carry none. One statement.
pub(crate) async fn worn(tx: &Tx<'_>, things: &[Uuid]) -> Result<HashMap<Uuid, Vec<Worn>>> {
    let mut carried: HashMap<Uuid, Vec<Worn>> = HashMap::new();
    if things.is_empty() {
        return Ok(carried);
    }
    let found: Vec<Worn> = Query::new(format!(
        "SELECT g.target_id, g.tag_id, g.single_group_id, {AUTOMATIC} AS automatic
         FROM tagging g WHERE g.workspace_id = $1 AND {{things}} AND g.removed_at IS NULL"
    ))
    .bind(tx.workspace)
    .among("things", "g.target_id", things.iter().copied())
    .all(tx.connection())
    .await?;
    for tag in found {
        carried.entry(tag.target_id).or_default().push(tag);
    }
    Ok(carried)
}
