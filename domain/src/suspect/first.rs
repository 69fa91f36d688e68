//! The first look at what was there before there was anything to compare by (`duplicate_look`): by id, in steps
//! that store how far they came. Of a workspace where it is over nothing is read but that it is.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::TimeDelta;
use entity::kind::SubjectKind;
use sea_orm::FromQueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{book, find::look};
use crate::{
    ctx::Ctx,
    error::Result,
    merge::Things,
    store::{Query, Tx, ids_after},
    work::schedule::Schedule,
};

/// Things looked at in one transaction.
const STEP: i64 = 2_000;

/// Ticks at twenty to four in the night, by the clock of the workspace.
#[derive(Debug)]
pub struct FirstLook;

#[derive(FromQueryResult)]
struct Left {
    subject: SubjectKind,
    last_id: Option<Uuid>,
}

#[async_trait]
impl Schedule for FirstLook {
    fn name(&self) -> &'static str {
        "duplicates.first"
    }

    fn cron(&self) -> &'static str {
        "0 40 3 * * *"
    }

    /// Three days, because the night the clocks go forward may have no such time.
    fn lookback(&self) -> TimeDelta {
        TimeDelta::days(3)
    }

    async fn step(&self, _ctx: &Ctx, tx: &mut Tx<'_>, _progress: Value) -> Result<Option<Value>> {
        let left: Option<Left> = Query::new(
            "SELECT l.subject, l.last_id FROM duplicate_look l WHERE l.workspace_id = $1
             ORDER BY l.subject LIMIT 1",
        )
        .bind(tx.workspace)
        .one(tx.connection())
        .await?;
        let Some(left) = left else {
            return Ok(None);
        };
        let things = match left.subject {
            SubjectKind::Account => Things::Accounts,
            _ => Things::Contacts,
        };
        let after = left.last_id.unwrap_or_default();
        let ids: Vec<Uuid> = ids_after(tx, book(things).things, after, STEP).await?;
        let last = ids.last().copied().filter(|_| ids.len() as i64 == STEP);
        look(tx, things, &ids.into_iter().collect::<BTreeSet<Uuid>>()).await?;
        keep(tx, left.subject, last).await?;
        Ok(Some(json!({ "subject": left.subject, "last": last })))
    }
}

/// Notes how far the look came, or that it is over.
async fn keep(tx: &Tx<'_>, subject: SubjectKind, last: Option<Uuid>) -> Result<()> {
    let note = match last {
        Some(last) => Query::new(
            "UPDATE duplicate_look SET last_id = $3 WHERE workspace_id = $1 AND subject = $2",
        )
        .bind(tx.workspace)
        .bind(subject.word())
        .bind(last),
        None => Query::new("DELETE FROM duplicate_look WHERE workspace_id = $1 AND subject = $2")
            .bind(tx.workspace)
            .bind(subject.word()),
    };
    note.execute(tx.connection()).await?;
    Ok(())
}
