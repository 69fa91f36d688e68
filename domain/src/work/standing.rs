//! How the work stands, for whoever measures or looks: what lags behind, what is overdue and what was
//! set aside. Read from the database, so that it is told also when no worker lives.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::kind::DueKind;
use sea_orm::{DbErr, FromQueryResult, Iterable as _};

use super::{
    projection::{self, Behind},
    quarantine::{self, MAX_COUNTED},
};
use crate::{
    ctx::Ctx,
    store::{Query, Rows, dialect},
};

/// What enrolments in playbooks are called beside the kinds of due items.
const ENROLMENT: &str = "ENROLMENT";

/// How the work of all workspaces stands.
#[derive(Debug)]
pub struct Standing {
    /// The projections that have something to read, the one that waits longest first.
    pub behind: Vec<Behind>,
    /// Each kind of item with a time, and what of it is overdue.
    pub overdue: Vec<Overdue>,
    /// How much of each kind of work was set aside; kinds without any are left out.
    pub set_aside: Vec<(String, i64)>,
}

/// What of one kind has a time that has passed, and is not done.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Overdue {
    /// The kind: a word of [`DueKind`], or `ENROLMENT`.
    pub work: String,
    /// How much there is; counted no further than [`MAX_COUNTED`].
    pub items: i64,
    /// Since when the oldest could have been done.
    pub since: Option<DateTime<Utc>>,
}

/// Looks how the work stands.
pub async fn look(ctx: &Ctx) -> Result<Standing, DbErr> {
    Ok(Standing {
        behind: projection::lags(ctx, crate::projections()).await?,
        overdue: overdue(ctx).await?,
        set_aside: quarantine::counts(ctx).await?,
    })
}

/// Every kind of item with a time, also those with nothing overdue.
pub async fn overdue(ctx: &Ctx) -> Result<Vec<Overdue>, DbErr> {
    let mut found: BTreeMap<String, Overdue> = BTreeMap::new();
    for one in [
        waiting(ctx).await?,
        abandoned(ctx).await?,
        enrolments(ctx).await?,
    ]
    .concat()
    {
        match found.get_mut(&one.work) {
            Some(sum) => {
                sum.items += one.items;
                sum.since = [sum.since, one.since].into_iter().flatten().min();
            }
            None => {
                found.insert(one.work.clone(), one);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Due items that nobody has claimed yet. One look at an index for each kind, however many wait.
async fn waiting(ctx: &Ctx) -> Result<Vec<Overdue>, DbErr> {
    let now = dialect::now(ctx.db.backend());
    let whose = format!("d.kind = r.kind AND d.state = 'WAITING' AND d.due_at <= {now}");
    Query::new(format!(
        "SELECT r.kind AS work,
                (SELECT COUNT(*) FROM (SELECT 1 FROM due_item d WHERE {whose}
                                       LIMIT {MAX_COUNTED}) AS some_items) AS items,
                (SELECT MIN(d.due_at) FROM due_item d WHERE {whose}) AS since
         FROM {{r}}"
    ))
    .rows(
        "r",
        Rows::new().texts("kind", DueKind::iter().map(DueKind::word)),
    )
    .all(ctx.reader())
    .await
}

/// Due items whose worker died and that nobody has taken up.
async fn abandoned(ctx: &Ctx) -> Result<Vec<Overdue>, DbErr> {
    let now = dialect::now(ctx.db.backend());
    Query::new(format!(
        "SELECT d.kind AS work, COUNT(*) AS items, MIN(d.lease_until) AS since FROM due_item d
         WHERE d.state = 'RUNNING' AND d.lease_until < {now} GROUP BY d.kind"
    ))
    .all(ctx.reader())
    .await
}

/// Enrolments in playbooks at work whose next step is due.
async fn enrolments(ctx: &Ctx) -> Result<Vec<Overdue>, DbErr> {
    let due = "e.workspace_id = p.workspace_id AND e.playbook_id = p.id
               AND e.state = 'WAITING' AND e.due_at IS NOT NULL AND e.due_at <= $1";
    let mut each: Vec<Overdue> = Query::new(format!(
        "SELECT '{ENROLMENT}' AS work,
                (SELECT COUNT(*) FROM (SELECT 1 FROM enrolment e WHERE {due}
                                       LIMIT {MAX_COUNTED}) AS some_items) AS items,
                (SELECT MIN(e.due_at) FROM enrolment e WHERE {due}) AS since
         FROM playbook p WHERE p.state = 'ACTIVE'"
    ))
    .bind(ctx.clock.now())
    .all(ctx.reader())
    .await?;
    each.push(Overdue {
        work: ENROLMENT.to_owned(),
        items: 0,
        since: None,
    });
    Ok(each)
}
