//! From claims to jobs: what is to be said to whom, and that its target may be called now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{AccountId, ContactId, DeliveryId, FiringId, RuleId, TargetId, WorkspaceId},
    kind::{DeliveryState, TargetKind},
    notification_target,
};
use sea_orm::FromQueryResult;

use super::{PACE_S, Turn, content, hold, pace};
use crate::{
    ctx::Ctx,
    error::Result,
    locale::Locale,
    notification::{
        charge,
        delivery::{self, Payload},
        key,
        notice::Notice,
        receiver,
        target::webhook::SigningKey,
    },
    rule::hours::Hours,
    store::{Query, Rows, hold_by_id},
    work::due::{self, Claimed},
};

#[derive(Clone, FromQueryResult)]
pub(super) struct Row {
    pub(super) workspace_id: WorkspaceId,
    pub(super) id: DeliveryId,
    pub(super) state: DeliveryState,
    pub(super) attempts: i64,
    pub(super) payload: serde_json::Value,
    pub(super) rule_id: Option<RuleId>,
    pub(super) firing_id: Option<FiringId>,
    pub(super) contact_id: Option<ContactId>,
    pub(super) account_id: Option<AccountId>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) over_budget: bool,
    pub(super) sent_at: Option<DateTime<Utc>>,
    pub(super) told: Option<serde_json::Value>,
    pub(super) target_id: TargetId,
    pub(super) target_name: String,
    pub(super) kind: TargetKind,
    pub(super) sealed_url: String,
    pub(super) is_disabled: bool,
    pub(super) digest_minutes: Option<i64>,
    pub(super) hourly_limit: Option<i64>,
    pub(super) locale: String,
}

/// A delivery that may be attempted now.
pub(super) struct Job {
    pub(super) item: Claimed,
    pub(super) delivery: Row,
    pub(super) payload: Payload,
    pub(super) locale: Locale,
    pub(super) notice: Notice,
    /// For webhooks, the newest first.
    pub(super) keys: Vec<SigningKey>,
    /// For email, everybody who receives it.
    pub(super) addresses: BTreeSet<String>,
    /// Whether some of these are told because they are in charge of what it is about.
    pub(super) follows: bool,
    /// The hours it keeps to, if there are any.
    pub(super) hours: Option<Hours>,
}

/// Turns claims into calls. Claims that lead to none are ended or put back here.
pub(super) async fn prepare(ctx: &Ctx, claimed: Vec<Claimed>, turn: &mut Turn) -> Result<Vec<Job>> {
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let jobs = wanted(ctx, claimed, turn).await?;
    let jobs = pace::keep_hours(ctx, jobs, turn).await?;
    let jobs = pace::fold(ctx, jobs, turn).await?;
    let jobs = pace::keep_budgets(ctx, jobs, turn).await?;
    let mut jobs = hold::hold_targets(ctx, jobs, turn).await?;
    content::load(ctx, &mut jobs).await?;
    equip(ctx, &mut jobs).await?;
    Ok(jobs)
}

/// The claims whose deliveries are still to be sent to a target that is on.
async fn wanted(ctx: &Ctx, claimed: Vec<Claimed>, turn: &mut Turn) -> Result<Vec<Job>> {
    let mut rows = load(ctx, &claimed).await?;
    let mut jobs = Vec::with_capacity(claimed.len());
    let mut over = Vec::new();
    let mut off: BTreeMap<pace::Target, Vec<Claimed>> = BTreeMap::new();
    for item in claimed {
        let key = (item.workspace_id, DeliveryId(item.subject_id));
        let Some(delivery) = rows.remove(&key) else {
            over.push(item);
            continue;
        };
        if delivery.state != DeliveryState::Pending {
            over.push(item);
        } else if delivery.is_disabled {
            let target = (delivery.workspace_id, delivery.target_id);
            off.entry(target).or_default().push(item);
        } else {
            match serde_json::from_value(delivery.payload.clone()) {
                Ok(payload) => jobs.push(Job::new(item, delivery, payload)),
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
    due::finish_all(ctx.db.writer(), &over).await?;
    for (target, items) in off {
        give_up(ctx, target, &items).await?;
        turn.failed += items.len();
    }
    Ok(jobs)
}

async fn load(ctx: &Ctx, claimed: &[Claimed]) -> Result<HashMap<(WorkspaceId, DeliveryId), Row>> {
    let rows: Vec<Row> = Query::new(
        "SELECT d.workspace_id, d.id, d.state, d.attempts, d.payload, d.rule_id, d.firing_id,
                d.contact_id, d.account_id, d.created_at, d.over_budget, d.sent_at, d.told, d.target_id,
                n.name AS target_name, n.kind, n.sealed_url, n.disabled_at IS NOT NULL AS is_disabled, n.digest_minutes,
                n.hourly_limit, w.locale
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

/// Ends the items of a target that is switched off, and their deliveries with them: thousands may wait for it.
async fn give_up(ctx: &Ctx, (workspace, target): pace::Target, items: &[Claimed]) -> Result<()> {
    let mut tx = ctx.begin(workspace).await?;
    // A worker that still folds what waits for it would wait for our rows, and we for its.
    hold_by_id::<notification_target::Model, _>(&tx, target).await?;
    let ended = due::finish_all(tx.connection(), items).await?;
    let ended: Vec<DeliveryId> = ended.into_iter().map(DeliveryId).collect();
    delivery::give_up(&mut tx, &ended, "the target is switched off").await?;
    tx.commit().await?;
    Ok(())
}

/// Loads what calls to webhooks are signed with and whom mail goes to.
async fn equip(ctx: &Ctx, jobs: &mut [Job]) -> Result<()> {
    let of = |kind| -> Vec<_> {
        let jobs = jobs.iter().filter(|job| job.delivery.kind == kind);
        let targets: BTreeSet<_> = jobs.map(Job::target).collect();
        targets.into_iter().collect()
    };
    let mut keys = key::open(ctx, &of(TargetKind::Webhook)).await?;
    let addresses = receiver::addresses(ctx, &of(TargetKind::Email)).await?;
    let mails = jobs
        .iter()
        .filter(|job| job.delivery.kind == TargetKind::Email);
    let mails: Vec<charge::About> = mails.map(Job::about).collect();
    let charges = charge::of(ctx.db.writer(), &mails).await?;
    for job in jobs {
        // A webhook is called once at a time, so its keys are asked for once.
        job.keys = keys.remove(&job.target()).unwrap_or_default();
        job.addresses = addresses.get(&job.target()).cloned().unwrap_or_default();
        if let Some(in_charge) = charges.get(&job.key()) {
            job.follows = true;
            job.addresses
                .extend(in_charge.iter().map(|one| one.email.clone()));
        }
    }
    Ok(())
}

impl Job {
    fn new(item: Claimed, delivery: Row, payload: Payload) -> Self {
        let locale = serde_json::from_value(delivery.locale.as_str().into()).unwrap_or_default();
        Self {
            item,
            delivery,
            payload,
            locale,
            notice: Notice::default(),
            keys: Vec::new(),
            addresses: BTreeSet::new(),
            follows: false,
            hours: None,
        }
    }

    pub(super) fn key(&self) -> (WorkspaceId, DeliveryId) {
        (self.delivery.workspace_id, self.delivery.id)
    }

    /// What it is about, as far as that says who is in charge.
    pub(super) fn about(&self) -> charge::About {
        let delivery = &self.delivery;
        charge::About::new(
            self.key(),
            delivery.target_id,
            delivery.contact_id,
            delivery.account_id,
            &self.payload,
        )
    }

    pub(super) fn target(&self) -> pace::Target {
        (self.delivery.workspace_id, self.delivery.target_id)
    }

    /// Whether its target may be told any number of things.
    pub(super) fn is_free(&self) -> bool {
        self.delivery.hourly_limit.is_none()
    }

    /// Whether nothing of it was sent yet and it may be told with others.
    pub(super) fn can_wait(&self) -> bool {
        self.payload.can_wait() && self.delivery.attempts == 0 && self.delivery.sent_at.is_none()
    }

    /// `wait` from `now` on, and longer if hours hold it then.
    pub(super) fn within_hours(&self, now: DateTime<Utc>, wait: TimeDelta) -> TimeDelta {
        match &self.hours {
            Some(hours) => hours.earliest(now + wait) - now,
            None => wait,
        }
    }

    /// Whether it only tries the target out.
    pub(super) fn is_test(&self) -> bool {
        matches!(self.payload, Payload::Test {})
    }

    /// Its claim, to be given back. What was never handed over took no worker down: one that died
    /// with it had only picked it up, as others do while a target has many waiting.
    pub(super) fn put_back(self) -> Claimed {
        let is_innocent = self.delivery.sent_at.is_none() && !self.is_test();
        Claimed {
            crashes: if is_innocent { 0 } else { self.item.crashes },
            ..self.item
        }
    }

    /// The addresses that need not be told again.
    pub(super) fn told(&self) -> BTreeSet<String> {
        let told = self.delivery.told.clone();
        told.and_then(|told| serde_json::from_value(told).ok())
            .unwrap_or_default()
    }
}

/// Puts jobs back, each target's a second apart, so that a queue for one target keeps no place from
/// others.
pub(super) async fn postpone(ctx: &Ctx, jobs: Vec<Job>, turn: &mut Turn) -> Result<()> {
    let mut queues: HashMap<(WorkspaceId, TargetId), i64> = HashMap::new();
    let mut postponed = Vec::with_capacity(jobs.len());
    for job in jobs {
        let place = queues.entry(job.target()).or_insert(0);
        *place += 1;
        let wait = TimeDelta::seconds(PACE_S * *place);
        turn.expect(job.item.workspace_id, wait);
        postponed.push((job.put_back(), wait));
    }
    turn.postponed += postponed.len();
    due::postpone(ctx, &postponed).await?;
    Ok(())
}
