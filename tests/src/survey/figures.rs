//! What came of a survey in a period.

use chrono::TimeDelta;
use domain::{
    error::UserErrorCode as Code,
    fact::{ContactRef, Party, ingest::Head},
    report::Period,
    segment::{self, NewSegment, hand},
    survey::{self, Among, By, Figures, NewSurveyAnswer, read},
    tag::{Request, tagging},
};
use entity::{
    id::{ContactId, SurveyId},
    kind::{SegmentSubject, SurveyKind, TagKind, TagSelection},
    survey::Model,
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

async fn row(world: &World, survey: SurveyId) -> Model {
    let found = read::load_surveys(&world.ctx, world.owner.workspace, &[survey]).await;
    found.unwrap().pop().unwrap()
}

async fn figures(world: &World, survey: SurveyId, days: i64) -> Figures {
    let ctx = &world.ctx;
    let row = row(world, survey).await;
    let now = ctx.clock.now();
    let (from, until) = (now - TimeDelta::days(days), now + TimeDelta::seconds(1));
    let found = survey::figures(ctx, &row, Some(from), Some(until), &Among::default()).await;
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
        let row = row(&world, survey).await;
        let now = Some(world.ctx.clock.now());
        let wrong = survey::figures(&world.ctx, &row, now, now, &Among::default()).await;
        assert_eq!(mistakes(wrong), [("until".to_owned(), Code::Contradictory)]);
        world
    });
}

#[test]
fn months_stand_side_by_side_and_each_has_its_own_answers() {
    on_both(|world| async move {
        let survey = make(&world, "nps").await;
        let (one, other) = (
            person(&world, None, None).await,
            person(&world, None, None).await,
        );
        // It is the first of March, at noon.
        told(&world, "january", one, 10, 40).await;
        told(&world, "early", one, 2, 25).await;
        told(&world, "late", one, 9, 5).await;
        told(&world, "seven", other, 7, 6).await;
        told(&world, "today", other, 0, 0).await;
        let row = row(&world, survey).await;
        let day = |text: &str| text.parse().unwrap();
        let days = (day("2025-12-15"), day("2026-06-30"));
        let everybody = Among::default();
        let series = survey::series(&world.ctx, &row, Period::Month, days, &everybody);
        let series = series.await.unwrap();
        let figures: Vec<_> = series
            .iter()
            .map(|one| (one.answers, one.content, one.passive, one.discontent))
            .collect();
        // In February the later answer of the wave counts; in March that of today, whatever was said before.
        assert_eq!(
            figures,
            [(0, 0, 0, 0), (1, 1, 0, 0), (2, 1, 1, 0), (1, 0, 0, 1)]
        );
        let scores: Vec<_> = series[2]
            .scores
            .iter()
            .map(|one| (one.score, one.answers))
            .collect();
        assert_eq!(scores, [(7, 1), (9, 1)]);
        assert_eq!(series[0].score, None);
        for pair in series.windows(2) {
            assert_eq!(pair[0].until, pair[1].from);
        }
        // Each is what the period by itself has.
        for one in &series {
            let (from, until) = (Some(one.from), Some(one.until));
            let alone = survey::figures(&world.ctx, &row, from, until, &Among::default()).await;
            assert_eq!(alone.unwrap(), *one);
        }
        let wrong = (days.1, days.0);
        let wrong = survey::series(&world.ctx, &row, Period::Month, wrong, &Among::default()).await;
        assert_eq!(mistakes(wrong), [("to".to_owned(), Code::Invalid)]);
        world
    });
}

#[test]
fn segments_and_tags_have_figures_of_their_own() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "nps").await;
        let mut people = Vec::new();
        for score in [10, 9, 3] {
            let who = person(&world, None, None).await;
            told(&world, &format!("of {score}"), who, score, 1).await;
            people.push(who);
        }
        let (_, token) = link(&world, survey, people[0]).await;
        assert!(answer(&world, &token, 10, "").await);
        let new = NewSegment {
            name: "Guests".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: None,
        };
        let guests = segment::create(ctx, owner, new).await.unwrap().id;
        let things = hand::Things::Contacts(vec![people[0], people[2]]);
        hand::add(ctx, owner, guests, &things).await.unwrap();
        let plan = world.group("Plan", TagSelection::Single).await;
        let gold = world.value(plan, "Gold").await;
        let deep = world.tag(TagKind::Contact, "Deep", Some(gold)).await;
        let request = [Request::contact(people[1], deep)];
        tagging::tag_many(ctx, owner, &request, "").await.unwrap();

        let row = row(&world, survey).await;
        let until = Some(ctx.clock.now() + TimeDelta::seconds(1));
        let by = By::Segments(vec![guests]);
        let found = survey::split(ctx, &row, &by, None, until).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].segment.as_ref().map(|one| one.id), Some(guests));
        let guests_figures = &found[0].figures;
        assert_eq!((guests_figures.content, guests_figures.discontent), (1, 1));
        let asked = guests_figures.response;
        assert_eq!((asked.numerator, asked.denominator), (1, 1));
        let among = Among::find(ctx, owner.workspace, Some(guests), None)
            .await
            .unwrap();
        let alone = survey::figures(ctx, &row, None, until, &among)
            .await
            .unwrap();
        assert_eq!(alone.answers, 2);

        let by = By::TagGroup(plan);
        let found = survey::split(ctx, &row, &by, None, until).await.unwrap();
        let groups: Vec<_> = found
            .iter()
            .map(|one| (one.tag.as_ref().map(|tag| tag.id), one.figures.answers))
            .collect();
        assert_eq!(groups, [(Some(gold), 1), (None, 2)]);
        assert_eq!(found[0].figures.response.denominator, 0);

        let nobody = Among::find(ctx, owner.workspace, None, Some(plan.0.into())).await;
        assert_eq!(mistakes(nobody), [("tagId".to_owned(), Code::NotFound)]);
        let by = By::Segments(vec![guests, plan.0.into()]);
        let wrong = survey::split(ctx, &row, &by, None, until).await;
        let path = "by.segmentIds.1".to_owned();
        assert_eq!(mistakes(wrong), [(path, Code::NotFound)]);
        world
    });
}
