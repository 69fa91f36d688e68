//! Whether urgent cases of a customer are open.

use super::{
    SignalDefinition,
    facts::{Ask, FactSignal},
};
use crate::health::{curve::Curve, model::Category};

/// How many urgent tickets are not solved.
pub(super) static SUPPORT_URGENT: FactSignal = FactSignal {
    definition: &SignalDefinition {
        name: "support.urgent_tickets",
        category: Category::Support,
        description: "Urgent tickets that are not solved yet; 0 when none is. No data when \
                      there never was a ticket.",
        unit: "tickets",
        weight: 0,
        window_days: None,
        curve,
    },
    ask: Ask {
        table: "ticket",
        columns: "CASE WHEN t.priority = 'URGENT' AND t.status IN ('OPEN', 'PENDING') \
                  THEN 1.0 ELSE 0.0 END AS pressing",
        holds: "t.opened_at <= $3 AND $2 <= $3",
        measures: "CAST(SUM(x.pressing) AS double precision)",
    },
};

fn curve() -> Curve {
    Curve::Linear {
        bad: 3.0,
        good: 0.0,
    }
}
