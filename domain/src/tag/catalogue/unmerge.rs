//! Undoing a merge of tags: each tag that went stands again where it stood, and has again what it had.
//!
//! What happened since stays: a tagging put on since is the survivor's, one taken off stays off, a tag that was
//! moved from below the survivor stays where it is, and a rule that was edited stays as it is, and is told of.
//! Where a thing would carry several values of a group that allows one, the newest stays, as if there had been no
//! merge. Merges are undone from the newest: what a later merge moved on is not there to be given back.

use std::collections::BTreeSet;

use entity::{
    id::{ContactId, TagGroupId, TagId, TagMergeId},
    kind::TagTarget,
    tag, tag_group,
};
use sea_orm::EntityTrait as _;

use super::{
    DEPTH_LIMIT, TAG_LIMIT,
    check::{self, Spot, Tree},
    give_back, graft, hold,
    merge_note::{Before, Pair},
    merge_read::{self, TagMerge},
    referrer::{self, Use},
};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows, Tx},
    tag::{group::selection, rank, tagging::Touched},
    work::change::{Change, Fact},
};

/// What came of undoing a merge.
#[derive(Debug, Clone)]
pub struct Unmerged {
    /// The merge, undone.
    pub merge: TagMerge,
    /// The tags that are back, those that hang below another of them too.
    pub tags: Vec<tag::Model>,
    /// What named one of them before the merge and says something else by now: it was left as it is.
    pub left: Vec<Use>,
}

/// Undoes a merge.
pub async fn unmerge(ctx: &Ctx, actor: &Actor, id: TagMergeId) -> Result<Unmerged> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    hold(&tx).await?;
    let merge = merge_read::find(tx.connection(), tx.workspace, id)
        .await?
        .ok_or_else(|| Error::not_found(&["id"], "merge"))?;
    refuse_over(&tx, &merge)?;
    let pairs = merge_read::pairs(&tx, id).await?;
    refuse_out_of_order(&tx, id, &pairs).await?;
    refuse_too_many(&tx, pairs.len()).await?;
    let sources: Vec<TagId> = pairs.iter().map(|(pair, _)| pair.source).collect();
    lock(&tx, &pairs, &sources, &merge).await?;
    give_back::follow_renewals(&tx, id).await?;
    let held = give_back::surplus(&tx, id, merge.merged_at).await?;
    rank::update(ctx, &tx, &held, &[]).await?;
    for (pair, before) in &pairs {
        give_back::taggings(&tx, *pair, merge.merged_at).await?;
        take_children(&tx, *pair, before).await?;
        put_back(&tx, pair.source, before).await?;
    }
    let tags = tags(&tx, &sources).await?;
    let held: BTreeSet<TagId> = held.iter().map(|tagging| tagging.tag_id).collect();
    settle_groups(&mut tx, actor.origin(), &tags, &held).await?;
    let targets = pairs.iter().map(|(pair, _)| pair.target);
    give_back::mark(&tx, targets.chain(held.iter().copied())).await?;
    end_unfounded(ctx, &mut tx, id).await?;
    let since = (id, merge.merged_at);
    let left = referrer::give_back(&mut tx, actor.origin(), since).await?;
    note_undone(&tx, actor.origin(), id).await?;
    // Of tags, not of taggings: nobody has put anything on.
    let mut changed: BTreeSet<TagId> = sources.iter().copied().collect();
    changed.extend(pairs.iter().map(|(pair, _)| pair.target));
    changed.extend(held);
    for tag_id in changed {
        let fact = Fact::TagChanged { tag_id };
        tx.record(Change::new(actor.origin(), None, fact));
    }
    let said = serde_json::json!({ "merged": merge.source_ids });
    tx.audit(actor, Record::ended("tag.unmerge", merge.into_id, said));
    let merge = merge_read::find(tx.connection(), tx.workspace, id)
        .await?
        .ok_or_else(|| Error::Internal("a merge vanished".to_owned()))?;
    tx.commit().await?;
    Ok(Unmerged { merge, tags, left })
}

fn refused<T>(code: UserErrorCode, message: impl Into<String>) -> Result<T> {
    Err(Error::refused(&["id"], code, message))
}

fn refuse_over(tx: &Tx<'_>, merge: &TagMerge) -> Result<()> {
    if merge.undone_at.is_some() {
        return refused(UserErrorCode::Invalid, "This merge is undone already.");
    }
    if tx.now >= merge.undoable_until() {
        let message = "This merge is too old to be undone: what that takes is forgotten.";
        return refused(UserErrorCode::Invalid, message);
    }
    Ok(())
}

/// Undoing a merge gives back what it moved: what a later merge moved on is not there to be given, nor is what a
/// tag that was deleted since had.
async fn refuse_out_of_order(tx: &Tx<'_>, id: TagMergeId, pairs: &[(Pair, Before)]) -> Result<()> {
    let sources: BTreeSet<TagId> = pairs.iter().map(|(pair, _)| pair.source).collect();
    let targets: BTreeSet<TagId> = pairs.iter().map(|(pair, _)| pair.target).collect();
    let later: Option<TagMergeId> = Query::new(
        "SELECT m.id FROM {r}
         JOIN tag_merge_step s ON s.workspace_id = $1
           AND (s.source_id = r.id OR s.into_id = r.id)
         JOIN tag_merge m ON m.workspace_id = $1 AND m.id = s.merge_id AND m.undone_at IS NULL
         JOIN tag_merge o ON o.workspace_id = $1 AND o.id = $2 AND o.number < m.number
         LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(id)
    .rows("r", Rows::new().ids("id", targets.iter().copied()))
    .scalar(tx.connection())
    .await?;
    if later.is_some() {
        let message = "The survivor, or a tag below it, was merged since. Undo that merge first.";
        return refused(UserErrorCode::Invalid, message);
    }
    let stay: Vec<TagId> = targets.difference(&sources).copied().collect();
    if tags(tx, &stay).await?.len() < stay.len() {
        let message = "The survivor, or a tag below it that took another in, was deleted since.";
        return refused(UserErrorCode::NotFound, message);
    }
    Ok(())
}

async fn refuse_too_many(tx: &Tx<'_>, more: usize) -> Result<()> {
    let tags: Option<i64> =
        Query::new("SELECT COUNT(*) FROM tag WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(tx.workspace)
            .scalar(tx.connection())
            .await?;
    if tags.unwrap_or_default() + more as i64 > TAG_LIMIT {
        let message = format!("A workspace has at most {TAG_LIMIT} tags. Delete some first.");
        return refused(UserErrorCode::LimitReached, message);
    }
    Ok(())
}

/// Keeps everybody from tagging in the trees that the tags came into, in the group of the tag that they became, and
/// in the trees and groups in which they stood or in which something may hold again: all at once, as groups are
/// brought to one value only when much else is held, and whoever tags takes tags in one order.
async fn lock(
    tx: &Tx<'_>,
    pairs: &[(Pair, Before)],
    sources: &[TagId],
    merge: &TagMerge,
) -> Result<()> {
    let survivor = check::find(Tree::of(tx), merge.into_id).await?;
    let group = survivor.and_then(|survivor| survivor.group_id);
    let targets: Vec<TagId> = pairs.iter().map(|(pair, _)| pair.target).collect();
    let mut beside: Vec<TagId> = Query::new(
        "SELECT t.parent_id FROM {r} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
           AND t.parent_id IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", sources.iter().copied()))
    .column(tx.connection())
    .await?;
    beside.extend(give_back::surplus_tags(tx, merge.id).await?);
    let stood = sources.iter().chain(&beside).copied();
    let values: Vec<TagId> = Query::new(
        "SELECT v.id FROM tag v WHERE v.workspace_id = $1 AND v.deleted_at IS NULL
           AND v.group_id IN (SELECT t.group_id FROM {r}
                              JOIN tag t ON t.workspace_id = $1 AND t.id = r.id)",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", stood))
    .column(tx.connection())
    .await?;
    beside.extend(values);
    graft::lock(tx, &targets, &beside, group).await
}

/// The tags among `ids` that are there, in no particular order.
async fn tags(tx: &Tx<'_>, ids: &[TagId]) -> Result<Vec<tag::Model>> {
    Ok(Query::new(
        "SELECT t.* FROM {r} JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
           AND t.deleted_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?)
}

/// Hangs the tags that hung below the source there again, those that hang below the target still. One that was
/// restored since stays: below a tag that is archived again it could not be reached.
async fn take_children(tx: &Tx<'_>, pair: Pair, before: &Before) -> Result<()> {
    let mut children = tags(tx, &before.children).await?;
    children.retain(|child| child.parent_id == Some(pair.target));
    children.retain(|child| before.archived_at.is_none() || child.archived_at.is_some());
    for child in children {
        graft::cut(tx, child.id).await?;
        graft::hang(tx, child.id, pair.source).await?;
        give_back::unmark(tx, child.id).await?;
        Query::new(
            "UPDATE tag SET parent_id = $3, updated_at = $4 WHERE workspace_id = $1 AND id = $2",
        )
        .bind(tx.workspace)
        .bind(child.id)
        .bind(pair.source)
        .bind(tx.now)
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// Puts a tag, with what is below it by now, where it stood, as the tag it was.
async fn put_back(tx: &Tx<'_>, id: TagId, before: &Before) -> Result<()> {
    let row = tag::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::Internal("a merged tag vanished".to_owned()))?;
    let spot = spot(tx, &row, before).await?;
    refuse_taken(tx, &row, spot).await?;
    if let Some(parent) = spot.parent {
        refuse_misfit(tx, &row, parent).await?;
        graft::hang(tx, id, parent).await?;
    }
    graft::regroup(tx, id, spot.group).await?;
    Query::new(
        "UPDATE tag SET deleted_at = NULL, merged_into = NULL, archived_at = $3, updated_at = $4
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(before.archived_at)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Query::new(
        "UPDATE tag SET merged_into = $2 FROM {r}
         WHERE tag.workspace_id = $1 AND tag.id = r.id AND tag.merged_into IS NOT NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .rows(
        "r",
        Rows::new().ids("id", before.merged_before.iter().copied()),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Where the tag stood, if that is there still.
async fn spot(tx: &Tx<'_>, row: &tag::Model, before: &Before) -> Result<Spot> {
    let Some(parent) = row.parent_id else {
        if let Some(group) = row.group_id {
            refuse_no_group(tx, row, group, before).await?;
        }
        return Ok(Spot {
            parent: None,
            group: row.group_id,
        });
    };
    match check::find(Tree::of(tx), parent).await? {
        None => {
            let message = format!(
                "The tag that “{}” stood below was deleted or merged since.",
                row.name
            );
            refused(UserErrorCode::NotFound, message)
        }
        Some(parent) if parent.archived_at.is_some() && before.archived_at.is_none() => {
            let message = format!(
                "The tag that “{}” stood below is archived. Restore it first.",
                row.name
            );
            refused(UserErrorCode::Invalid, message)
        }
        Some(parent) => Ok(Spot {
            parent: Some(parent.id),
            group: parent.group_id,
        }),
    }
}

async fn refuse_no_group(
    tx: &Tx<'_>,
    row: &tag::Model,
    group: TagGroupId,
    before: &Before,
) -> Result<()> {
    let found = tag_group::Entity::find_by_id((tx.workspace, group))
        .one(tx.connection())
        .await?;
    match found {
        None => {
            let message = format!(
                "The group that “{}” was a value of was deleted since.",
                row.name
            );
            refused(UserErrorCode::NotFound, message)
        }
        Some(group) if group.archived_at.is_some() && before.archived_at.is_none() => {
            let message = format!("The group “{}” is archived. Restore it first.", group.name);
            refused(UserErrorCode::Invalid, message)
        }
        Some(_) => Ok(()),
    }
}

async fn refuse_taken(tx: &Tx<'_>, row: &tag::Model, spot: Spot) -> Result<()> {
    let mut errors = Vec::new();
    check::sibling(
        Tree::of(tx),
        row.kind,
        spot,
        &row.name,
        Some(row.id),
        &mut errors,
    )
    .await?;
    if errors.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Where “{}” stood there is another tag of this name by now. Rename or move that first.",
        row.name
    );
    refused(UserErrorCode::Taken, message)
}

/// Refuses to hang the tag, with what is below it, below `parent`, if that is below it by now, or if it would be
/// too deep there.
async fn refuse_misfit(tx: &Tx<'_>, row: &tag::Model, parent: TagId) -> Result<()> {
    let above = check::ancestors(Tree::of(tx), parent).await?;
    if above.contains(&row.id) {
        let message = format!(
            "The tag that “{}” stood below is below one that hung below it. Move that first.",
            row.name
        );
        return refused(UserErrorCode::Cycle, message);
    }
    if above.len() + check::height(Tree::of(tx), row.id).await? > DEPTH_LIMIT {
        let message = format!(
            "With “{}” back, the tree would have over {DEPTH_LIMIT} levels.",
            row.name
        );
        return refused(UserErrorCode::LimitReached, message);
    }
    Ok(())
}

/// Lets nothing carry two values of a group that allows one, of those that the tags are back in and those of the
/// tags of which something is `held` again.
async fn settle_groups(
    tx: &mut Tx<'_>,
    origin: Origin,
    back: &[tag::Model],
    held: &BTreeSet<TagId>,
) -> Result<()> {
    let held: Vec<TagId> = held.iter().copied().collect();
    let held = tags(tx, &held).await?;
    let groups = back.iter().chain(&held).filter_map(|tag| tag.group_id);
    let groups: BTreeSet<TagGroupId> = groups.collect();
    for group in groups {
        selection::settle(tx, origin, Some(group), true, "id").await?;
    }
    let ids: BTreeSet<TagId> = back.iter().map(|tag| tag.id).collect();
    let is_below = |tag: &tag::Model| tag.parent_id.is_some_and(|parent| ids.contains(&parent));
    for top in back.iter().filter(|tag| !is_below(tag)) {
        selection::mark_subtree(tx, top.id).await?;
    }
    Ok(())
}

/// Ends what the merge alone had let go on, and tells of it.
async fn end_unfounded(ctx: &Ctx, tx: &mut Tx<'_>, merge: TagMergeId) -> Result<()> {
    let mut ended = give_back::unbind(tx, merge).await?;
    rank::update(ctx, tx, &[], &ended).await?;
    // In one order, which a statement's answer does not keep.
    ended.sort_by_key(Touched::request);
    for tagging in ended {
        let contact =
            (tagging.target == TagTarget::Contact).then_some(ContactId(tagging.target_id));
        let fact = Fact::TaggingRemoved {
            tagging_id: tagging.id,
            tag_id: tagging.tag_id,
            target: tagging.target,
            target_id: tagging.target_id,
        };
        tx.record(Change::new(Origin::System, contact, fact));
    }
    Ok(())
}

async fn note_undone(tx: &Tx<'_>, origin: Origin, id: TagMergeId) -> Result<()> {
    Query::new(
        "UPDATE tag_merge SET undone_at = $3, undone_by = $4 WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .bind(origin.json())
    .execute(tx.connection())
    .await?;
    Ok(())
}
