//! How many enrolments are where, kept by whoever moves one.
//!
//! Differences are gathered in memory and written in one statement at the end of the transaction, in
//! the order of the rows' keys, so that two who write never wait for each other in a circle.

use std::collections::{BTreeMap, HashMap};

use entity::id::{PlaybookId, WorkspaceId};
use sea_orm::FromQueryResult;

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
};

/// Stands for the whole version among the steps.
const WHOLE: &str = "";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    /// Of the whole version: all who were ever enrolled.
    Enrolled,
    /// Those who are at the step, or under way in the version, now.
    Here,
    /// Those who left the step for the next one; of the version, who came to its end.
    Passed,
    /// Those for whom a goal was reached there.
    Goal,
    /// Those whom an exit condition took away there.
    Exited,
    /// Those whom somebody took away there.
    Cancelled,
    /// Those whom an error stopped there.
    Failed,
    /// Those who were taken to another version while they were there.
    Moved,
    /// How many times an action of the step could not be done; of the version, of all its steps.
    NotDone,
}

impl What {
    fn word(self) -> &'static str {
        match self {
            Self::Enrolled => "ENROLLED",
            Self::Here => "HERE",
            Self::Passed => "PASSED",
            Self::Goal => "GOAL",
            Self::Exited => "EXITED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Moved => "MOVED",
            Self::NotDone => "NOT_DONE",
        }
    }
}

/// Differences to be written.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<(PlaybookId, i64, String, &'static str), i64>);

impl Counts {
    /// Adds to what is counted at a step.
    pub(crate) fn at(&mut self, book: (PlaybookId, i64), step: &str, what: What, number: i64) {
        let key = (book.0, book.1, step.to_owned(), what.word());
        *self.0.entry(key).or_default() += number;
    }

    /// Adds to what is counted of the whole version.
    pub(crate) fn whole(&mut self, book: (PlaybookId, i64), what: What, number: i64) {
        self.at(book, WHOLE, what, number);
    }

    /// Writes the differences. One statement.
    pub(crate) async fn write(self, tx: &Tx<'_>) -> Result<()> {
        let rows: Vec<_> = self.0.into_iter().filter(|(_, n)| *n != 0).collect();
        if rows.is_empty() {
            return Ok(());
        }
        Query::new(
            "INSERT INTO playbook_count (workspace_id, playbook_id, version, step, what, number)
             SELECT $1, r.playbook_id, r.version, r.step, r.what, r.number FROM {r} WHERE true
             ON CONFLICT (workspace_id, playbook_id, version, step, what)
             DO UPDATE SET number = playbook_count.number + excluded.number",
        )
        .bind(tx.workspace)
        .rows(
            "r",
            Rows::new()
                .ids("playbook_id", rows.iter().map(|((id, ..), _)| *id))
                .ints("version", rows.iter().map(|((_, version, ..), _)| *version))
                .texts(
                    "step",
                    rows.iter().map(|((_, _, step, _), _)| step.as_str()),
                )
                .texts("what", rows.iter().map(|((.., what), _)| *what))
                .ints("number", rows.iter().map(|(_, number)| *number)),
        )
        .execute(tx.connection())
        .await?;
        Ok(())
    }
}

/// How many enrolments are, or were, at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// All who were ever enrolled; of whole versions only.
    pub enrolled: i64,
    /// Those who are here now.
    pub here: i64,
    /// Those who went on from here; of whole versions, who came to the end.
    pub passed: i64,
    /// Those for whom a goal was reached here.
    pub goal: i64,
    /// Those whom an exit condition took away here.
    pub exited: i64,
    /// Those whom somebody took away here.
    pub cancelled: i64,
    /// Those whom an error stopped here.
    pub failed: i64,
    /// Those who were taken to another version while they were here.
    pub moved: i64,
    /// How many times somebody went on from here although an action could not be done.
    pub not_done: i64,
}

impl Tally {
    fn add(&mut self, what: &str, number: i64) {
        let part = match what {
            "ENROLLED" => &mut self.enrolled,
            "HERE" => &mut self.here,
            "PASSED" => &mut self.passed,
            "GOAL" => &mut self.goal,
            "EXITED" => &mut self.exited,
            "CANCELLED" => &mut self.cancelled,
            "FAILED" => &mut self.failed,
            "MOVED" => &mut self.moved,
            "NOT_DONE" => &mut self.not_done,
            // Such as what `failing` keeps here.
            _ => return,
        };
        *part += number;
    }
}

/// The tallies of one version.
#[derive(Debug, Clone, Default)]
pub struct Tallies {
    /// Of the whole version.
    pub whole: Tally,
    /// Of each step by its id; steps nobody has come to are left out.
    pub steps: HashMap<String, Tally>,
}

/// The tallies of a playbook over all of its versions.
#[derive(Debug, Clone, Default)]
pub struct Overall {
    /// Of all versions. Whoever was taken from one to another was enrolled once, and did not go.
    pub whole: Tally,
    /// Of each step by its id; steps nobody has come to are left out.
    pub steps: BTreeMap<String, OverallStep>,
}

/// The tally of a step over all versions that have one of this id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OverallStep {
    /// The newest version in which somebody came to it.
    pub newest: i64,
    /// The tally.
    pub tally: Tally,
}

#[derive(FromQueryResult)]
struct Row {
    playbook_id: PlaybookId,
    version: i64,
    step: String,
    what: String,
    number: i64,
}

/// The tallies of versions; for loaders. One statement.
pub async fn load_tallies(
    ctx: &Ctx,
    workspace: WorkspaceId,
    versions: &[(PlaybookId, i64)],
) -> Result<HashMap<(PlaybookId, i64), Tallies>> {
    let rows: Vec<Row> = Query::new(
        "SELECT n.playbook_id, n.version, n.step, n.what, n.number FROM {r}
         JOIN playbook_count n ON n.workspace_id = $1 AND n.playbook_id = r.playbook_id
           AND n.version = r.version",
    )
    .bind(workspace)
    .rows(
        "r",
        Rows::new()
            .ids("playbook_id", versions.iter().map(|(id, _)| *id))
            .ints("version", versions.iter().map(|(_, version)| *version)),
    )
    .all(ctx.reader())
    .await?;
    let mut tallies: HashMap<_, Tallies> = HashMap::new();
    for row in rows {
        let found = tallies.entry((row.playbook_id, row.version)).or_default();
        if row.step == WHOLE {
            found.whole.add(&row.what, row.number);
        } else {
            let step = found.steps.entry(row.step).or_default();
            step.add(&row.what, row.number);
        }
    }
    Ok(tallies)
}

/// The tallies of playbooks over all of their versions; for loaders. One statement.
pub async fn load_overall(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[PlaybookId],
) -> Result<HashMap<PlaybookId, Overall>> {
    // `version` is the newest that counts.
    let rows: Vec<Row> = Query::new(
        "SELECT n.playbook_id, MAX(n.version) AS version, n.step, n.what,
                CAST(SUM(n.number) AS bigint) AS number
         FROM {r} JOIN playbook_count n ON n.workspace_id = $1 AND n.playbook_id = r.playbook_id
         GROUP BY n.playbook_id, n.step, n.what",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("playbook_id", ids.iter().copied()))
    .all(ctx.reader())
    .await?;
    let mut found: HashMap<PlaybookId, Overall> = HashMap::new();
    for row in rows {
        let overall = found.entry(row.playbook_id).or_default();
        if row.step == WHOLE {
            overall.whole.add(&row.what, row.number);
        } else {
            let step = overall.steps.entry(row.step).or_default();
            step.newest = step.newest.max(row.version);
            step.tally.add(&row.what, row.number);
        }
    }
    for overall in found.values_mut() {
        let moved = std::mem::take(&mut overall.whole.moved);
        overall.whole.enrolled -= moved;
    }
    Ok(found)
}
