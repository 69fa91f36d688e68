//! How often a contact follows the links in what we send.

use async_trait::async_trait;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{Signal, SignalDefinition, Source};
use crate::{
    health::{curve::Curve, input::Input, model::Category},
    store::Query,
};

/// A share of fewer emails than this would be an accident, not a habit.
const MIN_DELIVERED: i64 = 5;

/// Emails with a human click per delivered email.
#[derive(Debug)]
pub(super) struct MarketingClicks;

fn curve() -> Curve {
    Curve::Linear {
        bad: 0.0,
        good: 0.1,
    }
}

#[async_trait]
impl Signal for MarketingClicks {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "marketing.click_rate",
            category: Category::Marketing,
            description: "Emails in which the contact followed a link, per delivered email. No data \
                          when fewer than five were delivered.",
            unit: "clicked emails per delivered email",
            weight: 15,
            window_days: Some(90),
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        let rows = Query::new(
            "SELECT r.contact_id, CAST(SUM(d.human_clickers) AS bigint),
                    CAST(SUM(d.delivered) AS bigint)
             FROM {r} CROSS JOIN email_day AS d
             WHERE d.workspace_id = $1 AND d.scope = 'CONTACT' AND d.scope_id = r.contact_id
               AND d.day > $2 AND d.day <= $3
             GROUP BY r.contact_id
             HAVING SUM(d.delivered) >= $4",
        )
        .bind(source.workspace)
        .bind(source.before_windows(1))
        .bind(source.today)
        .bind(MIN_DELIVERED)
        .rows("r", source.contacts.clone())
        .raw(source.connection)
        .await?;
        rows.iter()
            .map(|row| {
                let (clicked, delivered): (i64, i64) =
                    (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                let rate = clicked as f64 / delivered as f64;
                Ok((row.try_get_by_index(0)?, Input::plain(rate)))
            })
            .collect()
    }
}
