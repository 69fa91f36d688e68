//! Filling segments: everybody is evaluated, a range of ids at a time, as an operation.
//!
//! A step holds the rows of its segments, evaluates the conditions as they are stored in them, and
//! writes what differs. Meanwhile the projection keeps the same segments up to date for whoever
//! changes; both hold the rows before they evaluate. An operation works on those segments only that
//! name it as theirs: a later one takes them over by writing its id into their rows.
//!
//! Before a segment is complete for the first time its members are found and written without leaving
//! the database, and without history; where it asks about the people of accounts, each account is asked
//! once and the members are written from here. Members of a deleted segment are taken out in the same steps.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use entity::{
    id::SegmentId,
    kind::{OperationKind, SegmentSubject, TagTarget},
    operation,
};
use sea_orm::ConnectionTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    catalogue::{self, Catalogue, Live},
    cause::Cause,
    colleagues,
    evaluate::{self, Facts, Words, words},
    graph,
    moves::{self, Held},
    write::record,
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Error, Result},
    operation::{Kind, NewOperation, Step, start_own},
    store::{Query, Rows, Tx, ids_after, is_its_own},
    tag::tagging::{self, Left},
};

/// Subjects a step evaluates for one segment; for several, as many fewer.
const BATCH: usize = 10_000;
/// Subjects a step evaluates at least.
const LEAST: usize = 500;

/// What is asked of the operation. Stored as JSON with it: fields are added, never renamed.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    subject: SegmentSubject,
    segments: Vec<SegmentId>,
    cause: Cause,
}

/// Segments for which everybody has to be evaluated, and the place of the entry that says so.
#[derive(Debug)]
pub(super) struct Anew {
    pub(super) subject: SegmentSubject,
    pub(super) segments: Vec<SegmentId>,
    pub(super) at: usize,
}

impl Anew {
    pub(super) fn of(
        subject: SegmentSubject,
        segments: impl Iterator<Item = SegmentId>,
        at: usize,
    ) -> Self {
        Self {
            subject,
            segments: segments.collect(),
            at,
        }
    }
}

/// Has everybody evaluated for `ids`, which are segments of `subject`.
pub(super) async fn begin(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    ids: &[SegmentId],
    cause: Cause,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let origin = match cause {
        Cause::Condition { origin, .. } | Cause::Rebuild { origin, .. } => origin,
        _ => Origin::System,
    };
    moves::hold(tx, ids.iter().copied()).await?;
    let request = Request {
        subject,
        segments: ids.to_vec(),
        cause,
    };
    let new = NewOperation {
        kind: OperationKind::BuildSegments,
        request: serde_json::to_value(&request)?,
        total: None,
        dry_run: false,
        origin,
    };
    let operation = start_own(ctx, tx, new).await?;
    Query::new(
        "UPDATE segment SET state = 'BUILDING', operation_id = $2 FROM {r}
         WHERE segment.workspace_id = $1 AND segment.id = r.id",
    )
    .bind(tx.workspace)
    .bind(operation.id)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await?;
    for &id in ids {
        record(tx, origin, id);
    }
    Ok(())
}

/// Evaluates everybody for segments.
#[derive(Debug, Clone, Copy)]
pub struct BuildSegments;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// The last one evaluated.
    after: Option<Uuid>,
    counts: Counts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Counts {
    entered: i64,
    left: i64,
}

/// The ids a step evaluates.
#[derive(Debug, Clone, Copy)]
struct Range {
    /// Those above this; all from the first where there is none.
    after: Option<Uuid>,
    /// Those up to this; all to the last where there is none.
    upto: Option<Uuid>,
    /// How many there are in it.
    number: usize,
}

impl Range {
    /// Appends that `column` is in it.
    fn apply(&self, query: &mut Query, column: &str) {
        for (bound, sign) in [(self.after, ">"), (self.upto, "<=")] {
            if let Some(bound) = bound {
                let bound = query.arg(bound);
                query.push(&format!(" AND {column} {sign} {bound}"));
            }
        }
    }
}

#[async_trait]
impl Kind for BuildSegments {
    fn kind(&self) -> OperationKind {
        OperationKind::BuildSegments
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        let request: Request = serde_json::from_value(operation.request.clone())?;
        let mut progress: Progress =
            serde_json::from_value(operation.progress.clone()).unwrap_or_default();
        let catalogue = catalogue::current(ctx, tx.connection(), tx.workspace).await?;
        let held = moves::hold(tx, together(&request.segments, &catalogue)).await?;
        let mine: Vec<Held> = held
            .into_iter()
            .filter(|row| row.operation_id == Some(operation.id))
            .collect();
        if mine.is_empty() {
            return Ok(Step {
                progress: json!(progress),
                is_last: true,
                ..Step::default()
            });
        }
        let total = match operation.total {
            Some(_) => None,
            None => Some(population(tx, request.subject).await?),
        };
        let conditions = conditions(tx, &mine).await?;
        let range = next(tx, request.subject, progress.after, mine.len()).await?;
        for row in &mine {
            let (entered, left) = if row.is_deleted {
                (0, empty(ctx, tx, row, &range).await?)
            } else if let Some(live) = conditions.get(&row.id) {
                if row.is_news() {
                    compare(tx, row, live, &range, &request.cause).await?
                } else {
                    fill(tx, row, live, &range, &request.cause).await?
                }
            } else {
                (0, 0)
            };
            progress.counts.entered += entered;
            progress.counts.left += left;
        }
        let is_last = range.upto.is_none();
        if is_last {
            finish(ctx, tx, &catalogue, &mine, &conditions).await?;
        }
        progress.after = range.upto.or(progress.after);
        Ok(Step {
            progress: json!(progress),
            total,
            done: range.number as i64,
            failed: 0,
            is_last,
        })
    }
}

/// The segments a step holds, all at once and in their order, so that two who hold several never wait for
/// each other: those it fills, those made of them, which the last step hands on, and those they are
/// made of, which may be complete for the first time just now.
fn together(asked: &[SegmentId], catalogue: &Catalogue) -> BTreeSet<SegmentId> {
    let asked: BTreeSet<_> = asked.iter().copied().collect();
    let mut together = asked.clone();
    together.extend(graph::naming(&asked, &catalogue.names()));
    for live in catalogue
        .live
        .iter()
        .filter(|live| asked.contains(&live.id))
    {
        together.extend(&live.names);
    }
    together
}

async fn population(tx: &Tx<'_>, subject: SegmentSubject) -> Result<i64> {
    let Words { table, .. } = words(subject);
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM {table} WHERE workspace_id = $1"
    ))
    .bind(tx.workspace)
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

/// The next range of ids. The last one has no end, so that members beyond every id there is are looked
/// at too.
async fn next(
    tx: &Tx<'_>,
    subject: SegmentSubject,
    after: Option<Uuid>,
    segments: usize,
) -> Result<Range> {
    let size = (BATCH / segments.max(1)).max(LEAST);
    let Words { table, .. } = words(subject);
    let ids: Vec<Uuid> = ids_after(tx, table, after.unwrap_or_default(), size as i64).await?;
    let is_full = ids.len() == size;
    Ok(Range {
        after,
        upto: ids.last().copied().filter(|_| is_full),
        number: ids.len(),
    })
}

/// Takes the members of a deleted segment out, and off them the tags that stayed for it.
async fn empty(ctx: &Ctx, tx: &mut Tx<'_>, row: &Held, range: &Range) -> Result<i64> {
    let mut query =
        Query::new("DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2")
            .bind(tx.workspace)
            .bind(row.id);
    range.apply(&mut query, "subject_id");
    query.push(" RETURNING subject_id");
    let gone: Vec<Uuid> = query.column(tx.connection()).await?;
    let target = match row.subject {
        SegmentSubject::Contact => TagTarget::Contact,
        SegmentSubject::Account => TagTarget::Account,
    };
    let left: Vec<Left<'_>> = gone
        .iter()
        .map(|&thing| Left {
            target,
            thing,
            segment: Some(row.id),
            cause: None,
        })
        .collect();
    tagging::leave(ctx, tx, &left).await?;
    Ok(gone.len() as i64)
}

/// Finds and writes the members in the range, if the database can judge the condition for all of them;
/// else of those for whom it can. What is asked of the people of accounts is better asked once for each.
async fn fill(
    tx: &mut Tx<'_>,
    row: &Held,
    live: &Live,
    range: &Range,
    cause: &Cause,
) -> Result<(i64, i64)> {
    if live.of_people != Facts::default() {
        return compare(tx, row, live, range, cause).await;
    }
    let mark = tx.mark().await?;
    match fill_at_once(tx, row, live, range).await {
        Err(Error::Store(error)) if is_its_own(&error) => {
            tx.undo_to(mark).await?;
            compare(tx, row, live, range, cause).await
        }
        Ok(filled) => {
            tx.keep(mark).await?;
            Ok(filled)
        }
        Err(error) => Err(error),
    }
}

/// Finds and writes the members in the range without leaving the database.
async fn fill_at_once(tx: &Tx<'_>, row: &Held, live: &Live, range: &Range) -> Result<(i64, i64)> {
    let backend = tx.connection().get_database_backend();
    let moment = evaluate::moment(tx.connection(), tx.workspace, tx.now).await?;
    let Words { table, here, .. } = words(row.subject);
    let mut query = Query::new("").bind(tx.workspace).bind(row.id);
    let holds = evaluate::predicate(&mut query, &live.condition, row.subject, backend, &moment);
    query.push(&format!(
        "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2
           AND NOT EXISTS (SELECT 1 FROM {table} c WHERE c.workspace_id = $1
                 AND c.id = segment_member.subject_id AND {here} AND {holds})"
    ));
    range.apply(&mut query, "subject_id");
    let left = query.execute(tx.connection()).await?;
    let mut query = Query::new("").bind(tx.workspace).bind(row.id).bind(tx.now);
    let holds = evaluate::predicate(&mut query, &live.condition, row.subject, backend, &moment);
    query.push(&format!(
        "INSERT INTO segment_member (workspace_id, segment_id, subject_id, entered_at)
         SELECT $1, $2, c.id, $3 FROM {table} c WHERE c.workspace_id = $1 AND {here} AND {holds}"
    ));
    range.apply(&mut query, "c.id");
    query.push(" ON CONFLICT DO NOTHING");
    let entered = query.execute(tx.connection()).await?;
    let (entered, left) = (
        i64::try_from(entered).unwrap_or_default(),
        i64::try_from(left).unwrap_or_default(),
    );
    moves::count(tx, &BTreeMap::from([(row.id, entered - left)])).await?;
    Ok((entered, left))
}

/// Compares the members in the range with what the condition says, and writes each difference with its
/// history.
async fn compare(
    tx: &mut Tx<'_>,
    row: &Held,
    live: &Live,
    range: &Range,
    cause: &Cause,
) -> Result<(i64, i64)> {
    let mut ids = BTreeSet::new();
    let Words { table, .. } = words(row.subject);
    let mut query = Query::new(format!(
        "SELECT c.id FROM {table} c WHERE c.workspace_id = $1"
    ))
    .bind(tx.workspace);
    range.apply(&mut query, "c.id");
    let mut members = Query::new(
        "SELECT subject_id FROM segment_member WHERE workspace_id = $1 AND segment_id = $2",
    )
    .bind(tx.workspace)
    .bind(row.id);
    range.apply(&mut members, "subject_id");
    for query in [query, members] {
        ids.extend(query.column::<Uuid>(tx.connection()).await?);
    }
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let because = |_: &Live, _| cause.clone();
    let moves = if live.of_people == Facts::default() {
        let (segments, touched) = ([(live, row.is_news())], evaluate::looked_at(&ids));
        evaluate::differences(tx, row.subject, &segments, &touched, because).await?
    } else {
        colleagues::differences(tx, live, row.is_news(), &ids, because).await?
    };
    let entered = moves.iter().filter(|one| one.entered).count();
    let left = moves.len() - entered;
    moves::write(tx, row.subject, moves).await?;
    Ok((entered as i64, left as i64))
}

/// The conditions of held segments as their rows say, asked whatever happened. One that is kept by hand
/// has none.
async fn conditions(tx: &Tx<'_>, mine: &[Held]) -> Result<BTreeMap<SegmentId, Live>> {
    let rows = Query::new(
        "SELECT s.id, s.definition FROM {r} JOIN segment s ON s.workspace_id = $1 AND s.id = r.id
           AND s.definition IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", mine.iter().map(|row| row.id)))
    .raw(tx.connection())
    .await?;
    let mut conditions = BTreeMap::new();
    for found in rows {
        let id: SegmentId = found.try_get_by_index(0)?;
        let Some(row) = mine.iter().find(|row| row.id == id) else {
            continue;
        };
        let live = Live::new(id, row.subject, row.version, found.try_get_by_index(1)?)?;
        let facts = Facts::ALL;
        conditions.insert(id, Live { facts, ..live });
    }
    Ok(conditions)
}

/// Those of `mine` that are made of segments which were never complete: they are filled again, still for
/// the first time, once those are.
async fn early(
    tx: &Tx<'_>,
    mine: &[Held],
    conditions: &BTreeMap<SegmentId, Live>,
) -> Result<BTreeSet<SegmentId>> {
    let mut names = BTreeMap::new();
    for row in mine.iter().filter(|row| !row.is_news() && !row.is_deleted) {
        if let Some(live) = conditions.get(&row.id) {
            names.insert(row.id, live.names.clone());
        }
    }
    let named: BTreeSet<SegmentId> = names.values().flatten().copied().collect();
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let unfilled: Vec<SegmentId> = Query::new(
        "SELECT s.id FROM {r} JOIN segment s ON s.workspace_id = $1 AND s.id = r.id
           AND s.filled_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", named))
    .column(tx.connection())
    .await?;
    let unfilled = BTreeSet::from_iter(unfilled);
    Ok(graph::naming(&unfilled, &names).into_iter().collect())
}

/// Everybody was evaluated: the segments are complete. What is made of one that was not before is
/// evaluated anew, since its first members are no news in the change log.
async fn finish(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    catalogue: &Catalogue,
    mine: &[Held],
    conditions: &BTreeMap<SegmentId, Live>,
) -> Result<()> {
    let early = early(tx, mine, conditions).await?;
    if !early.is_empty() {
        Query::new(
            "UPDATE segment SET operation_id = NULL FROM {r}
             WHERE segment.workspace_id = $1 AND segment.id = r.id",
        )
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", early.iter().copied()))
        .execute(tx.connection())
        .await?;
    }
    let done = mine.iter().filter(|row| !early.contains(&row.id));
    let mine: Vec<&Held> = done.collect();
    Query::new(
        "UPDATE segment SET state = 'LIVE', operation_id = NULL, built_at = $2,
             filled_at = COALESCE(segment.filled_at, $2)
         FROM {r} WHERE segment.workspace_id = $1 AND segment.id = r.id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().ids("id", mine.iter().map(|row| row.id)))
    .execute(tx.connection())
    .await?;
    for row in &mine {
        record(tx, Origin::System, row.id);
    }
    let new: BTreeSet<SegmentId> = mine
        .iter()
        .filter(|row| !row.is_news() && !row.is_deleted)
        .map(|row| row.id)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let made_of_them = graph::naming(&new, &catalogue.names());
    for subject in [SegmentSubject::Contact, SegmentSubject::Account] {
        let ids = catalogue.of(subject).map(|live| live.id);
        let ids: Vec<SegmentId> = ids.filter(|id| made_of_them.contains(id)).collect();
        let cause = Cause::Rebuild {
            origin: Origin::System,
            fact: Some("segment.changed".to_owned()),
        };
        begin(ctx, tx, subject, &ids, cause).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "subject": "CONTACT", "segments": ["segment_01900000000070008000000000000001"],
            "cause": { "kind": "TIME" },
        });
        let request: Request = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(request), stored);
    }
}
