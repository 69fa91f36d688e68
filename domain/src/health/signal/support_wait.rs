//! How long a contact has been waiting for our answer.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{Signal, SignalDefinition, Source};
use crate::{
    health::{curve::Curve, input::Input, model::Category},
    store::Query,
};

/// How long a conversation in which nothing waits says that we answer soon. Fixed, because models
/// were saved with this signal before it looked back at all.
const WINDOW: TimeDelta = TimeDelta::days(90);

/// Whole hours since the oldest message that nobody has answered.
#[derive(Debug)]
pub(super) struct SupportWait;

fn curve() -> Curve {
    Curve::Linear {
        bad: 72.0,
        good: 4.0,
    }
}

#[async_trait]
impl Signal for SupportWait {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "support.waiting_hours",
            category: Category::Support,
            description: "Whole hours the oldest open conversation has waited for our answer; 0 \
                          when none waits. No data when none waits and no conversation had a \
                          message in the last 90 days: help long ago says nothing about today.",
            unit: "hours",
            weight: 25,
            window_days: None,
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        let rows = Query::new(
            "SELECT r.contact_id, MIN(CASE WHEN c.status <> 'CLOSED' THEN c.waiting_since END)
             FROM {r} CROSS JOIN conversation AS c
             WHERE c.workspace_id = $1 AND c.contact_id = r.contact_id
               AND (c.last_message_at > $2
                    OR (c.status <> 'CLOSED' AND c.waiting_since IS NOT NULL))
             GROUP BY r.contact_id",
        )
        .bind(source.workspace)
        .bind(source.as_of - WINDOW)
        .rows("r", source.contacts.clone())
        .raw(source.connection)
        .await?;
        rows.iter()
            .map(|row| {
                let since: Option<DateTime<Utc>> = row.try_get_by_index(1)?;
                let hours = since.map_or(0, |since| (source.as_of - since).num_hours().max(0));
                Ok((row.try_get_by_index(0)?, Input::plain(hours as f64)))
            })
            .collect()
    }
}
