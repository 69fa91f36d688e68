//! Segments that time alone can change, such as "nothing bought for 90 days": looked at every hour.
//!
//! Everybody is evaluated for all such segments together, a range of ids in each step. Steps hold the
//! segments only while they evaluate, so the projection goes on in between.

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::kind::SegmentSubject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    catalogue::{self, Live},
    cause::Cause,
    evaluate::{self, Facts, Words, words},
    moves,
    projection::{agree, of_subject},
    route::Touched,
};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Tx},
    work::schedule::Schedule,
};

/// Evaluations in a step: subjects times segments.
const STEP: usize = 20_000;
/// Subjects a step evaluates at most, and at least.
const SUBJECTS: (usize, usize) = (100, 5_000);

/// Evaluates, once an hour, what can change by time.
#[derive(Debug)]
pub struct SegmentClock;

#[derive(Debug, Serialize, Deserialize)]
struct Progress {
    subject: SegmentSubject,
    after: Option<Uuid>,
}

#[async_trait]
impl Schedule for SegmentClock {
    fn name(&self) -> &'static str {
        "segment.clock"
    }

    fn cron(&self) -> &'static str {
        "0 0 * * * *"
    }

    fn lookback(&self) -> TimeDelta {
        TimeDelta::hours(2)
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let begun = progress.get("subject").is_some();
        let mut progress: Progress = if begun {
            serde_json::from_value(progress)?
        } else {
            Progress {
                subject: SegmentSubject::Contact,
                after: None,
            }
        };
        let catalogue = catalogue::current(ctx, tx.connection(), tx.workspace).await?;
        let timed = catalogue.of(progress.subject);
        let timed: Vec<&Live> = timed.filter(|live| live.is_timed).collect();
        if !timed.is_empty() {
            progress.after = work(tx, progress.subject, &timed, progress.after).await?;
        }
        if progress.after.is_some() {
            return Ok(Some(json!(progress)));
        }
        Ok(match progress.subject {
            SegmentSubject::Contact => Some(json!(Progress {
                subject: SegmentSubject::Account,
                after: None,
            })),
            SegmentSubject::Account => None,
        })
    }
}

/// Evaluates the next range; the last id of it, or nothing when it was the last.
async fn work(
    tx: &mut Tx<'_>,
    subject: SegmentSubject,
    timed: &[&Live],
    after: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let (least, most) = SUBJECTS;
    let size = (STEP / timed.len()).clamp(least, most);
    let held = moves::hold(tx, timed.iter().map(|live| live.id)).await?;
    if !agree(timed, &held) {
        // Somebody has just changed one of them, which evaluates everybody anyway: the next step sees
        // it as it is now.
        return Ok(Some(after.unwrap_or(Uuid::nil())));
    }
    let Words { table, here } = words(subject);
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
    let mut touched = Touched::new();
    for id in ids {
        touched.entry(id).or_default().facts = Facts::ALL;
    }
    let segments = of_subject(subject, timed, &held);
    let moves = evaluate::differences(tx, subject, &segments, &touched, |_, _| Cause::Time).await?;
    moves::write(tx, subject, moves).await?;
    Ok(last)
}
