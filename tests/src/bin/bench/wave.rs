//! Playbook enrolments that are all due in the same second: `bench wave`.
//!
//! Everybody is enrolled in a playbook that waits, tags them and ends. Their waits are set to end in one
//! second, with the programs at work, while messages go on coming in, ten a second: how long until everybody
//! is through, and how long a message's tag takes before and meanwhile.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use chrono::TimeDelta;
use domain::{
    operation::Limits,
    playbook::{self, Definition, NewPlaybook},
    store::Query,
};
use entity::id::PlaybookId;
use serde_json::json;

use crate::{
    bulk,
    flows::{self, Tick},
    psql::psql,
    report::{count, quantile, row, table},
    run::Run,
    seed::contact_id,
};

/// How long before the wave the waits are set; messages come in for the rest of it.
const BEFORE: TimeDelta = TimeDelta::seconds(45);
/// For how long they must.
const AT_LEAST: Duration = Duration::from_secs(10);
/// How long it may take.
const LONGEST: Duration = Duration::from_hours(1);

/// What the wave took.
struct Wave {
    from: Instant,
    to: Instant,
    ticks: Vec<Tick>,
    /// Microseconds of processor time, of every program and the database.
    cpu: Vec<u64>,
}

/// Measures and reports.
pub(crate) async fn run(run: &Run) -> Result<()> {
    let book = enrol(run).await?;
    let wave = wave(run, book).await?;
    let floor = floor(run, book).await?;
    let number = run.plan.contacts as f64;
    let seconds = (wave.to - wave.from).as_secs_f64();
    table(
        "Playbook enrolments due in one second",
        &[
            "how many",
            "seconds until all were through",
            "enrolments/s (no target was set)",
            "the same rows by plain statements, s",
            "of it",
            "CPU µs each, of every program and the database, the messages included",
        ],
    );
    let cpu = wave
        .cpu
        .iter()
        .map(|&us| format!("{:.0}", us as f64 / number));
    row(&[
        count(number),
        format!("{seconds:.1}"),
        count(number / seconds),
        floor.map_or_else(String::new, |floor| format!("{floor:.2}")),
        floor.map_or_else(String::new, |floor| format!("{:.2}", floor / seconds)),
        cpu.collect::<Vec<_>>().join(" + "),
    ]);
    report(&wave);
    Ok(())
}

/// Ten messages a second, before and meanwhile.
fn report(wave: &Wave) {
    table(
        "From a message to its tag at a subscriber, 10 messages a second",
        &[
            "when",
            "times",
            "p50 ms (target < 20)",
            "p99 ms",
            "highest ms",
        ],
    );
    let before = |tick: &&Tick| tick.due < wave.from;
    let meanwhile = |tick: &&Tick| tick.due >= wave.from && tick.due < wave.to;
    let pick = |of: &dyn Fn(&&Tick) -> bool| -> Vec<f64> {
        let mut picked: Vec<f64> = wave.ticks.iter().filter(of).map(|tick| tick.ms).collect();
        picked.sort_by(f64::total_cmp);
        picked
    };
    for (when, ms) in [
        ("before the wave", pick(&before)),
        ("meanwhile", pick(&meanwhile)),
    ] {
        let at = |share| format!("{:.1}", quantile(&ms, share));
        row(&[
            when.to_owned(),
            ms.len().to_string(),
            at(0.5),
            at(0.99),
            at(1.0),
        ]);
    }
}

/// Enrols everybody, and brings them to where they wait.
async fn enrol(run: &Run) -> Result<PlaybookId> {
    let (ctx, owner) = (&run.ctx, &run.owner);
    let tag = bulk::tag(ctx, owner, "Wave", None).await?;
    let definition = json!({ "form": 1, "steps": [
        { "id": "rest", "kind": { "wait": { "for": { "seconds": 86_400 } } } },
        { "id": "act", "kind": { "actions": [{ "tagContact": { "tagIds": [tag.0] } }] } },
        { "id": "end", "kind": "end" },
    ] });
    let new = NewPlaybook {
        name: "Wave".to_owned(),
        description: String::new(),
        definition: Definition::from_stored(definition)?,
        publish: true,
    };
    let book = playbook::create(ctx, owner, new).await?.id;
    let everybody: Vec<_> = (0..run.plan.contacts).map(contact_id).collect();
    for some in everybody.chunks(playbook::MAX_AT_ONCE) {
        let enrolled = playbook::enrol_contacts(ctx, owner, book, some).await?;
        ensure!(enrolled.made.len() == some.len(), "not all were enrolled");
    }
    playbook::run_due(ctx, Some(owner.workspace), Limits::none()).await?;
    run.analyze().await?;
    Ok(book)
}

/// Lets all waits end in one second, while messages come in.
async fn wave(run: &Run, book: PlaybookId) -> Result<Wave> {
    // They read what enrolling everybody told the log, and let go of an SQLite file.
    let (programs, _) = run.start_programs().await?;
    flows::settle(&run.ctx, &run.owner, None).await?;
    drop(programs);
    let due = run.ctx.clock.now() + BEFORE;
    let set = Query::new(
        "UPDATE enrolment SET wait_until = $3, due_at = $3
         WHERE workspace_id = $1 AND playbook_id = $2 AND ended_at IS NULL",
    )
    .bind(run.owner.workspace)
    .bind(book)
    .bind(due)
    .execute(run.ctx.db.writer())
    .await?;
    ensure!(set == run.plan.contacts, "{set} enrolments wait");
    let (programs, client) = run.start_programs().await?;
    let left = (due - run.ctx.clock.now()).to_std();
    let left = left.context("setting the waits took too long")?;
    ensure!(left > AT_LEAST, "setting the waits took too long");
    let from = Instant::now() + left;
    let used = run.used(&programs)?;
    let done = AtomicBool::new(false);
    let watching = async {
        let to = through(run, book, from).await;
        done.store(true, Ordering::Relaxed);
        to
    };
    let stopwatch = *run.tags.last().context("the stopwatch's rule")?;
    let goes_on = || !done.load(Ordering::Relaxed);
    let (contacts, now) = (run.plan.contacts, run.ctx.clock.now());
    let ticking = flows::ticks(&client, run.inbox, stopwatch, contacts, now, goes_on);
    let (to, ticks) = tokio::try_join!(watching, ticking)?;
    let cpu = run.used(&programs)?.into_iter().zip(used);
    Ok(Wave {
        from,
        to,
        ticks,
        cpu: cpu.map(|(after, before)| after - before).collect(),
    })
}

/// When nobody is left in the playbook.
async fn through(run: &Run, book: PlaybookId, from: Instant) -> Result<Instant> {
    tokio::time::sleep_until(from.into()).await;
    while Instant::now() < from + LONGEST {
        let left: Option<String> = Query::new(
            "SELECT e.state FROM enrolment e
             WHERE e.workspace_id = $1 AND e.playbook_id = $2 AND e.ended_at IS NULL LIMIT 1",
        )
        .bind(run.owner.workspace)
        .bind(book)
        .scalar(run.ctx.reader())
        .await?;
        if left.is_none() {
            return Ok(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("the wave did not end")
}

/// Everybody tagged, their enrolments changed, and three steps of history each, by plain statements.
async fn floor(run: &Run, book: PlaybookId) -> Result<Option<f64>> {
    if run.postmaster.is_none() {
        return Ok(None);
    }
    run.analyze().await?;
    let tag = bulk::tag(&run.ctx, &run.owner, "Wave floor", None).await?;
    let book = book.0;
    let script = format!(
        "{tags}
         UPDATE enrolment SET step_at = now(), fence = fence + 1 WHERE playbook_id = '{book}';
         INSERT INTO enrolment_step (workspace_id, enrolment_id, number, step, outcome, next, detail,
                                     entered_at, left_at)
         SELECT e.workspace_id, e.id, 1000 + n, 'act', 'DONE', 'end', '{{}}', now(), now()
         FROM enrolment e CROSS JOIN generate_series(1, 3) AS n WHERE e.playbook_id = '{book}';",
        tags = bulk::taggings(&run.owner, &[tag]),
    );
    Ok(Some(psql(&run.url, &script)?.0))
}
