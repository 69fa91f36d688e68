//! Making groups.

use entity::{
    Scoped as _,
    id::TagGroupId,
    kind::{TagKind, TagSelection, TagStage},
    tag_group,
};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
};

use super::GROUP_LIMIT;
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx},
    tag::catalogue::{DESCRIPTION_LIMIT, NAME_LIMIT, hold},
    text::{self, name_key},
    work::change::{Change, Fact},
};

/// A group about to be made.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// The kind of its tags.
    pub kind: TagKind,
    /// The name; unique among the groups of its kind, whatever the case and width.
    pub name: String,
    /// What it means.
    pub description: String,
    /// How many of its values one thing may carry.
    pub selection: TagSelection,
    /// What it is for.
    pub stage: Option<TagStage>,
}

/// Makes a group behind all others.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewGroup) -> Result<tag_group::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let group = insert(&mut tx, actor.origin(), new).await?;
    let record = Record::made("tag_group.create", group.id, audited(&group));
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(group)
}

/// What the audit log says of a group.
pub(super) fn audited(group: &tag_group::Model) -> serde_json::Value {
    serde_json::json!({
        "kind": group.kind, "name": group.name, "description": group.description,
        "selection": group.selection, "stage": group.stage, "archivedAt": group.archived_at,
    })
}

/// Makes a group inside a transaction, whoever asks.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    origin: Origin,
    new: NewGroup,
) -> Result<tag_group::Model> {
    hold(tx).await?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    let description = text::short_text(&new.description, &["description"], DESCRIPTION_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    if let Some(name) = &name {
        refuse_taken(tx, new.kind, name, None, &mut errors).await?;
    }
    let (groups, last) = extent(tx).await?;
    if groups >= GROUP_LIMIT {
        let message = format!("A workspace has at most {GROUP_LIMIT} tag groups.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    let (Some(name), Some(description), true) = (name, description, errors.is_empty()) else {
        return Err(Error::Refused(errors));
    };
    let group = tag_group::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        kind: new.kind,
        name_key: name_key(&name),
        name,
        description,
        selection: new.selection,
        stage: new.stage,
        position: last + 1,
        created_by: origin.json(),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
    };
    tag_group::Entity::insert(group.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    record(tx, origin, group.id);
    Ok(group)
}

/// Notes when there already is a group of this kind and name, other than `except`.
pub(super) async fn refuse_taken(
    tx: &Tx<'_>,
    kind: TagKind,
    name: &str,
    except: Option<TagGroupId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut others = tag_group::Entity::of(tx.workspace)
        .filter(tag_group::Column::Kind.eq(kind))
        .filter(tag_group::Column::NameKey.eq(name_key(name)));
    if let Some(id) = except {
        others = others.filter(tag_group::Column::Id.ne(id));
    }
    if others.count(tx.connection()).await? > 0 {
        let message = "There already is a group of this name (case and width are ignored).";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// How many groups there are, and the last one's position.
async fn extent(tx: &Tx<'_>) -> Result<(i64, i64)> {
    let rows = Query::new(
        "SELECT COUNT(*), COALESCE(MAX(position), 0) FROM tag_group WHERE workspace_id = $1",
    )
    .bind(tx.workspace)
    .raw(tx.connection())
    .await?;
    let row = rows
        .first()
        .ok_or_else(|| Error::Internal("a count without a row".to_owned()))?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

pub(super) fn record(tx: &mut Tx<'_>, origin: Origin, group_id: TagGroupId) {
    tx.record(Change::new(
        origin,
        None,
        Fact::TagGroupChanged { group_id },
    ));
}
