//! The steps of a run, whether the clock or somebody asks for it.

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::{
    id::{TagId, TagQualityRunId, WorkspaceId},
    kind::{OperationKind, TagQualityCause, TagTarget},
    operation, tag_quality_run,
};
use sea_orm::EntityTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Finding, Plan, Sample, Scope, check::CHECKS, plan::plan, read, write};
use crate::{
    access::{Actor, Scope as Right},
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{Kind, NewOperation, Step},
    store::{Query, Tx},
    tag::catalogue,
    work::schedule::Schedule,
};

/// Days without a tagging after which a tag counts as unused, when nobody says otherwise.
const UNUSED_DAYS: i64 = 90;

/// How far a run got.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    run: TagQualityRunId,
    /// Days without a tagging after which a tag counts as unused.
    unused_days: i64,
    sample: Sample,
    stage: Stage,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Stage {
    /// Draw the things of this kind after this one into the sample.
    Draw { target: TagTarget, after: Uuid },
    /// Ask this check.
    Ask { check: usize },
    /// Make the plan, and keep it all.
    Plan,
}

impl Progress {
    async fn begin(tx: &Tx<'_>, run: TagQualityRunId, unused_days: i64) -> Result<Self> {
        Ok(Self {
            run,
            unused_days,
            sample: Sample::plan(tx).await?,
            stage: Stage::Draw {
                target: TagTarget::Contact,
                after: Uuid::nil(),
            },
        })
    }

    /// Does what is next; says whether there is more.
    async fn step(&mut self, ctx: &Ctx, tx: &mut Tx<'_>) -> Result<bool> {
        self.stage = match self.stage {
            Stage::Draw { target, after } => {
                let last = self.sample.draw(tx, self.run, target, after).await?;
                match (last, target) {
                    (Some(after), target) => Stage::Draw { target, after },
                    (None, TagTarget::Contact) => Stage::Draw {
                        target: TagTarget::Account,
                        after: Uuid::nil(),
                    },
                    (None, TagTarget::Account) => Stage::Draw {
                        target: TagTarget::Conversation,
                        after: Uuid::nil(),
                    },
                    (None, TagTarget::Conversation) => Stage::Ask { check: 0 },
                }
            }
            Stage::Ask { check } => {
                let mut findings = self.ask(ctx, tx, check).await?;
                write::keep(tx, self.run, &mut findings).await?;
                match check + 1 {
                    next if next < CHECKS.len() => Stage::Ask { check: next },
                    _ => Stage::Plan,
                }
            }
            Stage::Plan => {
                let made = self.plan(ctx, tx).await?;
                write::finish(tx, self.run, &self.sample, &made).await?;
                return Ok(false);
            }
        };
        Ok(true)
    }

    async fn ask(&self, ctx: &Ctx, tx: &Tx<'_>, check: usize) -> Result<Vec<Finding>> {
        let (forest, counts) = catalogue::counted(ctx, tx.workspace).await?;
        let scope = self.scope(tx, &forest, &counts);
        match CHECKS.get(check) {
            Some(check) => check.find(&scope).await,
            None => Ok(Vec::new()),
        }
    }

    async fn plan(&self, ctx: &Ctx, tx: &Tx<'_>) -> Result<Plan> {
        let (forest, counts) = catalogue::counted(ctx, tx.workspace).await?;
        let found = read::for_plan(tx, self.run).await?;
        Ok(plan(&self.scope(tx, &forest, &counts), &found))
    }

    fn scope<'a>(
        &'a self,
        tx: &'a Tx<'a>,
        forest: &'a catalogue::Forest,
        counts: &'a catalogue::Counts,
    ) -> Scope<'a> {
        Scope {
            tx,
            run: self.run,
            as_of: tx.now,
            unused_days: self.unused_days,
            forest,
            counts,
            sample: &self.sample,
        }
    }
}

/// Runs the audit every night, after the health scores, in workspaces that have tags.
#[derive(Debug)]
pub struct NightlyQuality;

#[async_trait]
impl Schedule for NightlyQuality {
    fn name(&self) -> &'static str {
        "tag.quality"
    }

    fn cron(&self) -> &'static str {
        "0 30 3 * * *"
    }

    /// Three days, because the night the clocks go forward may have no half past three.
    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, progress: Value) -> Result<Option<Value>> {
        let mut progress = if let Ok(progress) = serde_json::from_value(progress) {
            progress
        } else {
            if !has_tags(tx, tx.workspace).await? {
                return Ok(None);
            }
            let run = tx.id();
            write::begin(tx, run, TagQualityCause::Nightly).await?;
            Progress::begin(tx, run, UNUSED_DAYS).await?
        };
        let goes_on = progress.step(ctx, tx).await?;
        Ok(goes_on.then(|| json!(progress)))
    }
}

async fn has_tags(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<bool> {
    let one: Option<TagId> = Query::new(
        "SELECT t.id FROM tag t WHERE t.workspace_id = $1 AND t.deleted_at IS NULL LIMIT 1",
    )
    .bind(workspace)
    .scalar(tx.connection())
    .await?;
    Ok(one.is_some())
}

/// What is asked for, as stored.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    run: TagQualityRunId,
    unused_days: i64,
}

/// Runs the audit now, as an operation. A tag counts as unused when it was not put on anything for
/// `unused_days`; left out, 90.
pub async fn start(
    ctx: &Ctx,
    actor: &Actor,
    unused_days: Option<i64>,
) -> Result<(operation::Model, tag_quality_run::Model)> {
    actor.require(Right::Configure)?;
    let unused_days = unused_days.unwrap_or(UNUSED_DAYS);
    if !(7..=3_650).contains(&unused_days) {
        let message = "Give a number of days from 7 to 3650.";
        return Err(Error::refused(
            &["unusedDays"],
            UserErrorCode::Invalid,
            message,
        ));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    let run: TagQualityRunId = tx.id();
    write::begin(&tx, run, TagQualityCause::Asked).await?;
    let new = NewOperation {
        kind: OperationKind::TagQuality,
        request: json!(Request { run, unused_days }),
        total: Some(CHECKS.len() as i64),
        dry_run: false,
        origin: actor.origin(),
    };
    let operation = crate::operation::start(ctx, &mut tx, new).await?;
    let row = tag_quality_run::Entity::find_by_id((tx.workspace, run))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::Internal("a run that was just made is gone".to_owned()))?;
    tx.commit().await?;
    Ok((operation, row))
}

/// The audit that somebody asked for.
#[derive(Debug, Clone, Copy)]
pub struct TagQuality;

#[async_trait]
impl Kind for TagQuality {
    fn kind(&self) -> OperationKind {
        OperationKind::TagQuality
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        let request: Request = serde_json::from_value(operation.request.clone())?;
        let mut progress = match serde_json::from_value(operation.progress.clone()) {
            Ok(progress) => progress,
            Err(_) => Progress::begin(tx, request.run, request.unused_days).await?,
        };
        let asked = matches!(progress.stage, Stage::Ask { .. });
        let goes_on = progress.step(ctx, tx).await?;
        Ok(Step {
            progress: json!(progress),
            done: i64::from(asked),
            is_last: !goes_on,
            ..Step::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "run": "qualityrun_01900000000070008000000000000001", "unused_days": 90,
        });
        let request: Request = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(request), stored);
    }
}
