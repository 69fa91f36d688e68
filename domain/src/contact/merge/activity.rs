//! When contacts were last active: joined by a merge, and made out anew when it is undone.

use chrono::{DateTime, Utc};
use entity::id::{ContactId, MessageId};
use sea_orm::{ActiveModelTrait as _, EntityTrait as _, FromQueryResult, Set};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    store::{Query, Tx},
};

/// When a contact was last active, and the newest message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Activity {
    pub(super) active_at: DateTime<Utc>,
    pub(super) message_id: Option<MessageId>,
    pub(super) message_at: Option<DateTime<Utc>>,
}

impl Activity {
    pub(super) fn with(&self, other: &Self) -> Self {
        let newest = if other.message_at > self.message_at {
            other
        } else {
            self
        };
        Self {
            active_at: self.active_at.max(other.active_at),
            message_id: newest.message_id,
            message_at: newest.message_at,
        }
    }
}

pub(super) async fn read(tx: &Tx<'_>, id: ContactId) -> Result<Activity> {
    let row = entity::contact_activity::Entity::find_by_id((tx.workspace, id))
        .one(tx.connection())
        .await?
        .ok_or_else(|| Error::Internal("a contact has no activity".to_owned()))?;
    Ok(Activity {
        active_at: row.last_activity_at,
        message_id: row.last_message_id,
        message_at: row.last_message_at,
    })
}

pub(super) async fn write(tx: &Tx<'_>, id: ContactId, activity: &Activity) -> Result<()> {
    entity::contact_activity::ActiveModel {
        workspace_id: Set(tx.workspace),
        contact_id: Set(id),
        last_activity_at: Set(activity.active_at),
        last_message_id: Set(activity.message_id),
        last_message_at: Set(activity.message_at),
    }
    .update(tx.connection())
    .await?;
    Ok(())
}

/// What contacts do by themselves, with its time: what moves their activity when it comes in.
const ACTS: &str = "SELECT MAX(m.sent_at) AS at FROM message m
      WHERE m.workspace_id = $1 AND m.contact_id = $2 AND m.direction = 'INBOUND'
    UNION ALL SELECT MAX(e.occurred_at) FROM event e
      WHERE e.workspace_id = $1 AND e.contact_id = $2
    UNION ALL SELECT MAX(o.placed_at) FROM sales_order o
      WHERE o.workspace_id = $1 AND o.contact_id = $2
    UNION ALL SELECT MAX(t.opened_at) FROM ticket t
      WHERE t.workspace_id = $1 AND t.contact_id = $2
    UNION ALL SELECT MAX(a.answered_at) FROM survey_answer a
      WHERE a.workspace_id = $1 AND a.contact_id = $2";

/// Sets a contact's activity after everything that is theirs was given back: as it was `before` the
/// merge, with what has come since.
pub(super) async fn restore(tx: &Tx<'_>, id: ContactId, before: &Activity) -> Result<()> {
    #[derive(FromQueryResult)]
    struct Newest {
        id: MessageId,
        sent_at: DateTime<Utc>,
    }
    let newest: Option<Newest> = Query::new(
        "SELECT m.id, m.sent_at FROM message m WHERE m.workspace_id = $1 AND m.contact_id = $2
         ORDER BY m.sent_at DESC, m.id DESC LIMIT 1",
    )
    .bind(tx.workspace)
    .bind(id)
    .one(tx.connection())
    .await?;
    let acts: Vec<Option<DateTime<Utc>>> = Query::new(ACTS)
        .bind(tx.workspace)
        .bind(id)
        .column(tx.connection())
        .await?;
    let since = Activity {
        active_at: acts.into_iter().flatten().fold(before.active_at, Ord::max),
        message_id: newest.as_ref().map(|newest| newest.id),
        message_at: newest.map(|newest| newest.sent_at),
    };
    write(tx, id, &before.with(&since)).await
}
