//! How the deals with a customer turn out.

use async_trait::async_trait;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{
    Signal, SignalDefinition, Source,
    facts::{Ask, measure},
};
use crate::health::{curve::Curve, input::Input, model::Category};

/// Deals that are open or won, per deal.
#[derive(Debug)]
pub(super) struct OpportunityOutlook;

fn curve() -> Curve {
    Curve::Linear {
        bad: 0.0,
        good: 0.8,
    }
}

const ASK: Ask = Ask {
    table: "opportunity",
    columns: "CASE WHEN t.status = 'LOST' THEN 0.0 ELSE 1.0 END AS alive",
    holds: "COALESCE(t.closed_at, $3) > $2 AND t.opened_at <= $3",
    measures: "CAST(AVG(x.alive) AS double precision)",
};

#[async_trait]
impl Signal for OpportunityOutlook {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "opportunities.outlook",
            category: Category::Opportunities,
            description: "The share of the deals that are open, or were decided in the window, \
                          and are not lost. No data when there is none.",
            unit: "open or won deals per deal",
            weight: 0,
            window_days: Some(365),
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        measure(source, &ASK).await
    }
}
