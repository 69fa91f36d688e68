//! Reads how engaged contacts, companies and the workspace are.

use chrono::NaiveDate;
use entity::id::{AccountId, ContactId, WorkspaceId};
use sea_orm::QueryResult;

use super::{ActiveDays, FULL_DAYS, Group, columns, keep::active_days};
use crate::{
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    store::{Query, Rows},
};

/// Days one series may have.
pub const MAX_DAYS: i64 = 1_100;

/// The active days of those of `ids` who have any; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<(ContactId, ActiveDays)>> {
    let columns = columns().join(", t.");
    let rows = Query::new(format!(
        "SELECT t.contact_id, t.{columns} FROM {{r}}
         JOIN engagement t ON t.workspace_id = $1 AND t.contact_id = r.id"
    ))
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .raw(ctx.reader())
    .await?;
    let rows = rows.iter();
    rows.map(|row| Ok((row.try_get_by_index(0)?, active_days(row, 1)?)))
        .collect()
}

/// The people of the accounts among `ids`, taken together; for loaders. Accounts without people are
/// left out.
pub async fn load_accounts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<(AccountId, Group)>> {
    let sums: Vec<String> = columns()
        .iter()
        .map(|column| {
            format!(
                "CAST(SUM(CASE WHEN e.{column} > {FULL_DAYS} THEN {FULL_DAYS}
                               WHEN e.{column} > 0 THEN e.{column} ELSE 0 END) AS bigint)"
            )
        })
        .collect();
    let rows = Query::new(format!(
        "SELECT c.account_id, COUNT(*), COUNT(e.contact_id), {} FROM {{r}}
         JOIN contact c ON c.workspace_id = $1 AND c.account_id = r.id
          AND c.account_id IS NOT NULL AND c.merged_into_id IS NULL
         LEFT JOIN engagement e ON e.workspace_id = $1 AND e.contact_id = c.id
         GROUP BY c.account_id",
        sums.join(", ")
    ))
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .raw(ctx.reader())
    .await?;
    let rows = rows.iter();
    rows.map(|row| Ok((row.try_get_by_index(0)?, group(row, 1)?)))
        .collect()
}

fn group(row: &QueryResult, first: usize) -> Result<Group> {
    Ok(Group {
        people: row.try_get_by_index(first)?,
        engaged: row.try_get_by_index(first + 1)?,
        days: active_days(row, first + 2)?,
    })
}

/// How everybody of the workspace stood in the nights of the days from `from` to `to`, both included, in
/// order; days without a night are left out.
pub async fn days(
    ctx: &Ctx,
    workspace: WorkspaceId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<Vec<(NaiveDate, Group)>> {
    if !(0..MAX_DAYS).contains(&(to - from).num_days()) {
        let message = format!("Choose a first day before the last, at most {MAX_DAYS} days.");
        return Err(Error::refused(&["from"], UserErrorCode::Invalid, message));
    }
    let columns = columns().join(", t.");
    let rows = Query::new(format!(
        "SELECT t.day, t.people, t.engaged, t.{columns} FROM engagement_day t
         WHERE t.workspace_id = $1 AND t.day BETWEEN $2 AND $3 ORDER BY t.day"
    ))
    .bind(workspace)
    .bind(from)
    .bind(to)
    .raw(ctx.reader())
    .await?;
    let rows = rows.iter();
    rows.map(|row| Ok((row.try_get_by_index(0)?, group(row, 1)?)))
        .collect()
}
