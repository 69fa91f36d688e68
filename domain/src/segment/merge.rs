//! Segments kept by hand when contacts or accounts are merged and taken apart: the
//! survivor is in whatever the other was in, and undoing the merge undoes that; what is deleted leaves. The history is the journal: what a merge moved
//! names the merge.

use std::collections::{BTreeSet, HashSet};

use entity::{
    id::{MergeId, SegmentId},
    kind::{SegmentSubject, TagTarget},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    cause::Cause,
    moves::{self, Moved},
};
use crate::{
    error::Result,
    store::{Query, Rows, Tx},
    tag::tagging::Left,
    work::change::{Entry, Fact},
};

/// Follows the merges, unmerges and deletions among `entries`, at the places `merges`, one after the other: each
/// may go on from what the one before it left.
pub(super) async fn follow(tx: &mut Tx<'_>, entries: &[Entry], merges: &[usize]) -> Result<()> {
    use SegmentSubject::{Account, Contact};
    for entry in merges.iter().filter_map(|at| entries.get(*at)) {
        match entry.fact {
            Fact::ContactMerged {
                merge_id,
                contact_id,
                loser_id,
            } => join(tx, Contact, merge_id, [contact_id.0, loser_id.0]).await?,
            Fact::ContactUnmerged {
                merge_id,
                contact_id,
                loser_id,
            } => part(tx, Contact, merge_id, [contact_id.0, loser_id.0]).await?,
            Fact::AccountMerged {
                merge_id,
                account_id,
                loser_id,
            } => join(tx, Account, merge_id, [account_id.0, loser_id.0]).await?,
            Fact::AccountUnmerged {
                merge_id,
                account_id,
                loser_id,
            } => part(tx, Account, merge_id, [account_id.0, loser_id.0]).await?,
            Fact::AccountDeleted { account_id } => {
                leave(tx, Account, account_id.0, &Cause::entry(entry)).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Those who were taken apart by the entries at the places `merges`. Their tags went back to them, also those that
/// stay while they are in a segment; whoever does not come into it again is not told of as leaving it.
pub(super) fn parted<'e>(entries: &'e [Entry], merges: &[usize]) -> Vec<Left<'e>> {
    let mut parted = Vec::new();
    for entry in merges.iter().filter_map(|at| entries.get(*at)) {
        let (target, both) = match entry.fact {
            Fact::ContactUnmerged {
                contact_id,
                loser_id,
                ..
            } => (TagTarget::Contact, [contact_id.0, loser_id.0]),
            Fact::AccountUnmerged {
                account_id,
                loser_id,
                ..
            } => (TagTarget::Account, [account_id.0, loser_id.0]),
            _ => continue,
        };
        parted.extend(both.map(|thing| Left {
            target,
            thing,
            segment: None,
            cause: Some(entry),
        }));
    }
    parted
}

#[derive(FromQueryResult, PartialEq, Eq, Hash)]
struct Member {
    segment_id: SegmentId,
    subject_id: Uuid,
}

/// What the two are in, of the segments kept by hand, whose rows are held from then on.
async fn present(tx: &Tx<'_>, both: [Uuid; 2]) -> Result<HashSet<Member>> {
    let read = async || -> Result<Vec<Member>> {
        Ok(Query::new(
            "SELECT m.segment_id, m.subject_id FROM {r}
             JOIN segment_member m ON m.workspace_id = $1 AND m.subject_id = r.id
             JOIN segment s ON s.workspace_id = $1 AND s.id = m.segment_id AND s.kind = 'STATIC'
               AND s.deleted_at IS NULL",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", both))
        .all(tx.connection())
        .await?)
    };
    let segments: BTreeSet<SegmentId> = read().await?.iter().map(|one| one.segment_id).collect();
    if segments.is_empty() {
        return Ok(HashSet::new());
    }
    moves::hold(tx, segments).await?;
    Ok(read().await?.into_iter().collect())
}

async fn join(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    merge_id: MergeId,
    [survivor, loser]: [Uuid; 2],
) -> Result<()> {
    let present = present(tx, [survivor, loser]).await?;
    let mut moves = Vec::new();
    let mut moved = |segment, subject, entered| {
        moves.push(Moved {
            segment,
            subject,
            entered,
            cause: Cause::Merge { merge_id },
            is_news: true,
        });
    };
    for member in present.iter().filter(|one| one.subject_id == loser) {
        moved(member.segment_id, loser, false);
        let theirs = Member {
            subject_id: survivor,
            segment_id: member.segment_id,
        };
        if !present.contains(&theirs) {
            moved(member.segment_id, survivor, true);
        }
    }
    moves::write(tx, subject, moves).await
}

/// Takes what is gone out of whatever it is in.
async fn leave(tx: &mut Tx<'_>, subject: SegmentSubject, gone: Uuid, cause: &Cause) -> Result<()> {
    let present = present(tx, [gone, gone]).await?;
    let moves = present.into_iter().map(|member| Moved {
        segment: member.segment_id,
        subject: gone,
        entered: false,
        cause: cause.clone(),
        is_news: true,
    });
    moves::write(tx, subject, moves.collect()).await
}

#[derive(FromQueryResult)]
struct Past {
    segment_id: SegmentId,
    subject_id: Uuid,
    entered: bool,
}

async fn part(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    merge_id: MergeId,
    [survivor, loser]: [Uuid; 2],
) -> Result<()> {
    let past: Vec<Past> = Query::new(
        "SELECT v.segment_id, v.subject_id, v.entered FROM {r}
         JOIN segment_move v ON v.workspace_id = $1 AND v.subject_id = r.id
           AND v.cause ->> 'merge_id' = $2
         JOIN segment s ON s.workspace_id = $1 AND s.id = v.segment_id AND s.kind = 'STATIC'
           AND s.deleted_at IS NULL
         ORDER BY v.id",
    )
    .bind(tx.workspace)
    .bind(merge_id.to_string())
    .rows("r", Rows::new().uuids("id", [survivor, loser]))
    .all(tx.connection())
    .await?;
    if past.is_empty() {
        return Ok(());
    }
    moves::hold(tx, past.iter().map(|one| one.segment_id)).await?;
    let present = present(tx, [survivor, loser]).await?;
    let mut moves = Vec::new();
    for one in past {
        // What the merge did is undone; who was put in or taken out since stays so.
        let is_in = present.contains(&Member {
            segment_id: one.segment_id,
            subject_id: one.subject_id,
        });
        let comes_back = one.subject_id == loser && !one.entered;
        let goes_again = one.subject_id == survivor && one.entered;
        if (comes_back && !is_in) || (goes_again && is_in) {
            moves.push(Moved {
                segment: one.segment_id,
                subject: one.subject_id,
                entered: comes_back,
                cause: Cause::Merge { merge_id },
                is_news: true,
            });
        }
    }
    moves.sort_by_key(|one| (one.segment, one.subject));
    moves.dedup_by_key(|one| (one.segment, one.subject));
    let back = moves.iter().filter(|one| one.entered);
    let back: Vec<(SegmentId, Uuid)> = back.map(|one| (one.segment, one.subject)).collect();
    moves::write(tx, subject, moves).await?;
    date_back(tx, merge_id, &back).await
}

/// Lets who came back by undoing a merge be in the segment since they had come in before it, if the history
/// has that.
async fn date_back(tx: &Tx<'_>, merge_id: MergeId, back: &[(SegmentId, Uuid)]) -> Result<()> {
    if back.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("segment_id", back.iter().map(|one| one.0))
        .uuids("subject_id", back.iter().map(|one| one.1));
    Query::new(
        "UPDATE segment_member SET entered_at = COALESCE((
             SELECT MAX(v.at) FROM segment_move v WHERE v.workspace_id = $1
               AND v.segment_id = segment_member.segment_id
               AND v.subject_id = segment_member.subject_id AND v.entered
               AND COALESCE(v.cause ->> 'merge_id', '') <> $2), entered_at)
         WHERE (workspace_id, segment_id, subject_id) IN
             (SELECT $1, r.segment_id, r.subject_id FROM {r})",
    )
    .bind(tx.workspace)
    .bind(merge_id.to_string())
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}
