//! What a condition would find, before or without saving it.
//!
//! Where there are many contacts, an evenly spread part of them is evaluated and the number
//! extrapolated; the answer says so.

use entity::{id::WorkspaceId, kind::SegmentSubject};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use super::{
    evaluate::{self, Words, words},
    write::checked,
};
use crate::{
    access::{Actor, Scope},
    condition::Condition,
    ctx::Ctx,
    error::{Error, Result},
    store::Query,
};

/// Contacts or accounts that are evaluated at most.
pub const MAX_EVALUATED: i64 = 20_000;
/// Those that are shown.
pub const SAMPLE: usize = 20;

/// What a condition finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// For how many it holds: exactly, or by extrapolation.
    pub count: i64,
    /// Whether all were evaluated.
    pub is_exact: bool,
    /// How many were evaluated.
    pub evaluated: i64,
    /// How many there are in all.
    pub population: i64,
    /// Some of those for whom it holds, the ones who came to be known last first.
    pub sample: Vec<Uuid>,
}

/// Evaluates `condition` for everybody, or for an even part of everybody. A few statements, however
/// many there are.
pub async fn preview(
    ctx: &Ctx,
    actor: &Actor,
    subject: SegmentSubject,
    condition: &Condition,
) -> Result<Preview> {
    actor.require(Scope::Read)?;
    let found = checked(ctx.reader(), actor.workspace, subject, condition).await?;
    if !found.is_empty() {
        return Err(Error::Refused(found));
    }
    let population = population(ctx.reader(), actor.workspace, subject).await?;
    let stride = stride(population);
    let is_exact = stride == 1;
    let matches = matching(ctx, actor.workspace, subject, condition, stride).await?;
    let found = matches.len() as i64;
    Ok(Preview {
        count: if is_exact { found } else { found * stride },
        is_exact,
        evaluated: if is_exact {
            population
        } else {
            population / stride
        },
        population,
        sample: matches.into_iter().take(SAMPLE).collect(),
    })
}

/// Every so many-th of so many is looked at; every one if that is 1.
pub(crate) fn stride(population: i64) -> i64 {
    ((population + MAX_EVALUATED - 1) / MAX_EVALUATED).max(1)
}

/// How many there are that can be in a live segment.
pub(crate) async fn population(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    subject: SegmentSubject,
) -> Result<i64> {
    let Words { table, here, .. } = words(subject);
    let count: Option<i64> = Query::new(format!(
        "SELECT COUNT(*) FROM {table} c WHERE c.workspace_id = $1 AND {here}"
    ))
    .bind(workspace)
    .scalar(connection)
    .await?;
    Ok(count.unwrap_or_default())
}

/// Those among every `stride`-th for whom the condition holds.
async fn matching(
    ctx: &Ctx,
    workspace: WorkspaceId,
    subject: SegmentSubject,
    condition: &Condition,
    stride: i64,
) -> Result<Vec<Uuid>> {
    let Words { table, here, .. } = words(subject);
    let moment = evaluate::moment(ctx.reader(), workspace, ctx.clock.now()).await?;
    let mut query = Query::new("").bind(workspace);
    let holds = evaluate::predicate(&mut query, condition, subject, ctx.db.backend(), &moment);
    if stride <= 1 {
        query.push(&format!(
            "SELECT c.id FROM {table} c WHERE c.workspace_id = $1 AND {here} AND {holds}
             ORDER BY c.id DESC"
        ));
    } else {
        query.push(&format!(
            "SELECT c.id FROM (
                 SELECT p.id FROM (
                     SELECT c.id, ROW_NUMBER() OVER (ORDER BY c.id DESC) AS place FROM {table} c
                     WHERE c.workspace_id = $1 AND {here}) AS p
                 WHERE p.place % {stride} = 0) AS part
             JOIN {table} c ON c.workspace_id = $1 AND c.id = part.id
             WHERE {holds} ORDER BY c.id DESC"
        ));
    }
    Ok(query.column(ctx.reader()).await?)
}
