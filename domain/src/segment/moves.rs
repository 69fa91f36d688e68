//! The one way members of segments are written: many at once, in a fixed number of statements, with
//! their history, the counts and the change log.

use std::collections::BTreeMap;

use entity::{
    id::{ContactId, SegmentId, SegmentMoveId},
    kind::{SegmentSubject, SubjectKind},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use super::cause::Cause;
use crate::{
    error::Result,
    store::{Query, Rows, Tx, dialect},
    work::change::Fact,
};

/// A segment whose row is held until the transaction ends.
#[derive(Debug, Clone, FromQueryResult)]
pub(super) struct Held {
    pub(super) id: SegmentId,
    pub(super) subject: SegmentSubject,
    pub(super) version: i64,
    pub(super) operation_id: Option<entity::id::OperationId>,
    pub(super) is_filled: bool,
    pub(super) is_deleted: bool,
}

impl Held {
    /// Whether who comes and goes is news: not before the segment was complete once.
    pub(super) fn is_news(&self) -> bool {
        self.is_filled
    }
}

/// Holds the rows of `ids`, in the order of the ids, deleted ones too.
pub(super) async fn hold(
    tx: &Tx<'_>,
    ids: impl IntoIterator<Item = SegmentId>,
) -> Result<Vec<Held>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let of = if lock.is_empty() { "" } else { "OF s" };
    Ok(Query::new(format!(
        "SELECT s.id, s.subject, s.version, s.operation_id,
                s.filled_at IS NOT NULL AS is_filled, s.deleted_at IS NOT NULL AS is_deleted
         FROM {{r}} JOIN segment s ON s.workspace_id = $1 AND s.id = r.id
         ORDER BY s.id {lock} {of}"
    ))
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", ids))
    .all(tx.connection())
    .await?)
}

/// Somebody comes into a segment or goes out of it. There is one for each member that is made or
/// ended, and none for anything that is so already.
#[derive(Debug, Clone)]
pub(super) struct Moved {
    pub(super) segment: SegmentId,
    pub(super) subject: Uuid,
    pub(super) entered: bool,
    pub(super) cause: Cause,
    /// Whether it is written into the history and the change log.
    pub(super) is_news: bool,
}

/// Writes `moves` of segments whose rows are held.
pub(super) async fn write(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    moves: Vec<Moved>,
) -> Result<()> {
    if moves.is_empty() {
        return Ok(());
    }
    let (came, went): (Vec<&Moved>, Vec<&Moved>) = moves.iter().partition(|one| one.entered);
    let pairs = |moves: &[&Moved]| {
        Rows::new()
            .ids("segment_id", moves.iter().map(|one| one.segment))
            .uuids("subject_id", moves.iter().map(|one| one.subject))
    };
    if !came.is_empty() {
        Query::new(
            "INSERT INTO segment_member (workspace_id, segment_id, subject_id, entered_at)
             SELECT $1, r.segment_id, r.subject_id, $2 FROM {r} WHERE true ON CONFLICT DO NOTHING",
        )
        .bind(tx.workspace)
        .bind(tx.now)
        .rows("r", pairs(&came))
        .execute(tx.connection())
        .await?;
    }
    if !went.is_empty() {
        Query::new(
            "DELETE FROM segment_member WHERE (workspace_id, segment_id, subject_id) IN
                 (SELECT $1, r.segment_id, r.subject_id FROM {r})",
        )
        .bind(tx.workspace)
        .rows("r", pairs(&went))
        .execute(tx.connection())
        .await?;
    }
    write_history(tx, &moves).await?;
    let mut counts: BTreeMap<SegmentId, i64> = BTreeMap::new();
    for one in &moves {
        *counts.entry(one.segment).or_default() += if one.entered { 1 } else { -1 };
    }
    count(tx, &counts).await?;
    for one in moves.into_iter().filter(|one| one.is_news) {
        let (kind, contact) = match subject {
            SegmentSubject::Contact => (SubjectKind::Contact, Some(ContactId(one.subject))),
            SegmentSubject::Account => (SubjectKind::Account, None),
        };
        let fact = if one.entered {
            Fact::SegmentEntered {
                segment_id: one.segment,
                subject: kind,
                subject_id: one.subject,
            }
        } else {
            Fact::SegmentLeft {
                segment_id: one.segment,
                subject: kind,
                subject_id: one.subject,
            }
        };
        tx.record(one.cause.change(contact, fact));
    }
    Ok(())
}

async fn write_history(tx: &Tx<'_>, moves: &[Moved]) -> Result<()> {
    let news: Vec<&Moved> = moves.iter().filter(|one| one.is_news).collect();
    if news.is_empty() {
        return Ok(());
    }
    let rows = Rows::new()
        .ids("id", news.iter().map(|_| tx.id::<SegmentMoveId>()))
        .ids("segment_id", news.iter().map(|one| one.segment))
        .uuids("subject_id", news.iter().map(|one| one.subject))
        .flags("entered", news.iter().map(|one| one.entered))
        .json("cause", news.iter().map(|one| serde_json::json!(one.cause)));
    Query::new(
        "INSERT INTO segment_move (workspace_id, id, segment_id, subject_id, entered, at, cause)
         SELECT $1, r.id, r.segment_id, r.subject_id, r.entered, $2, r.cause FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Adds to the number of members of each segment.
pub(super) async fn count(tx: &Tx<'_>, counts: &BTreeMap<SegmentId, i64>) -> Result<()> {
    let rows = Rows::new()
        .ids("id", counts.keys().copied())
        .ints("change", counts.values().copied());
    Query::new(
        "UPDATE segment SET member_count = segment.member_count + r.change FROM {r}
         WHERE segment.workspace_id = $1 AND segment.id = r.id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes people who are about to be erased off the counts; their rows go with all others of theirs.
pub(crate) async fn forget(tx: &Tx<'_>, people: &[ContactId]) -> Result<()> {
    let segments = memberships(tx, people).await?;
    if segments.is_empty() {
        return Ok(());
    }
    hold(tx, segments.into_keys()).await?;
    // Once they are held nobody comes or goes any more: counted again, this is what is deleted.
    let mut counts = memberships(tx, people).await?;
    for number in counts.values_mut() {
        *number = -*number;
    }
    count(tx, &counts).await
}

/// How many of the people are in each segment that has any of them.
async fn memberships(tx: &Tx<'_>, people: &[ContactId]) -> Result<BTreeMap<SegmentId, i64>> {
    let rows = Query::new(
        "SELECT m.segment_id, COUNT(*) FROM {r}
         JOIN segment_member m ON m.workspace_id = $1 AND m.subject_id = r.id
         GROUP BY m.segment_id",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", people.iter().copied()))
    .raw(tx.connection())
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}
