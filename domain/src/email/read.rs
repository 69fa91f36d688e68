//! Reads email events and campaigns, and explains what was made of an email's events.

use std::collections::{BTreeSet, HashMap};

use entity::{
    campaign, email_event,
    id::{CampaignId, EmailEventId, WorkspaceId},
    kind::EmailEventOrigin,
};
use sea_orm::ConnectionTrait;

use super::{
    fold::{EmailState, UnitEvent, fold},
    origin::{self, Verdict},
};
use crate::{
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx, rows_by_id},
    workspace,
};

/// How many events of one email are explained at most; the earliest are kept.
const MAX_EXPLAINED: i64 = 1_000;

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

/// What was made of one email's events, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Where the email stands.
    pub state: EmailState,
    /// Its events in the order of their times, each with who is taken to have caused it.
    pub events: Vec<(email_event::Model, Verdict)>,
}

/// Explains the email `email_key` to `recipient`, in its normal spelling; nothing when no event of
/// it is known.
pub async fn explain(
    ctx: &Ctx,
    workspace: WorkspaceId,
    email_key: &str,
    recipient: &str,
) -> Result<Option<Explained>> {
    let rows: Vec<email_event::Model> = Query::new(
        "SELECT e.* FROM email_event e
         WHERE e.workspace_id = $1 AND e.email_key = $2 AND e.recipient = $3
         ORDER BY e.occurred_at, e.id LIMIT $4",
    )
    .bind(workspace)
    .bind(email_key)
    .bind(recipient)
    .bind(MAX_EXPLAINED)
    .all(ctx.reader())
    .await?;
    let zone = workspace::time_zone(&workspace::find(ctx, workspace).await?);
    let events: Vec<UnitEvent> = rows.iter().map(UnitEvent::from).collect();
    let Some(state) = fold(&events, zone) else {
        return Ok(None);
    };
    let sorted: Vec<&UnitEvent> = events.iter().collect();
    let verdicts = origin::classify(&sorted);
    Ok(Some(Explained {
        state,
        events: rows.into_iter().zip(verdicts).collect(),
    }))
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

/// Who caused each event of some emails, told as in [`explain`], and why they are taken for that, as the
/// figures count them; for loaders.
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
