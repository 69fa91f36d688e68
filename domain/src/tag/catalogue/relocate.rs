//! Moving a tag with everything below it.

use entity::{
    id::{TagGroupId, TagId},
    tag,
};
use sea_orm::{ActiveModelTrait as _, IntoActiveModel as _, Set};

use super::{
    check::{self, Spot, Tree},
    create::audited,
    graft, hold,
};
use crate::{
    access::{Actor, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result},
    tag::group::selection,
    work::change::{Change, Fact},
};

/// Where a tag is to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The tag above; left out, it becomes a root.
    pub parent: Option<TagId>,
    /// The group it is a value of; left out below a parent, it is the parent's, and left out
    /// without a parent, none.
    pub group: Option<TagGroupId>,
}

/// Hangs a tag, with everything below it, somewhere else. Where things would then carry several
/// values of a group that allows one, `keep_newest` takes all but the newest off; otherwise the move
/// is refused.
pub async fn move_to(
    ctx: &Ctx,
    actor: &Actor,
    id: TagId,
    place: Place,
    keep_newest: bool,
) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    let spot = spot(Tree::of(&tx), &tag, place).await?;
    let beside: Vec<TagId> = spot.parent.into_iter().collect();
    graft::lock(&tx, &[id], &beside, spot.group).await?;
    graft::cut(&tx, id).await?;
    if let Some(parent) = spot.parent {
        graft::hang(&tx, id, parent).await?;
    }
    if tag.group_id != spot.group {
        graft::regroup(&tx, id, spot.group).await?;
        selection::settle(&mut tx, actor.origin(), spot.group, keep_newest, "groupId").await?;
        selection::mark_subtree(&tx, id).await?;
    }
    let before = audited(&tag);
    let mut active = tag.into_active_model();
    active.parent_id = Set(spot.parent);
    active.group_id = Set(spot.group);
    active.updated_at = Set(tx.now);
    let tag = active.update(tx.connection()).await?;
    let record = Record::changed("tag.move", id, before, audited(&tag));
    tx.audit(actor, record);
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::TagChanged { tag_id: id },
    ));
    tx.commit().await?;
    Ok(tag)
}

/// Where `tag` would stand, or what is wrong with that.
async fn spot(tree: Tree<'_>, tag: &tag::Model, place: Place) -> Result<Spot> {
    let mut errors = Vec::new();
    let spot = check::spot(tree, tag.kind, place.parent, place.group, &mut errors).await?;
    if let Some(spot) = spot {
        check::place(tree, Some(tag.id), spot, &mut errors).await?;
        check::sibling(tree, tag.kind, spot, &tag.name, Some(tag.id), &mut errors).await?;
    }
    match spot {
        Some(spot) if errors.is_empty() => Ok(spot),
        _ => Err(Error::Refused(errors)),
    }
}
