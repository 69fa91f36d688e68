//! What refers to a group of tags, shown before it is deleted.

use entity::{
    id::{TagGroupId, WorkspaceId},
    tag_group,
};
use sea_orm::{EntityTrait as _, FromQueryResult};
use sha2::{Digest as _, Sha256};

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Transaction},
    tag::catalogue::{self, Sought, Use},
};

/// A tag that is a value of the group, and keeps it from being deleted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, FromQueryResult)]
pub struct Value {
    /// Its name, without those of the tags above it.
    pub name: String,
    /// Whether it is archived.
    pub archived: bool,
}

/// What refers to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Stands for exactly this state.
    pub token: String,
    /// The tags that are its values, archived ones too, by name.
    pub values: Vec<Value>,
    /// What names the group itself.
    pub uses: Vec<Use>,
}

/// What refers to the group, if there is one.
pub async fn usage(ctx: &Ctx, workspace: WorkspaceId, id: TagGroupId) -> Result<Option<Usage>> {
    let snapshot = ctx.db.snapshot().await?;
    let group = tag_group::Entity::find_by_id((workspace, id))
        .one(&snapshot)
        .await?;
    let Some(group) = group else {
        return Ok(None);
    };
    let usage = read(&snapshot, &group).await?;
    snapshot.rollback().await?;
    Ok(Some(usage))
}

/// What refers to `group`, as `connection` sees it.
pub(super) async fn read(connection: &Transaction, group: &tag_group::Model) -> Result<Usage> {
    let values: Vec<Value> = Query::new(
        "SELECT t.name, t.archived_at IS NOT NULL AS archived FROM tag t
         WHERE t.workspace_id = $1 AND t.group_id = $2 AND t.deleted_at IS NULL
         ORDER BY t.name_key, t.id",
    )
    .bind(group.workspace_id)
    .bind(group.id)
    .all(connection)
    .await?;
    let groups = [group.id];
    let sought = Sought::Groups(&groups);
    let uses = catalogue::uses(connection, group.workspace_id, sought).await?;
    Ok(Usage {
        token: token(group, &values, &uses)?,
        values,
        uses,
    })
}

fn token(group: &tag_group::Model, values: &[Value], uses: &[Use]) -> Result<String> {
    let state = serde_json::to_vec(&(group.id, group.updated_at, values, uses))?;
    Ok(hex::encode(&Sha256::digest(state)[..16]))
}
