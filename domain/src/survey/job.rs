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
    access::Origin,
    contact::subscription::EVERYTHING,
    ctx::Ctx,
    error::Result,
    rule::hours::{self, Hours},
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
    pub(super) made_by: serde_json::Value,
}

impl Row {
    fn key(&self) -> (WorkspaceId, Uuid) {
        (self.workspace_id, self.id.0)
    }

    /// The rule or the playbook that has the contact asked, if one does.
    fn by(&self) -> Option<Uuid> {
        let origin: Origin = serde_json::from_value(self.made_by.clone()).ok()?;
        let rule = origin.rule().map(|id| id.0);
        rule.or(origin.playbook().map(|id| id.0))
    }
}

/// An invitation to be sent.
pub(super) struct Job {
    pub(super) item: Claimed,
    pub(super) row: Row,
    /// Whether another invitation asks the same person in the same wave.
    pub(super) is_double: bool,
    /// The hours its mail keeps to, if there are any.
    pub(super) hours: Option<Hours>,
}

impl Job {
    /// `wait` from `now` on, and longer if hours hold the mail then.
    pub(super) fn within_hours(&self, now: DateTime<Utc>, wait: TimeDelta) -> TimeDelta {
        match &self.hours {
            Some(hours) => hours.earliest(now + wait) - now,
            None => wait,
        }
    }

    /// How long hours hold its mail from `now` on, if they do and it is still to be sent.
    fn held(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let wait = self.within_hours(now, TimeDelta::zero());
        let is_open = self.row.sent_at.is_none() && self.row.failed_at.is_none();
        (is_open && wait > TimeDelta::zero()).then_some(wait)
    }
}

/// What is to be sent for the items claimed. An item whose invitation is gone has come to its end; what the
/// hours of its rule or playbook hold is put back until they let it go.
pub(super) async fn jobs(ctx: &Ctx, claimed: &[Claimed]) -> Result<Vec<Job>> {
    let jobs = claimed_jobs(ctx, claimed).await?;
    let now = ctx.clock.now();
    let mut held = Vec::new();
    let mut rest = Vec::with_capacity(jobs.len());
    for job in jobs {
        match job.held(now) {
            Some(wait) => held.push((job, wait)),
            None => rest.push(job),
        }
    }
    put_off(ctx, held).await?;
    Ok(rest)
}

/// Puts items back, each for its time, and says so in their invitations.
async fn put_off(ctx: &Ctx, held: Vec<(Job, TimeDelta)>) -> Result<()> {
    if held.is_empty() {
        return Ok(());
    }
    let now = ctx.clock.now();
    Query::new(
        "UPDATE survey_invitation SET next_attempt_at = r.at
         FROM {r} WHERE survey_invitation.workspace_id = r.workspace_id
           AND survey_invitation.id = r.id AND survey_invitation.sent_at IS NULL
           AND survey_invitation.failed_at IS NULL",
    )
    .rows(
        "r",
        Rows::new()
            .ids(
                "workspace_id",
                held.iter().map(|(job, _)| job.row.workspace_id),
            )
            .ids("id", held.iter().map(|(job, _)| job.row.id))
            .times("at", held.iter().map(|(_, wait)| now + *wait)),
    )
    .execute(ctx.db.writer())
    .await?;
    let items: Vec<_> = held
        .into_iter()
        .map(|(job, wait)| (job.item, wait))
        .collect();
    due::postpone(ctx, &items).await?;
    Ok(())
}

async fn claimed_jobs(ctx: &Ctx, claimed: &[Claimed]) -> Result<Vec<Job>> {
    let rows = Rows::new()
        .ids("workspace_id", claimed.iter().map(|item| item.workspace_id))
        .uuids("id", claimed.iter().map(|item| item.subject_id));
    let found: Vec<Row> = Query::new(
        "SELECT i.workspace_id, i.id, i.survey_id, i.contact_id, i.locale, i.sealed_token,
                i.created_at, i.expires_at, i.sent_at, i.failed_at, c.email, s.kind, s.texts,
                s.wave_days, w.name AS workspace_name, i.made_by,
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
    let asked: Vec<_> = found
        .iter()
        .filter_map(|row| Some((row.key(), row.workspace_id, row.by()?)))
        .collect();
    let mut hours = hours::load(ctx.db.writer(), &asked).await?;
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
                hours: hours.remove(&key),
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
