//! Deliveries: one notification each, from being asked for to being delivered or given up.
//!
//! A delivery is written in the transaction of what caused it, together with the due item that gets
//! it tried. It keeps its id through all attempts and replays, so a receiver can recognise one it
//! has seen.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    attempt::Attempt,
    delivery,
    id::{
        AccountId, AttemptId, ContactId, ConversationId, DeliveryId, EnrolmentId, FiringId,
        Id as _, MessageId, PlaybookId, RuleId, TargetId, WorkspaceId,
    },
    kind::{DeliveryState, DueKind},
};
use sea_orm::{EntityTrait as _, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attempt::Log;
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    page::{Column, Key, Keyset, Page, PageRequest, written_from, written_until},
    rule::hours,
    store::{Query, Rows, Tx, dialect, rows_by_id},
    work::{
        change::{Change, Fact},
        due,
    },
};

/// What a delivery tells. Ids rather than texts: whatever a customer wrote stays in one place.
/// Stored as JSON: variants and fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Payload {
    /// A rule fired on a message.
    RuleFired {
        /// The heading, if not the rule's name.
        #[serde(default)]
        title: Option<String>,
        /// The rule's name when it fired.
        rule_name: String,
        /// The message.
        message_id: MessageId,
        /// What is said in place of the usual lines; see [`super::template`]. It was checked when it
        /// was stored.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
    },
    /// A rule that fired on something else than a message, or a playbook, has something to say: which
    /// of the two is told by the delivery's rule.
    Said {
        /// The heading.
        title: String,
        /// The name of what says it.
        by: String,
        /// What is said below the heading; see [`super::template`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<String>,
        /// The thread it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation_id: Option<ConversationId>,
        /// The account it is about, where it is about no contact.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account_id: Option<AccountId>,
        /// The message it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<MessageId>,
        /// The playbook that says it, if one does; missing in those of earlier releases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        playbook_id: Option<PlaybookId>,
        /// The enrolment in it that has come to the step; missing in those of earlier releases.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enrolment_id: Option<EnrolmentId>,
    },
    /// Everything that was folded into this delivery.
    Digest {
        /// Whether it is what went over the target's budget, rather than what was collected.
        over_budget: bool,
    },
    /// Nothing happened; a member tries the target.
    Test {},
}

impl Payload {
    /// The thread and the message it names.
    pub(super) fn names(&self) -> (Option<ConversationId>, Option<MessageId>) {
        match self {
            Self::RuleFired { message_id, .. } => (None, Some(*message_id)),
            Self::Said {
                conversation_id,
                message_id,
                ..
            } => (*conversation_id, *message_id),
            Self::Digest { .. } | Self::Test {} => (None, None),
        }
    }

    /// The account it names.
    pub(super) fn account(&self) -> Option<AccountId> {
        match self {
            Self::Said { account_id, .. } => *account_id,
            Self::RuleFired { .. } | Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// The playbook that has it said.
    fn playbook(&self) -> Option<PlaybookId> {
        match self {
            Self::Said { playbook_id, .. } => *playbook_id,
            Self::RuleFired { .. } | Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// The enrolment in that playbook.
    fn enrolment(&self) -> Option<EnrolmentId> {
        match self {
            Self::Said { enrolment_id, .. } => *enrolment_id,
            Self::RuleFired { .. } | Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// What it is headed with; nothing for what tells of several, or tries a target out.
    fn title(&self) -> Option<&str> {
        match self {
            Self::RuleFired {
                title, rule_name, ..
            } => Some(title.as_deref().unwrap_or(rule_name)),
            Self::Said { title, .. } => Some(title),
            Self::Digest { .. } | Self::Test {} => None,
        }
    }

    /// The rule or the playbook that has it said.
    pub(super) fn by(&self, rule: Option<RuleId>) -> Option<Uuid> {
        rule.map(|id| id.0).or(self.playbook().map(|id| id.0))
    }

    /// Whether it may wait and be told together with others.
    pub(super) fn can_wait(&self) -> bool {
        matches!(self, Self::RuleFired { .. } | Self::Said { .. })
    }
}

/// What a delivery says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// What it is headed with; nothing for what tells of several, or tries a target out.
    pub title: Option<String>,
    /// The playbook that asked for it.
    pub playbook: Option<PlaybookId>,
    /// The enrolment in that playbook.
    pub enrolment: Option<EnrolmentId>,
    /// The account it is about, where it is about no contact.
    pub account: Option<AccountId>,
}

/// What a delivery says of itself; nothing if that cannot be read.
pub fn head(delivery: &delivery::Model) -> Head {
    let payload = serde_json::from_value::<Payload>(delivery.payload.clone());
    payload.map_or_else(
        |_| Head::default(),
        |payload| Head {
            title: payload.title().map(str::to_owned),
            playbook: payload.playbook(),
            enrolment: payload.enrolment(),
            account: payload.account(),
        },
    )
}

/// A delivery about to be written.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Its id; [`Tx::id`] makes one.
    pub id: DeliveryId,
    /// Where it goes.
    pub target: TargetId,
    /// The rule that asks for it.
    pub rule: Option<RuleId>,
    /// The firing that asks for it.
    pub firing: Option<FiringId>,
    /// Whom it is about.
    pub contact: Option<ContactId>,
    /// What is said.
    pub payload: Payload,
    /// It sets off no earlier, as when quiet hours are to end first.
    pub not_before: Option<DateTime<Utc>>,
}

/// Writes deliveries, to be tried at once or when their target's digest is due. The targets must
/// exist.
pub async fn enqueue(ctx: &Ctx, tx: &mut Tx<'_>, new: &[NewDelivery]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let waits = waits(tx, new).await?;
    let payloads: Vec<_> = new
        .iter()
        .map(|delivery| serde_json::to_value(&delivery.payload))
        .collect::<Result<_, _>>()?;
    let rows = Rows::new()
        .ids("id", new.iter().map(|delivery| delivery.id))
        .ids("target_id", new.iter().map(|delivery| delivery.target))
        .opt_ids("rule_id", new.iter().map(|delivery| delivery.rule))
        .opt_ids("firing_id", new.iter().map(|delivery| delivery.firing))
        .opt_ids("contact_id", new.iter().map(|delivery| delivery.contact))
        .times("due_at", waits.iter().map(|wait| tx.now + *wait))
        .opt_times("not_before", new.iter().map(|delivery| delivery.not_before))
        .opt_ids("playbook_id", new.iter().map(|one| one.payload.playbook()))
        .opt_ids("account_id", new.iter().map(|one| one.payload.account()))
        .json("payload", payloads);
    Query::new(
        "INSERT INTO delivery (workspace_id, id, target_id, rule_id, firing_id, contact_id, payload,
                               state, attempts, created_at, next_attempt_at, over_budget,
                               not_before, playbook_id, account_id)
         SELECT $1, r.id, r.target_id, r.rule_id, r.firing_id, r.contact_id, r.payload,
                'PENDING', 0, $2, r.due_at, $3, r.not_before, r.playbook_id, r.account_id FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(false)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    let items: Vec<_> = new
        .iter()
        .zip(waits)
        .map(|(delivery, wait)| due_item(delivery.id, wait))
        .collect();
    due::add(ctx, tx, &items).await?;
    Ok(())
}

/// How long each of `new` waits before it sets off: until its target's digest is due, and never into hours
/// that hold it.
async fn waits(tx: &Tx<'_>, new: &[NewDelivery]) -> Result<Vec<TimeDelta>> {
    let digests = digests(tx, new).await?;
    let collects = |delivery: &NewDelivery| {
        let minutes = digests.get(&delivery.target).copied();
        minutes.filter(|_| delivery.payload.can_wait())
    };
    let collected: Vec<_> = new
        .iter()
        .filter(|delivery| collects(delivery).is_some())
        .filter_map(|delivery| {
            let by = delivery.payload.by(delivery.rule)?;
            Some((delivery.id, tx.workspace, by))
        })
        .collect();
    let hours = hours::load(tx.connection(), &collected).await?;
    let each = new.iter().map(|delivery| {
        let rests = delivery.not_before.map(|at| at - tx.now);
        let wait = collects(delivery)
            .unwrap_or_default()
            .max(rests.unwrap_or_default());
        match hours.get(&delivery.id) {
            Some(hours) => hours.earliest(tx.now + wait) - tx.now,
            None => wait,
        }
    });
    Ok(each.collect())
}

#[derive(FromQueryResult)]
struct Collecting {
    id: TargetId,
    digest_minutes: i64,
}

/// How long the targets of `new` collect, as far as they do.
async fn digests(tx: &Tx<'_>, new: &[NewDelivery]) -> Result<BTreeMap<TargetId, TimeDelta>> {
    let targets: BTreeSet<TargetId> = new.iter().map(|delivery| delivery.target).collect();
    let collecting: Vec<Collecting> = Query::new(
        "SELECT n.id, n.digest_minutes
         FROM {r} JOIN notification_target n ON n.workspace_id = $1 AND n.id = r.id
         WHERE n.digest_minutes IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", targets))
    .all(tx.connection())
    .await?;
    let each = collecting.into_iter();
    Ok(each
        .map(|one| (one.id, TimeDelta::minutes(one.digest_minutes)))
        .collect())
}

pub(super) fn due_item(id: DeliveryId, wait: TimeDelta) -> due::NewItem {
    due::NewItem {
        kind: DueKind::Delivery,
        subject: id.uuid(),
        wait,
    }
}

#[derive(FromQueryResult)]
struct GivenUp {
    id: DeliveryId,
    contact_id: Option<ContactId>,
}

/// Marks deliveries as failed that will not be tried again.
pub(crate) async fn give_up(tx: &mut Tx<'_>, ids: &[DeliveryId], error: &str) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut failed: Vec<GivenUp> = Query::new(
        "UPDATE delivery SET state = 'FAILED', next_attempt_at = NULL, finished_at = $2,
             last_error = $3
         FROM {r} WHERE delivery.workspace_id = $1 AND delivery.id = r.id
           AND delivery.state = 'PENDING'
         RETURNING delivery.id, delivery.contact_id",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(error)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(tx.connection())
    .await?;
    // As they were asked for.
    failed.sort_unstable_by_key(|one| one.id);
    for one in failed {
        record_finished(tx, one.id, one.contact_id, false);
    }
    Ok(())
}

/// Puts deliveries that were given up back on their way.
pub(crate) async fn revive(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<()> {
    Query::new(
        "UPDATE delivery SET state = 'PENDING', next_attempt_at = $2, finished_at = NULL
         FROM {r} WHERE delivery.workspace_id = $1 AND delivery.id = r.id
           AND delivery.state = 'FAILED'",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(super) fn record_finished(
    tx: &mut Tx<'_>,
    delivery_id: DeliveryId,
    contact: Option<ContactId>,
    delivered: bool,
) {
    let fact = Fact::DeliveryFinished {
        delivery_id,
        delivered,
    };
    tx.record(Change::new(Origin::System, contact, fact));
}

/// Which deliveries a list has; every part given must hold.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryFilter {
    /// To one target.
    pub target: Option<TargetId>,
    /// Standing so.
    pub state: Option<DeliveryState>,
    /// Told in the message of this one.
    pub folded_into: Option<DeliveryId>,
    /// About this contact.
    pub contact: Option<ContactId>,
    /// Asked for by this firing of a rule.
    pub firing: Option<FiringId>,
    /// Asked for by this rule.
    pub rule: Option<RuleId>,
    /// Asked for by this playbook.
    pub playbook: Option<PlaybookId>,
    /// About this account, and no contact.
    pub account: Option<AccountId>,
    /// Asked for at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Asked for before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Asked for, sent or finished at this moment or later.
    pub changed_from: Option<DateTime<Utc>>,
}

const NEWEST: Keyset = Keyset {
    order: "delivery",
    key: None,
    id: "d.id",
    descending: true,
};

/// A page of the workspace's deliveries, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: DeliveryFilter,
    page: &PageRequest,
) -> Result<Page<(String, delivery::Model)>> {
    let mut query =
        Query::new("SELECT d.* FROM delivery d WHERE d.workspace_id = $1").bind(workspace);
    let backend = ctx.db.backend();
    if let Some(target) = filter.target {
        let target = query.arg(target);
        query.push(&format!(" AND d.target_id = {target}"));
    }
    if let Some(state) = filter.state {
        // Said in the text: an index of the failed ones is found by nothing else.
        query.push(&format!(" AND d.state = '{}'", state.word()));
    }
    if let Some(digest) = filter.folded_into {
        let digest = query.arg(digest);
        query.push(&format!(" AND d.folded_into = {digest}"));
    }
    if let Some(contact) = filter.contact {
        let contact = query.arg(contact);
        let test = dialect::few(backend, &format!("d.contact_id = {contact}"));
        query.push(&format!(" AND {test}"));
    }
    if let Some(firing) = filter.firing {
        let firing = query.arg(firing);
        let test = dialect::few(backend, &format!("d.firing_id = {firing}"));
        query.push(&format!(" AND {test}"));
    }
    if let Some(rule) = filter.rule {
        let rule = query.arg(rule);
        query.push(&format!(" AND d.rule_id = {rule}"));
    }
    if let Some(playbook) = filter.playbook {
        let playbook = query.arg(playbook);
        query.push(&format!(" AND d.playbook_id = {playbook}"));
    }
    if let Some(account) = filter.account {
        let account = query.arg(account);
        query.push(&format!(" AND d.account_id = {account}"));
    }
    if let Some(from) = filter.from {
        written_from(&mut query, "d.id", "d.created_at", from);
    }
    if let Some(until) = filter.until {
        written_until(&mut query, "d.id", "d.created_at", until);
    }
    if let Some(at) = filter.changed_from {
        let at = query.arg(at);
        query.push(&format!(
            " AND (d.created_at >= {at} OR d.sent_at >= {at} OR d.finished_at >= {at})"
        ));
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &delivery::Model| row.id)
        .await
}

/// The delivery, if it is one of the workspace.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: DeliveryId,
) -> Result<Option<delivery::Model>> {
    Ok(delivery::Entity::find_by_id((workspace, id))
        .one(ctx.reader())
        .await?)
}

/// The deliveries among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[DeliveryId],
) -> Result<Vec<delivery::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

pub(super) const ATTEMPTS: Log = Log {
    table: "delivery_attempt",
    of: "delivery_id",
    parent: "delivery",
    keyset: Keyset {
        order: "attempt",
        key: Some(Column::Real("CAST(a.attempt AS double precision)")),
        id: "a.id",
        descending: false,
    },
    key: |attempt| Key::Real(attempt as f64),
};

/// A page of one delivery's attempts, oldest first, each with its cursor.
pub async fn attempts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: DeliveryId,
    page: &PageRequest,
) -> Result<Page<(String, Attempt<AttemptId>)>> {
    ATTEMPTS.page(ctx, workspace, id, page).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stored_payloads_of_every_kind_keep_decoding() {
        let message = "message_00000000000000000000000000000001";
        for stored in [
            json!({ "kind": "ruleFired", "title": null, "ruleName": "VIP", "messageId": message }),
            json!({ "kind": "ruleFired", "title": "x", "ruleName": "VIP", "messageId": message,
                    "template": "{{ contact.name }}" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding", "template": "y",
                    "conversationId": "conversation_00000000000000000000000000000001",
                    "messageId": message }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding",
                    "accountId": "account_00000000000000000000000000000001" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding",
                    "playbookId": "playbook_00000000000000000000000000000001" }),
            json!({ "kind": "said", "title": "x", "by": "Onboarding",
                    "playbookId": "playbook_00000000000000000000000000000001",
                    "enrolmentId": "enrolment_00000000000000000000000000000001" }),
            json!({ "kind": "digest", "overBudget": true }),
            json!({ "kind": "test" }),
        ] {
            let payload: Payload = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(payload).unwrap(), stored);
        }
    }
}
