//! Whether a contact uses the product as much as it used to.

use async_trait::async_trait;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{Signal, SignalDefinition, Source};
use crate::{
    health::{curve::Curve, input::Input, model::Category},
    store::Query,
};

/// Days with an event in the latest window, against the mean of the two windows before it.
#[derive(Debug)]
pub(super) struct ProductUsage;

fn curve() -> Curve {
    Curve::Baseline { grace: 0.15 }
}

#[async_trait]
impl Signal for ProductUsage {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "product.active_days",
            category: Category::ProductUsage,
            description: "Days on which the contact did something, against its own mean over the \
                          two windows before. No data when it never did anything; nothing at all \
                          when it did and stopped.",
            unit: "days",
            weight: 30,
            window_days: Some(28),
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        // Whoever has no day in the three windows is looked up once more, by one probe of the key:
        // never having used it is no data, having stopped is.
        let rows = Query::new(
            "SELECT r.contact_id, COUNT(CASE WHEN e.day > $2 THEN 1 END), COUNT(e.day)
             FROM {r} LEFT JOIN event_day AS e
               ON e.workspace_id = $1 AND e.contact_id = r.contact_id
              AND e.day > $4 AND e.day <= $3
             GROUP BY r.contact_id
             HAVING COUNT(e.day) > 0 OR EXISTS (
                 SELECT 1 FROM event_day AS o
                 WHERE o.workspace_id = $1 AND o.contact_id = r.contact_id AND o.day <= $4)",
        )
        .bind(source.workspace)
        .bind(source.before_windows(1))
        .bind(source.today)
        .bind(source.before_windows(3))
        .rows("r", source.contacts.clone())
        .raw(source.connection)
        .await?;
        rows.iter()
            .map(|row| {
                let (now, all): (i64, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                let usual = (all - now) as f64 / 2.0;
                Ok((row.try_get_by_index(0)?, Input::against(now as f64, usual)))
            })
            .collect()
    }
}
