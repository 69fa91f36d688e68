//! When contacts, accounts and conversations last changed, for whoever keeps a copy of them elsewhere
//! (`latest_change`): lists and files take only what changed since, and can be in that order.
//!
//! A projection follows the log, so that everything shown with a thing counts, whoever has written it: its own
//! fields, identities, values of attributes, tags, stage, owner, score. Not what it merely names: an
//! account that gets another name changes, and its people do not. The projection's batches are written one
//! after another, each with a moment of its own that is later than all before: whoever reads on behind a
//! cursor in this order misses nothing, however late something is noted.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, WorkspaceId},
    kind::{SubjectKind, TagTarget},
};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ctx::Ctx,
    error::Result,
    page::within,
    port::Work,
    store::{Query, Rows, Tx},
    work::{
        change::{Entry, Fact},
        projection::Projection,
    },
};

/// When something last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromQueryResult)]
pub struct LatestChange {
    /// The contact, account or conversation.
    pub subject_id: Uuid,
    /// The moment, which lies a moment behind the change itself.
    pub changed_at: DateTime<Utc>,
}

/// When the contacts, accounts and conversations among `ids` last changed; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[Uuid]) -> Result<Vec<LatestChange>> {
    Ok(Query::new(
        "SELECT l.subject_id, l.changed_at FROM {r}
         JOIN latest_change l ON l.workspace_id = $1 AND l.subject_id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// Between which moments something last changed, as filters have it. Stored as JSON with operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangedWithin {
    /// Not before this moment.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
}

impl ChangedWithin {
    /// Appends to a list of things of a kind, whose `$1` is the workspace, that `id` is one of these.
    pub(crate) fn apply(self, query: &mut Query, kind: SubjectKind, id: &str) {
        if self == Self::default() {
            return;
        }
        query.push(&format!(
            " AND {id} IN (SELECT w.subject_id FROM latest_change w
                WHERE w.workspace_id = $1 AND w.subject = '{}'",
            kind.word()
        ));
        within(query, "w.changed_at", self.from, self.until);
        query.push(")");
    }

    /// Appends the same to a list that has the row of `latest_change` as `l`.
    pub(crate) fn apply_beside(self, query: &mut Query) {
        within(query, "l.changed_at", self.from, self.until);
    }
}

/// Keeps when things last changed.
#[derive(Debug)]
pub struct LatestChanges;

#[async_trait]
impl Projection for LatestChanges {
    fn name(&self) -> &'static str {
        "latest"
    }

    fn work(&self) -> Work {
        Work::Standing
    }

    fn facts(&self) -> &'static [&'static str] {
        &[
            "account.archived",
            "account.changed",
            "account.created",
            "account.merged",
            "account.restored",
            "account.unmerged",
            "attribute.set",
            "contact.changed",
            "contact.created",
            "contact.erased",
            "contact.merged",
            "contact.unmerged",
            "conversation.assigned",
            "conversation.handed_over",
            "conversation.priority_changed",
            "conversation.status_changed",
            "conversation.watchers_changed",
            "health.changed",
            "identity.attached",
            "identity.detached",
            "message.received",
            "message.sent",
            "owner.changed",
            "stage.changed",
            "subscription.changed",
            "tagging.added",
            "tagging.removed",
            "tagging.renewed",
        ]
    }

    fn batch(&self) -> i64 {
        5_000
    }

    /// A thing is often changed in several ways at once: it is noted once for all of them.
    fn pause(&self) -> TimeDelta {
        TimeDelta::seconds(1)
    }

    async fn apply(&self, _ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        for (kind, table) in [
            (SubjectKind::Contact, "contact"),
            (SubjectKind::Account, "account"),
            (SubjectKind::Conversation, "conversation"),
        ] {
            let all = entries.iter().flat_map(|entry| changed(&entry.fact));
            let ids: BTreeSet<Uuid> = all
                .filter(|(of, _)| *of == kind)
                .map(|(_, id)| id)
                .collect();
            if !ids.is_empty() {
                note(tx, kind, table, ids).await?;
            }
        }
        let gone: BTreeSet<ContactId> = entries
            .iter()
            .filter_map(|entry| match entry.fact {
                Fact::ContactErased { contact_id, .. } => Some(contact_id),
                _ => None,
            })
            .collect();
        forget(tx, gone).await
    }
}

/// The contacts, accounts and conversations of which something else is shown after this.
fn changed(fact: &Fact) -> Vec<(SubjectKind, Uuid)> {
    use SubjectKind::{Account, Contact, Conversation};
    match fact {
        Fact::ContactCreated { contact_id }
        | Fact::ContactChanged { contact_id, .. }
        | Fact::IdentityAttached { contact_id, .. }
        | Fact::IdentityDetached { contact_id, .. }
        | Fact::SubscriptionChanged { contact_id, .. }
        | Fact::HealthChanged { contact_id, .. } => vec![(Contact, contact_id.0)],
        Fact::ContactMerged {
            contact_id,
            loser_id,
            ..
        }
        | Fact::ContactUnmerged {
            contact_id,
            loser_id,
            ..
        } => vec![(Contact, contact_id.0), (Contact, loser_id.0)],
        Fact::AccountCreated { account_id }
        | Fact::AccountChanged { account_id }
        | Fact::AccountArchived { account_id }
        | Fact::AccountRestored { account_id } => vec![(Account, account_id.0)],
        Fact::AccountMerged {
            account_id,
            loser_id,
            ..
        }
        | Fact::AccountUnmerged {
            account_id,
            loser_id,
            ..
        } => vec![(Account, account_id.0), (Account, loser_id.0)],
        Fact::MessageReceived {
            conversation_id, ..
        }
        | Fact::MessageSent {
            conversation_id, ..
        }
        | Fact::ConversationStatusChanged {
            conversation_id, ..
        }
        | Fact::ConversationAssigned {
            conversation_id, ..
        }
        | Fact::ConversationPriorityChanged {
            conversation_id, ..
        }
        | Fact::ConversationWatchersChanged {
            conversation_id, ..
        }
        | Fact::ConversationHandedOver { conversation_id } => {
            vec![(Conversation, conversation_id.0)]
        }
        Fact::StageChanged {
            subject,
            subject_id,
            ..
        }
        | Fact::OwnerChanged {
            subject,
            subject_id,
            ..
        }
        | Fact::AttributeSet {
            subject,
            subject_id,
            ..
        } => vec![(*subject, *subject_id)],
        Fact::TaggingAdded {
            target, target_id, ..
        }
        | Fact::TaggingRemoved {
            target, target_id, ..
        }
        | Fact::TaggingRenewed {
            target, target_id, ..
        } => {
            let kind = match target {
                TagTarget::Contact => Contact,
                TagTarget::Account => Account,
                TagTarget::Conversation => Conversation,
            };
            vec![(kind, *target_id)]
        }
        _ => Vec::new(),
    }
}

/// Notes that things of a kind, as far as they are there, changed now: later than anything before.
async fn note(tx: &Tx<'_>, kind: SubjectKind, table: &str, ids: BTreeSet<Uuid>) -> Result<()> {
    let last: Option<DateTime<Utc>> = Query::new(
        "SELECT l.changed_at FROM latest_change l WHERE l.workspace_id = $1 AND l.subject = $2
         ORDER BY l.changed_at DESC LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(kind.word())
    .scalar(tx.connection())
    .await?;
    let next = last.map(|last| last + TimeDelta::microseconds(1));
    let now = next.map_or(tx.now, |next| next.max(tx.now));
    Query::new(format!(
        "INSERT INTO latest_change (workspace_id, subject, subject_id, changed_at)
         SELECT $1, $2, r.id, $3 FROM {{r}}
         JOIN {table} t ON t.workspace_id = $1 AND t.id = r.id WHERE true
         ON CONFLICT (workspace_id, subject_id) DO UPDATE SET changed_at = excluded.changed_at"
    ))
    .bind(tx.workspace)
    .bind(kind.word())
    .bind(now)
    .rows("r", Rows::new().uuids("id", ids))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Leaves nothing of people who were erased: what they did before may have been noted after.
async fn forget(tx: &Tx<'_>, people: BTreeSet<ContactId>) -> Result<()> {
    if people.is_empty() {
        return Ok(());
    }
    Query::new(
        "DELETE FROM latest_change
         WHERE workspace_id = $1 AND subject_id IN (SELECT r.id FROM {r})",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", people))
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_that_are_read_are_those_that_change_something() {
        let samples: Vec<Fact> =
            serde_json::from_str(include_str!("work/samples/change.json")).unwrap();
        let read = LatestChanges.facts();
        for fact in samples {
            let counts = !changed(&fact).is_empty() || matches!(fact, Fact::ContactErased { .. });
            assert_eq!(read.contains(&fact.name()), counts, "{}", fact.name());
        }
    }
}
