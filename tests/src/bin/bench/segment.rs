//! Many segments over many contacts: filling them, and how soon they are current after a change.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::{Result, ensure};
use chrono::TimeDelta;
use domain::{
    access::Actor,
    condition::{
        Condition, ContactFields, ContactTags, Email, EmailMeasure, EmailTest, Mode, NumberTest,
        Ref, Segments, TagMode, TagTest, TimeTest, Whose,
    },
    ctx::Ctx,
    operation::{self, Limits},
    port::ManualClock,
    segment::{self, NewSegment, clock::SegmentClock, projection::SegmentProjection},
    store::Query,
    tag::{Request, tagging},
    work::{projection, schedule},
};
use entity::{id::SegmentId, kind::SegmentSubject};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    process::{cpu_us, family_cpu_us},
    report::{count, quantile, row, table},
    seed::{TAGS, contact_id, popular, tag_id},
};

/// Segments that are kept.
const SEGMENTS: u64 = 200;
/// Changes one after the other, each waited for.
const SINGLE: usize = 200;
/// Changes in one burst.
const BURST: usize = 1_000;

/// What all that is measured runs on.
pub(crate) struct Place<'r> {
    pub(crate) ctx: &'r Ctx,
    pub(crate) owner: &'r Actor,
    pub(crate) contacts: u64,
    /// The database server, when it is one.
    pub(crate) postmaster: Option<u32>,
}

impl Place<'_> {
    /// Microseconds of processor time used so far, by this process and by the database server.
    fn cpu_us(&self) -> Result<u64> {
        let server = self.postmaster.map(family_cpu_us).transpose()?;
        Ok(cpu_us(std::process::id())? + server.unwrap_or_default())
    }
}

/// Measures everything and says it.
pub(crate) async fn run(place: &Place<'_>) -> Result<()> {
    let ids = fill(place).await?;
    one_by_one(place).await?;
    burst(place).await?;
    by_time(place).await?;
    check(place, &ids).await
}

/// The condition of the segment of this number.
fn condition(number: u64, earlier: Option<SegmentId>) -> Condition {
    let tagged = |mode, ranks: &[u64]| {
        Condition::ContactTags(ContactTags(TagTest {
            mode,
            tag_ids: ranks
                .iter()
                .map(|&rank| tag_id(popular(rank % TAGS)).0)
                .collect(),
            with_descendants: true,
        }))
    };
    // The most used tags are on nearly everybody: segments begin a little further down.
    let rank = 20 + number;
    match number % 8 {
        0 => tagged(TagMode::Any, &[rank]),
        1 => Condition::All(vec![
            tagged(TagMode::Any, &[rank, rank + 1]),
            tagged(TagMode::None, &[rank + 2]),
        ]),
        2 => tagged(TagMode::Any, &[rank, rank + 5, rank + 9]),
        3 => Condition::All(vec![
            tagged(TagMode::Any, &[rank]),
            Condition::Not(Box::new(tagged(TagMode::Any, &[rank + 3]))),
        ]),
        // Time alone changes the following: half of them concern few, half of them many.
        4 => Condition::All(vec![
            tagged(TagMode::Any, &[rank]),
            quiet_for(20 + number as u32 % 50),
        ]),
        5 => Condition::All(vec![
            quiet_for(70 + number as u32 % 10),
            tagged(TagMode::None, &[rank]),
        ]),
        6 => Condition::All(vec![tagged(TagMode::Any, &[rank]), reads(4.0)]),
        _ => Condition::All(vec![tagged(TagMode::Any, &[rank]), within(earlier)]),
    }
}

/// Nothing done for so many days.
fn quiet_for(days: u32) -> Condition {
    Condition::Contact(Box::new(ContactFields {
        last_activity: Some(TimeTest {
            more_than_days_ago: Some(days.into()),
            ..TimeTest::default()
        }),
        ..ContactFields::default()
    }))
}

/// So many emails opened in thirty days.
fn reads(emails: f64) -> Condition {
    Condition::Email(Email {
        within_days: Some(30.into()),
        tests: vec![EmailTest {
            measure: EmailMeasure::Opened,
            is: NumberTest::min(emails),
        }],
        ..Email::default()
    })
}

/// In an earlier segment.
fn within(earlier: Option<SegmentId>) -> Condition {
    Condition::Segments(Segments {
        of: Whose::Contact,
        mode: Mode::Any,
        segment_ids: earlier.map(Ref::new).into_iter().collect(),
        since: None,
    })
}

/// Makes the segments and has them filled by one worker.
async fn fill(place: &Place<'_>) -> Result<Vec<SegmentId>> {
    let (ctx, owner) = (place.ctx, place.owner);
    settle(ctx, owner).await?;
    let (start, used) = (Instant::now(), place.cpu_us()?);
    let mut ids = Vec::new();
    for number in 0..SEGMENTS {
        let new = NewSegment {
            name: format!("Segment {number}"),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: Some(condition(number, ids.last().copied())),
        };
        ids.push(segment::create(ctx, owner, new).await?.id);
    }
    settle(ctx, owner).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = (place.cpu_us()? - used) as f64 / 1e6;
    let members: Option<i64> = Query::new("SELECT CAST(SUM(member_count) AS bigint) FROM segment")
        .scalar(ctx.reader())
        .await?;
    table(
        "Filling 200 segments",
        &[
            "contacts",
            "members",
            "seconds",
            "evaluations/s",
            "processor s",
        ],
    );
    row(&[
        count(place.contacts as f64),
        count(members.unwrap_or_default() as f64),
        format!("{seconds:.1}"),
        count((place.contacts * SEGMENTS) as f64 / seconds),
        format!("{cpu:.1}"),
    ]);
    Ok(ids)
}

/// A change, and how long until all segments follow it.
async fn one_by_one(place: &Place<'_>) -> Result<()> {
    let mut chance = StdRng::seed_from_u64(11);
    let used = place.cpu_us()?;
    let mut waits = Vec::new();
    for _ in 0..SINGLE {
        change(place, &mut chance).await?;
        let start = Instant::now();
        follow(place).await?;
        waits.push(start.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    let cpu = (place.cpu_us()? - used) as f64 / 1e3 / SINGLE as f64;
    table(
        "One change, until 200 segments are current",
        &[
            "median ms",
            "95 % ms",
            "worst ms",
            "processor ms for each, the change included",
        ],
    );
    row(&[
        format!("{:.1}", quantile(&waits, 0.5)),
        format!("{:.1}", quantile(&waits, 0.95)),
        format!("{:.1}", quantile(&waits, 1.0)),
        format!("{cpu:.1}"),
    ]);
    Ok(())
}

/// Many changes, and how long until all segments have followed the last one.
async fn burst(place: &Place<'_>) -> Result<()> {
    let mut chance = StdRng::seed_from_u64(13);
    for _ in 0..BURST {
        change(place, &mut chance).await?;
    }
    let (start, used) = (Instant::now(), place.cpu_us()?);
    let (batches, entries) = follow(place).await?;
    let ms = start.elapsed().as_secs_f64() * 1e3;
    let cpu = (place.cpu_us()? - used) as f64 / 1e3;
    let moves: Option<i64> = Query::new("SELECT COUNT(*) FROM segment_move")
        .scalar(place.ctx.reader())
        .await?;
    table(
        "1,000 changes at once, until 200 segments are current",
        &["ms", "batches", "entries", "processor ms", "moves so far"],
    );
    row(&[
        format!("{ms:.0}"),
        batches.to_string(),
        entries.to_string(),
        format!("{cpu:.0}"),
        count(moves.unwrap_or_default() as f64),
    ]);
    Ok(())
}

/// The look at what time alone can change: the first one of the day, which is at everybody, and the one an
/// hour later, at those of whom something came to an edge; at everybody too, if a day ends in between.
async fn by_time(place: &Place<'_>) -> Result<()> {
    table("The look at what time changes", &["", "seconds"]);
    for (name, hours_ago) in [("at everybody", 1), ("an hour later", 0)] {
        let now = place.ctx.clock.now() - TimeDelta::hours(hours_ago);
        let ctx = Ctx {
            clock: Arc::new(ManualClock::new(now)),
            ..place.ctx.clone()
        };
        let start = Instant::now();
        schedule::run_tick(&ctx, &SegmentClock, place.owner.workspace, now).await?;
        row(&[
            name.to_owned(),
            format!("{:.1}", start.elapsed().as_secs_f64()),
        ]);
    }
    Ok(())
}

/// A tag put on a contact or taken off.
async fn change(place: &Place<'_>, chance: &mut StdRng) -> Result<()> {
    let contact = contact_id(chance.random_range(0..place.contacts));
    let tag = tag_id(popular(20 + chance.random_range(0..SEGMENTS)));
    let request = [Request::contact(contact, tag)];
    if chance.random_bool(0.7) {
        tagging::tag_many(place.ctx, place.owner, &request, "").await?;
    } else {
        tagging::untag_many(place.ctx, place.owner, &request, "").await?;
    }
    Ok(())
}

/// Lets the projection read to the end; says how many batches and entries that took.
pub(crate) async fn follow(place: &Place<'_>) -> Result<(usize, usize)> {
    let done = Mutex::new((0, 0));
    let watch = |batch: projection::Done| {
        if let Ok(mut done) = done.lock() {
            done.0 += 1;
            done.1 += batch.entries;
        }
    };
    let (ctx, workspace) = (place.ctx, place.owner.workspace);
    loop {
        let run = projection::run_while(ctx, &SegmentProjection, workspace, &|| true, &watch);
        let outcome = run.await?;
        match outcome {
            projection::Outcome::Idle => break,
            _ => tokio::time::sleep(std::time::Duration::from_millis(1)).await,
        }
    }
    let done = done.lock().map(|done| *done).unwrap_or_default();
    Ok(done)
}

/// Does everything there is to do.
pub(crate) async fn settle(ctx: &Ctx, owner: &Actor) -> Result<()> {
    loop {
        let place = Place {
            ctx,
            owner,
            contacts: 0,
            postmaster: None,
        };
        follow(&place).await?;
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await?;
        if turn.steps == 0 {
            return Ok(());
        }
    }
}

/// A full evaluation of some of them must find nothing to change.
async fn check(place: &Place<'_>, ids: &[SegmentId]) -> Result<()> {
    let (ctx, owner) = (place.ctx, place.owner);
    for &id in ids.iter().step_by(67) {
        let asked = segment::rebuild(ctx, owner, id).await?;
        settle(ctx, owner).await?;
        let Some(operation) = asked.operation_id else {
            continue;
        };
        let done = operation::find(ctx, owner.workspace, operation).await?;
        let counts = done.map(|done| done.progress["counts"].clone());
        let nothing = serde_json::json!({ "entered": 0, "left": 0 });
        ensure!(counts.as_ref() == Some(&nothing), "{id}: {counts:?}");
    }
    Ok(())
}
