//! How the people of accounts are doing: what a list of accounts can be ordered by, put together from
//! contacts when it is asked for.
//!
//! Asking for a page of accounts in such an order reads the scores or the activity of the contacts of
//! all accounts, which costs about half a second for a million contacts; the other orders of accounts
//! are index reads. The account itself keeps nothing, so nothing has to follow when scores change.

use chrono::{DateTime, Utc};
use entity::id::{AccountId, WorkspaceId};
use sea_orm::FromQueryResult;

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
};

/// How the people of an account are doing.
#[derive(Debug, Clone, Copy, PartialEq, FromQueryResult)]
pub struct Standing {
    /// The account.
    pub standing_of: AccountId,
    /// The mean of the known health scores of its people, 0 to 100, to four decimals.
    pub score: Option<f64>,
    /// When any of them last did something.
    pub active_at: Option<DateTime<Utc>>,
}

/// The people's means and latest moments by account, as a table. The mean is cut to four decimals so
/// that a cursor says exactly what the list is ordered by.
pub(super) fn table(only: &str) -> String {
    format!(
        "(SELECT c.account_id AS standing_of,
                 CAST(ROUND(CAST(AVG(h.score) AS numeric), 4) AS double precision) AS score,
                 MAX(y.last_activity_at) AS active_at
          FROM contact c
          LEFT JOIN contact_health h ON h.workspace_id = c.workspace_id AND h.contact_id = c.id
          LEFT JOIN contact_activity y ON y.workspace_id = c.workspace_id AND y.contact_id = c.id
          WHERE c.workspace_id = $1 AND c.account_id IS NOT NULL AND c.merged_into_id IS NULL{only}
          GROUP BY c.account_id)"
    )
}

/// How the people of the accounts among `ids` are doing; for loaders. Accounts without people are not in
/// the answer.
pub async fn load_standing(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<Standing>> {
    let only = " AND c.account_id IN (SELECT r.id FROM {r})";
    Ok(Query::new(format!("SELECT s.* FROM {} AS s", table(only)))
        .bind(workspace)
        .rows("r", Rows::new().ids("id", ids.iter().copied()))
        .all(ctx.reader())
        .await?)
}
