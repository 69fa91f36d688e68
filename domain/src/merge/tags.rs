//! Taggings of two things that become one, and of one that becomes two.

use entity::id::TaggingId;

use super::rows::{Move, USES_LOSER, USES_SURVIVOR};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    tag::{
        self,
        tagging::{AUTOMATIC, joined_by, outlasts},
    },
};

/// Taggings of the merged thing that ended because the survivor's go on.
const ENDED: &str = "tagging_ended";
/// Taggings of the survivor that ended because the merged thing's go on.
const YIELDED: &str = "tagging_yielded";

/// When two taggings cannot hold at once.
const DOUBLE: &str = "(o.tag_id = t.tag_id OR o.single_group_id = t.single_group_id)";

/// Gives the taggings to the survivor. Of what both carry, one goes on, and stays for the segments of both.
pub(crate) async fn forth(moves: &Move, ctx: &Ctx, tx: &Tx<'_>, origin: Origin) -> Result<()> {
    let both = [moves.survivor, moves.loser];
    tag::rank_things(ctx, tx, &both, -1).await?;
    let journal = moves.book.journal;
    let reason = moves.book.double_reason;
    let wins = outlasts("t", "o");
    let loses = outlasts("o", "t");
    for (part, mine, other, when) in [
        (ENDED, "$3", "$4", format!("NOT {wins}")),
        (YIELDED, "$4", "$3", loses),
    ] {
        let note = format!(
            "INSERT INTO {journal} (workspace_id, merge_id, part, row_id, row_key)
             SELECT $1, $2, '{part}', t.id, '' FROM tagging t
             WHERE t.workspace_id = $1 AND t.target_id = {mine} AND t.removed_at IS NULL
               AND EXISTS (SELECT 1 FROM tagging o WHERE o.workspace_id = $1
                 AND o.target_id = {other} AND o.removed_at IS NULL AND {DOUBLE} AND {when})"
        );
        moves.run(tx, note).await?;
    }
    let all = format!(
        "INSERT INTO {journal} (workspace_id, merge_id, part, row_id, row_key)
         SELECT $1, $2, 'tagging', t.id, '' FROM tagging t
         WHERE t.workspace_id = $1 AND t.target_id = $3 {USES_SURVIVOR}"
    );
    moves.run(tx, all).await?;
    for (part, mine, other, uses) in [
        (ENDED, "$3", "$4", USES_SURVIVOR),
        (YIELDED, "$4", "$3", USES_LOSER),
    ] {
        let bind = format!(
            "INSERT INTO tagging_segment (workspace_id, tagging_id, segment_id)
             SELECT o.workspace_id, o.id, w.segment_id FROM tagging t
             JOIN tagging o ON o.workspace_id = $1 AND o.target_id = {other}
               AND o.tag_id = t.tag_id AND o.removed_at IS NULL AND {}
             JOIN tagging_segment w ON w.workspace_id = $1 AND w.tagging_id = t.id
               AND w.left_at IS NULL
             WHERE t.workspace_id = $1 AND t.target_id = {mine} AND t.removed_at IS NULL AND {}
             ON CONFLICT (workspace_id, tagging_id, segment_id) DO UPDATE SET left_at = NULL",
            joined_by("o"),
            moves.noted(part)
        );
        moves.run(tx, bind).await?;
        let end = format!(
            "UPDATE tagging AS t SET removed_at = $5, removed_by = $6, ended = 'REMOVED',
                 removed_reason = '{reason}'
             WHERE t.workspace_id = $1 AND t.target_id = {mine} AND {} {uses}",
            moves.noted(part)
        );
        moves
            .query(tx, end)
            .bind(tx.now)
            .bind(origin.json())
            .execute(tx.connection())
            .await?;
    }
    let put = format!(
        "UPDATE tagging AS t SET target_id = $4
         WHERE t.workspace_id = $1 AND t.target_id = $3 AND {}",
        moves.noted("tagging")
    );
    moves.run(tx, put).await?;
    tag::rank_things(ctx, tx, &both, 1).await
}

/// Gives them back, and lets what had ended for the other's sake hold again.
pub(crate) async fn back(moves: &Move, ctx: &Ctx, tx: &Tx<'_>) -> Result<()> {
    let both = [moves.survivor, moves.loser];
    tag::rank_things(ctx, tx, &both, -1).await?;
    let put = format!(
        "UPDATE tagging AS t SET target_id = $3
         WHERE t.workspace_id = $1 AND t.target_id = $4 AND {}",
        moves.noted("tagging")
    );
    moves.run(tx, put).await?;
    for id in to_revive(moves, tx).await? {
        revive(tx, id).await?;
    }
    tag::rank_things(ctx, tx, &both, 1).await
}

/// What ended in favour of the other's: by the merge, and by a merge of tags since, in which
/// the other's went on, which now is not there any more. What people put on comes first.
async fn to_revive(moves: &Move, tx: &Tx<'_>) -> Result<Vec<TaggingId>> {
    let automatic = AUTOMATIC.replace("g.", "t.");
    let text = format!(
        "SELECT t.id FROM tagging t WHERE t.workspace_id = $1 AND t.removed_at IS NOT NULL
           AND ((t.target_id = $3 AND {})
             OR (t.target_id = $4 AND {})
             OR (t.target_id IN ($3, $4) AND t.ended = 'MERGED' AND EXISTS (
                 SELECT 1 FROM tagging s WHERE s.workspace_id = $1 AND s.id = t.successor_id
                   AND s.removed_at IS NULL AND s.target_id <> t.target_id
                   AND s.target_id IN ($3, $4))))
         ORDER BY CASE WHEN {automatic} THEN 1 ELSE 0 END, t.id",
        moves.noted(ENDED),
        moves.noted(YIELDED)
    );
    Ok(moves.query(tx, text).column(tx.connection()).await?)
}

/// The group of one value that the tag of `t` is in.
const GROUP: &str = "SELECT p.id FROM tag v JOIN tag_group p ON p.workspace_id = $1
    AND p.id = v.group_id AND p.selection = 'SINGLE'
    WHERE v.workspace_id = $1 AND v.id = t.tag_id";

/// Lets a tagging hold again, as its tag and group are by now; not if the tag is gone, or the thing
/// carries it, or another value of its group, already.
async fn revive(tx: &Tx<'_>, id: TaggingId) -> Result<()> {
    Query::new(format!(
        "UPDATE tagging AS t SET removed_at = NULL, removed_by = NULL, removed_reason = NULL,
             ended = NULL, successor_id = NULL, single_group_id = ({GROUP})
         WHERE t.workspace_id = $1 AND t.id = $2
           AND EXISTS (SELECT 1 FROM tag v WHERE v.workspace_id = $1 AND v.id = t.tag_id
             AND v.deleted_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM tagging o WHERE o.workspace_id = $1
             AND o.target_id = t.target_id AND o.removed_at IS NULL
             AND (o.tag_id = t.tag_id OR o.single_group_id IN ({GROUP})))"
    ))
    .bind(tx.workspace)
    .bind(id)
    .execute(tx.connection())
    .await?;
    Ok(())
}
