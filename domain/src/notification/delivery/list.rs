//! Reading deliveries: in pages, by their ids, and the attempts of one.

use chrono::{DateTime, Utc};
use entity::{
    attempt::Attempt,
    delivery,
    id::{
        AccountId, AttemptId, ContactId, DeliveryId, FiringId, PlaybookId, RuleId, TargetId,
        WorkspaceId,
    },
    kind::DeliveryState,
};
use sea_orm::EntityTrait as _;
use serde::{Deserialize, Serialize};

use crate::{
    ctx::Ctx,
    error::Result,
    notification::attempt::Log,
    page::{Column, Key, Keyset, Page, PageRequest, written_from, written_until},
    store::{Query, dialect, rows_by_id},
};

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

pub(in crate::notification) const ATTEMPTS: Log = Log {
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
