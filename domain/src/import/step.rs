//! The operation: first the lines are counted, then they are taken in, a batch in each step.

use std::collections::HashMap;

use async_trait::async_trait;
use entity::{
    id::AttributeId,
    kind::{ImportOutcome, OperationKind, SheetEncoding, SubjectKind},
    operation, workspace as workspace_row,
};
use sea_orm::EntityTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    MAX_NOTED, Request, account,
    ahead::{self, Terms},
    contact,
    file::{self, Place},
    line::{self, ImportLine},
    shared::Job,
};
use crate::{
    contact::home,
    ctx::Ctx,
    error::{Error, Result},
    operation::{Kind, Step},
    store::{Query, Tx},
    workspace,
};

/// Pieces of the file counted in one step.
const COUNTED: usize = 16;

/// Takes in contacts.
#[derive(Debug, Clone, Copy)]
pub struct ImportContacts;

/// Takes in accounts.
#[derive(Debug, Clone, Copy)]
pub struct ImportAccounts;

#[async_trait]
impl Kind for ImportContacts {
    fn kind(&self) -> OperationKind {
        OperationKind::ImportContacts
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        step(ctx, tx, operation, SubjectKind::Contact).await
    }
}

#[async_trait]
impl Kind for ImportAccounts {
    fn kind(&self) -> OperationKind {
        OperationKind::ImportAccounts
    }

    async fn step(&self, ctx: &Ctx, tx: &mut Tx<'_>, operation: &operation::Model) -> Result<Step> {
        step(ctx, tx, operation, SubjectKind::Account).await
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// How far the file is counted.
    counted: Place,
    /// How far it is taken in.
    place: Place,
    counts: Counts,
    /// Wrong lines whose reasons are kept.
    noted: i64,
    /// As what the file is read, for whoever looks when it is done.
    encoding: Option<SheetEncoding>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts {
    created: i64,
    updated: i64,
    skipped: i64,
    errors: i64,
    accounts_created: i64,
    campaigns_created: i64,
    tags_created: i64,
}

async fn step(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    operation: &operation::Model,
    subject: SubjectKind,
) -> Result<Step> {
    let request: Request = serde_json::from_value(operation.request.clone())?;
    let mut progress: Progress = serde_json::from_value(operation.progress.clone())?;
    progress.encoding = Some(request.encoding);
    let upload = file::upload(tx, request.upload).await?;
    if operation.total.is_none() {
        return count(tx, &request, &upload, progress).await;
    }
    let attributes = attributes(tx, subject, &request).await?;
    let home_row = workspace_row::Entity::find_by_id(tx.workspace)
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::Internal("an operation without a workspace".to_owned()))?;
    let terms = Terms {
        operation: operation.id,
        subject,
        request: request.clone(),
        place: progress.place,
        home: home(tx).await?,
        zone: workspace::time_zone(&home_row),
        attributes,
    };
    let batch = ahead::read(&ctx.db, tx.connection(), &upload, terms).await?;
    let job = Job {
        operation: operation.id,
        request: &request,
        dry_run: operation.dry_run,
        tags_made: usize::try_from(progress.counts.tags_created).unwrap_or_default(),
    };
    let taken = match subject {
        SubjectKind::Account => account::take_in(ctx, tx, job, batch.lines).await?,
        _ => contact::take_in(ctx, tx, job, batch.lines).await?,
    };
    let counts = &mut progress.counts;
    counts.accounts_created += taken.made.accounts;
    counts.campaigns_created += taken.made.campaigns;
    counts.tags_created += taken.made.tags;
    let mut failed = 0;
    let mut noted: Vec<ImportLine> = Vec::new();
    let done = taken.lines.len() as i64;
    for one in taken.lines {
        match one.outcome {
            ImportOutcome::Create => counts.created += 1,
            ImportOutcome::Update => counts.updated += 1,
            ImportOutcome::Skip => counts.skipped += 1,
            ImportOutcome::Error => {
                counts.errors += 1;
                failed += 1;
            }
        }
        let is_kept = one.outcome == ImportOutcome::Error && progress.noted < MAX_NOTED;
        if operation.dry_run || is_kept {
            progress.noted += i64::from(one.outcome == ImportOutcome::Error);
            noted.push(one);
        }
    }
    line::note(tx, operation.id, &noted).await?;
    progress.place = batch.place;
    Ok(Step {
        progress: json!(progress),
        total: None,
        done,
        failed,
        is_last: batch.is_last,
    })
}

/// Counts the lines, some pieces of the file in each step.
async fn count(
    tx: &Tx<'_>,
    request: &Request,
    upload: &entity::upload::Model,
    mut progress: Progress,
) -> Result<Step> {
    let mut total = None;
    for _ in 0..COUNTED {
        let window = file::window(tx.connection(), upload, progress.counted).await?;
        let piece = window.split(request.cut(), progress.counted, usize::MAX);
        progress.counted = piece.place;
        if piece.is_last {
            total = Some(progress.counted.record);
            break;
        }
    }
    Ok(Step {
        progress: json!(progress),
        total,
        done: 0,
        failed: 0,
        is_last: false,
    })
}

async fn attributes(
    tx: &Tx<'_>,
    subject: SubjectKind,
    request: &Request,
) -> Result<HashMap<AttributeId, entity::attribute_definition::Model>> {
    if request.columns.iter().all(|one| one.attribute.is_none()) {
        return Ok(HashMap::new());
    }
    let rows: Vec<entity::attribute_definition::Model> = Query::new(
        "SELECT d.* FROM attribute_definition d
         WHERE d.workspace_id = $1 AND d.subject = $2 AND d.archived_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(subject.word())
    .all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
