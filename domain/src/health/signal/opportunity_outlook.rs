//! How the deals with a customer turn out.

use super::{
    SignalDefinition,
    facts::{Ask, FactSignal},
};
use crate::health::{curve::Curve, model::Category};

/// Deals that are open or won, per deal.
pub(super) static OPPORTUNITY_OUTLOOK: FactSignal = FactSignal {
    definition: &SignalDefinition {
        name: "opportunities.outlook",
        category: Category::Opportunities,
        description: "The share of the deals that are open, or were decided in the window, \
                      and are not lost. No data when there is none.",
        unit: "open or won deals per deal",
        weight: 0,
        window_days: Some(365),
        curve,
    },
    ask: Ask {
        table: "opportunity",
        columns: "CASE WHEN t.status = 'LOST' THEN 0.0 ELSE 1.0 END AS alive",
        holds: "COALESCE(t.closed_at, $3) > $2 AND t.opened_at <= $3",
        measures: "CAST(AVG(x.alive) AS double precision)",
    },
};

fn curve() -> Curve {
    Curve::Linear {
        bad: 0.0,
        good: 0.8,
    }
}
