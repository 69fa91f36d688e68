//! How a tag would look and stand, before anything is saved.

use entity::{
    Scoped as _,
    id::{TagGroupId, TagId},
    kind::TagKind,
    tag_group,
};
use sea_orm::{ColumnTrait as _, QueryFilter as _};

use super::{
    DEFAULT_COLOUR, DESCRIPTION_LIMIT, NAME_LIMIT,
    check::{self, Spot, Tree},
};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Error, Result, UserError},
    store::Query,
    text,
};

/// A tag somebody thinks of making, or of giving another name or place.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The tag that is there already, when it is to be changed.
    pub id: Option<TagId>,
    /// What it says something about; a tag that is there keeps its kind.
    pub kind: TagKind,
    /// The name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// `#rrggbb`.
    pub colour: Option<String>,
    /// The tag above.
    pub parent: Option<TagId>,
    /// The group.
    pub group: Option<TagGroupId>,
}

/// How it would look and stand.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The name as it would be stored.
    pub name: String,
    /// The colour as it would be stored.
    pub colour: String,
    /// The group it would be in.
    pub group: Option<tag_group::Model>,
    /// The names from the root to it, without the group's.
    pub path: Vec<String>,
    /// What would be refused.
    pub errors: Vec<UserError>,
}

/// Shows how `draft` would look and stand, and what would be refused. Writes nothing.
pub async fn preview(ctx: &Ctx, actor: &Actor, draft: Draft) -> Result<Preview> {
    let snapshot = ctx.db.snapshot().await?;
    let tree = Tree {
        connection: &snapshot,
        workspace: actor.workspace,
    };
    let mut errors = Vec::new();
    let name = text::name(&draft.name, &["name"], NAME_LIMIT)
        .map_err(|error| errors.push(error))
        .unwrap_or_else(|()| draft.name.trim().to_owned());
    let fits = errors.is_empty();
    if let Err(error) = text::short_text(&draft.description, &["description"], DESCRIPTION_LIMIT) {
        errors.push(error);
    }
    let colour = check::colour(draft.colour.as_deref(), &mut errors)
        .unwrap_or_else(|| DEFAULT_COLOUR.to_owned());
    let kind = match draft.id {
        Some(id) => match check::find(tree, id).await? {
            Some(tag) => tag.kind,
            None => return Err(Error::not_found(&["id"], "tag")),
        },
        None => draft.kind,
    };
    let spot = check::spot(tree, kind, draft.parent, draft.group, &mut errors).await?;
    let mut path = Vec::new();
    let mut group = None;
    if let Some(spot) = spot {
        check::place(tree, draft.id, spot, &mut errors).await?;
        if fits {
            check::sibling(tree, kind, spot, &name, draft.id, &mut errors).await?;
        }
        path = names_above(tree, spot).await?;
        group = group_of(tree, spot).await?;
    }
    path.push(name.clone());
    snapshot.rollback().await?;
    Ok(Preview {
        name,
        colour,
        group,
        path,
        errors,
    })
}

/// The names from the root to the parent.
async fn names_above(tree: Tree<'_>, spot: Spot) -> Result<Vec<String>> {
    let Some(parent) = spot.parent else {
        return Ok(Vec::new());
    };
    Ok(Query::new(
        "SELECT t.name FROM tag_closure l
         JOIN tag t ON t.workspace_id = $1 AND t.id = l.ancestor_id
         WHERE l.workspace_id = $1 AND l.tag_id = $2 ORDER BY l.distance DESC",
    )
    .bind(tree.workspace)
    .bind(parent)
    .column(tree.connection)
    .await?)
}

async fn group_of(tree: Tree<'_>, spot: Spot) -> Result<Option<tag_group::Model>> {
    let Some(group) = spot.group else {
        return Ok(None);
    };
    Ok(tag_group::Entity::of(tree.workspace)
        .filter(tag_group::Column::Id.eq(group))
        .one(tree.connection)
        .await?)
}
