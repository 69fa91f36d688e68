//! Waking snoozed conversations when their moment has come.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, ConversationId},
    kind::ConversationStatus,
};
use sea_orm::FromQueryResult;

use super::history;
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    store::Query,
    work::{
        change::{Change, Fact},
        due::{self, Claimed},
    },
};

#[derive(FromQueryResult)]
struct Woken {
    contact_id: ContactId,
}

/// How long an item is put back at most that comes before its moment: whichever clock is wrong may be set
/// right meanwhile.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(1);

/// Opens the conversation of a due item again, once: whoever has woken it before, a person, a
/// message or another item, leaves nothing to do. An item that comes before its moment, because
/// the clock it is due by runs ahead of ours, is put back for the rest, an hour at a time.
pub(crate) async fn wake(ctx: &Ctx, item: &Claimed) -> Result<()> {
    let mut tx = ctx.begin(item.workspace_id).await?;
    let id = ConversationId(item.subject_id);
    let woken: Option<Woken> = Query::new(
        "UPDATE conversation SET status = 'OPEN', snoozed_until = NULL
         WHERE workspace_id = $1 AND id = $2 AND status = 'SNOOZED' AND snoozed_until <= $3
         RETURNING contact_id",
    )
    .bind(tx.workspace)
    .bind(id)
    .bind(tx.now)
    .one(tx.connection())
    .await?;
    if let Some(woken) = woken {
        let fact = Fact::ConversationStatusChanged {
            conversation_id: id,
            from: Some(ConversationStatus::Snoozed),
            to: Some(ConversationStatus::Open),
        };
        history::enter(&tx, &[(Origin::System, fact.clone())]).await?;
        tx.record(Change::new(Origin::System, Some(woken.contact_id), fact));
    } else {
        let until: Option<DateTime<Utc>> = Query::new(
            "SELECT snoozed_until FROM conversation
             WHERE workspace_id = $1 AND id = $2 AND status = 'SNOOZED'
               AND snoozed_until IS NOT NULL",
        )
        .bind(tx.workspace)
        .bind(id)
        .scalar(tx.connection())
        .await?;
        if let Some(until) = until {
            let wait = (until - tx.now).clamp(TimeDelta::milliseconds(10), LOOK_AGAIN);
            tx.rollback().await?;
            return Ok(due::postpone(ctx, &[(item.clone(), wait)]).await?);
        }
    }
    if due::finish(&tx, item).await? {
        tx.commit().await
    } else {
        Ok(tx.rollback().await?)
    }
}
