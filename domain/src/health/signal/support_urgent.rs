//! Whether urgent cases of a customer are open.

use async_trait::async_trait;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{
    Signal, SignalDefinition, Source,
    facts::{Ask, measure},
};
use crate::health::{curve::Curve, input::Input, model::Category};

/// How many urgent tickets are not solved.
#[derive(Debug)]
pub(super) struct SupportUrgent;

fn curve() -> Curve {
    Curve::Linear {
        bad: 3.0,
        good: 0.0,
    }
}

const ASK: Ask = Ask {
    table: "ticket",
    columns: "CASE WHEN t.priority = 'URGENT' AND t.status IN ('OPEN', 'PENDING') THEN 1.0 ELSE \
              0.0 END AS pressing",
    holds: "t.opened_at <= $3 AND $2 <= $3",
    measures: "CAST(SUM(x.pressing) AS double precision)",
};

#[async_trait]
impl Signal for SupportUrgent {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "support.urgent_tickets",
            category: Category::Support,
            description: "Urgent tickets that are not solved yet; 0 when none is. No data when \
                          there never was a ticket.",
            unit: "tickets",
            weight: 0,
            window_days: None,
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        measure(source, &ASK).await
    }
}
