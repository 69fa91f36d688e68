//! Tags that stay while their thing is in a segment, and come off when it leaves.
//!
//! A rule or a playbook may put a tag on for as long as the contact or account is in a segment
//! (`tagging_segment`). The segment's condition is the reason: segments know when it ends, whatever ends it, time
//! included. Several may ask for the same tag; it comes off when all their segments are left and no moment that
//! another set is still to come. A tagging that somebody else takes over, or that is put on for good, is a new one
//! that names no segment, so it stays.
//!
//! A tag is put on only what is in the segment, whose row is held then: whoever leaves afterwards is told of in the
//! change log afterwards. The projection of rules reads that and comes here ([`leave`]); so does whatever ends a
//! membership that the log says nothing of. All that counts is whether the thing is in the segment now, so doing it
//! twice changes nothing. A rule that is paused, changed or deleted has no say in it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    id::{SegmentId, TagId, TaggingId, WorkspaceId},
    kind::TagTarget,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::{Reason, Request, Touched, hold::hold_tags, write::Addition};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    merge::{self, Things},
    store::{Query, Rows, Tx, dialect},
    tag::rank,
    work::change::Entry,
};

/// Whether the tagging `g` stays while its thing is in some segment.
pub(crate) const IS_BOUND: &str = "EXISTS (SELECT 1 FROM tagging_segment w
    WHERE w.workspace_id = g.workspace_id AND w.tagging_id = g.id AND w.left_at IS NULL)";

/// Splits what is asked for into what can be put on and what cannot, because its thing is not in the segment that it
/// is to stay for. Nobody of the former leaves before the end of `tx`. A segment that is filled for the first time
/// tells nobody who leaves: nobody is in it yet.
pub(super) async fn inside<'a>(
    tx: &Tx<'_>,
    additions: Vec<Addition<'a>>,
) -> Result<(Vec<Addition<'a>>, HashSet<(Request, SegmentId)>)> {
    let mut asked: BTreeSet<(SegmentId, Uuid)> = BTreeSet::new();
    for one in &additions {
        asked.extend(one.while_in.map(|segment| (segment, one.request.target_id)));
    }
    let mut outside = HashSet::new();
    if asked.is_empty() {
        return Ok((additions, outside));
    }
    hold_segments(tx, asked.iter().map(|(segment, _)| segment.0).collect()).await?;
    let rows = Rows::new()
        .ids("segment_id", asked.iter().map(|(segment, _)| *segment))
        .uuids("thing", asked.iter().map(|(_, thing)| *thing));
    let found: Vec<Member> = Query::new(
        "SELECT m.segment_id, m.subject_id FROM {r}
         JOIN segment s ON s.workspace_id = $1 AND s.id = r.segment_id
           AND s.filled_at IS NOT NULL AND s.deleted_at IS NULL
         JOIN segment_member m ON m.workspace_id = $1 AND m.segment_id = r.segment_id
           AND m.subject_id = r.thing",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let members: HashSet<(SegmentId, Uuid)> = found
        .iter()
        .map(|one| (one.segment_id, one.subject_id))
        .collect();
    let mut here = Vec::with_capacity(additions.len());
    for one in additions {
        match one.while_in {
            Some(segment) if !members.contains(&(segment, one.request.target_id)) => {
                outside.insert((one.request, segment));
            }
            _ => here.push(one),
        }
    }
    Ok((here, outside))
}

#[derive(FromQueryResult)]
struct Member {
    segment_id: SegmentId,
    subject_id: Uuid,
}

/// Keeps everybody in these segments who is in them, until the end of `tx`.
async fn hold_segments(tx: &Tx<'_>, segments: BTreeSet<Uuid>) -> Result<()> {
    let lock = dialect::share_lock(tx.connection().get_database_backend());
    if lock.is_empty() {
        return Ok(());
    }
    Query::new(format!(
        "SELECT s.id FROM segment s WHERE s.workspace_id = $1 AND {{named}} ORDER BY s.id {lock}"
    ))
    .bind(tx.workspace)
    .among("named", "s.id", segments)
    .raw(tx.connection())
    .await?;
    Ok(())
}

/// Lets taggings that hold stay for segments.
pub(super) async fn bind(tx: &Tx<'_>, bound: &[(TaggingId, SegmentId)]) -> Result<()> {
    if bound.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("tagging", bound.iter().map(|one| one.0))
        .ids("segment", bound.iter().map(|one| one.1));
    Query::new(
        "INSERT INTO tagging_segment (workspace_id, tagging_id, segment_id)
         SELECT $1, r.tagging, r.segment FROM {r} WHERE true
         ON CONFLICT (workspace_id, tagging_id, segment_id) DO UPDATE SET left_at = NULL",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets the successor of each tagging stay for the segments that the tagging stayed for.
pub(super) async fn hand_on(tx: &Tx<'_>, renewed: &[(TaggingId, TaggingId)]) -> Result<()> {
    if renewed.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("tagging", renewed.iter().map(|one| one.0))
        .ids("successor", renewed.iter().map(|one| one.1));
    Query::new(
        "INSERT INTO tagging_segment (workspace_id, tagging_id, segment_id)
         SELECT $1, r.successor, w.segment_id FROM {r}
         JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = r.tagging
           AND w.left_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What came of letting taggings stay for another segment.
#[derive(Default)]
pub(super) struct Joined<'a, 'r> {
    /// How many do.
    pub(super) count: usize,
    /// What was asked for and ended meanwhile: it is to be put on anew.
    pub(super) ended: Vec<&'a Addition<'r>>,
}

/// A tagging that holds, and what asks it to stay for another segment.
type Join<'a, 'r> = (TaggingId, &'a Addition<'r>);

/// Lets taggings stay for another segment beside the ends they have.
pub(super) async fn join<'a, 'r>(
    tx: &Tx<'_>,
    joins: &[(TaggingId, &'a Addition<'r>)],
) -> Result<Joined<'a, 'r>> {
    if joins.is_empty() {
        return Ok(Joined::default());
    }
    let held = hold_taggings(tx, joins.iter().map(|(id, _)| id.0).collect()).await?;
    let (there, gone): (Vec<&Join<'_, '_>>, Vec<&Join<'_, '_>>) =
        joins.iter().partition(|(id, _)| held.contains(id));
    let bound: Vec<(TaggingId, SegmentId)> = there
        .iter()
        .filter_map(|(id, one)| Some((*id, one.while_in?)))
        .collect();
    bind(tx, &bound).await?;
    Ok(Joined {
        count: bound.len(),
        ended: gone.into_iter().map(|one| one.1).collect(),
    })
}

/// Those of the taggings that hold; nobody else ends them before the end of `tx`.
async fn hold_taggings(tx: &Tx<'_>, ids: BTreeSet<Uuid>) -> Result<HashSet<TaggingId>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let held: Vec<TaggingId> = Query::new(format!(
        "SELECT g.id FROM tagging g
         WHERE g.workspace_id = $1 AND {{named}} AND g.removed_at IS NULL ORDER BY g.id {lock}"
    ))
    .bind(tx.workspace)
    .among("named", "g.id", ids)
    .column(tx.connection())
    .await?;
    Ok(held.into_iter().collect())
}

/// A thing that may not be in a segment any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left<'e> {
    /// What kind of thing: a contact or an account.
    pub(crate) target: TagTarget,
    /// The thing; what a merge has made of it is meant, too.
    pub(crate) thing: Uuid,
    /// The segment; any, if none is named.
    pub(crate) segment: Option<SegmentId>,
    /// The entry of the change log that says so, if one does.
    pub(crate) cause: Option<&'e Entry>,
}

/// A tagging that stays for a segment which its thing is not in.
#[derive(Debug, FromQueryResult)]
struct Unfounded {
    tagging_id: TaggingId,
    tag_id: TagId,
    segment_id: SegmentId,
}

/// Ends what stays on things for segments that they are not in any more. Says how many taggings ended.
pub(crate) async fn leave(ctx: &Ctx, tx: &mut Tx<'_>, left: &[Left<'_>]) -> Result<usize> {
    if left.is_empty() {
        return Ok(0);
    }
    let left = meant(tx, left).await?;
    let unfounded = hold_unfounded(tx, &left).await?;
    if unfounded.is_empty() {
        return Ok(0);
    }
    let rows = Rows::new()
        .ids("tagging", unfounded.iter().map(|one| one.tagging_id))
        .ids("segment", unfounded.iter().map(|one| one.segment_id));
    Query::new(
        "UPDATE tagging_segment SET left_at = $2 FROM {r}
         WHERE tagging_segment.workspace_id = $1 AND tagging_segment.tagging_id = r.tagging
           AND tagging_segment.segment_id = r.segment",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    let causes: HashMap<Uuid, Option<&Entry>> =
        left.iter().map(|one| (one.thing, one.cause)).collect();
    let mut ended = end(tx, unfounded.iter().map(|one| one.tagging_id)).await?;
    rank::update(ctx, tx, &[], &ended).await?;
    // In one order, which a statement's answer does not keep.
    ended.sort_by_key(Touched::request);
    for tagging in &ended {
        let reason = Reason {
            origin: Origin::System,
            text: String::new(),
            cause: causes.get(&tagging.target_id).copied().flatten(),
        };
        tx.record(reason.removed(tagging));
    }
    Ok(ended.len())
}

/// With each thing that was merged away, what it was merged into: the tags are there by now.
async fn meant<'e>(tx: &Tx<'_>, left: &[Left<'e>]) -> Result<Vec<Left<'e>>> {
    let mut meant = left.to_vec();
    for (target, things) in [
        (TagTarget::Contact, Things::Contacts),
        (TagTarget::Account, Things::Accounts),
    ] {
        let asked: BTreeSet<Uuid> = left
            .iter()
            .filter(|one| one.target == target)
            .map(|one| one.thing)
            .collect();
        if asked.is_empty() {
            continue;
        }
        let living = merge::living(tx, things, asked.into_iter().collect()).await?;
        for one in left.iter().filter(|one| one.target == target) {
            if let Some(&thing) = living.get(&one.thing).filter(|&&thing| thing != one.thing) {
                meant.push(Left { thing, ..*one });
            }
        }
    }
    Ok(meant)
}

/// Finds and holds what stays without a reason.
async fn hold_unfounded(tx: &Tx<'_>, left: &[Left<'_>]) -> Result<Vec<Unfounded>> {
    loop {
        let found = unfounded(tx, left).await?;
        if found.is_empty() {
            return Ok(found);
        }
        // Whoever changes the tree takes the tags first, too.
        hold_tags(tx, found.iter().map(|one| one.tag_id)).await?;
        let ids = found.iter().map(|one| one.tagging_id.0).collect();
        let held = hold_taggings(tx, ids).await?;
        // One that went on as another while it was waited for is found by that.
        if found.iter().all(|one| held.contains(&one.tagging_id)) {
            return Ok(found);
        }
    }
}

async fn unfounded(tx: &Tx<'_>, left: &[Left<'_>]) -> Result<Vec<Unfounded>> {
    let rows = Rows::new()
        .uuids("thing", left.iter().map(|one| one.thing))
        .opt_ids("segment", left.iter().map(|one| one.segment));
    let found: Vec<Unfounded> = Query::new(
        "SELECT g.id AS tagging_id, g.tag_id, g.target_id, w.segment_id FROM {r}
         JOIN tagging g ON g.workspace_id = $1 AND g.target_id = r.thing AND g.removed_at IS NULL
         JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = g.id
           AND w.left_at IS NULL AND (r.segment IS NULL OR w.segment_id = r.segment)
         WHERE NOT EXISTS (SELECT 1 FROM segment_member m WHERE m.workspace_id = $1
                 AND m.segment_id = w.segment_id AND m.subject_id = g.target_id)",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?;
    let found = found.into_iter();
    let each: BTreeMap<(TaggingId, SegmentId), Unfounded> = found
        .map(|one| ((one.tagging_id, one.segment_id), one))
        .collect();
    Ok(each.into_values().collect())
}

/// Ends those of the taggings that nothing else holds: no other segment, and no moment to come.
async fn end(tx: &Tx<'_>, taggings: impl Iterator<Item = TaggingId>) -> Result<Vec<Touched>> {
    let taggings: BTreeSet<TaggingId> = taggings.collect();
    Ok(Query::new(
        "UPDATE tagging SET removed_at = $2, removed_by = $3, removed_reason = '',
             ended = 'REASON_ENDED'
         FROM {r} WHERE tagging.workspace_id = $1 AND tagging.id = r.tagging
           AND tagging.removed_at IS NULL AND tagging.expires_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM tagging_segment w WHERE w.workspace_id = $1
                 AND w.tagging_id = tagging.id AND w.left_at IS NULL)
         RETURNING tagging.id, tagging.tag_id, tagging.target, tagging.target_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(Origin::System.json())
    .rows("r", Rows::new().ids("tagging", taggings))
    .all(tx.connection())
    .await?)
}

/// A segment that a tagging stays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct BoundTo {
    /// The tagging.
    pub tagging_id: TaggingId,
    /// The segment.
    pub segment_id: SegmentId,
}

/// What each of `taggings` that holds stays for, and what each that ended had stayed for, by the names of the
/// segments; for loaders.
pub async fn load_segments(
    ctx: &Ctx,
    workspace: WorkspaceId,
    taggings: &[TaggingId],
) -> Result<Vec<BoundTo>> {
    Ok(Query::new(
        "SELECT w.tagging_id, w.segment_id FROM {r}
         JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = r.id
         JOIN tagging g ON g.workspace_id = $1 AND g.id = w.tagging_id
         JOIN segment s ON s.workspace_id = $1 AND s.id = w.segment_id AND s.deleted_at IS NULL
         WHERE w.left_at IS NULL OR g.removed_at IS NOT NULL
         ORDER BY w.tagging_id, s.name_key, s.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", taggings.iter().copied()))
    .all(ctx.reader())
    .await?)
}
