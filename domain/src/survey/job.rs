//! What a mail of a survey is made of, read for all items claimed at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, SurveyId, SurveyInvitationId, WorkspaceId},
    kind::SurveyKind,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::invite::TOPIC;
use crate::{
    contact::subscription::EVERYTHING,
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
    work::due::{self, Claimed},
};

#[derive(FromQueryResult)]
pub(super) struct Row {
    pub(super) workspace_id: WorkspaceId,
    pub(super) id: SurveyInvitationId,
    pub(super) survey_id: SurveyId,
    pub(super) contact_id: ContactId,
    pub(super) locale: String,
    pub(super) sealed_token: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) failed_at: Option<DateTime<Utc>>,
    pub(super) email: Option<String>,
    pub(super) kind: SurveyKind,
    pub(super) texts: serde_json::Value,
    pub(super) wave_days: i64,
    pub(super) workspace_name: String,
    pub(super) said_no: bool,
}

impl Row {
    fn key(&self) -> (WorkspaceId, Uuid) {
        (self.workspace_id, self.id.0)
    }
}

/// An invitation to be sent.
pub(super) struct Job {
    pub(super) item: Claimed,
    pub(super) row: Row,
    /// Whether another invitation asks the same person in the same wave.
    pub(super) is_double: bool,
}

/// What is to be sent for the items claimed. An item whose invitation is gone has come to its end.
pub(super) async fn jobs(ctx: &Ctx, claimed: &[Claimed]) -> Result<Vec<Job>> {
    let rows = Rows::new()
        .ids("workspace_id", claimed.iter().map(|item| item.workspace_id))
        .uuids("id", claimed.iter().map(|item| item.subject_id));
    let found: Vec<Row> = Query::new(
        "SELECT i.workspace_id, i.id, i.survey_id, i.contact_id, i.locale, i.sealed_token,
                i.created_at, i.expires_at, i.sent_at, i.failed_at, c.email, s.kind, s.texts,
                s.wave_days, w.name AS workspace_name,
                EXISTS (SELECT 1 FROM subscription u WHERE u.workspace_id = i.workspace_id
                          AND u.contact_id = i.contact_id AND u.channel = 'EMAIL'
                          AND u.topic IN ($1, $2) AND u.state = 'UNSUBSCRIBED') AS said_no
         FROM {r} JOIN survey_invitation i ON i.workspace_id = r.workspace_id AND i.id = r.id
         JOIN survey s ON s.workspace_id = i.workspace_id AND s.id = i.survey_id
         JOIN contact c ON c.workspace_id = i.workspace_id AND c.id = i.contact_id
         JOIN workspace w ON w.id = i.workspace_id",
    )
    .bind(EVERYTHING)
    .bind(TOPIC)
    .rows("r", rows)
    .all(ctx.db.writer())
    .await?;
    let doubles = doubles(ctx, &found).await?;
    let mut found: BTreeMap<(WorkspaceId, Uuid), Row> =
        found.into_iter().map(|row| (row.key(), row)).collect();
    let (mut jobs, mut gone) = (Vec::new(), Vec::new());
    for item in claimed {
        let key = (item.workspace_id, item.subject_id);
        match found.remove(&key) {
            Some(row) => jobs.push(Job {
                item: item.clone(),
                row,
                is_double: doubles.contains(&key),
            }),
            None => gone.push(item.clone()),
        }
    }
    due::finish_all(ctx.db.writer(), &gone).await?;
    Ok(jobs)
}

#[derive(FromQueryResult)]
struct Other {
    workspace_id: WorkspaceId,
    id: Uuid,
    created_at: DateTime<Utc>,
}

/// Those whose contact is asked in the same wave by another invitation, which was sent or comes
/// first: they were asked as two contacts, who have been merged since.
async fn doubles(ctx: &Ctx, rows: &[Row]) -> Result<BTreeSet<(WorkspaceId, Uuid)>> {
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let asked = Rows::new()
        .ids("workspace_id", rows.iter().map(|row| row.workspace_id))
        .ids("id", rows.iter().map(|row| row.id))
        .ids("survey_id", rows.iter().map(|row| row.survey_id))
        .ids("contact_id", rows.iter().map(|row| row.contact_id));
    let others: Vec<Other> = Query::new(
        "SELECT r.workspace_id, r.id, o.created_at
         FROM {r} JOIN survey_invitation o ON o.workspace_id = r.workspace_id
           AND o.contact_id = r.contact_id AND o.survey_id = r.survey_id AND o.id <> r.id
         WHERE o.failed_at IS NULL AND (o.sent_at IS NOT NULL OR o.id < r.id)",
    )
    .rows("r", asked)
    .all(ctx.db.writer())
    .await?;
    let rows: BTreeMap<_, &Row> = rows.iter().map(|row| (row.key(), row)).collect();
    let others = others.into_iter().filter_map(|other| {
        let key = (other.workspace_id, other.id);
        let row = rows.get(&key)?;
        let apart = (row.created_at - other.created_at).abs();
        let is_near = TimeDelta::try_days(row.wave_days).is_none_or(|wave| apart < wave);
        is_near.then_some(key)
    });
    Ok(others.collect())
}
