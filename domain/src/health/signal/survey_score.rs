//! What contacts answer to surveys.

use super::{
    SignalDefinition,
    facts::{Ask, FactSignal},
};
use crate::health::{curve::Curve, model::Category};

/// The mean of the latest answers of a kind, one for each person and survey. Of what a company said
/// without naming a person every answer counts.
macro_rules! latest {
    ($kind:literal) => {
        Ask {
            table: "survey_answer",
            columns: "t.score AS score",
            holds: concat!(
                "t.kind = '",
                $kind,
                "' AND t.answered_at > $2 AND t.answered_at <= $3
                   AND NOT EXISTS (
                     SELECT 1 FROM survey_answer AS n
                     WHERE n.workspace_id = $1 AND n.contact_id = t.contact_id
                       AND n.kind = t.kind AND n.survey_key = t.survey_key
                       AND n.answered_at <= $3
                       AND (n.answered_at, n.id) > (t.answered_at, t.id))"
            ),
            measures: "CAST(AVG(x.score) AS double precision)",
        }
    };
}

/// How likely somebody is to recommend us, by their latest answer to each survey.
pub(super) static SURVEY_NPS: FactSignal = FactSignal {
    definition: &SignalDefinition {
        name: "survey.nps",
        category: Category::VoiceOfCustomer,
        description: "The latest NPS answer of the window, 0 to 10; of several surveys the \
                      mean of the latest to each. No data when none was answered in the \
                      window.",
        unit: "points of 10",
        weight: 0,
        window_days: Some(90),
        curve: nps_curve,
    },
    ask: latest!("NPS"),
};

/// How satisfied somebody is, by their latest answer to each survey.
pub(super) static SURVEY_CSAT: FactSignal = FactSignal {
    definition: &SignalDefinition {
        name: "survey.csat",
        category: Category::VoiceOfCustomer,
        description: "The latest CSAT answer of the window, 1 to 5; of several surveys the \
                      mean of the latest to each. No data when none was answered in the \
                      window.",
        unit: "points of 5",
        weight: 0,
        window_days: Some(90),
        curve: csat_curve,
    },
    ask: latest!("CSAT"),
};

/// Nothing up to the last detractor's score, all from the first promoter's.
fn nps_curve() -> Curve {
    Curve::Linear {
        bad: 6.0,
        good: 9.0,
    }
}

fn csat_curve() -> Curve {
    Curve::Linear {
        bad: 2.0,
        good: 4.5,
    }
}
