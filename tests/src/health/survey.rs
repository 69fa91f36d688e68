//! Answers to surveys as signals of a model that counts them.

use chrono::TimeDelta;
use domain::{
    fact::{ContactRef, Party, ingest::Head},
    health::{
        self,
        model::{Definition, Missing, Model, ModelSignal},
        points::Points,
        signal,
    },
    survey::{self, NewSurveyAnswer},
};
use entity::{
    id::ContactId,
    kind::{HealthBand, SurveyKind},
};

use super::{contacts, score};
use crate::support::{World, on_both};

/// A model of nothing but what is answered.
fn definition() -> Definition {
    let used = ["survey.csat", "survey.nps"].map(|name| {
        let known = signal::find(name).unwrap().definition();
        ModelSignal {
            signal: name.to_owned(),
            weight: 1,
            window_days: known.window_days,
            curve: (known.curve)(),
            missing: Missing::Skip,
        }
    });
    Definition {
        signals: used.to_vec(),
        ..Definition::default()
    }
}

/// What a contact answered so many days ago.
async fn told(world: &World, contact: ContactId, key: &str, kind: SurveyKind, said: (i64, i64)) {
    let (score, days) = said;
    let now = world.ctx.clock.now();
    let new = NewSurveyAnswer {
        head: Head {
            external_id: format!("{key} {days}"),
            party: Party {
                contact: Some(ContactRef::Id(contact)),
                account: None,
            },
            updated_at: Some(now),
        },
        survey_key: key.to_owned(),
        kind,
        score,
        comment: None,
        answered_at: now - TimeDelta::days(days),
    };
    survey::ingest(&world.ctx, &world.owner, vec![new])
        .await
        .unwrap();
    world.drain().await;
}

#[test]
fn the_latest_answer_to_each_survey_counts_while_it_is_fresh() {
    on_both(|world| async move {
        let id = contacts(&world, 1).await[0];
        let saved = health::save_model(&world.ctx, &world.owner, definition()).await;
        let model: Model = saved.unwrap().model;
        world.drain().await;
        told(&world, id, "nps", SurveyKind::Nps, (9, 40)).await;
        told(&world, id, "nps", SurveyKind::Nps, (2, 200)).await;
        assert_eq!(score(&world, id).await.score, Some(100.0));

        told(&world, id, "nps", SurveyKind::Nps, (3, 10)).await;
        told(&world, id, "other", SurveyKind::Nps, (10, 20)).await;
        told(&world, id, "help", SurveyKind::Csat, (5, 1)).await;
        let row = score(&world, id).await;
        let inputs = serde_json::json!({ "survey.csat": 5.0, "survey.nps": 6.5 });
        assert_eq!(row.inputs, inputs);
        let parts = health::contributions(&model, &row.inputs).unwrap();
        let sum: Points = parts.iter().map(|part| part.points).sum();
        assert_eq!(sum, Points::from_f64(row.score.unwrap()));
        assert_eq!(row.band, HealthBand::Neutral);

        // A correction takes the place of what was said.
        world.clock.advance(TimeDelta::minutes(1));
        told(&world, id, "help", SurveyKind::Csat, (1, 1)).await;
        let row = score(&world, id).await;
        assert_eq!(row.inputs["survey.csat"], 1.0);
        assert_eq!(row.band, HealthBand::AtRisk);
        world
    });
}
