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
    error::{Error, Result, UserErrorCode},
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

/// Where a tag is to stand; what is left out stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destination {
    /// The tag above; `Some(None)` for a root.
    pub parent: Option<Option<TagId>>,
    /// The group it is a value of; `Some(None)` for none. Below another tag it is that tag's, whatever
    /// is left out.
    pub group: Option<Option<TagGroupId>>,
}

impl From<Place> for Destination {
    fn from(place: Place) -> Self {
        Self {
            parent: Some(place.parent),
            group: Some(place.group),
        }
    }
}

impl Destination {
    /// The place that `tag` would have.
    fn of(self, tag: &tag::Model) -> Place {
        let parent = self.parent.unwrap_or(tag.parent_id);
        let group = match self.group {
            Some(group) => group,
            None if parent.is_some() => None,
            None => tag.group_id,
        };
        Place { parent, group }
    }

    /// The refusal of another group for a tag that stays below one of its own, where that is the mistake.
    fn refuse_group(self, tag: &tag::Model) -> Result<()> {
        match self.group {
            Some(Some(group))
                if self.parent.is_none()
                    && tag.parent_id.is_some()
                    && tag.group_id != Some(group) =>
            {
                let message = "This tag stays below another, and is of that one's group. Give the tag \
                               above it in the other group, or null for none.";
                let path = ["groupId"];
                Err(Error::refused(&path, UserErrorCode::Contradictory, message))
            }
            _ => Ok(()),
        }
    }
}

/// Hangs a tag, with everything below it, somewhere else. Where things would then carry several
/// values of a group that allows one, `keep_newest` takes all but the newest off; otherwise the move
/// is refused.
pub async fn move_to(
    ctx: &Ctx,
    actor: &Actor,
    id: TagId,
    to: impl Into<Destination>,
    keep_newest: bool,
) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let tag = check::existing(Tree::of(&tx), id, &["id"]).await?;
    let to: Destination = to.into();
    to.refuse_group(&tag)?;
    let spot = spot(Tree::of(&tx), &tag, to.of(&tag)).await?;
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use entity::{id::WorkspaceId, kind::TagKind};
    use uuid::Uuid;

    use super::*;

    fn tag(parent: Option<u128>, group: Option<u128>) -> tag::Model {
        tag::Model {
            workspace_id: WorkspaceId(Uuid::nil()),
            id: TagId(Uuid::from_u128(1)),
            kind: TagKind::Contact,
            parent_id: parent.map(|id| TagId(Uuid::from_u128(id))),
            name: String::new(),
            name_key: String::new(),
            description: String::new(),
            colour: String::new(),
            created_by: serde_json::Value::Null,
            created_at: DateTime::<Utc>::UNIX_EPOCH,
            updated_at: DateTime::<Utc>::UNIX_EPOCH,
            archived_at: None,
            group_id: group.map(|id| TagGroupId(Uuid::from_u128(id))),
            position: 0,
            merged_into: None,
            deleted_at: None,
        }
    }

    #[test]
    fn what_is_left_out_of_a_move_stays() {
        let above = TagId(Uuid::from_u128(2));
        let (here, there) = (
            TagGroupId(Uuid::from_u128(10)),
            TagGroupId(Uuid::from_u128(11)),
        );
        let place = |parent, group| Place { parent, group };
        let to = |parent, group| Destination { parent, group };
        let (child, root) = (tag(Some(2), Some(10)), tag(None, Some(10)));
        for (to, tag, expected) in [
            (to(None, None), &child, place(Some(above), None)),
            (to(None, None), &root, place(None, Some(here))),
            (to(Some(None), None), &child, place(None, Some(here))),
            (to(Some(None), Some(None)), &child, place(None, None)),
            (to(None, Some(None)), &root, place(None, None)),
            (to(None, Some(Some(there))), &root, place(None, Some(there))),
            (to(Some(Some(above)), None), &root, place(Some(above), None)),
        ] {
            assert_eq!(to.of(tag), expected, "{to:?}");
            assert!(to.refuse_group(tag).is_ok());
        }
        let other = to(None, Some(Some(there)));
        assert!(other.refuse_group(&child).is_err());
        let same = to(None, Some(Some(here)));
        assert!(same.refuse_group(&child).is_ok());
        let lifted = to(Some(None), Some(Some(there)));
        assert!(lifted.refuse_group(&child).is_ok());
    }
}
