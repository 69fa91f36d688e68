//! What each job says: payloads and the facts of the moment become notices.

use std::collections::{BTreeSet, HashMap};

use entity::id::{ContactId, DeliveryId, FiringId, RuleId, WorkspaceId};
use sea_orm::FromQueryResult;

use super::job::Job;
use crate::{
    ctx::Ctx,
    error::Result,
    locale::Locale,
    notification::{
        about::{self, Subject},
        delivery::Payload,
        notice::{ITEMS, Item, Notice, NoticeKind},
        template::{self, Facts, facts::TriggerFacts},
        trigger::{self, Trigger},
    },
    store::{Query, Rows},
};

/// Loads what the jobs tell of and builds their notices, in a number of statements that does not
/// depend on how many there are.
pub(super) async fn load(ctx: &Ctx, jobs: &mut [Job]) -> Result<()> {
    let digests: Vec<(WorkspaceId, DeliveryId)> = jobs
        .iter()
        .filter(|job| matches!(job.payload, Payload::Digest { .. }))
        .map(|job| (job.item.workspace_id, job.delivery.id))
        .collect();
    let folded = folded(ctx, &digests).await?;
    let mut subjects: Vec<Subject> = jobs
        .iter()
        .map(|job| subject(job.item.workspace_id, job.delivery.contact_id, &job.payload))
        .collect();
    subjects.extend(folded.iter().map(Folded::subject));
    let mut facts = about::load(ctx, &subjects).await?;
    let firings: BTreeSet<(WorkspaceId, FiringId)> = jobs
        .iter()
        .map(|job| (job.item.workspace_id, job.delivery.firing_id))
        .chain(folded.iter().map(|one| (one.workspace_id, one.firing_id)))
        .filter_map(|(workspace, firing)| Some((workspace, firing?)))
        .collect();
    let triggers = trigger::load(ctx, &firings).await?;
    let asked = |workspace: WorkspaceId, rule: Option<RuleId>, firing: Option<FiringId>| Asked {
        workspace,
        rule,
        firing,
        trigger: firing.and_then(|firing| triggers.get(&(workspace, firing)).cloned()),
    };
    let mut items: HashMap<(WorkspaceId, DeliveryId), (Vec<Item>, usize)> = HashMap::new();
    for (one, facts) in folded.iter().zip(facts.split_off(jobs.len())) {
        let locale = jobs
            .iter()
            .find(|job| job.key() == one.digest())
            .map_or(Locale::default(), |job| job.locale);
        let (told, count) = items.entry(one.digest()).or_default();
        *count = usize::try_from(one.count).unwrap_or_default();
        if let Some(payload) = &one.payload() {
            let kind = entity::kind::TargetKind::InApp;
            let asked = asked(one.workspace_id, one.rule_id, one.firing_id);
            let notice = notice(payload, asked, facts, kind, locale);
            told.push(Item::of(one.id, &notice));
        }
    }
    for (job, facts) in jobs.iter_mut().zip(facts) {
        job.notice = match &job.payload {
            Payload::Digest { over_budget } => {
                let (told, count) = items.remove(&job.key()).unwrap_or_default();
                let count = count.max(told.len());
                Notice::digest(told, count, *over_budget, job.locale)
            }
            payload => {
                let delivery = &job.delivery;
                let workspace = delivery.workspace_id;
                let asked = asked(workspace, delivery.rule_id, delivery.firing_id);
                notice(payload, asked, facts, delivery.kind, job.locale)
            }
        };
        job.notice.workspace = Some(job.delivery.workspace_id);
    }
    Ok(())
}

fn subject(workspace: WorkspaceId, contact: Option<ContactId>, payload: &Payload) -> Subject {
    let (conversation, message) = payload.names();
    Subject {
        workspace,
        contact,
        account: payload.account(),
        conversation,
        message,
    }
}

/// Who asked for a delivery, and why. What no rule asked for, a playbook did.
struct Asked {
    workspace: WorkspaceId,
    rule: Option<RuleId>,
    firing: Option<FiringId>,
    trigger: Option<Trigger>,
}

/// What a payload says, whatever else it says being empty.
fn notice(
    payload: &Payload,
    asked: Asked,
    mut facts: Facts,
    kind: entity::kind::TargetKind,
    locale: Locale,
) -> Notice {
    let (says, title, by, playbook, text) = match payload {
        Payload::RuleFired {
            title,
            rule_name,
            template,
            ..
        } => {
            let title = title.clone().unwrap_or_else(|| rule_name.clone());
            (
                NoticeKind::RuleFired,
                title,
                rule_name.clone(),
                None,
                template,
            )
        }
        Payload::Said {
            title,
            by,
            template,
            playbook_id,
            ..
        } => {
            let kind = if asked.rule.is_some() {
                NoticeKind::RuleFired
            } else {
                NoticeKind::Said
            };
            (kind, title.clone(), by.clone(), *playbook_id, template)
        }
        Payload::Digest { .. } | Payload::Test {} => return Notice::test(locale),
    };
    facts.rule.name.clone_from(&by);
    let rule = asked.rule.map(|id| id.to_string());
    let id = rule.or_else(|| playbook.map(|id| id.to_string()));
    facts.rule.id = id.unwrap_or_default();
    let trigger = asked.trigger.as_ref().map(TriggerFacts::from);
    facts.trigger = trigger.unwrap_or_default();
    // A template was checked when it was stored. If it fails all the same, as one stored before there was a
    // limit, the usual lines are better than nothing.
    let text = text.as_ref().and_then(|text| {
        template::render(text, &facts, kind)
            .inspect_err(|mistake| {
                tracing::warn!(
                    workspace.id = %asked.workspace,
                    rule.id = asked.rule.map(display),
                    playbook.id = playbook.map(display),
                    %mistake,
                    "a template could not be filled in, and the usual lines are sent"
                );
            })
            .ok()
            .filter(|text| !text.trim().is_empty())
    });
    Notice {
        text,
        workspace: Some(asked.workspace),
        rule: asked.rule,
        playbook,
        firing: asked.firing,
        trigger: asked.trigger,
        ..Notice::about(says, title, by, facts, locale)
    }
}

#[derive(FromQueryResult)]
struct Folded {
    workspace_id: WorkspaceId,
    folded_into: DeliveryId,
    id: DeliveryId,
    rule_id: Option<RuleId>,
    firing_id: Option<FiringId>,
    contact_id: Option<ContactId>,
    payload: serde_json::Value,
    count: i64,
}

impl Folded {
    fn digest(&self) -> (WorkspaceId, DeliveryId) {
        (self.workspace_id, self.folded_into)
    }

    fn payload(&self) -> Option<Payload> {
        serde_json::from_value(self.payload.clone()).ok()
    }

    fn subject(&self) -> Subject {
        let nothing = Payload::Test {};
        let payload = self.payload();
        subject(
            self.workspace_id,
            self.contact_id,
            payload.as_ref().unwrap_or(&nothing),
        )
    }
}

/// The first of what was folded into each of `digests`, oldest first, with how many there are.
async fn folded(ctx: &Ctx, digests: &[(WorkspaceId, DeliveryId)]) -> Result<Vec<Folded>> {
    if digests.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Query::new(
        "SELECT f.workspace_id, f.folded_into, f.id, f.rule_id, f.firing_id, f.contact_id, f.payload,
             f.count
         FROM (SELECT d.workspace_id, d.folded_into, d.id, d.rule_id, d.firing_id, d.contact_id, d.payload,
                   ROW_NUMBER() OVER (PARTITION BY d.workspace_id, d.folded_into ORDER BY d.id)
                       AS place,
                   COUNT(*) OVER (PARTITION BY d.workspace_id, d.folded_into) AS count
               FROM {r} JOIN delivery d
                 ON d.workspace_id = r.workspace_id AND d.folded_into = r.id) f
         WHERE f.place <= $1 ORDER BY f.workspace_id, f.folded_into, f.id",
    )
    .bind(ITEMS as i64)
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", digests.iter().map(|one| one.0))
            .ids("id", digests.iter().map(|one| one.1)),
    )
    .all(ctx.db.writer())
    .await?)
}
