//! What came of a survey in a period.

use chrono::TimeDelta;
use domain::{
    error::UserErrorCode as Code,
    fact::{ContactRef, Party, ingest::Head},
    survey::{self, Figures, NewSurveyAnswer, read},
};
use entity::{
    id::{ContactId, SurveyId},
    kind::SurveyKind,
};

use super::{answer, link, make, mistakes, person};
use crate::support::{World, on_both};

/// An answer another system tells of, given so many days ago.
async fn told(world: &World, id: &str, contact: ContactId, score: i64, days: i64) {
    let new = NewSurveyAnswer {
        head: Head {
            external_id: id.to_owned(),
            party: Party {
                contact: Some(ContactRef::Id(contact)),
                account: None,
            },
            updated_at: None,
        },
        survey_key: "nps".to_owned(),
        kind: SurveyKind::Nps,
        score,
        comment: None,
        answered_at: world.ctx.clock.now() - TimeDelta::days(days),
    };
    survey::ingest(&world.ctx, &world.owner, vec![new])
        .await
        .unwrap();
}

async fn figures(world: &World, survey: SurveyId, days: i64) -> Figures {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let row = read::load_surveys(ctx, workspace, &[survey]).await;
    let row = row.unwrap().pop().unwrap();
    let now = ctx.clock.now();
    let (from, until) = (now - TimeDelta::days(days), now + TimeDelta::seconds(1));
    let found = survey::figures(ctx, &row, Some(from), Some(until)).await;
    found.unwrap()
}

#[test]
fn a_period_says_who_answered_and_what_of_one_answer_for_each_person_and_wave() {
    on_both(|world| async move {
        let survey = make(&world, "nps").await;
        let empty = figures(&world, survey, 90).await;
        assert_eq!((empty.response.value, empty.score), (None, None));
        let mut people = Vec::new();
        for _ in 0..4 {
            people.push(person(&world, None, None).await);
        }
        for (number, &contact) in people.iter().enumerate() {
            let (_, token) = link(&world, survey, contact).await;
            if number > 0 {
                assert!(answer(&world, &token, [0, 9, 10, 2][number], "").await);
            }
        }
        let found = figures(&world, survey, 90).await;
        assert_eq!(
            (found.response.numerator, found.response.denominator),
            (3, 4)
        );
        assert_eq!((found.answers, found.content, found.discontent), (3, 2, 1));
        assert!((found.score.unwrap() - 100.0 / 3.0).abs() < 1e-9);
        // Three answers have no margin, and an interval that stays on the scale.
        assert_eq!(found.margin, None);
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
        assert!((-100.0..0.0).contains(&low), "{low}");
        assert!((50.0..=100.0).contains(&high), "{high}");
        // What one of them said before in this wave is taken back, what they said in another is not.
        told(&world, "before", people[1], 1, 40).await;
        told(&world, "long ago", people[1], 1, 200).await;
        let found = figures(&world, survey, 90).await;
        assert_eq!((found.answers, found.discontent), (3, 1));
        let found = figures(&world, survey, 365).await;
        assert_eq!((found.answers, found.discontent), (4, 2));
        // Answers to other surveys are not counted.
        let other = make(&world, "other").await;
        assert_eq!(figures(&world, other, 365).await.answers, 0);
        let row = read::load_surveys(&world.ctx, world.owner.workspace, &[survey]).await;
        let row = row.unwrap().pop().unwrap();
        let now = world.ctx.clock.now();
        let wrong = survey::figures(&world.ctx, &row, Some(now), Some(now)).await;
        assert_eq!(mistakes(wrong), [("until".to_owned(), Code::Contradictory)]);
        world
    });
}
