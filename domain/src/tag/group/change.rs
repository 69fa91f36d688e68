//! Changing groups; putting them away with their tags, and bringing them back.

use entity::{
    id::TagGroupId,
    kind::{TagSelection, TagStage},
    operation, tag_group,
};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, IntoActiveModel as _, Set};

use super::{
    create::{audited, record, refuse_taken},
    narrow, selection,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    store::{Query, Tx},
    tag::catalogue::{DESCRIPTION_LIMIT, NAME_LIMIT, hold},
    text::{self, name_key},
};

/// What may be changed about a group; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct GroupChanges {
    /// The name.
    pub name: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// How many of its values one thing may carry.
    pub selection: Option<TagSelection>,
    /// Where things carry several values of a group that is to allow one: keep the one put on last
    /// and take the others off, rather than refuse. Where very much is tagged, in steps.
    pub keep_newest: bool,
    /// What it is for; `Some(None)` for nothing in particular.
    pub stage: Option<Option<TagStage>>,
}

/// What became of a group.
#[derive(Debug)]
pub struct Changed {
    /// The group as it is now.
    pub group: tag_group::Model,
    /// What brings its taggings to one value on each thing, if that is not done at once.
    pub operation: Option<operation::Model>,
}

/// Changes a group.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: TagGroupId,
    changes: GroupChanges,
) -> Result<Changed> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let group = existing(&tx, id).await?;
    let mut errors = Vec::new();
    let mut active = group.clone().into_active_model();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], NAME_LIMIT) {
            Ok(name) => {
                refuse_taken(&tx, group.kind, &name, Some(id), &mut errors).await?;
                active.name_key = Set(name_key(&name));
                active.name = Set(name);
            }
            Err(error) => errors.push(error),
        }
    }
    if let Some(description) = changes.description {
        match text::short_text(&description, &["description"], DESCRIPTION_LIMIT) {
            Ok(description) => active.description = Set(description),
            Err(error) => errors.push(error),
        }
    }
    if let Some(stage) = changes.stage {
        active.stage = Set(stage);
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let wanted = changes.selection.filter(|&one| one != group.selection);
    let mut in_steps = false;
    if let Some(wanted) = wanted {
        active.selection = Set(wanted);
        if wanted == TagSelection::Single {
            let (origin, keep_newest) = (actor.origin(), changes.keep_newest);
            in_steps = selection::is_large(&tx, id).await?;
            if !in_steps {
                selection::make_single(&mut tx, origin, &group, keep_newest, "selection").await?;
            } else if !keep_newest {
                selection::refuse_several(&tx, &group, "selection").await?;
            }
        }
    }
    active.updated_at = Set(tx.now);
    let before = audited(&group);
    let group = active.update(tx.connection()).await?;
    let entry = Record::changed("tag_group.update", id, before, audited(&group));
    tx.audit(actor, entry);
    let mut operation = None;
    if in_steps {
        operation = Some(narrow::ask(ctx, &mut tx, actor.origin(), id).await?);
    } else if wanted.is_some() {
        selection::mark_group(&tx, id).await?;
    }
    record(&mut tx, actor.origin(), id);
    tx.commit().await?;
    Ok(Changed { group, operation })
}

/// Puts a group away with all its tags: they keep their taggings and cannot be put on anything.
/// Nothing happens to one that already is archived.
pub async fn archive(ctx: &Ctx, actor: &Actor, id: TagGroupId) -> Result<tag_group::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let group = existing(&tx, id).await?;
    if group.archived_at.is_some() {
        tx.rollback().await?;
        return Ok(group);
    }
    Query::new(
        "UPDATE tag SET archived_at = $3, updated_at = $3
         WHERE workspace_id = $1 AND group_id = $2 AND archived_at IS NULL AND deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let before = audited(&group);
    let mut active = group.into_active_model();
    active.archived_at = Set(Some(tx.now));
    active.updated_at = Set(tx.now);
    let group = active.update(tx.connection()).await?;
    let entry = Record::changed("tag_group.archive", id, before, audited(&group));
    tx.audit(actor, entry);
    record(&mut tx, actor.origin(), id);
    tx.commit().await?;
    Ok(group)
}

/// Brings a group back with the tags that were put away together with it. Nothing happens to one
/// that is not archived.
pub async fn restore(ctx: &Ctx, actor: &Actor, id: TagGroupId) -> Result<tag_group::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let group = existing(&tx, id).await?;
    let Some(archived_at) = group.archived_at else {
        tx.rollback().await?;
        return Ok(group);
    };
    Query::new(
        "UPDATE tag SET archived_at = NULL, updated_at = $4
         WHERE workspace_id = $1 AND group_id = $2 AND archived_at = $3 AND deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(archived_at)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let before = audited(&group);
    let mut active = group.into_active_model();
    active.archived_at = Set(None);
    active.updated_at = Set(tx.now);
    let group = active.update(tx.connection()).await?;
    let entry = Record::changed("tag_group.restore", id, before, audited(&group));
    tx.audit(actor, entry);
    record(&mut tx, actor.origin(), id);
    tx.commit().await?;
    Ok(group)
}

/// The group, if it is one of the workspace.
pub(super) async fn existing(tx: &Tx<'_>, id: TagGroupId) -> Result<tag_group::Model> {
    tag_group::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "tag group"))
}
