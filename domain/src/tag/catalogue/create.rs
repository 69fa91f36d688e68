//! Making tags.

use entity::{
    id::{TagGroupId, TagId},
    kind::{TagCreation, TagKind},
    tag,
};
use sea_orm::{EntityTrait as _, IntoActiveModel as _};

use super::{
    DESCRIPTION_LIMIT, NAME_LIMIT, TAG_LIMIT,
    check::{self, Tree},
    hold,
};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Tx},
    text::{self, name_key},
    work::change::{Change, Fact},
};

/// A tag about to be made.
#[derive(Debug, Clone)]
pub struct NewTag {
    /// What it says something about.
    pub kind: TagKind,
    /// The name; unique among its siblings, whatever the case and width.
    pub name: String,
    /// What it means.
    pub description: String,
    /// `#rrggbb`.
    pub colour: Option<String>,
    /// The tag above.
    pub parent: Option<TagId>,
    /// The group it is a value of; left out below a parent, it is the parent's.
    pub group: Option<TagGroupId>,
}

impl NewTag {
    /// A tag of this name at the root, outside all groups, with nothing else said about it.
    pub fn named(kind: TagKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            description: String::new(),
            colour: None,
            parent: None,
            group: None,
        }
    }
}

/// What the audit log says of a tag.
pub(in crate::tag) fn audited(tag: &tag::Model) -> serde_json::Value {
    serde_json::json!({
        "kind": tag.kind, "name": tag.name, "description": tag.description,
        "colour": tag.colour, "parent": tag.parent_id, "group": tag.group_id,
        "archivedAt": tag.archived_at,
    })
}

/// Makes a tag.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewTag) -> Result<tag::Model> {
    let mut tx = ctx.begin(actor.workspace).await?;
    require_creation(&tx, actor).await?;
    let tag = insert(&mut tx, actor.origin(), new).await?;
    tx.audit(actor, Record::made("tag.create", tag.id, audited(&tag)));
    tx.commit().await?;
    Ok(tag)
}

/// Refuses those who may not make tags here: whoever may change the tree may, and whoever may tag if
/// the workspace says so.
pub(crate) async fn require_creation(tx: &Tx<'_>, actor: &Actor) -> Result<()> {
    if actor.scopes.contains(Scope::Configure) {
        return Ok(());
    }
    let creation: Option<TagCreation> =
        Query::new("SELECT tag_creation FROM workspace WHERE id = $1")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    match creation {
        Some(TagCreation::Members) => actor.require(Scope::Write),
        _ => actor.require(Scope::Configure),
    }
}

/// Makes a tag inside a transaction, whoever asks; the refusals' paths are those of [`NewTag`]'s
/// fields, and [`Error::below`] puts them where the tag is in a larger input.
pub(crate) async fn insert(tx: &mut Tx<'_>, origin: Origin, new: NewTag) -> Result<tag::Model> {
    hold(tx).await?;
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|e| errors.push(e))
        .ok();
    let description = text::short_text(&new.description, &["description"], DESCRIPTION_LIMIT)
        .map_err(|e| errors.push(e))
        .ok();
    let colour = check::colour(new.colour.as_deref(), &mut errors);
    let tree = Tree::of(tx);
    let spot = check::spot(tree, new.kind, new.parent, new.group, &mut errors).await?;
    if let Some(spot) = spot {
        check::place(tree, None, spot, &mut errors).await?;
        if let Some(name) = &name {
            check::sibling(tree, new.kind, spot, name, None, &mut errors).await?;
        }
    }
    refuse_too_many(tx, &mut errors).await?;
    let (Some(name), Some(description), Some(colour), Some(spot), true) =
        (name, description, colour, spot, errors.is_empty())
    else {
        return Err(Error::Refused(errors));
    };
    let tag = tag::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        kind: new.kind,
        parent_id: spot.parent,
        name_key: name_key(&name),
        name,
        description,
        colour,
        created_by: origin.json(),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
        group_id: spot.group,
        position: 0,
        merged_into: None,
        deleted_at: None,
    };
    tag::Entity::insert(tag.clone().into_active_model())
        .exec_without_returning(tx.connection())
        .await?;
    Query::new(
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT $1, $2, ancestor_id, distance + 1 FROM tag_closure
         WHERE workspace_id = $1 AND tag_id = $3
         UNION ALL SELECT $1, $2, $2, 0",
    )
    .bind(tx.workspace)
    .bind(tag.id)
    .bind(tag.parent_id)
    .execute(tx.connection())
    .await?;
    tx.record(Change::new(
        origin,
        None,
        Fact::TagChanged { tag_id: tag.id },
    ));
    Ok(tag)
}

async fn refuse_too_many(tx: &Tx<'_>, errors: &mut Vec<UserError>) -> Result<()> {
    let tags: Option<i64> =
        Query::new("SELECT COUNT(*) FROM tag WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    if tags.unwrap_or_default() >= TAG_LIMIT {
        let message =
            format!("A workspace has at most {TAG_LIMIT} tags. Merge or delete some first.");
        errors.push(UserError::new(&[], UserErrorCode::LimitReached, message));
    }
    Ok(())
}
