//! Whether a customer pays in time.

use super::{
    SignalDefinition,
    facts::{Ask, FactSignal},
};
use crate::health::{curve::Curve, model::Category};

/// Invoices that are overdue or given up, per invoice.
pub(super) static BILLING_OVERDUE: FactSignal = FactSignal {
    definition: &SignalDefinition {
        name: "billing.overdue_share",
        category: Category::Billing,
        description: "The share of the invoices issued in the window that are past their due \
                      date or given up; drafts and void ones do not count. No data when none \
                      was issued.",
        unit: "overdue invoices per invoice",
        weight: 0,
        window_days: Some(365),
        curve,
    },
    ask: Ask {
        table: "invoice",
        columns: "CASE WHEN t.status = 'UNCOLLECTIBLE' OR (t.status = 'OPEN' AND t.due_at < $3) \
                  THEN 1.0 ELSE 0.0 END AS late",
        holds: "t.status IN ('OPEN', 'PAID', 'UNCOLLECTIBLE') AND t.issued_at > $2 \
                AND t.issued_at <= $3",
        measures: "CAST(AVG(x.late) AS double precision)",
    },
};

fn curve() -> Curve {
    Curve::Linear {
        bad: 0.5,
        good: 0.0,
    }
}
