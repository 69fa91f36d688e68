//! Segments that time alone can change, such as "nothing bought for 90 days": looked at every hour.
//!
//! Where all that time can change is that something grows too old, or old enough, such as an event or the
//! last message, those are evaluated of whom something did just then (`edge`). For all other such segments
//! everybody is evaluated, a range of ids in each step; and once a day, when it has become another, for
//! all segments, as some count days. Steps hold the segments only while they evaluate, so the projection
//! goes on in between.
//!
//! A tick begins where the one before it ended: if an hour is too short for everybody, the next one goes
//! on with those whose turn it is.
//!
//! Another time zone changes which days events fell on, at once and for everybody: `in_another_zone`.

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use entity::{id::SegmentId, kind::SegmentSubject};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    build,
    catalogue::{self, Catalogue, Live},
    cause::Cause,
    colleagues,
    edge::{self, Edges},
    evaluate::{self, Facts, Words, words},
    moves,
    projection::{agree, of_subject},
};
use crate::{
    access::Origin,
    condition::moment::Moment,
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    work::schedule::Schedule,
};

/// Evaluations in a step: subjects times segments.
const STEP: usize = 20_000;
/// Subjects a step evaluates at most, and at least.
const SUBJECTS: (usize, usize) = (100, 5_000);
/// How much time at most may have passed for whom it concerns to be found by edges.
const LONGEST: TimeDelta = TimeDelta::days(1);
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
    /// Whether that is for all segments that time can change: on another day, and when nobody knows what came
    /// to an edge.
    #[serde(default = "yes")]
    all: bool,
    /// How far those are of whom something came to an edge; missing in ticks of the first release.
    #[serde(default)]
    edges: Option<Edges>,
    /// The day in the workspace for which everybody is or was evaluated for all segments; missing in ticks of
    /// earlier programs, which knew of the edges of events alone.
    #[serde(default)]
    day: Option<NaiveDate>,
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
        let mut progress = match serde_json::from_value::<Progress>(progress) {
            Ok(progress) if progress.day.is_some() => progress,
            // It has none yet, or one of an earlier program.
            _ => begin(tx).await?,
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
            at_edges(tx, &catalogue, edges).await?;
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
    // Whoever may still be at an earlier one finds the claim gone. This one is the latest of those that run, though
    // not of all, where a clock was ahead for a while.
    Query::new(
        "UPDATE schedule_tick SET state = 'DONE', fence = fence + 1, lease_until = NULL,
             finished_at = $3
         WHERE workspace_id = $1 AND schedule = $2 AND state = 'RUNNING' AND tick_at <
             (SELECT MAX(t.tick_at) FROM schedule_tick t
              WHERE t.workspace_id = $1 AND t.schedule = $2 AND t.state = 'RUNNING')",
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
    let moment = evaluate::moment(tx.connection(), tx.workspace, tx.now).await?;
    Ok(after(earlier.as_ref(), is_done, &moment))
}

/// Where a tick begins at `moment` that follows `earlier`.
fn after(earlier: Option<&Progress>, is_done: bool, moment: &Moment) -> Progress {
    let (now, today) = (moment.now, Some(moment.today()));
    let unfinished = earlier.filter(|_| !is_done);
    // Where everybody takes longer than a day, the next day waits.
    let is_at_it = unfinished.is_some_and(|one| one.all && one.day.is_some());
    let known = earlier.filter(|one| one.day == today || is_at_it);
    let edges = known.and_then(|one| Some(one.edges.as_ref()?.until(now)));
    match (known, edges.filter(|edges| edges.span() <= LONGEST)) {
        (Some(known), Some(edges)) => Progress {
            subject: unfinished.map_or(SegmentSubject::Contact, |one| one.subject),
            after: unfinished.and_then(|one| one.after),
            all: is_at_it,
            edges: Some(edges),
            day: known.day,
        },
        _ => Progress {
            subject: SegmentSubject::Contact,
            after: None,
            all: true,
            edges: Some(Edges::passed(now)),
            day: today,
        },
    }
}

/// Evaluates the next of those of whom something came to an edge, for the segments that ask for that.
async fn at_edges(tx: &mut Tx<'_>, catalogue: &Catalogue, edges: &mut Edges) -> Result<()> {
    let live = || catalogue.of(SegmentSubject::Contact);
    let ages = live().filter_map(|live| live.edges.as_ref()).flatten();
    let Some((of, ages)) = edges.next_of(ages) else {
        edges.done = true;
        return Ok(());
    };
    let asks = |live: &Live| live.edges.iter().flatten().any(|age| age.of == of);
    let asked: Vec<&Live> = live().filter(|&live| asks(live)).collect();
    let found = edge::holders(tx, edges, of, &ages, size(&asked)).await?;
    if !found.ids.is_empty() {
        let Some(held) = hold(tx, &asked).await? else {
            return Ok(());
        };
        evaluate(tx, SegmentSubject::Contact, &asked, &held, &found.ids).await?;
    }
    edges.of = Some(of);
    edges.after = found.last;
    Ok(())
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
    use chrono::{DateTime, Utc};
    use chrono_tz::Tz;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    /// Where a tick begins at this hour.
    fn after(earlier: Option<&Progress>, is_done: bool, hour: i64) -> Progress {
        super::after(earlier, is_done, &Moment::usual(at(hour), Tz::UTC))
    }

    #[test]
    fn a_tick_begins_where_the_one_before_it_ended() {
        // Nothing is known: everybody, for all segments.
        let first = after(None, true, 1);
        assert!(first.all && first.edges.as_ref().is_some_and(|edges| edges.done));
        // It did not get through: the next one goes on, and looks at the edges of the hour first.
        let cut = Progress {
            after: Some(Uuid::from_u128(7)),
            ..first
        };
        let second = after(Some(&cut), false, 2);
        assert_eq!((second.after, second.all), (Some(Uuid::from_u128(7)), true));
        let edges = second.edges.as_ref().unwrap();
        assert_eq!((edges.from, edges.until, edges.done), (at(1), at(2), false));
        // It got through, but not with the edges.
        let third = after(Some(&second), true, 3);
        assert_eq!((third.after, third.all), (None, false));
        let edges = third.edges.as_ref().unwrap();
        assert_eq!((edges.from, edges.until), (at(1), at(3)));
    }

    #[test]
    fn everybody_is_evaluated_once_a_day_for_all_segments() {
        let first = after(None, true, 22);
        let second = after(Some(&first), true, 23);
        assert!(!second.all);
        let next = after(Some(&second), true, 24);
        assert!(next.all && next.day != second.day);
        assert!(next.edges.is_some_and(|edges| edges.done));
        // Whoever is not through with the day before goes on first.
        let cut = Progress {
            after: Some(Uuid::from_u128(7)),
            ..first
        };
        let late = after(Some(&cut), false, 24);
        assert_eq!((late.after, late.all), (cut.after, true));
        assert!(late.day == cut.day && after(Some(&late), true, 25).all);
        // Of a long pause too much has come to edges.
        let paused = after(Some(&cut), false, 50);
        assert_eq!((paused.after, paused.all), (None, true));
    }

    #[test]
    fn what_an_earlier_program_did_is_done_anew() {
        for stored in [
            json!({"subject": "ACCOUNT", "after": Uuid::from_u128(7)}),
            json!({
                "subject": "CONTACT", "after": Uuid::from_u128(7), "all": false,
                "edges": {"from": at(2), "until": at(3), "after": null, "done": true},
            }),
        ] {
            let old: Progress = serde_json::from_value(stored).unwrap();
            let next = after(Some(&old), false, 4);
            let begins = (SegmentSubject::Contact, None, true);
            assert_eq!((next.subject, next.after, next.all), begins);
        }
    }
}
