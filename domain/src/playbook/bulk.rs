//! Enrolling everybody a filter finds, and ending everybody's enrolment, as operations.

use async_trait::async_trait;
use entity::{
    enrolment,
    id::{ContactId, EnrolmentId, PlaybookId},
    kind::{EnrolmentSource, OperationKind},
    operation,
};
use sea_orm::ConnectionTrait as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    ending::ARCHIVED,
    enrol::{Ended, Entrant, NotEnrolled, end, enrol, known, open},
};
use crate::{
    access::{Actor, Scope},
    contact::ContactFilter,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    operation::{Kind, NewOperation, Step, start},
    store::{Query, Tx, dialect},
    tag::tagging::Which,
};

/// Contacts looked at in one step.
const BATCH: i64 = 2_000;

/// Whom to enrol where. Stored as JSON with the operation: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Request {
    playbook_id: PlaybookId,
    filter: ContactFilter,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The last contact looked at.
    after: Option<Uuid>,
    counts: Counts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Counts {
    enrolled: i64,
    already: i64,
    not_again: i64,
}

/// Asks for enrolling everybody a filter finds: checked now, done by workers. Who is there is judged
/// when the operation comes to them.
pub async fn enrol_by_filter(
    ctx: &Ctx,
    actor: &Actor,
    id: PlaybookId,
    filter: ContactFilter,
) -> Result<operation::Model> {
    actor.require(Scope::Write)?;
    let mut tx = ctx.begin(actor.workspace).await?;
    known(&tx, id).await?;
    if open(&tx, id, &["playbookId"]).await?.is_none() {
        return Err(closed());
    }
    let which = Which::Contact(filter.clone());
    which.check_text(&["contacts", "filter"])?;
    which.check(&tx, &["contacts", "filter"]).await?;
    let request = Request {
        playbook_id: id,
        filter,
    };
    let new = NewOperation {
        kind: OperationKind::EnrolByFilter,
        request: serde_json::to_value(&request)?,
        total: None,
        dry_run: false,
        origin: actor.origin(),
    };
    let asked = start(ctx, &mut tx, new).await?;
    tx.commit().await?;
    Ok(asked)
}

fn closed() -> Error {
    let message = "This playbook is paused, archived, or has no published version.";
    Error::refused(&["playbookId"], UserErrorCode::Invalid, message)
}

/// Enrols everybody a filter finds.
#[derive(Debug, Clone, Copy)]
pub struct EnrolByFilter;

#[async_trait]
impl Kind for EnrolByFilter {
    fn kind(&self) -> OperationKind {
        OperationKind::EnrolByFilter
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &operation::Model,
    ) -> Result<Step> {
        let request: Request = serde_json::from_value(operation.request.clone())?;
        let mut progress: Progress = serde_json::from_value(operation.progress.clone())?;
        let which = Which::Contact(request.filter);
        let total = match operation.total {
            Some(_) => None,
            None => Some(which.count(tx).await?),
        };
        let part = which.next(tx, progress.after, BATCH).await?;
        let book = open(tx, request.playbook_id, &["playbookId"]).await?;
        let book = book.ok_or_else(closed)?;
        let by = serde_json::from_value(operation.created_by.clone())?;
        let entrants: Vec<Entrant> = part
            .ids
            .iter()
            .map(|&contact| Entrant {
                contact: ContactId(contact),
                source: EnrolmentSource::Hand,
                by,
                depth: 0,
                root: None,
            })
            .collect();
        let enrolled = enrol(tx, &book, &entrants).await?;
        let not = |why: NotEnrolled| {
            let those = enrolled.not.values().filter(|found| **found == why);
            those.count() as i64
        };
        progress.counts.enrolled += enrolled.made.len() as i64;
        progress.counts.already += not(NotEnrolled::Already);
        progress.counts.not_again += not(NotEnrolled::NotAgain);
        progress.after = part.last.or(progress.after);
        Ok(Step {
            total,
            ..part.step(&progress, BATCH)
        })
    }
}

#[derive(Debug, Deserialize)]
struct EndRequest {
    playbook_id: PlaybookId,
}

/// Ends every enrolment under way in a playbook that was archived.
#[derive(Debug, Clone, Copy)]
pub struct EndEnrolments;

#[async_trait]
impl Kind for EndEnrolments {
    fn kind(&self) -> OperationKind {
        OperationKind::EndEnrolments
    }

    async fn step(
        &self,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &operation::Model,
    ) -> Result<Step> {
        let request: EndRequest = serde_json::from_value(operation.request.clone())?;
        let total = match operation.total {
            Some(_) => None,
            None => Some(active(tx, request.playbook_id).await?),
        };
        let lock = dialect::row_lock(tx.connection().get_database_backend());
        let after = operation.progress["after"].as_str();
        let after = after.and_then(|text| text.parse::<EnrolmentId>().ok());
        let rows: Vec<enrolment::Model> = Query::new(format!(
            "SELECT e.* FROM enrolment e WHERE e.workspace_id = $1 AND e.playbook_id = $2
               AND e.id > $3 AND e.ended_at IS NULL ORDER BY e.id LIMIT {BATCH} {lock}"
        ))
        .bind(tx.workspace)
        .bind(request.playbook_id)
        .bind(after.map_or(Uuid::nil(), |id| id.0))
        .all(tx.connection())
        .await?;
        let ended = Ended {
            by: serde_json::from_value(operation.created_by.clone())?,
            depth: 0,
            root: None,
            why: ARCHIVED,
        };
        end(tx, &rows, ended).await?;
        let done = rows.len() as i64;
        Ok(Step {
            progress: json!({ "after": rows.last().map(|row| row.id).or(after) }),
            total,
            done,
            failed: 0,
            is_last: done < BATCH,
        })
    }
}

async fn active(tx: &Tx<'_>, id: PlaybookId) -> Result<i64> {
    let count: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM enrolment
         WHERE workspace_id = $1 AND playbook_id = $2 AND ended_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(id)
    .scalar(tx.connection())
    .await?;
    Ok(count.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_requests_keep_decoding() {
        let stored = json!({
            "playbook_id": "playbook_01900000000070008000000000000001",
            "filter": { "tags": { "any": ["tag_01900000000070008000000000000001"] } },
        });
        let request: Request = serde_json::from_value(stored.clone()).unwrap();
        let again: Request = serde_json::from_value(json!(request)).unwrap();
        assert_eq!(again, request);
        serde_json::from_value::<EndRequest>(stored).unwrap();
    }
}
