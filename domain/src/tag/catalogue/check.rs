//! What is checked about a tag before it is made or changed. Everything wrong is noted, so that a
//! person sees all of it at once.

use entity::{
    Scoped as _,
    id::{TagGroupId, TagId, WorkspaceId},
    kind::TagKind,
    tag, tag_group,
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use super::{DEFAULT_COLOUR, DEPTH_LIMIT};
use crate::{
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Transaction, Tx},
    text::name_key,
};

/// Where a tag stands: below another, at the root of a group, or at the root outside all groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spot {
    /// The tag above.
    pub(crate) parent: Option<TagId>,
    /// The group; the parent's, when there is one.
    pub(crate) group: Option<TagGroupId>,
}

/// A workspace's tree as one transaction sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree<'a> {
    /// The transaction.
    pub(crate) connection: &'a Transaction,
    /// The workspace.
    pub(crate) workspace: WorkspaceId,
}

impl<'a> Tree<'a> {
    /// The tree that `tx` may change.
    pub(crate) fn of(tx: &'a Tx<'_>) -> Self {
        Self {
            connection: tx.connection(),
            workspace: tx.workspace,
        }
    }
}

/// The tag, if it is there and not deleted.
pub(crate) async fn existing(tree: Tree<'_>, id: TagId, path: &[&str]) -> Result<tag::Model> {
    find(tree, id)
        .await?
        .ok_or_else(|| Error::not_found(path, "tag"))
}

/// The tag, if it is there and not deleted.
pub(crate) async fn find(tree: Tree<'_>, id: TagId) -> Result<Option<tag::Model>> {
    Ok(tag::Entity::find_by_id((tree.workspace, id))
        .filter(tag::Column::DeletedAt.is_null())
        .one(tree.connection)
        .await?)
}

/// The tag that others are to be merged into.
pub(super) async fn usable_target(tree: Tree<'_>, id: TagId) -> Result<tag::Model> {
    let target = existing(tree, id, &["targetId"]).await?;
    if target.archived_at.is_some() {
        let message = "This tag is archived. Restore it first.";
        return Err(Error::refused(
            &["targetId"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    Ok(target)
}

/// The colour, in lower case; the default one when none is given.
pub(super) fn colour(colour: Option<&str>, errors: &mut Vec<UserError>) -> Option<String> {
    let Some(colour) = colour else {
        return Some(DEFAULT_COLOUR.to_owned());
    };
    let digits = colour.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(colour.to_ascii_lowercase());
    }
    let message = "Give a colour such as #2563eb.";
    errors.push(UserError::new(&["colour"], UserErrorCode::Invalid, message));
    None
}

/// Where a tag of `kind` would stand below `parent` or in `group`, if both allow it.
pub(super) async fn spot(
    tree: Tree<'_>,
    kind: TagKind,
    parent: Option<TagId>,
    group: Option<TagGroupId>,
    errors: &mut Vec<UserError>,
) -> Result<Option<Spot>> {
    let group_model = match group {
        Some(id) => match usable_group(tree, id, kind, errors).await? {
            Some(found) => Some(found),
            None => return Ok(None),
        },
        None => None,
    };
    let Some(parent) = parent else {
        let group = group_model.map(|found| found.id);
        return Ok(Some(Spot {
            parent: None,
            group,
        }));
    };
    let Some(parent) = usable_parent(tree, parent, kind, errors).await? else {
        return Ok(None);
    };
    if group.is_some() && group != parent.group_id {
        let message = "The tag above belongs to another group. Give only one of the two.";
        errors.push(UserError::new(
            &["groupId"],
            UserErrorCode::Contradictory,
            message,
        ));
        return Ok(None);
    }
    Ok(Some(Spot {
        parent: Some(parent.id),
        group: parent.group_id,
    }))
}

async fn usable_group(
    tree: Tree<'_>,
    id: TagGroupId,
    kind: TagKind,
    errors: &mut Vec<UserError>,
) -> Result<Option<tag_group::Model>> {
    let found = tag_group::Entity::find_by_id((tree.workspace, id))
        .one(tree.connection)
        .await?;
    let (code, message) = match &found {
        None => (UserErrorCode::NotFound, "There is no such tag group."),
        Some(group) if group.kind != kind => (
            UserErrorCode::KindMismatch,
            "A tag and its group are of the same kind.",
        ),
        Some(group) if group.archived_at.is_some() => (
            UserErrorCode::Invalid,
            "This group is archived. Restore it first.",
        ),
        Some(_) => return Ok(found),
    };
    errors.push(UserError::new(&["groupId"], code, message));
    Ok(None)
}

async fn usable_parent(
    tree: Tree<'_>,
    id: TagId,
    kind: TagKind,
    errors: &mut Vec<UserError>,
) -> Result<Option<tag::Model>> {
    let found = find(tree, id).await?;
    let (code, message) = match &found {
        None => (UserErrorCode::NotFound, "There is no such tag."),
        Some(parent) if parent.kind != kind => (
            UserErrorCode::KindMismatch,
            "A tag and the tag above it are of the same kind.",
        ),
        Some(parent) if parent.archived_at.is_some() => (
            UserErrorCode::Invalid,
            "The tag above is archived. Restore it first.",
        ),
        Some(_) => return Ok(found),
    };
    errors.push(UserError::new(&["parentId"], code, message));
    Ok(None)
}

/// Notes when a tag does not fit at `spot`: below itself, or too deep with what hangs on it. `id` is
/// the tag that is to move there, if it is there already.
pub(super) async fn place(
    tree: Tree<'_>,
    id: Option<TagId>,
    spot: Spot,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let Some(parent) = spot.parent else {
        return Ok(());
    };
    let above = ancestors(tree, parent).await?;
    let height = match id {
        Some(id) if above.contains(&id) => {
            let message = "A tag cannot be below itself.";
            errors.push(UserError::new(&["parentId"], UserErrorCode::Cycle, message));
            return Ok(());
        }
        Some(id) => height(tree, id).await?,
        None => 1,
    };
    if above.len() + height > DEPTH_LIMIT {
        let message = format!("A tree has at most {DEPTH_LIMIT} levels.");
        errors.push(UserError::new(
            &["parentId"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    Ok(())
}

/// Notes when there already is a tag of this name at `spot`, other than `except`.
pub(super) async fn sibling(
    tree: Tree<'_>,
    kind: TagKind,
    spot: Spot,
    name: &str,
    except: Option<TagId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut siblings = tag::Entity::of(tree.workspace)
        .filter(tag::Column::Kind.eq(kind))
        .filter(tag::Column::NameKey.eq(name_key(name)))
        .filter(tag::Column::DeletedAt.is_null());
    siblings = match spot.parent {
        Some(parent) => siblings.filter(tag::Column::ParentId.eq(parent)),
        None => siblings.filter(tag::Column::ParentId.is_null()),
    };
    siblings = match spot.group {
        Some(group) => siblings.filter(tag::Column::GroupId.eq(group)),
        None => siblings.filter(tag::Column::GroupId.is_null()),
    };
    if let Some(id) = except {
        siblings = siblings.filter(tag::Column::Id.ne(id));
    }
    if siblings.count(tree.connection).await? > 0 {
        let message = "There already is a tag of this name here (case and width are ignored).";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// The tag and all tags above it, nearest first.
pub(super) async fn ancestors(tree: Tree<'_>, id: TagId) -> Result<Vec<TagId>> {
    Ok(Query::new(
        "SELECT ancestor_id FROM tag_closure WHERE workspace_id = $1 AND tag_id = $2
         ORDER BY distance",
    )
    .bind(tree.workspace)
    .bind(id)
    .column(tree.connection)
    .await?)
}

/// How many levels the subtree of a tag has, itself included.
pub(super) async fn height(tree: Tree<'_>, id: TagId) -> Result<usize> {
    let deepest: Option<Option<i64>> = Query::new(
        "SELECT MAX(distance) FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2",
    )
    .bind(tree.workspace)
    .bind(id)
    .scalar(tree.connection)
    .await?;
    Ok(usize::try_from(deepest.flatten().unwrap_or_default()).unwrap_or_default() + 1)
}
