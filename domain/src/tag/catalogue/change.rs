//! Changing what a tag says about itself.

use entity::{id::TagId, tag};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, Set};

use super::{
    DESCRIPTION_LIMIT, NAME_LIMIT,
    check::{self, Spot, Tree},
    create::audited,
    hold,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    text::{self, name_key},
    work::change::{Change, Fact},
};

/// What may be changed about a tag; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct TagChanges {
    /// The name.
    pub name: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// `#rrggbb`.
    pub colour: Option<String>,
}

/// Changes a tag.
pub async fn update(
    ctx: &Ctx,
    actor: &Actor,
    id: TagId,
    changes: TagChanges,
) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    let mut errors = Vec::new();
    let mut active = tag.clone().into_active_model();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], NAME_LIMIT) {
            Ok(name) => {
                let spot = Spot {
                    parent: tag.parent_id,
                    group: tag.group_id,
                };
                check::sibling(Tree::of(&tx), tag.kind, spot, &name, Some(id), &mut errors).await?;
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
    if changes.colour.is_some()
        && let Some(colour) = check::colour(changes.colour.as_deref(), &mut errors)
    {
        active.colour = Set(colour);
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    active.updated_at = Set(tx.now);
    let before = audited(&tag);
    let tag = active.update(tx.connection()).await?;
    let record = Record::changed("tag.update", id, before, audited(&tag));
    tx.audit(actor, record);
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::TagChanged { tag_id: id },
    ));
    tx.commit().await?;
    Ok(tag)
}
