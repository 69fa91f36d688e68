//! What customers say about our help.

use super::{
    SignalDefinition,
    facts::{Ask, FactSignal},
};
use crate::health::{curve::Curve, model::Category};

/// The average satisfaction with solved tickets.
pub(super) static VOICE_CSAT: FactSignal = FactSignal {
    definition: &SignalDefinition {
        name: "voice.ticket_satisfaction",
        category: Category::VoiceOfCustomer,
        description: "The average satisfaction, 1 to 5, that was answered for tickets solved \
                      in the window. No data when nobody answered.",
        unit: "points of 5",
        weight: 0,
        window_days: Some(90),
        curve,
    },
    ask: Ask {
        table: "ticket",
        columns: "t.csat AS csat",
        holds: "t.csat IS NOT NULL AND COALESCE(t.solved_at, t.updated_at) > $2 \
                AND t.opened_at <= $3",
        measures: "CAST(AVG(x.csat) AS double precision)",
    },
};

fn curve() -> Curve {
    Curve::Linear {
        bad: 2.0,
        good: 4.5,
    }
}
