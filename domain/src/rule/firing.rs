//! The log of firings: which rule fired on what, what matched, and what became of each
//! action.

use chrono::{DateTime, Utc};
use entity::{
    id::{AccountId, ContactId, FiringId, Id as _, MessageId, RuleId, WorkspaceId},
    kind::TimelineKind,
    rule_firing,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    action::Outcome,
    condition::{matcher::MatchedPart, trace::Trace},
    contact::{one_of, one_of_few},
    ctx::Ctx,
    error::Result,
    fact::Of,
    page::{Keyset, Page, PageRequest, written_from, written_until},
    store::{Query, rows_by_id},
    timeline,
    work::change::Fact,
};

/// What matched, as stored in a firing.
pub fn matched(firing: &rule_firing::Model) -> Result<Vec<MatchedPart>> {
    Ok(serde_json::from_value(firing.matched.clone())?)
}

/// Each condition's verdict with what was there, as stored in a firing; nothing in those of earlier
/// releases.
pub fn trace(firing: &rule_firing::Model) -> Result<Option<Trace>> {
    let stored = firing.trace.as_ref();
    Ok(stored.map(Trace::stored).transpose()?)
}

/// What became of the actions, as stored in a firing.
pub fn outcomes(firing: &rule_firing::Model) -> Result<Vec<Outcome>> {
    Ok(serde_json::from_value(firing.outcomes.clone())?)
}

/// What happened, as the log told it; nothing of a firing of the first release or for the clock, or of what
/// only a newer release knows.
pub fn cause(firing: &rule_firing::Model) -> Option<Fact> {
    serde_json::from_value(firing.cause.clone()?).ok()
}

/// Whose firings a list has.
#[derive(Debug, Clone, Copy)]
pub enum FiringsOf {
    /// Of one rule.
    Rule(RuleId),
    /// Of one contact.
    Contact(ContactId),
    /// Of one account, its people's included.
    Account(AccountId),
    /// Of one message.
    Message(MessageId),
}

const NEWEST: Keyset = Keyset {
    order: "firing",
    key: None,
    id: "f.id",
    descending: true,
};

/// A page of firings, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    of: FiringsOf,
    page: &PageRequest,
) -> Result<Page<(String, rule_firing::Model)>> {
    let (column, id): (_, Uuid) = match of {
        FiringsOf::Rule(id) => ("rule_id", id.uuid()),
        FiringsOf::Contact(id) => ("contact_id", id.uuid()),
        FiringsOf::Account(id) => return of_account(ctx, workspace, id, page).await,
        FiringsOf::Message(id) => ("message_id", id.uuid()),
    };
    let query = Query::new(format!(
        "SELECT f.* FROM rule_firing f WHERE f.workspace_id = $1 AND f.{column} = $2"
    ))
    .bind(workspace)
    .bind(id);
    NEWEST
        .list_by_id(ctx, query, page, |row: &rule_firing::Model| row.id)
        .await
}

/// Which of all firings a list has; every part given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FiringFilter {
    /// Of this rule.
    pub rule: Option<RuleId>,
    /// On this contact.
    pub contact: Option<ContactId>,
    /// At this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
}

/// A page of the workspace's firings, newest first, each with its cursor.
pub async fn list_all(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &FiringFilter,
    page: &PageRequest,
) -> Result<Page<(String, rule_firing::Model)>> {
    let mut query =
        Query::new("SELECT f.* FROM rule_firing f WHERE f.workspace_id = $1").bind(workspace);
    one_of(&mut query, "f.rule_id", filter.rule.into_iter());
    let contact = filter.contact.into_iter();
    one_of_few(&mut query, ctx.db.backend(), "f.contact_id", contact);
    if let Some(from) = filter.from {
        written_from(&mut query, "f.id", "f.fired_at", from);
    }
    if let Some(until) = filter.until {
        written_until(&mut query, "f.id", "f.fired_at", until);
    }
    NEWEST
        .list_by_id(ctx, query, page, |row: &rule_firing::Model| row.id)
        .await
}

/// Those on the account's timeline, which has its people's in the order of time.
async fn of_account(
    ctx: &Ctx,
    workspace: WorkspaceId,
    account: AccountId,
    page: &PageRequest,
) -> Result<Page<(String, rule_firing::Model)>> {
    let kinds = [TimelineKind::RuleFired];
    let found = timeline::list(ctx, workspace, Of::Account(account), &kinds, page).await?;
    let entries = found.rows.iter();
    let ids: Vec<_> = entries
        .map(|(_, entry)| FiringId(entry.subject_id))
        .collect();
    let firings = load(ctx, workspace, &ids).await?.into_iter();
    let firings = firings.map(|firing| (firing.id.uuid(), firing));
    Ok(timeline::with_things(found, firings.collect()))
}

/// The firings among `ids`, in no particular order; for loaders.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[FiringId],
) -> Result<Vec<rule_firing::Model>> {
    rows_by_id(ctx.reader(), workspace, ids).await
}
