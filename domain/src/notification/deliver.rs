//! The delivery worker's turn: claims what is due, calls the receivers, writes down what came of it.
//!
//! Nothing is called inside a transaction. What came of an attempt is written in one transaction, on
//! the condition that the claim is still the newest; a worker that dies in between has its item
//! claimed again, and the receiver may hear of the delivery twice, under the same id.
//!
//! A target is called once at a time and at most once a second ([`PACE_S`]): whoever calls it holds
//! it through `next_send_at`. Items that find their target held are put back, each a second later
//! than the one before, so that a queue for one target keeps no place from others.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AttemptId, ContactId, DeliveryId, MessageId, TargetId, WorkspaceId},
    kind::{DeliveryState, DueKind, TargetKind},
};
use futures::{StreamExt as _, stream::FuturesUnordered};
use sea_orm::FromQueryResult;

use super::{
    DisableReason, Verdict,
    delivery::{self, Payload},
    manage,
    retry::{Next, next_attempt},
    target::slack::{self, SlackNotice},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    locale::Locale,
    port::{Egress, EgressError, OutgoingRequest, OutgoingResponse},
    store::{Query, Rows, Tx, dialect},
    text,
    work::{
        change::{Change, Fact},
        due::{self, Claimed},
    },
};

/// Calls under way at once.
const CONCURRENCY: usize = 64;
/// The least time between two calls to one target, in seconds: Slack's own limit.
pub const PACE_S: i64 = 1;
/// How long a caller may hold a target, in seconds: longer than the longest attempt.
const HOLD_S: i64 = 20;
/// The longest a throttled target is left alone for the sake of other deliveries, in seconds.
const THROTTLE_S: i64 = 60;
/// How often more is claimed while calls are under way.
const POLL: Duration = Duration::from_millis(200);
/// Characters of the customer's words that a notice shows.
const EXCERPT_CHARS: usize = 500;
/// Characters of the receiver's answer that are kept.
const RESPONSE_CHARS: usize = 2_000;
/// Tries to write down what came of a call, before it is left to the lease.
const WRITE_TRIES: u32 = 5;

/// How much a turn takes on.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Items claimed at most.
    pub items: usize,
    /// For how long new ones are claimed at most; calls under way are always waited for.
    pub time: Duration,
    /// Whether to go on claiming; false during a shutdown.
    pub goes_on: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Limits<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits")
            .field("items", &self.items)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl Limits<'static> {
    /// At most `items`, however long it takes.
    pub fn items(items: usize) -> Self {
        Self {
            items,
            time: Duration::MAX,
            goes_on: &|| true,
        }
    }
}

/// What a turn did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Items claimed.
    pub claimed: usize,
    /// Calls whose deliveries the receiver confirmed.
    pub delivered: usize,
    /// Calls that failed, for now or for good.
    pub failed: usize,
    /// Items put back because their target was held.
    pub postponed: usize,
    /// Whether it stopped because of its limits.
    pub is_cut: bool,
    /// When there will be more to do in a workspace, as far as this turn knows.
    pub again: BTreeMap<WorkspaceId, TimeDelta>,
}

impl Turn {
    fn expect(&mut self, workspace: WorkspaceId, wait: TimeDelta) {
        let known = self.again.entry(workspace).or_insert(wait);
        *known = wait.min(*known);
    }
}

/// Claims items that are due, of one workspace or of all, and attempts their deliveries, until
/// nothing is due or the limits are reached.
pub async fn run_due(
    ctx: &Ctx,
    egress: &dyn Egress,
    workspace: Option<WorkspaceId>,
    limits: Limits<'_>,
) -> Result<Turn> {
    let start = Instant::now();
    let mut turn = Turn::default();
    let mut broken = None;
    let mut calls = FuturesUnordered::new();
    loop {
        let is_over = start.elapsed() >= limits.time || !(limits.goes_on)();
        let room = CONCURRENCY
            .saturating_sub(calls.len())
            .min(limits.items - turn.claimed);
        turn.is_cut = is_over || turn.claimed >= limits.items;
        if room > 0 && !is_over && broken.is_none() {
            match take(ctx, workspace, room, &mut turn).await {
                Ok((jobs, is_full)) => {
                    calls.extend(jobs.into_iter().map(|job| attempt(ctx, egress, job)));
                    if is_full && calls.len() < CONCURRENCY {
                        continue;
                    }
                }
                // Calls under way are still waited for and written down.
                Err(error) => broken = Some(error),
            }
        }
        if calls.is_empty() {
            return broken.map_or(Ok(turn), Err);
        }
        // More may come due while a slow receiver keeps the turn open.
        if let Ok(Some(ended)) = tokio::time::timeout(POLL, calls.next()).await {
            note(&mut turn, &ended);
        }
    }
}

/// Claims up to `room` items. Says whether there may be more.
async fn take(
    ctx: &Ctx,
    workspace: Option<WorkspaceId>,
    room: usize,
    turn: &mut Turn,
) -> Result<(Vec<Job>, bool)> {
    let claimed = due::claim(ctx, workspace, room as i64).await?;
    let is_full = claimed.len() == room;
    turn.claimed += claimed.len();
    Ok((prepare(ctx, claimed, turn).await?, is_full))
}

fn note(turn: &mut Turn, ended: &Ended) {
    match ended.came_of_it {
        CameOfIt::Delivered => turn.delivered += 1,
        CameOfIt::Failed { again } => {
            turn.failed += 1;
            if let Some(wait) = again {
                turn.expect(ended.workspace, wait);
            }
        }
        CameOfIt::Lost => {}
    }
}

#[derive(FromQueryResult)]
struct Row {
    workspace_id: WorkspaceId,
    id: DeliveryId,
    state: DeliveryState,
    attempts: i64,
    payload: serde_json::Value,
    contact_id: Option<ContactId>,
    target_id: TargetId,
    kind: TargetKind,
    sealed_url: String,
    is_disabled: bool,
    locale: String,
}

/// A delivery that may be attempted now.
struct Job {
    item: Claimed,
    delivery: Row,
    payload: Payload,
    about: Option<About>,
}

/// Turns claims into calls. Claims that lead to none are ended or put back here.
async fn prepare(ctx: &Ctx, claimed: Vec<Claimed>, turn: &mut Turn) -> Result<Vec<Job>> {
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = load(ctx, &claimed).await?;
    let mut jobs = Vec::with_capacity(claimed.len());
    for item in claimed {
        let DueKind::Delivery = item.kind;
        let key = (item.workspace_id, DeliveryId(item.subject_id));
        let Some(delivery) = rows.remove(&key) else {
            end(ctx, &item, None).await?;
            continue;
        };
        if delivery.state != DeliveryState::Pending {
            end(ctx, &item, None).await?;
        } else if delivery.is_disabled {
            end(ctx, &item, Some("the target is switched off")).await?;
            turn.failed += 1;
        } else {
            match serde_json::from_value(delivery.payload.clone()) {
                Ok(payload) => jobs.push(Job {
                    item,
                    delivery,
                    payload,
                    about: None,
                }),
                Err(error) => {
                    let error = format!("the delivery cannot be read: {error}");
                    let mut tx = ctx.begin(item.workspace_id).await?;
                    if due::set_aside(&mut tx, &item, &error).await? {
                        tx.commit().await?;
                    }
                    turn.failed += 1;
                }
            }
        }
    }
    let mut jobs = hold_targets(ctx, jobs, turn).await?;
    load_about(ctx, &mut jobs).await?;
    Ok(jobs)
}

async fn load(ctx: &Ctx, claimed: &[Claimed]) -> Result<HashMap<(WorkspaceId, DeliveryId), Row>> {
    let rows: Vec<Row> = Query::new(
        "SELECT d.workspace_id, d.id, d.state, d.attempts, d.payload, d.contact_id, d.target_id,
                n.kind, n.sealed_url, n.disabled_at IS NOT NULL AS is_disabled, w.locale
         FROM {r} JOIN delivery d ON d.workspace_id = r.workspace_id AND d.id = r.id
         JOIN notification_target n ON n.workspace_id = d.workspace_id AND n.id = d.target_id
         JOIN workspace w ON w.id = d.workspace_id",
    )
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", claimed.iter().map(|item| item.workspace_id))
            .uuids("id", claimed.iter().map(|item| item.subject_id)),
    )
    .all(ctx.db.writer())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.workspace_id, row.id), row))
        .collect())
}

/// Ends an item that leads to no call, and its delivery with it if there is something to say.
async fn end(ctx: &Ctx, item: &Claimed, error: Option<&str>) -> Result<()> {
    let mut tx = ctx.begin(item.workspace_id).await?;
    if !due::finish(&tx, item).await? {
        tx.rollback().await?;
        return Ok(());
    }
    if let Some(error) = error {
        delivery::give_up(&mut tx, DeliveryId(item.subject_id), error).await?;
    }
    tx.commit().await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Held {
    workspace_id: WorkspaceId,
    id: TargetId,
}

/// Keeps one job for each target that is free, and holds the target for it; puts the others back.
async fn hold_targets(ctx: &Ctx, jobs: Vec<Job>, turn: &mut Turn) -> Result<Vec<Job>> {
    if jobs.is_empty() {
        return Ok(jobs);
    }
    let backend = ctx.db.backend();
    let now = dialect::now(backend);
    let until = dialect::now_plus(backend, HOLD_S);
    let skip_locked = dialect::skip_locked(backend);
    let wanted: BTreeSet<(WorkspaceId, TargetId)> = jobs.iter().map(Job::target).collect();
    let held: Vec<Held> = Query::new(format!(
        "UPDATE notification_target SET next_send_at = {until}
         WHERE (workspace_id, id) IN (
             SELECT workspace_id, id FROM notification_target
             WHERE (workspace_id, id) IN (SELECT r.workspace_id, r.id FROM {{r}})
               AND (next_send_at IS NULL OR next_send_at <= {now}) {skip_locked})
         RETURNING workspace_id, id"
    ))
    .rows(
        "r",
        Rows::new()
            .ids(
                "workspace_id",
                wanted.iter().map(|(workspace, _)| *workspace),
            )
            .ids("id", wanted.iter().map(|(_, target)| *target)),
    )
    .all(ctx.db.writer())
    .await?;
    let mut free: BTreeSet<_> = held
        .into_iter()
        .map(|held| (held.workspace_id, held.id))
        .collect();
    let mut queues: HashMap<(WorkspaceId, TargetId), i64> = HashMap::new();
    let (mut granted, mut postponed) = (Vec::new(), Vec::new());
    for job in jobs {
        let target = job.target();
        if free.remove(&target) {
            granted.push(job);
            continue;
        }
        let place = queues.entry(target).or_insert(0);
        *place += 1;
        let wait = TimeDelta::seconds(PACE_S * *place);
        turn.expect(job.item.workspace_id, wait);
        postponed.push((job.item, wait));
    }
    turn.postponed += postponed.len();
    due::postpone(ctx, &postponed).await?;
    Ok(granted)
}

impl Job {
    fn target(&self) -> (WorkspaceId, TargetId) {
        (self.delivery.workspace_id, self.delivery.target_id)
    }

    fn message(&self) -> MessageId {
        let Payload::RuleFired { message_id, .. } = &self.payload;
        *message_id
    }
}

/// What is told of the message a delivery is about.
#[derive(Clone, FromQueryResult)]
struct About {
    workspace_id: WorkspaceId,
    message_id: MessageId,
    subject: String,
    excerpt: String,
    contact_name: String,
    contact_email: Option<String>,
    inbox_name: String,
}

async fn load_about(ctx: &Ctx, jobs: &mut [Job]) -> Result<()> {
    if jobs.is_empty() {
        return Ok(());
    }
    // One character more than is shown tells whether something was left out.
    let abouts: Vec<About> = Query::new(
        "SELECT m.workspace_id, m.id AS message_id, m.subject, SUBSTR(m.body, 1, $1) AS excerpt,
                c.name AS contact_name, c.email AS contact_email, i.name AS inbox_name
         FROM {r} JOIN message m ON m.workspace_id = r.workspace_id AND m.id = r.id
         JOIN contact c ON c.workspace_id = m.workspace_id AND c.id = m.contact_id
         JOIN inbox i ON i.workspace_id = m.workspace_id AND i.id = m.inbox_id",
    )
    .bind(EXCERPT_CHARS as i32 + 1)
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", jobs.iter().map(|job| job.item.workspace_id))
            .ids("id", jobs.iter().map(Job::message)),
    )
    .all(ctx.db.writer())
    .await?;
    let abouts: HashMap<_, _> = abouts
        .into_iter()
        .map(|about| ((about.workspace_id, about.message_id), about))
        .collect();
    for job in jobs {
        let key = (job.item.workspace_id, job.message());
        job.about = abouts.get(&key).cloned();
    }
    Ok(())
}

/// A call that ended.
struct Ended {
    workspace: WorkspaceId,
    came_of_it: CameOfIt,
}

enum CameOfIt {
    Delivered,
    Failed {
        again: Option<TimeDelta>,
    },
    /// It was not for this worker any more to write it down, or it could not.
    Lost,
}

async fn attempt(ctx: &Ctx, egress: &dyn Egress, job: Job) -> Ended {
    let started_at = ctx.clock.now();
    let start = Instant::now();
    let answer = match request(ctx, &job) {
        Ok(request) => egress.post(request).await.map_err(Failure::NoAnswer),
        Err(error) => {
            tracing::error!(target.id = %job.delivery.target_id, error, "cannot open a target's URL");
            Err(Failure::NoUrl)
        }
    };
    let attempt = Attempt {
        started_at,
        duration_ms: start.elapsed().as_millis() as i64,
        answer,
    };
    let workspace = job.item.workspace_id;
    let mut wait = Duration::from_millis(100);
    for left in (0..WRITE_TRIES).rev() {
        // The receiver has already heard it: a database that restarts must not make it hear it
        // again if a little patience can prevent that.
        match write(ctx, &job, &attempt).await {
            Ok(came_of_it) => {
                return Ended {
                    workspace,
                    came_of_it,
                };
            }
            Err(error) => tracing::warn!(delivery.id = %job.delivery.id, tries_left = left,
                error = &error as &dyn std::error::Error, "could not write an attempt down"),
        }
        if left > 0 {
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }
    Ended {
        workspace,
        came_of_it: CameOfIt::Lost,
    }
}

/// A call with its answer.
struct Attempt {
    started_at: DateTime<Utc>,
    duration_ms: i64,
    answer: Result<OutgoingResponse, Failure>,
}

enum Failure {
    /// The target's URL could not be opened: a master key is missing.
    NoUrl,
    NoAnswer(EgressError),
}

impl Attempt {
    fn verdict(&self, kind: TargetKind) -> Verdict {
        match (&self.answer, kind) {
            (Ok(response), TargetKind::Slack) => slack::judge(response),
            (Err(Failure::NoAnswer(error)), _) => Verdict::of_error(error),
            (Err(Failure::NoUrl), _) => Verdict::Retry { after: None },
        }
    }

    fn error(&self) -> Option<String> {
        match &self.answer {
            Ok(response) if (200..300).contains(&response.status) => None,
            Ok(response) => Some(format!("the receiver answered {}", response.status)),
            Err(Failure::NoAnswer(error)) => Some(error.to_string()),
            Err(Failure::NoUrl) => Some("the target's URL could not be decrypted".to_owned()),
        }
    }
}

fn request(ctx: &Ctx, job: &Job) -> Result<OutgoingRequest, String> {
    let delivery = &job.delivery;
    let url = manage::open_url(ctx, delivery.target_id, &delivery.sealed_url)?;
    let locale = serde_json::from_value(delivery.locale.as_str().into()).unwrap_or_default();
    let body = match delivery.kind {
        TargetKind::Slack => slack::body(&notice(job, locale), locale),
    };
    let id = delivery.id.to_string();
    Ok(OutgoingRequest {
        url,
        headers: vec![
            ("Content-Type".to_owned(), "application/json".to_owned()),
            ("X-Enishi-Delivery".to_owned(), id.clone()),
            ("Idempotency-Key".to_owned(), id),
        ],
        body: Bytes::from(body.to_string()),
    })
}

fn notice(job: &Job, locale: Locale) -> SlackNotice {
    let Payload::RuleFired {
        title, rule_name, ..
    } = &job.payload;
    let [contact, inbox, subject] = match locale {
        Locale::Ja => ["コンタクト", "受信箱", "件名"],
        Locale::En => ["Contact", "Inbox", "Subject"],
        Locale::Zh => ["联系人", "收件箱", "主题"],
    };
    let lines = job.about.iter().flat_map(|about| {
        let person = match &about.contact_email {
            Some(email) if about.contact_name != *email => {
                format!("{} ({email})", about.contact_name)
            }
            _ => about.contact_name.clone(),
        };
        [
            (contact.to_owned(), person),
            (inbox.to_owned(), about.inbox_name.clone()),
            (subject.to_owned(), about.subject.clone()),
        ]
    });
    SlackNotice {
        title: title.clone().unwrap_or_else(|| rule_name.clone()),
        lines: lines.collect(),
        excerpt: job.about.as_ref().map(|about| shorten(&about.excerpt)),
        link: None,
        rule_name: rule_name.clone(),
    }
}

fn shorten(body: &str) -> String {
    let mut shown: String = body.chars().take(EXCERPT_CHARS).collect();
    if shown.len() < body.len() {
        shown.push('…');
    }
    shown
}

/// Writes down what came of an attempt, unless the claim was lost.
async fn write(ctx: &Ctx, job: &Job, attempt: &Attempt) -> Result<CameOfIt> {
    let Job { item, delivery, .. } = job;
    let verdict = attempt.verdict(delivery.kind);
    let error = attempt.error().unwrap_or_default();
    let mut random = [0; 4];
    ctx.ids.fill(&mut random);
    let failures = u32::try_from(item.failures + 1).unwrap_or(u32::MAX);
    let next = next_attempt(failures, verdict, u32::from_le_bytes(random));

    let mut tx = ctx.begin(item.workspace_id).await?;
    let (is_kept, state, again) = match (verdict, next) {
        (Verdict::Delivered, _) => (
            due::finish(&tx, item).await?,
            DeliveryState::Delivered,
            None,
        ),
        (_, Next::At(wait)) => (
            due::retry(&tx, item, wait, &error).await?,
            DeliveryState::Pending,
            Some(wait),
        ),
        (_, Next::GiveUp) => (due::finish(&tx, item).await?, DeliveryState::Failed, None),
    };
    if !is_kept {
        tx.rollback().await?;
        tracing::warn!(delivery.id = %delivery.id, "an attempt ended after its claim was lost");
        return Ok(CameOfIt::Lost);
    }
    insert_attempt(&tx, delivery, attempt).await?;
    update_delivery(&tx, delivery, state, again, &error).await?;
    if state != DeliveryState::Pending {
        let delivered = state == DeliveryState::Delivered;
        delivery::record_finished(&mut tx, delivery.id, delivery.contact_id, delivered);
    }
    release_target(&tx, delivery, verdict).await?;
    if let Verdict::Disable { reason } = verdict {
        disable_target(&mut tx, delivery.target_id, reason).await?;
    }
    tx.commit().await?;
    Ok(match state {
        DeliveryState::Delivered => CameOfIt::Delivered,
        DeliveryState::Pending | DeliveryState::Failed => CameOfIt::Failed { again },
    })
}

async fn insert_attempt(tx: &Tx<'_>, delivery: &Row, attempt: &Attempt) -> Result<()> {
    let (status, response) = match &attempt.answer {
        Ok(response) => (Some(i64::from(response.status)), response.body.as_str()),
        Err(_) => (None, ""),
    };
    let response: String = text::printable(response)
        .chars()
        .take(RESPONSE_CHARS)
        .collect();
    Query::new(
        "INSERT INTO delivery_attempt (workspace_id, id, delivery_id, attempt, started_at,
                                       duration_ms, status, error, response)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tx.workspace)
    .bind(tx.id::<AttemptId>())
    .bind(delivery.id)
    .bind(delivery.attempts + 1)
    .bind(attempt.started_at)
    .bind(attempt.duration_ms)
    .bind(status)
    .bind(attempt.error())
    .bind(response)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn update_delivery(
    tx: &Tx<'_>,
    delivery: &Row,
    state: DeliveryState,
    again: Option<TimeDelta>,
    error: &str,
) -> Result<()> {
    let finished_at = (state != DeliveryState::Pending).then_some(tx.now);
    Query::new(
        "UPDATE delivery SET state = $3, attempts = $4, next_attempt_at = $5, finished_at = $6,
             last_error = $7
         WHERE workspace_id = $1 AND id = $2",
    )
    .bind(tx.workspace)
    .bind(delivery.id)
    .bind(state.word())
    .bind(delivery.attempts + 1)
    .bind(again.map(|wait| tx.now + wait))
    .bind(finished_at)
    .bind((!error.is_empty()).then(|| error.to_owned()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Lets others call the target again, after the pause it is due or asked for.
async fn release_target(tx: &Tx<'_>, delivery: &Row, verdict: Verdict) -> Result<()> {
    let pause_s = match verdict {
        Verdict::Throttled { after } => after.map_or(PACE_S, |after| {
            after.num_seconds().clamp(PACE_S, THROTTLE_S)
        }),
        _ => PACE_S,
    };
    let free_at = dialect::now_plus(tx.ctx().db.backend(), pause_s);
    Query::new(format!(
        "UPDATE notification_target SET next_send_at = {free_at}
         WHERE workspace_id = $1 AND id = $2"
    ))
    .bind(tx.workspace)
    .bind(delivery.target_id)
    .execute(tx.connection())
    .await?;
    Ok(())
}

async fn disable_target(tx: &mut Tx<'_>, target_id: TargetId, reason: DisableReason) -> Result<()> {
    let word = serde_json::to_value(reason)?;
    let touched = Query::new(
        "UPDATE notification_target SET disabled_at = $3, disabled_reason = $4
         WHERE workspace_id = $1 AND id = $2 AND disabled_at IS NULL",
    )
    .bind(tx.workspace)
    .bind(target_id)
    .bind(tx.now)
    .bind(word.as_str().unwrap_or_default())
    .execute(tx.connection())
    .await?;
    if touched == 1 {
        let fact = Fact::TargetChanged { target_id };
        tx.record(Change::new(Origin::System, None, fact));
    }
    Ok(())
}
