//! Segments that time alone can change, such as "nothing bought for 90 days": looked at every hour.
//!
//! Where all that time can change is that an event grows too old, or old enough, those are evaluated who
//! did something just then (`edge`). For all other such segments everybody is evaluated, a range of ids in
//! each step. Steps hold the segments only while they evaluate, so the projection goes on in between.
//!
//! A tick begins where the one before it ended: if an hour is too short for everybody, the next one goes
//! on with those whose turn it is.
//!
//! Another time zone changes which days events fell on, at once and for everybody: `in_another_zone`.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{id::SegmentId, kind::SegmentSubject};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    build,
    catalogue::{self, Live},
    cause::Cause,
    colleagues,
    edge::{self, Edges},
    evaluate::{self, Facts, Words, words},
    moves,
    projection::{agree, of_subject},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    work::schedule::Schedule,
};

/// Evaluations in a step: subjects times segments.
const STEP: usize = 20_000;
/// Subjects a step evaluates at most, and at least.
const SUBJECTS: (usize, usize) = (100, 5_000);
/// Its stored name.
const NAME: &str = "segment.clock";

/// Evaluates, once an hour, what can change by time.
#[derive(Debug)]
pub struct SegmentClock;

/// How far a tick is. Stored as JSON: fields are added, never renamed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    /// Of what everybody is evaluated now, and the last one who was.
    subject: SegmentSubject,
    after: Option<Uuid>,
    /// Whether that is for all segments that time can change, since nobody knows who did something at
    /// which edge.
    #[serde(default = "yes")]
    all: bool,
    /// How far those are who did something at an edge; missing in ticks of the first release.
    #[serde(default)]
    edges: Option<Edges>,
}

fn yes() -> bool {
    true
}

#[async_trait]
impl Schedule for SegmentClock {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cron(&self) -> &'static str {
        "0 0 * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::hours(2)
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let mut progress = match serde_json::from_value(progress) {
            Ok(progress) => progress,
            // It has none yet.
            Err(_) => begin(tx).await?,
        };
        // Where everybody takes longer than an hour, the hours that pass meanwhile are not kept waiting.
        if let Some(edges) = progress.edges.as_mut()
            && edges.done
            && tx.now - edges.until >= TimeDelta::hours(1)
        {
            *edges = edges.until(tx.now);
        }
        let catalogue = catalogue::current(ctx, tx.connection(), tx.workspace).await?;
        if let Some(edges) = progress.edges.as_mut().filter(|edges| !edges.done) {
            let live = catalogue.of(SegmentSubject::Contact);
            let asked: Vec<&Live> = live.filter(|live| live.edges.is_some()).collect();
            at_edges(tx, &asked, edges).await?;
            return Ok(Some(json!(progress)));
        }
        let timed = catalogue.of(progress.subject).filter(|live| {
            let by_edges = !progress.all && live.edges.is_some();
            live.is_timed && !by_edges
        });
        let timed: Vec<&Live> = timed.collect();
        if !timed.is_empty() {
            progress.after = work(tx, progress.subject, &timed, progress.after).await?;
        }
        if progress.after.is_some() {
            return Ok(Some(json!(progress)));
        }
        Ok(match progress.subject {
            SegmentSubject::Contact => Some(json!(Progress {
                subject: SegmentSubject::Account,
                ..progress
            })),
            SegmentSubject::Account => None,
        })
    }
}

/// Has everybody evaluated for the segments that count days, as the workspace was given another time zone:
/// nothing that happens to anybody says so, and no hour.
pub(crate) async fn in_another_zone(ctx: &Ctx, tx: &mut Tx<'_>, origin: Origin) -> Result<()> {
    let catalogue = catalogue::fresh(tx.connection(), tx.workspace).await?;
    for subject in [SegmentSubject::Contact, SegmentSubject::Account] {
        let live = catalogue.of(subject);
        let counting = live.filter(|live| live.condition.counts_days());
        let ids: Vec<SegmentId> = counting.map(|live| live.id).collect();
        let cause = Cause::Rebuild { origin, fact: None };
        build::begin(ctx, tx, subject, &ids, cause).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Earlier {
    is_done: bool,
    progress: Value,
}

/// Where a tick begins: behind the one before it, which it takes over from, if that is not over.
async fn begin(tx: &Tx<'_>) -> Result<Progress> {
    let earlier: Option<Earlier> = Query::new(
        "SELECT t.state = 'DONE' AS is_done, t.progress FROM schedule_tick t
         WHERE t.workspace_id = $1 AND t.schedule = $2 AND CAST(t.progress AS text) LIKE '%subject%'
         ORDER BY t.tick_at DESC LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(NAME)
    .one(tx.connection())
    .await?;
    // Whoever may still be at an earlier one finds the claim gone.
    Query::new(
        "UPDATE schedule_tick SET state = 'DONE', fence = fence + 1, lease_until = NULL,
             finished_at = $3
         WHERE workspace_id = $1 AND schedule = $2 AND state = 'RUNNING' AND tick_at <
             (SELECT MAX(t.tick_at) FROM schedule_tick t WHERE t.workspace_id = $1 AND t.schedule = $2)",
    )
    .bind(tx.workspace)
    .bind(NAME)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    let (is_done, earlier): (bool, Option<Progress>) = match earlier {
        Some(earlier) => (
            earlier.is_done,
            serde_json::from_value(earlier.progress).ok(),
        ),
        None => (true, None),
    };
    Ok(after(earlier.as_ref(), is_done, tx.now))
}

/// Where a tick begins that follows `earlier`.
fn after(earlier: Option<&Progress>, is_done: bool, now: DateTime<Utc>) -> Progress {
    let Some(edges) = earlier.and_then(|earlier| earlier.edges.as_ref()) else {
        return Progress {
            subject: SegmentSubject::Contact,
            after: None,
            all: true,
            edges: Some(Edges::passed(now)),
        };
    };
    let unfinished = earlier.filter(|_| !is_done);
    Progress {
        subject: unfinished.map_or(SegmentSubject::Contact, |one| one.subject),
        after: unfinished.and_then(|one| one.after),
        all: unfinished.is_some_and(|one| one.all),
        edges: Some(edges.until(now)),
    }
}

/// Evaluates the next of those who did something at an edge.
async fn at_edges(tx: &mut Tx<'_>, asked: &[&Live], edges: &mut Edges) -> Result<()> {
    if asked.is_empty() {
        edges.done = true;
        return Ok(());
    }
    let Some(held) = hold(tx, asked).await? else {
        return Ok(());
    };
    let size = size(asked);
    let ages = asked.iter().filter_map(|live| live.edges.as_ref());
    let ids = edge::holders(tx, edges, &edge::ages(ages), size).await?;
    edges.after = ids.last().copied();
    edges.done = ids.len() < size;
    evaluate(tx, SegmentSubject::Contact, asked, &held, &ids).await
}

/// Evaluates the next range of everybody; the last id of it, or nothing when it was the last.
async fn work(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    timed: &[&Live],
    after: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let Some(held) = hold(tx, timed).await? else {
        return Ok(Some(after.unwrap_or(Uuid::nil())));
    };
    let size = size(timed);
    let Words { table, here, .. } = words(subject);
    let mut query = Query::new(format!(
        "SELECT c.id FROM {table} c WHERE c.workspace_id = $1 AND {here}"
    ))
    .bind(tx.workspace);
    if let Some(after) = after {
        let after = query.arg(after);
        query.push(&format!(" AND c.id > {after}"));
    }
    query.push(&format!(" ORDER BY c.id LIMIT {size}"));
    let ids: Vec<Uuid> = query.column(tx.connection()).await?;
    let last = ids.last().copied().filter(|_| ids.len() == size);
    evaluate(tx, subject, timed, &held, &ids).await?;
    Ok(last)
}

/// The rows of the segments, held; nothing if somebody has just changed one of them, which evaluates
/// everybody anyway: the next step sees it as it is now.
async fn hold(tx: &Tx<'_>, segments: &[&Live]) -> Result<Option<Vec<moves::Held>>> {
    let held = moves::hold(tx, segments.iter().map(|live| live.id)).await?;
    Ok(agree(segments, &held).then_some(held))
}

/// How many subjects a step evaluates.
fn size(segments: &[&Live]) -> usize {
    let (least, most) = SUBJECTS;
    (STEP / segments.len()).clamp(least, most)
}

async fn evaluate(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    segments: &[&Live],
    held: &[moves::Held],
    ids: &[Uuid],
) -> Result<()> {
    let segments = of_subject(subject, segments, held);
    let (of_people, alone): (Vec<_>, Vec<_>) = segments
        .into_iter()
        .partition(|(live, _)| live.of_people != Facts::default());
    let because = |_: &Live, _: Uuid| Cause::Time;
    let touched = evaluate::looked_at(ids);
    let mut moves = evaluate::differences(tx, subject, &alone, &touched, because).await?;
    for (live, is_news) in of_people {
        moves.extend(colleagues::differences(tx, live, is_news, ids, because).await?);
    }
    moves::write(tx, subject, moves).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    #[test]
    fn a_tick_begins_where_the_one_before_it_ended() {
        // Nothing is known: everybody, for all segments.
        let first = after(None, true, at(1));
        assert!(first.all && first.edges.as_ref().is_some_and(|edges| edges.done));
        // It did not get through: the next one goes on, and looks at the edges of the hour first.
        let cut = Progress {
            after: Some(Uuid::from_u128(7)),
            ..first
        };
        let second = after(Some(&cut), false, at(2));
        assert_eq!((second.after, second.all), (Some(Uuid::from_u128(7)), true));
        let edges = second.edges.as_ref().unwrap();
        assert_eq!((edges.from, edges.until, edges.done), (at(1), at(2), false));
        // It got through, but not with the edges.
        let third = after(Some(&second), true, at(3));
        assert_eq!((third.after, third.all), (None, false));
        let edges = third.edges.unwrap();
        assert_eq!((edges.from, edges.until), (at(1), at(3)));
        // What the first release stored.
        let old = json!({"subject": "ACCOUNT", "after": Uuid::from_u128(7)});
        let old: Progress = serde_json::from_value(old).unwrap();
        assert!(old.all && old.edges.is_none());
        let next = after(Some(&old), false, at(4));
        assert_eq!(
            (next.subject, next.after, next.all),
            (SegmentSubject::Contact, None, true)
        );
    }
}
