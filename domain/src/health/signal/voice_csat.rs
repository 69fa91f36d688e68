//! What customers say about our help.

use async_trait::async_trait;
use entity::id::ContactId;
use sea_orm::DbErr;

use super::{
    Signal, SignalDefinition, Source,
    facts::{Ask, measure},
};
use crate::health::{curve::Curve, input::Input, model::Category};

/// The average satisfaction with solved tickets.
#[derive(Debug)]
pub(super) struct VoiceCsat;

fn curve() -> Curve {
    Curve::Linear {
        bad: 2.0,
        good: 4.5,
    }
}

const ASK: Ask = Ask {
    table: "ticket",
    columns: "t.csat AS csat",
    holds: "t.csat IS NOT NULL AND COALESCE(t.solved_at, t.updated_at) > $2 AND t.opened_at <= $3",
    measures: "CAST(AVG(x.csat) AS double precision)",
};

#[async_trait]
impl Signal for VoiceCsat {
    fn definition(&self) -> &'static SignalDefinition {
        &SignalDefinition {
            name: "voice.ticket_satisfaction",
            category: Category::VoiceOfCustomer,
            description: "The average satisfaction, 1 to 5, that was answered for tickets solved \
                          in the window. No data when nobody answered.",
            unit: "points of 5",
            weight: 0,
            window_days: Some(90),
            curve,
        }
    }

    async fn read(&self, source: &Source<'_>) -> Result<Vec<(ContactId, Input)>, DbErr> {
        measure(source, &ASK).await
    }
}
