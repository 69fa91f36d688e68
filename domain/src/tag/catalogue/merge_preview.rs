//! What merging tags would do, shown before it is done. Writes nothing, and asks for all things at once.

use std::collections::BTreeMap;

use entity::{
    id::{TagGroupId, TagId},
    kind::{TagSelection, TagTarget},
    tag, tag_group,
};
use sea_orm::{EntityTrait as _, FromQueryResult};

use super::{
    DEPTH_LIMIT, Merge,
    check::{self, Tree},
    merge::{sources, too_deep},
    merge_plan::{Node, Plan},
    referrer::{self, Sought, Use},
};
use crate::{
    access::Actor,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    store::{Query, Rows},
    tag::group::selection::too_many,
};

/// What would become of the taggings on one kind of thing.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Follows {
    /// The kind of thing.
    pub target: TagTarget,
    /// Things that would come to carry a tag that stays and do not carry it now.
    pub moved: i64,
    /// Taggings that would end because the thing carries several of the tags that become one.
    pub doubled: i64,
    /// Taggings that ended earlier, whose history would be that of a tag that stays.
    pub past: i64,
}

/// Things that would carry several values of a group that allows one.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// The group.
    pub group: tag_group::Model,
    /// How many things these are.
    pub things: i64,
    /// How many values would be taken off to leave one on each.
    pub surplus: i64,
}

/// A tag below one that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The tag.
    pub tag: TagId,
    /// The tag it would become, or would hang below.
    pub into: TagId,
    /// Whether it would become that tag, which has its name.
    pub is_merged: bool,
}

/// What a merge would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MergePreview {
    /// Taggings, by kind of thing; kinds without any are left out.
    pub follows: Vec<Follows>,
    /// Things that would carry several values of a group that allows one.
    pub conflict: Option<Conflict>,
    /// The tags below those that go; those that hang below one of these follow it.
    pub joined: Vec<Joined>,
    /// What names a tag that goes, and would name the one that stays.
    pub uses: Vec<Use>,
    /// What would be refused; if it is about which tags are named, nothing else is told.
    pub errors: Vec<UserError>,
}

/// Shows what `merge` would do. The number of statements depends on the number of tags named, not on what is
/// tagged with them. That something would come to contradict itself is told by the merge only.
pub async fn preview_merge(ctx: &Ctx, actor: &Actor, merge: &Merge) -> Result<MergePreview> {
    let snapshot = ctx.db.snapshot().await?;
    let tree = Tree {
        connection: &snapshot,
        workspace: actor.workspace,
    };
    let preview = match look(tree, merge).await {
        Err(Error::Refused(errors)) => MergePreview {
            errors,
            ..MergePreview::default()
        },
        other => other?,
    };
    snapshot.rollback().await?;
    Ok(preview)
}

async fn look(tree: Tree<'_>, merge: &Merge) -> Result<MergePreview> {
    let target = check::usable_target(tree, merge.target).await?;
    let sources = sources(tree, merge, &target).await?;
    let plan = Plan::of(nodes(tree, &target).await?, &sources, target.id);
    let becomes = plan.becomes();
    let going: Vec<TagId> = becomes.keys().copied().collect();
    let mut errors = Vec::new();
    let above = check::ancestors(tree, target.id).await?.len();
    if above + plan.levels(target.id).len() - 1 > DEPTH_LIMIT {
        errors.push(too_deep());
    }
    let conflict = conflict(tree, &plan, &target, &becomes).await?;
    if let Some(conflict) = &conflict
        && !merge.keep_newest
    {
        let message = too_many(conflict.surplus, &conflict.group);
        errors.push(UserError::new(&["targetId"], UserErrorCode::InUse, message));
    }
    Ok(MergePreview {
        follows: follows(tree, &becomes).await?,
        conflict,
        joined: joined(&plan, &becomes, &sources),
        uses: referrer::uses(tree.connection, tree.workspace, Sought::Tags(&going)).await?,
        errors,
    })
}

/// The tags of the target's kind.
async fn nodes(tree: Tree<'_>, target: &tag::Model) -> Result<Vec<Node>> {
    Ok(Query::new(
        "SELECT t.id, t.parent_id, t.group_id, t.name_key FROM tag t
         WHERE t.workspace_id = $1 AND t.kind = $2 AND t.deleted_at IS NULL",
    )
    .bind(tree.workspace)
    .bind(target.kind.word())
    .all(tree.connection)
    .await?)
}

/// The tags below those that go, without the ones asked for, and what becomes of each in the end.
fn joined(plan: &Plan, becomes: &BTreeMap<TagId, TagId>, sources: &[TagId]) -> Vec<Joined> {
    let merged = becomes.iter();
    let merged = merged.filter(|(tag, _)| !sources.contains(tag));
    let merged = merged.map(|(&tag, &into)| Joined {
        tag,
        into,
        is_merged: true,
    });
    let hung = plan.hung.iter().map(|(&tag, &into)| Joined {
        tag,
        into,
        is_merged: false,
    });
    merged.chain(hung).collect()
}

/// A table of tags and what each is in the end.
fn ends(pairs: impl Iterator<Item = (TagId, TagId)>) -> Rows {
    let (tags, kept): (Vec<TagId>, Vec<TagId>) = pairs.unzip();
    Rows::new().ids("source", tags).ids("kept", kept)
}

/// What would become of the taggings.
async fn follows(tree: Tree<'_>, becomes: &BTreeMap<TagId, TagId>) -> Result<Vec<Follows>> {
    // Those that stay stand for themselves.
    let mut pairs = becomes.clone();
    pairs.extend(becomes.values().map(|&kept| (kept, kept)));
    Ok(Query::new(
        "SELECT x.target,
                CAST(SUM(CASE WHEN x.going > 0 AND x.staying = 0 THEN 1 ELSE 0 END) AS bigint) AS moved,
                CAST(SUM(CASE WHEN x.going > 0 THEN x.going + x.staying - 1 ELSE 0 END) AS bigint)
                    AS doubled,
                CAST(SUM(x.past) AS bigint) AS past
         FROM (
             SELECT r.kept, g.target, g.target_id,
                    SUM(CASE WHEN g.removed_at IS NULL AND r.source <> r.kept THEN 1 ELSE 0 END)
                        AS going,
                    SUM(CASE WHEN g.removed_at IS NULL AND r.source = r.kept THEN 1 ELSE 0 END)
                        AS staying,
                    SUM(CASE WHEN g.removed_at IS NOT NULL AND r.source <> r.kept THEN 1 ELSE 0 END)
                        AS past
             FROM {r} JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = r.source
             GROUP BY r.kept, g.target, g.target_id) x
         WHERE x.going > 0 OR x.past > 0
         GROUP BY x.target ORDER BY x.target",
    )
    .bind(tree.workspace)
    .rows("r", ends(pairs.into_iter()))
    .all(tree.connection)
    .await?)
}

#[derive(FromQueryResult)]
struct Surplus {
    things: i64,
    surplus: i64,
}

/// The things that would carry several values of the target's group, if that allows one.
async fn conflict(
    tree: Tree<'_>,
    plan: &Plan,
    target: &tag::Model,
    becomes: &BTreeMap<TagId, TagId>,
) -> Result<Option<Conflict>> {
    let Some(group) = single(tree, target.group_id).await? else {
        return Ok(None);
    };
    let values = plan.values(group.id, target.id);
    let gone = becomes.iter().map(|(&tag, &kept)| (tag, kept));
    let gone = gone.filter(|(_, kept)| values.contains(kept));
    let pairs = values.iter().map(|&value| (value, value)).chain(gone);
    let found: Option<Surplus> = Query::new(
        "SELECT COUNT(*) AS things, CAST(COALESCE(SUM(x.number - 1), 0) AS bigint) AS surplus
         FROM (
             SELECT g.target_id, COUNT(DISTINCT r.kept) AS number FROM {r}
             JOIN tagging g ON g.workspace_id = $1 AND g.tag_id = r.source
               AND g.removed_at IS NULL
             GROUP BY g.target_id HAVING COUNT(DISTINCT r.kept) > 1) x",
    )
    .bind(tree.workspace)
    .rows("r", ends(pairs))
    .one(tree.connection)
    .await?;
    let found = found.filter(|found| found.things > 0);
    Ok(found.map(|found| Conflict {
        group,
        things: found.things,
        surplus: found.surplus,
    }))
}

/// The group, if it allows one value.
async fn single(tree: Tree<'_>, group: Option<TagGroupId>) -> Result<Option<tag_group::Model>> {
    let Some(id) = group else {
        return Ok(None);
    };
    let group = tag_group::Entity::find_by_id((tree.workspace, id))
        .one(tree.connection)
        .await?;
    Ok(group.filter(|group| group.selection == TagSelection::Single))
}
