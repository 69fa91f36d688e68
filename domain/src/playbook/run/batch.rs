//! Taking a batch of enrolments on, in one transaction: who is still this worker's, what becomes of
//! them (`walk`), and writing it down.

use std::collections::BTreeMap;

use entity::id::{PlaybookId, WorkspaceId};

use super::{
    Claimed,
    claim::hold,
    scene::Scene,
    walk::{Noted, Walk},
    way::{Stand, Way},
};
use crate::{
    ctx::Ctx,
    error::{Error, Result},
    playbook::{
        hear,
        history::{Left, leave},
    },
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

/// Takes the claimed enrolments of one playbook on as far as they go now. Gives back a step whose actions
/// have failed so often that the playbook is to be paused.
pub(super) async fn run(
    ctx: &Ctx,
    workspace: WorkspaceId,
    book: PlaybookId,
    claimed: &[Claimed],
) -> Result<Option<String>> {
    let mut tx = ctx.begin(workspace).await?;
    let rows = hold(&tx, claimed).await?;
    if rows.is_empty() {
        tx.rollback().await?;
        return Ok(None);
    }
    let scene = Scene::load(&tx, book, &rows).await?;
    let mut by_version: BTreeMap<i64, Vec<Way>> = BTreeMap::new();
    for row in rows {
        let version = row.version;
        let way = scene.version(version)?;
        let way = Way::of(row, &way.definition)
            .ok_or_else(|| Error::Internal("an enrolment at no step".to_owned()))?;
        by_version.entry(version).or_default().push(way);
    }
    let mut noted = Noted::default();
    let mut all = Vec::new();
    for (version, mut ways) in by_version {
        let definition = &scene.version(version)?.definition;
        let walk = Walk {
            ctx,
            scene: &scene,
            definition,
            now: tx.now,
        };
        walk.take_on(&mut tx, &mut ways, &mut noted).await?;
        for way in &ways {
            way.count(definition, &mut noted.counts);
        }
        let at_steps = 0..definition.steps.len();
        let at_steps: Vec<i64> = at_steps
            .map(|place| hear::at_step(definition, place))
            .collect();
        all.extend(ways.into_iter().map(|way| {
            let hears = way.hears(&at_steps);
            (way, hears)
        }));
    }
    write(&tx, &scene, &all).await?;
    for (way, _) in &all {
        if let Stand::Over { state, .. } = way.stand {
            let fact = Fact::EnrolmentEnded {
                enrolment_id: way.row.id,
                playbook_id: book,
                state,
            };
            tx.record(Change::caused(
                &way.cause(),
                way.origin(),
                Some(way.row.contact_id),
                fact,
            ));
        }
    }
    // Last, because every batch of the playbook writes the same rows.
    noted.counts.write(&tx).await?;
    let failing = noted.streaks.write(&tx, book).await?;
    tx.commit().await?;
    Ok(failing)
}

/// Writes where everybody stands, and what they left behind. Two statements.
async fn write(tx: &Tx<'_>, scene: &Scene, ways: &[(Way, i64)]) -> Result<()> {
    let each = || ways.iter().map(|(way, _)| way);
    let step = |way: &Way| {
        let version = scene.versions.get(&way.row.version);
        version.map_or_else(
            || way.row.step.clone(),
            |version| version.definition.steps[way.place].id.clone(),
        )
    };
    let parked = |way: &Way| match way.stand {
        Stand::Parked { until, due } => (until, due),
        Stand::Arrived | Stand::Over { .. } => (None, None),
    };
    let ending = |way: &Way| match &way.stand {
        Stand::Over { ending, .. } => ending.clone(),
        Stand::Arrived | Stand::Parked { .. } => None,
    };
    Query::new(
        "UPDATE enrolment SET state = r.state, step = r.step, step_at = r.step_at,
             passed = r.passed, listens = r.hears <> 0, hears = r.hears, wait_until = r.wait_until,
             due_at = r.due_at, ended_at = r.ended_at, ending = r.ending, lease_until = NULL, failures = 0,
             crashes = 0, error = NULL
         FROM {r} WHERE enrolment.workspace_id = $1 AND enrolment.id = r.id",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new()
            .ids("id", each().map(|way| way.row.id))
            .texts("state", each().map(|way| way.state().word()))
            .texts("step", each().map(step))
            .times("step_at", each().map(|way| way.since))
            .ints("passed", each().map(Way::passed))
            .ints("hears", ways.iter().map(|(_, hears)| *hears))
            .opt_times("wait_until", each().map(|way| parked(way).0))
            .opt_times("due_at", each().map(|way| parked(way).1))
            .opt_times(
                "ended_at",
                each().map(|way| way.is_over().then_some(tx.now)),
            )
            .opt_texts("ending", each().map(ending)),
    )
    .execute(tx.connection())
    .await?;
    write_history(tx, ways).await
}

async fn write_history(tx: &Tx<'_>, ways: &[(Way, i64)]) -> Result<()> {
    let left = ways.iter().flat_map(|(way, _)| {
        let numbers = way.row.passed..;
        way.left
            .iter()
            .zip(numbers)
            .map(move |(left, number)| Left {
                enrolment: way.row.id,
                number,
                step: &left.step,
                outcome: left.outcome,
                next: left.next.as_deref(),
                detail: left.detail.clone(),
                entered_at: left.entered_at,
            })
    });
    leave(tx, left.collect()).await
}
