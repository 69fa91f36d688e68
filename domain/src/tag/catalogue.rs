//! The tree of tags.

use entity::{
    Scoped as _,
    id::{Id as _, TagId, WorkspaceId},
    kind::{TagKind, TagTarget},
    tag,
};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, FromQueryResult,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, Set,
};

use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    page::Total,
    store::{Query, Rows, Tx},
    text::{self, name_key},
    work::change::{Change, Fact},
};

/// Characters a name may have.
pub const NAME_LIMIT: usize = 64;
/// Characters a description may have.
pub const DESCRIPTION_LIMIT: usize = 255;
/// Levels a tree may have.
pub const DEPTH_LIMIT: usize = 10;
/// What a tag looks like when no colour is given.
pub const DEFAULT_COLOUR: &str = "#64748b";

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
}

/// Makes a tag.
pub async fn create(ctx: &Ctx, actor: &Actor, new: NewTag) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let tag = insert(&mut tx, actor.origin(), new).await?;
    tx.commit().await?;
    Ok(tag)
}

/// Makes a tag inside a transaction.
pub(crate) async fn insert(tx: &mut Tx<'_>, origin: Origin, new: NewTag) -> Result<tag::Model> {
    let mut errors = Vec::new();
    let name = text::name(&new.name, &["name"], NAME_LIMIT)
        .map_err(|e| errors.push(e))
        .ok();
    let description = text::short_text(&new.description, &["description"], DESCRIPTION_LIMIT)
        .map_err(|e| errors.push(e))
        .ok();
    let colour = check_colour(new.colour.as_deref(), &mut errors);
    let parent = match new.parent {
        Some(id) => check_parent(tx, id, new.kind, &mut errors).await?,
        None => None,
    };
    if let Some(parent) = &parent {
        let depth = ancestors(tx, parent.id).await?.len();
        if depth >= DEPTH_LIMIT {
            let message = format!("A tree has at most {DEPTH_LIMIT} levels.");
            errors.push(UserError::new(
                &["parentId"],
                UserErrorCode::LimitReached,
                message,
            ));
        }
    }
    if let Some(name) = &name {
        refuse_sibling(tx, new.kind, new.parent, name, None, &mut errors).await?;
    }
    let (Some(name), Some(description), Some(colour), true) =
        (name, description, colour, errors.is_empty())
    else {
        return Err(Error::Refused(errors));
    };
    let tag = tag::Model {
        workspace_id: tx.workspace,
        id: tx.id(),
        kind: new.kind,
        parent_id: parent.map(|parent| parent.id),
        name_key: name_key(&name),
        name,
        description,
        colour,
        created_by: origin.json(),
        created_at: tx.now,
        updated_at: tx.now,
        archived_at: None,
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

/// What may be changed about a tag; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct TagChanges {
    /// The name.
    pub name: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// `#rrggbb`.
    pub colour: Option<String>,
    /// Archived tags keep their taggings and cannot be added to anything.
    pub archived: Option<bool>,
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
    let tag = tag::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "tag"))?;
    let mut errors = Vec::new();
    let mut active = tag.clone().into_active_model();
    if let Some(name) = changes.name {
        match text::name(&name, &["name"], NAME_LIMIT) {
            Ok(name) => {
                refuse_sibling(&tx, tag.kind, tag.parent_id, &name, Some(id), &mut errors).await?;
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
        && let Some(colour) = check_colour(changes.colour.as_deref(), &mut errors)
    {
        active.colour = Set(colour);
    }
    if let Some(archived) = changes.archived {
        active.archived_at = Set(archived.then_some(tag.archived_at.unwrap_or(tx.now)));
    }
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    active.updated_at = Set(tx.now);
    let tag = active.update(tx.connection()).await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::TagChanged { tag_id: id },
    ));
    tx.commit().await?;
    Ok(tag)
}

/// Hangs a tag, with everything below it, under another parent or at the root.
pub async fn move_to(
    ctx: &Ctx,
    actor: &Actor,
    id: TagId,
    parent: Option<TagId>,
) -> Result<tag::Model> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let tag = tag::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "tag"))?;
    let mut errors = Vec::new();
    if let Some(parent) = parent
        && check_parent(&tx, parent, tag.kind, &mut errors)
            .await?
            .is_some()
    {
        let above = ancestors(&tx, parent).await?;
        if above.contains(&id) {
            let message = "A tag cannot be below itself.";
            errors.push(UserError::new(&["parentId"], UserErrorCode::Cycle, message));
        } else if above.len() + height(&tx, id).await? > DEPTH_LIMIT {
            let message = format!("A tree has at most {DEPTH_LIMIT} levels.");
            errors.push(UserError::new(
                &["parentId"],
                UserErrorCode::LimitReached,
                message,
            ));
        }
    }
    refuse_sibling(&tx, tag.kind, parent, &tag.name, Some(id), &mut errors).await?;
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    super::rank::unrank_subtree(&tx, id).await?;
    Query::new(
        "DELETE FROM tag_closure WHERE workspace_id = $1
           AND tag_id IN (SELECT tag_id FROM tag_closure WHERE workspace_id = $1
                          AND ancestor_id = $2)
           AND ancestor_id IN (SELECT ancestor_id FROM tag_closure WHERE workspace_id = $1
                               AND tag_id = $2 AND distance > 0)",
    )
    .bind(tx.workspace)
    .bind(id)
    .execute(tx.connection())
    .await?;
    Query::new(
        "INSERT INTO tag_closure (workspace_id, tag_id, ancestor_id, distance)
         SELECT $1, below.tag_id, above.ancestor_id, below.distance + above.distance + 1
         FROM tag_closure below
         JOIN tag_closure above ON above.workspace_id = $1 AND above.tag_id = $3
         WHERE below.workspace_id = $1 AND below.ancestor_id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(parent)
    .execute(tx.connection())
    .await?;
    super::rank::rank_subtree(&tx, id).await?;
    let mut active = tag.into_active_model();
    active.parent_id = Set(parent);
    active.updated_at = Set(tx.now);
    let tag = active.update(tx.connection()).await?;
    tx.record(Change::new(
        actor.origin(),
        None,
        Fact::TagChanged { tag_id: id },
    ));
    tx.commit().await?;
    Ok(tag)
}

fn check_colour(colour: Option<&str>, errors: &mut Vec<UserError>) -> Option<String> {
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

async fn check_parent(
    tx: &Tx<'_>,
    id: TagId,
    kind: TagKind,
    errors: &mut Vec<UserError>,
) -> Result<Option<tag::Model>> {
    let path = &["parentId"];
    let parent = tag::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?;
    match parent {
        None => {
            errors.push(UserError::new(
                path,
                UserErrorCode::NotFound,
                "There is no such tag.",
            ));
            Ok(None)
        }
        Some(parent) if parent.kind != kind => {
            let message = "A tag and the tag above it are of the same kind.";
            errors.push(UserError::new(path, UserErrorCode::KindMismatch, message));
            Ok(None)
        }
        Some(parent) => Ok(Some(parent)),
    }
}

async fn refuse_sibling(
    tx: &Tx<'_>,
    kind: TagKind,
    parent: Option<TagId>,
    name: &str,
    except: Option<TagId>,
    errors: &mut Vec<UserError>,
) -> Result<()> {
    let mut siblings = tag::Entity::of(tx.workspace)
        .filter(tag::Column::Kind.eq(kind))
        .filter(tag::Column::NameKey.eq(name_key(name)));
    siblings = match parent {
        Some(parent) => siblings.filter(tag::Column::ParentId.eq(parent)),
        None => siblings.filter(tag::Column::ParentId.is_null()),
    };
    if let Some(id) = except {
        siblings = siblings.filter(tag::Column::Id.ne(id));
    }
    if siblings.count(tx.connection()).await? > 0 {
        let message = "There already is a tag of this name here (case and width are ignored).";
        errors.push(UserError::new(&["name"], UserErrorCode::Taken, message));
    }
    Ok(())
}

/// The tag and all tags above it, nearest first.
async fn ancestors(tx: &Tx<'_>, id: TagId) -> Result<Vec<TagId>> {
    Ok(Query::new(
        "SELECT ancestor_id FROM tag_closure WHERE workspace_id = $1 AND tag_id = $2
         ORDER BY distance",
    )
    .bind(tx.workspace)
    .bind(id)
    .column(tx.connection())
    .await?)
}

/// How many levels the subtree of a tag has, itself included.
async fn height(tx: &Tx<'_>, id: TagId) -> Result<usize> {
    let deepest: Option<Option<i64>> = Query::new(
        "SELECT MAX(distance) FROM tag_closure WHERE workspace_id = $1 AND ancestor_id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .scalar(tx.connection())
    .await?;
    Ok(usize::try_from(deepest.flatten().unwrap_or_default()).unwrap_or_default() + 1)
}

/// All tags of the workspace, or those of one kind, by name.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    kind: Option<TagKind>,
) -> Result<Vec<tag::Model>> {
    let mut tags = tag::Entity::of(workspace);
    if let Some(kind) = kind {
        tags = tags.filter(tag::Column::Kind.eq(kind));
    }
    let mut tags = tags.all(ctx.reader()).await?;
    tags.sort_by(|a, b| (&a.name_key, a.id).cmp(&(&b.name_key, b.id)));
    Ok(tags)
}

/// The tags among `ids`, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[TagId]) -> Result<Vec<tag::Model>> {
    Ok(
        Query::new("SELECT t.* FROM {r} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?,
    )
}

/// A tag above another.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Ancestor {
    /// The tag asked for.
    pub tag_id: TagId,
    /// A tag on the way to the root, the asked one included.
    pub ancestor_id: TagId,
    /// The ancestor's name.
    pub name: String,
}

/// The ways from the tags among `ids` to their roots, root first; for loaders.
pub async fn load_paths(ctx: &Ctx, workspace: WorkspaceId, ids: &[TagId]) -> Result<Vec<Ancestor>> {
    Ok(Query::new(
        "SELECT l.tag_id, l.ancestor_id, t.name FROM {r}
         JOIN tag_closure l ON l.workspace_id = $1 AND l.tag_id = r.id
         JOIN tag t ON t.workspace_id = $1 AND t.id = l.ancestor_id
         ORDER BY l.tag_id, l.distance DESC",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// How many things of one kind carry a tag.
#[derive(Debug, Clone, FromQueryResult)]
pub struct TagCount {
    /// The tag.
    pub tag_id: TagId,
    /// The kind of things counted.
    pub target: TagTarget,
    /// Those that carry this very tag.
    pub direct: i64,
    /// Those that carry it or a tag below it, each counted once.
    pub total: i64,
}

/// The counters of the tags among `ids`; for loaders.
pub async fn load_counts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[TagId],
) -> Result<Vec<TagCount>> {
    Ok(Query::new(
        "SELECT n.tag_id, n.target, CAST(SUM(n.direct) AS bigint) AS direct,
                CAST(SUM(n.total) AS bigint) AS total
         FROM {r} JOIN tag_count n ON n.workspace_id = $1 AND n.tag_id = r.id
         GROUP BY n.tag_id, n.target",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().map(|id| id.uuid())))
    .all(ctx.reader())
    .await?)
}

/// How many things of one kind carry the tag or one below it, from its counters.
pub(crate) fn count_of(workspace: WorkspaceId, tag: TagId, target: TagTarget) -> Total {
    Total::Statement(
        Query::new(
            "SELECT CAST(COALESCE(SUM(total), 0) AS bigint) FROM tag_count
             WHERE workspace_id = $1 AND tag_id = $2 AND target = $3",
        )
        .bind(workspace)
        .bind(tag)
        .bind(target.word()),
    )
}
