//! Taking enrolments under way to another version of their playbook.
//!
//! An enrolment stays on the version it began with until somebody asks for this, after a step was mended.
//! Whoever is at a step that the other version has goes on there, and a wait ends when it would have ended
//! had they come to it under that version. Whoever is at a step it does not have comes to the one that is
//! named for them, or stays where they are. [`shift`] says beforehand who would come where; the rest is an
//! operation. Called by the API, never by anything that happens.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    enrolment,
    id::{EnrolmentId, PlaybookId},
    kind::{OperationKind, StepOutcome},
    operation, playbook, playbook_version,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    count::{Counts, What},
    definition::{Definition, StepKind},
    hear,
    history::{Left, leave},
    moment, read, write,
};
use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    condition::Moment,
    contact::one_of,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{Kind, NewOperation, Step, start},
    port::Work,
    store::{Query, Rows, Tx, dialect},
};

/// Enrolments taken over in one step of the operation.
const BATCH: usize = 1_000;
/// Steps that may be named for those who have no place, and versions they may be on.
const MAX_NAMED: usize = 100;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Shift {
    /// The playbook.
    pub playbook: PlaybookId,
    /// The version they go to.
    pub version: i64,
    /// Only those who are on one of these versions; on any other if empty.
    pub from: Vec<i64>,
    /// Where those at some steps come to.
    pub steps: Vec<StepMove>,
}

/// Where those at a step come to in another version. Stored with the operation: fields are added, never
/// renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepMove {
    /// The step they are at.
    pub from: String,
    /// The step of the other version they come to.
    pub to: String,
}

/// What becomes of those who are at one step of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The version they are on.
    pub version: i64,
    /// The step they are at.
    pub step: String,
    /// How many they are now.
    pub here: i64,
    /// The step they come to; nothing for those who stay on their version.
    pub to: Option<String>,
    /// Whether they come to it anew; otherwise they go on with a step they are at.
    pub is_anew: bool,
}

/// What came of asking.
#[derive(Debug, Clone)]
pub struct Shifted {
    /// Who comes where, by version and step.
    pub landings: Vec<Landing>,
    /// What takes them there; nothing if it was only to be said.
    pub operation: Option<operation::Model>,
}

/// What is to be done. Stored as JSON with the operation: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    playbook_id: PlaybookId,
    version: i64,
    from: Vec<i64>,
    steps: Vec<StepMove>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The last enrolment looked at.
    after: Option<EnrolmentId>,
    counts: Moved,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Moved {
    moved: i64,
    stayed: i64,
}

/// Asks for taking enrolments under way to another version: checked now, done by workers. With `dry_run`
/// it only says who would come where.
pub async fn shift(ctx: &Ctx, actor: &Actor, asked: Shift, dry_run: bool) -> Result<Shifted> {
    actor.require(Scope::Configure)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    let row = write::lock(&tx, asked.playbook, &["playbookId"]).await?;
    write::refuse_archived(&row, "playbookId")?;
    let definition = check(&tx, &row, &asked).await?;
    let landings = landings(&tx, &asked, &definition).await?;
    if dry_run {
        tx.rollback().await?;
        return Ok(Shifted {
            landings,
            operation: None,
        });
    }
    let request = Request {
        playbook_id: row.id,
        version: asked.version,
        from: asked.from,
        steps: asked.steps,
    };
    let new = NewOperation {
        kind: OperationKind::MoveEnrolments,
        request: serde_json::to_value(&request)?,
        total: Some(landings.iter().map(|landing| landing.here).sum()),
        dry_run: false,
        origin: actor.origin(),
    };
    let operation = start(ctx, &mut tx, new).await?;
    let said = json!({
        "version": request.version, "from": request.from, "steps": request.steps,
        "operation": operation.id,
    });
    let record = Record::made("playbook.move_enrolments", row.id, said);
    tx.audit(actor, record);
    tx.commit().await?;
    Ok(Shifted {
        landings,
        operation: Some(operation),
    })
}

/// The definition of the version they go to.
async fn check(tx: &Tx<'_>, row: &playbook::Model, asked: &Shift) -> Result<Definition> {
    let found = read::find_version(tx.connection(), tx.workspace, row.id, asked.version).await?;
    let found = found.ok_or_else(|| Error::not_found(&["version"], "version of this playbook"))?;
    if found.published_at.is_none() {
        let message = "Nobody has published this version yet. Publish it first.";
        let code = UserErrorCode::Invalid;
        return Err(Error::refused(&["version"], code, message));
    }
    for (list, length) in [
        ("fromVersions", asked.from.len()),
        ("steps", asked.steps.len()),
    ] {
        if length > MAX_NAMED {
            let message = format!("List at most {MAX_NAMED} here; this has {length}.");
            return Err(Error::refused(&[list], UserErrorCode::TooLong, message));
        }
    }
    for (place, version) in asked.from.iter().enumerate() {
        if !(1..=row.latest_version).contains(version) {
            let path = ["fromVersions", &place.to_string()];
            return Err(Error::not_found(&path, "version of this playbook"));
        }
    }
    for (place, step) in asked.steps.iter().enumerate() {
        let place_text = place.to_string();
        if found.definition.place(&step.to).is_none() {
            let path = ["steps", &place_text, "to"];
            return Err(Error::not_found(&path, "step in this version"));
        }
        if asked.steps[..place].iter().any(|one| one.from == step.from) {
            let message =
                "It is said already where those at this step come to. Remove one of the two.";
            let path = ["steps", &place_text, "from"];
            return Err(Error::refused(&path, UserErrorCode::Invalid, message));
        }
    }
    refuse_unknown(tx, asked, &found.definition).await?;
    Ok(found.definition)
}

/// Refuses a step that nobody can be at, since no version of the playbook has it.
async fn refuse_unknown(tx: &Tx<'_>, asked: &Shift, definition: &Definition) -> Result<()> {
    let mut unknown: Vec<(usize, &str)> = Vec::new();
    for (place, step) in asked.steps.iter().enumerate() {
        if definition.place(&step.from).is_none() {
            unknown.push((place, &step.from));
        }
    }
    if unknown.is_empty() {
        return Ok(());
    }
    let versions: Vec<playbook_version::Model> = Query::new(
        "SELECT v.* FROM playbook_version v WHERE v.workspace_id = $1 AND v.playbook_id = $2",
    )
    .bind(tx.workspace)
    .bind(asked.playbook)
    .all(tx.connection())
    .await?;
    for row in versions {
        let version = read::Version::try_from(row)?;
        unknown.retain(|(_, step)| version.definition.place(step).is_none());
    }
    let Some((place, _)) = unknown.first() else {
        return Ok(());
    };
    let path = ["steps", &place.to_string(), "from"];
    Err(Error::not_found(
        &path,
        "step in any version of this playbook",
    ))
}

#[derive(FromQueryResult)]
struct Here {
    version: i64,
    step: String,
    number: i64,
}

/// Who comes where, by what is counted.
async fn landings(tx: &Tx<'_>, asked: &Shift, definition: &Definition) -> Result<Vec<Landing>> {
    let mut query = Query::new(
        "SELECT n.version, n.step, n.number FROM playbook_count n
         WHERE n.workspace_id = $1 AND n.playbook_id = $2 AND n.version <> $3 AND n.what = 'HERE'
           AND n.step <> '' AND n.number > 0",
    )
    .bind(tx.workspace)
    .bind(asked.playbook)
    .bind(asked.version);
    one_of(&mut query, "n.version", asked.from.iter().copied());
    query.push(" ORDER BY n.version, n.step");
    let here: Vec<Here> = query.all(tx.connection()).await?;
    let landings = here.into_iter().map(|here| {
        let place = landing(&asked.steps, definition, &here.step);
        let to = place.map(|place| definition.steps[place].id.clone());
        Landing {
            is_anew: to.as_ref().is_some_and(|to| *to != here.step),
            version: here.version,
            step: here.step,
            here: here.number,
            to,
        }
    });
    Ok(landings.collect())
}

/// The place of the step somebody at `step` comes to; nothing, if they have none.
fn landing(steps: &[StepMove], definition: &Definition, step: &str) -> Option<usize> {
    let named = steps.iter().find(|one| one.from == step);
    definition.place(named.map_or(step, |one| one.to.as_str()))
}

/// When the wait at a step is over to which somebody came at `since`.
fn wait_until(kind: &StepKind, since: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
    match kind {
        StepKind::Wait(wait) => Some(moment::end_of_wait(wait, since, zone)),
        StepKind::WaitFor(wait) => {
            let timeout = TimeDelta::try_seconds(wait.timeout_seconds)?;
            since.checked_add_signed(timeout)
        }
        StepKind::Actions(_) | StepKind::Branch(_) | StepKind::End => None,
    }
}

/// Takes enrolments to another version.
#[derive(Debug, Clone, Copy)]
pub struct MoveEnrolments;

#[async_trait]
impl Kind for MoveEnrolments {
    fn kind(&self) -> OperationKind {
        OperationKind::MoveEnrolments
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &operation::Model,
    ) -> Result<Step> {
        let request: Request = serde_json::from_value(operation.request.clone())?;
        let mut progress: Progress = serde_json::from_value(operation.progress.clone())?;
        let by: Origin = serde_json::from_value(operation.created_by.clone())?;
        let (id, version) = (request.playbook_id, request.version);
        let found = read::find_version(tx.connection(), tx.workspace, id, version).await?;
        let found = found.ok_or_else(|| Error::Internal("enrolments to no version".to_owned()))?;
        let rows = next(tx, &request, progress.after).await?;
        let moved = take(tx, &request, &found.definition, &rows, by).await?;
        let done = rows.len() as i64;
        progress.counts.moved += moved;
        progress.counts.stayed += done - moved;
        progress.after = rows.last().map(|row| row.id).or(progress.after);
        Ok(Step {
            progress: json!(progress),
            total: None,
            done,
            failed: 0,
            is_last: rows.len() < BATCH,
        })
    }
}

/// The next enrolments that may be taken over, held.
async fn next(
    tx: &Tx<'_>,
    request: &Request,
    after: Option<EnrolmentId>,
) -> Result<Vec<enrolment::Model>> {
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    let mut query = Query::new(
        "SELECT e.* FROM enrolment e WHERE e.workspace_id = $1 AND e.playbook_id = $2
           AND e.id > $3 AND e.version <> $4 AND e.ended_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(request.playbook_id)
    .bind(after.map_or(Uuid::nil(), |id| id.0))
    .bind(request.version);
    one_of(&mut query, "e.version", request.from.iter().copied());
    query.push(&format!(" ORDER BY e.id LIMIT {BATCH} {lock}"));
    Ok(query.all(tx.connection()).await?)
}

/// Somebody who is taken over, and to where.
struct Taken<'r> {
    row: &'r enrolment::Model,
    place: usize,
    is_anew: bool,
}

/// Takes those over who have a place; says how many.
async fn take(
    tx: &mut Tx<'_>,
    request: &Request,
    definition: &Definition,
    rows: &[enrolment::Model],
    by: Origin,
) -> Result<i64> {
    let taken: Vec<Taken<'_>> = rows
        .iter()
        .filter_map(|row| {
            let place = landing(&request.steps, definition, &row.step)?;
            let is_anew = definition.steps[place].id != row.step;
            Some(Taken {
                row,
                place,
                is_anew,
            })
        })
        .collect();
    if taken.is_empty() {
        return Ok(0);
    }
    write_moves(tx, request.version, definition, &taken).await?;
    let step = |one: &Taken<'_>| definition.steps[one.place].id.as_str();
    let left = taken.iter().map(|one| {
        let detail: Value = json!({
            "by": by.json(), "fromVersion": one.row.version, "toVersion": request.version,
        });
        Left::at(one.row, StepOutcome::Moved, Some(step(one)), detail)
    });
    leave(tx, left.collect()).await?;
    let mut counts = Counts::default();
    let to = (request.playbook_id, request.version);
    for one in &taken {
        let from = (request.playbook_id, one.row.version);
        counts.at(from, &one.row.step, What::Here, -1);
        counts.at(from, &one.row.step, What::Moved, 1);
        counts.whole(from, What::Here, -1);
        counts.whole(from, What::Moved, 1);
        counts.at(to, step(one), What::Here, 1);
        counts.whole(to, What::Here, 1);
        counts.whole(to, What::Enrolled, 1);
    }
    counts.write(tx).await?;
    tx.wake(Work::Enrolment);
    Ok(taken.len() as i64)
}

/// Writes where they are now. They are looked at next: other goals may hold. A worker that has one of them
/// in hand must find that it lost it.
async fn write_moves(
    tx: &Tx<'_>,
    version: i64,
    definition: &Definition,
    taken: &[Taken<'_>],
) -> Result<()> {
    let zone = Moment::of(tx.connection(), tx.workspace, tx.now)
        .await?
        .zone;
    let since = |one: &Taken<'_>| {
        if one.is_anew { tx.now } else { one.row.step_at }
    };
    let until = |one: &Taken<'_>| {
        let kind = &definition.steps[one.place].kind;
        let kept = (!one.is_anew).then(|| wait_until(kind, one.row.step_at, zone));
        kept.flatten()
    };
    Query::new(
        "UPDATE enrolment SET version = $2, state = 'WAITING', step = r.step, step_at = r.step_at,
             passed = passed + 1, listens = r.hears <> 0, hears = r.hears, wait_until = r.wait_until,
             due_at = $3, lease_until = NULL, fence = fence + 1, failures = 0, crashes = 0
         FROM {r} WHERE enrolment.workspace_id = $1 AND enrolment.id = r.id",
    )
    .bind(tx.workspace)
    .bind(version)
    .bind(tx.now)
    .rows(
        "r",
        Rows::new()
            .ids("id", taken.iter().map(|one| one.row.id))
            .texts(
                "step",
                taken
                    .iter()
                    .map(|one| definition.steps[one.place].id.as_str()),
            )
            .times("step_at", taken.iter().map(since))
            .ints(
                "hears",
                taken.iter().map(|one| hear::at_step(definition, one.place)),
            )
            .opt_times("wait_until", taken.iter().map(until)),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(steps: &Value) -> Definition {
        Definition::from_stored(json!({ "form": 1, "steps": steps })).unwrap()
    }

    #[test]
    fn whoever_is_at_a_step_comes_to_that_step_or_to_the_one_named() {
        let steps = json!([
            { "id": "rest", "kind": { "wait": { "for": { "seconds": 60 } } } },
            { "id": "end", "kind": "end" },
        ]);
        let definition = definition(&steps);
        let named = [StepMove {
            from: "gone".to_owned(),
            to: "end".to_owned(),
        }];
        let lands = |step: &str| landing(&named, &definition, step);
        assert_eq!(lands("rest"), Some(0));
        assert_eq!(lands("gone"), Some(1));
        assert_eq!(lands("other"), None);
    }

    #[test]
    fn a_wait_counts_from_when_they_came_to_it() {
        let since: DateTime<Utc> = "2026-03-01T03:00:00Z".parse().unwrap();
        let steps = json!([
            { "id": "a", "kind": { "wait": { "for": { "seconds": 3600 } } } },
            { "id": "b", "kind": { "wait": { "until": { "minute": 540 } } } },
            { "id": "c", "kind": { "waitFor": {
                "condition": { "contact": { "hasOwner": true } }, "timeoutSeconds": 60,
            } } },
            { "id": "d", "kind": "end" },
        ]);
        let definition = definition(&steps);
        let zone = chrono_tz::Asia::Tokyo;
        let ends = definition.steps.iter().map(|step| {
            let until = wait_until(&step.kind, since, zone);
            until.map(|at| (at - since).num_seconds())
        });
        let ends: Vec<Option<i64>> = ends.collect();
        // Nine o'clock comes 21 hours after noon.
        assert_eq!(ends, [Some(3_600), Some(75_600), Some(60), None]);
    }

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "playbook_id": "playbook_01900000000070008000000000000001",
            "version": 2,
            "from": [1],
            "steps": [{ "from": "call", "to": "mail" }],
        });
        let request: Request = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(request), stored);
    }
}
