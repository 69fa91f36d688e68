//! Reads email events and campaigns, and who caused the events of emails.

use std::collections::{BTreeSet, HashMap};

use entity::{
    campaign, email_event,
    id::{CampaignId, EmailEventId, WorkspaceId},
    kind::EmailEventOrigin,
};
use sea_orm::ConnectionTrait;

use super::{
    fold::UnitEvent,
    origin::{self, Verdict},
};
use crate::{
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx, rows_by_id},
};

/// The email events among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[EmailEventId],
) -> Result<Vec<email_event::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// A page of the workspace's campaigns, newest first, each with its cursor.
pub async fn campaigns(
    ctx: &Ctx,
    workspace: WorkspaceId,
    page: &PageRequest,
) -> Result<Page<(String, campaign::Model)>> {
    let keyset = Keyset {
        order: "newest",
        key: None,
        id: "c.id",
        descending: true,
    };
    let query = Query::new("SELECT c.* FROM campaign c WHERE c.workspace_id = $1").bind(workspace);
    keyset
        .list_by_id(ctx, query, page, |row: &campaign::Model| row.id)
        .await
}

/// The campaigns among `ids`, in no particular order; for loaders.
pub async fn load_campaigns(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[CampaignId],
) -> Result<Vec<campaign::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}

/// Who caused each event of some emails, told as the sender's id of the email and the recipient, as far
/// as the events that are known by now let tell.
pub(crate) async fn origins(
    tx: &Tx<'_>,
    emails: &BTreeSet<(&str, &str)>,
) -> Result<HashMap<EmailEventId, EmailEventOrigin>> {
    let found = verdicts(tx.connection(), tx.workspace, emails).await?;
    let each = found.into_iter();
    Ok(each.map(|(id, verdict)| (id, verdict.origin)).collect())
}

/// The same, with why they are taken for that, as the figures count them; for loaders.
pub async fn load_verdicts(
    ctx: &Ctx,
    workspace: WorkspaceId,
    emails: &BTreeSet<(&str, &str)>,
) -> Result<HashMap<EmailEventId, Verdict>> {
    verdicts(ctx.reader(), workspace, emails).await
}

async fn verdicts(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
    emails: &BTreeSet<(&str, &str)>,
) -> Result<HashMap<EmailEventId, Verdict>> {
    if emails.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted = Rows::new()
        .texts("email_key", emails.iter().map(|(key, _)| *key))
        .texts("recipient", emails.iter().map(|(_, address)| *address));
    let rows: Vec<email_event::Model> = Query::new(
        "SELECT e.* FROM {r} CROSS JOIN email_event e
         WHERE e.workspace_id = $1 AND e.email_key = r.email_key AND e.recipient = r.recipient
         ORDER BY e.email_key, e.recipient, e.occurred_at, e.id",
    )
    .bind(workspace)
    .rows("r", wanted)
    .all(connection)
    .await?;
    let mut found = HashMap::with_capacity(rows.len());
    let same = |one: &email_event::Model, next: &email_event::Model| {
        one.email_key == next.email_key && one.recipient == next.recipient
    };
    for email in rows.chunk_by(same) {
        let events: Vec<UnitEvent> = email.iter().map(UnitEvent::from).collect();
        let sorted: Vec<&UnitEvent> = events.iter().collect();
        let verdicts = origin::classify(&sorted).into_iter();
        found.extend(verdicts.zip(&events).map(|(one, event)| (event.id, one)));
    }
    Ok(found)
}

impl From<&email_event::Model> for UnitEvent {
    fn from(row: &email_event::Model) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            origin: row.origin,
            bounce: row.bounce,
            url: row.url.clone(),
            user_agent: row.user_agent.clone(),
            ip_hash: row.ip_hash.clone(),
            tracks_opens: row.tracks_opens,
            occurred_at: row.occurred_at,
        }
    }
}
