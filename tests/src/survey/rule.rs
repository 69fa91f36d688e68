//! Rules and playbooks that send surveys.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    action::{Action, Case, Effect, OutcomeResult, Performed, SendSurvey, perform, perform::By},
    condition::reference::{self, Names as _},
    error::UserErrorCode as Code,
    locale::Locale,
    naming,
    port::MailError,
    rule::{
        self, Limits, NewRule, QuietHours,
        definition::{Definition, always},
        firing::{self, FiringsOf},
        rehearse::{Subject, rehearse},
        trigger::{ConversationClosed, SurveyAnswered, Trigger},
    },
    survey,
};
use entity::{
    id::{PlaybookId, RuleId, SurveyId},
    kind::{ConversationStatus, SurveyInvitationState as State, SurveyKind},
};
use uuid::Uuid;

use super::{answer, link, make, mistakes, person, seen, state, stored, token};
use crate::support::{
    World,
    engine::{Receiver, contact_of},
    on_both,
};

const TARO: &str = "taro@customer.example";

fn send(survey: SurveyId) -> Vec<Action> {
    vec![Action::SendSurvey(SendSurvey {
        survey_id: survey.0,
    })]
}

fn closing(survey: SurveyId) -> NewRule {
    let closed = ConversationClosed {
        inbox_ids: Vec::new(),
        channels: Vec::new(),
        from: Vec::new(),
    };
    NewRule {
        name: "Ask after closing".to_owned(),
        trigger: Trigger::ConversationClosed(closed),
        condition: always(),
        actions: send(survey),
        limits: Limits::default(),
    }
}

/// Closes the conversation a message is in, and lets what follows happen.
async fn close(world: &World, message: entity::id::MessageId) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let found = domain::conversation::load_messages(ctx, owner.workspace, &[message]).await;
    let id = found.unwrap()[0].conversation_id;
    let closed = domain::conversation::Changes {
        status: Some(ConversationStatus::Closed),
        ..domain::conversation::Changes::default()
    };
    domain::conversation::update(ctx, owner, &[id], "ids", &closed)
        .await
        .unwrap();
    world.drain().await;
}

async fn results(world: &World, rule: RuleId) -> Vec<OutcomeResult> {
    let page = domain::page::PageRequest::first(100);
    let of = FiringsOf::Rule(rule);
    let found = firing::list(&world.ctx, world.owner.workspace, of, &page).await;
    let mut rows = found.unwrap().rows;
    rows.reverse();
    let outcomes = rows
        .iter()
        .flat_map(|(_, firing)| firing::outcomes(firing).unwrap());
    outcomes.map(|one| one.result).collect()
}

#[test]
fn a_rule_asks_after_a_conversation_closes_once_in_a_wave() {
    on_both(|world| async move {
        let world = seen(world);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "closing").await;
        let rule = rule::create(ctx, owner, closing(survey)).await.unwrap();
        let message = world.receive(&[("1", TARO, "hello")]).await[0];
        close(&world, message).await;
        let told = results(&world, rule.id).await;
        let [OutcomeResult::Invited { invitation_id, .. }] = told[..] else {
            panic!("{told:?}")
        };
        let receiver = Receiver::default();
        world.ask(&receiver).await;
        assert_eq!(state(&world, invitation_id).await, State::Sent);
        // Another message opens the conversation, and it is closed again.
        world.clock.advance(TimeDelta::minutes(1));
        let message = world.receive(&[("2", TARO, "thank you")]).await[0];
        close(&world, message).await;
        world.ask(&receiver).await;
        assert_eq!(
            results(&world, rule.id).await[1..],
            [OutcomeResult::InvitedAlready]
        );
        let mails = receiver.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, [TARO]);
        let place = "https://enishi.example/survey/";
        let line = mails[0].text.lines().find(|line| line.starts_with(place));
        assert!(answer(&world, &token(line.expect("a link")), 10, "").await);
        assert_eq!(state(&world, invitation_id).await, State::Answered);
        world.drain().await;
        // In the next wave they are asked again.
        world.clock.advance(TimeDelta::days(91));
        let message = world.receive(&[("3", TARO, "hello again")]).await[0];
        close(&world, message).await;
        world.ask(&receiver).await;
        assert_eq!(receiver.mails().len(), 2);
        world
    });
}

#[test]
fn a_mail_that_is_tried_again_keeps_to_the_quiet_hours_of_its_rule() {
    on_both(|world| async move {
        let world = seen(world);
        let survey = make(&world, "closing").await;
        // The test's clock stands at noon in Tokyo.
        let asking = NewRule {
            limits: Limits {
                quiet_hours: Some(QuietHours {
                    from_hour: 12,
                    from_minute: 15,
                    to_hour: 18,
                    to_minute: 0,
                }),
                ..Limits::default()
            },
            ..closing(survey)
        };
        let (ctx, owner) = (&world.ctx, &world.owner);
        let rule = rule::create(ctx, owner, asking).await.unwrap();
        let message = world.receive(&[("1", TARO, "hello")]).await[0];
        close(&world, message).await;
        let told = results(&world, rule.id).await;
        let [OutcomeResult::Invited { invitation_id, .. }] = told[..] else {
            panic!("{told:?}")
        };
        let receiver = Receiver::mailing((0..3).map(|_| Err(MailError::Unreachable)));
        for _ in 0..3 {
            world.hurry().await;
            world.ask(&receiver).await;
        }
        assert_eq!(receiver.mails().len(), 3);
        let next: DateTime<Utc> = "2026-03-01T09:00:00Z".parse().unwrap();
        let row = stored(&world, invitation_id).await;
        assert_eq!(row.next_attempt_at, Some(next));
        world.clock.advance(TimeDelta::minutes(31));
        world.hurry().await;
        world.ask(&receiver).await;
        assert_eq!(receiver.mails().len(), 3);
        world.clock.advance(next - world.ctx.clock.now());
        world.hurry().await;
        world.ask(&receiver).await;
        assert_eq!(receiver.mails().len(), 4);
        assert_eq!(state(&world, invitation_id).await, State::Sent);
        world
    });
}

#[test]
fn what_keeps_a_rule_from_asking_is_said_in_its_log() {
    on_both(|world| async move {
        let survey = make(&world, "closing").await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let rule = rule::create(ctx, owner, closing(survey)).await.unwrap();
        let message = world.receive(&[("1", TARO, "hello")]).await[0];
        close(&world, message).await;
        assert_eq!(results(&world, rule.id).await, [OutcomeResult::NoPublicUrl]);
        let world = seen(world);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let taro = contact_of(&world, TARO).await;
        let silent = person(&world, None, None).await;
        let action = send(survey).remove(0);
        let by = By {
            origin: domain::access::Origin::Playbook {
                playbook_id: PlaybookId(Uuid::nil()),
                version: 1,
            },
            name: "Onboarding",
            cause: None,
            firing: None,
            not_before: None,
        };
        let about = |contact| Performed {
            action: &action,
            case: Case {
                contact,
                ..Case::default()
            },
            by,
        };
        let asked = [
            about(Some(taro)),
            about(Some(taro)),
            about(Some(silent)),
            about(None),
        ];
        let mut tx = ctx.begin(owner.workspace).await.unwrap();
        let outcomes = perform(ctx, &mut tx, &asked).await.unwrap();
        tx.commit().await.unwrap();
        let told: Vec<_> = outcomes
            .concat()
            .into_iter()
            .map(|one| one.result)
            .collect();
        assert!(matches!(told[0], OutcomeResult::Invited { .. }), "{told:?}");
        assert_eq!(
            told[1..],
            [
                OutcomeResult::InvitedAlready,
                OutcomeResult::NoEmailAddress,
                OutcomeResult::NothingToActOn
            ]
        );
        let receiver = Receiver::default();
        world.ask(&receiver).await;
        assert_eq!(receiver.mails().len(), 1);
        world
    });
}

#[test]
fn a_survey_that_is_sent_is_not_archived_and_an_archived_one_not_named() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "closing").await;
        let rule = rule::create(ctx, owner, closing(survey)).await.unwrap();
        let uses = survey::uses::list(ctx, owner.workspace, survey).await;
        let uses = uses.unwrap();
        assert_eq!(uses.len(), 1);
        assert_eq!(uses[0].by, naming::By::Rule);
        assert_eq!(uses[0].id, rule.id.to_string());
        let archive = || survey::set_archived(ctx, owner, survey, true);
        assert_eq!(mistakes(archive().await), [("id".to_owned(), Code::InUse)]);
        let things = rule.definition.references().into_iter();
        let things: Vec<_> = things.map(|one| (one.kind, one.id)).collect();
        let names = reference::names(ctx.reader(), owner.workspace, &things).await;
        let names = names.unwrap();
        let kind = reference::IdKind::Survey;
        assert_eq!(
            names.name(kind, survey.0).as_deref(),
            Some("Survey closing")
        );
        for (locale, says) in [
            (Locale::Ja, "アンケート「Survey closing」をメールで送る"),
            (Locale::En, "send the survey “Survey closing” by email"),
            (Locale::Zh, "用邮件发送问卷“Survey closing”"),
        ] {
            let definition = &rule.definition;
            let sentence = rule::sentence::sentence(
                locale,
                &names,
                &definition.trigger,
                &definition.condition,
                &definition.actions,
            );
            assert!(sentence.contains(says), "{sentence}");
        }
        rule::delete(ctx, owner, rule.id).await.unwrap();
        archive().await.unwrap();
        let late = rule::create(ctx, owner, closing(survey)).await;
        let place = "actions.0.sendSurvey.surveyId".to_owned();
        assert_eq!(mistakes(late), [(place, Code::NotFound)]);
        world
    });
}

#[test]
fn the_key_of_a_survey_of_another_kind_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "nps").await;
        let asks = |kind: &str, key: &str| NewRule {
            condition: serde_json::from_value(serde_json::json!({
                "survey": { "kind": kind, "surveyKey": key }
            }))
            .expect("a condition"),
            ..closing(survey)
        };
        let refused = rule::create(ctx, owner, asks("CSAT", "nps")).await;
        let at = "condition.survey.surveyKey".to_owned();
        assert_eq!(mistakes(refused), [(at, Code::KindMismatch)]);
        let hears = |kind| NewRule {
            trigger: Trigger::SurveyAnswered(SurveyAnswered {
                kinds: vec![kind],
                survey_keys: vec!["elsewhere".to_owned(), "nps".to_owned()],
                ..SurveyAnswered::default()
            }),
            ..closing(survey)
        };
        let refused = rule::create(ctx, owner, hears(SurveyKind::Csat)).await;
        let at = "trigger.surveyAnswered.surveyKeys.1".to_owned();
        assert_eq!(mistakes(refused), [(at, Code::KindMismatch)]);
        // The right kind, and surveys other systems tell of.
        for (number, right) in [
            asks("NPS", "nps"),
            asks("CSAT", "elsewhere"),
            hears(SurveyKind::Nps),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("Right {number}");
            let made = rule::create(ctx, owner, NewRule { name, ..right }).await;
            made.expect("a rule");
        }
        world
    });
}

#[test]
fn a_rule_hears_of_an_answer_corrected_to_a_score_that_counts_once() {
    on_both(|world| async move {
        let world = seen(world);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "nps").await;
        let other = make(&world, "why").await;
        let detractor = SurveyAnswered {
            kinds: vec![SurveyKind::Nps],
            survey_keys: vec!["nps".to_owned()],
            max_score: Some(6),
            ..SurveyAnswered::default()
        };
        let rule = NewRule {
            trigger: Trigger::SurveyAnswered(detractor),
            ..closing(other)
        };
        let rule = rule::create(ctx, owner, rule).await.unwrap();
        let contact = person(&world, None, None).await;
        let (_, token) = link(&world, survey, contact).await;
        for (score, firings) in [(9, 0), (1, 1), (2, 1), (10, 1)] {
            world.clock.advance(TimeDelta::minutes(1));
            assert!(answer(&world, &token, score, "").await);
            world.drain().await;
            let found = results(&world, rule.id).await;
            assert_eq!(found.len(), firings, "after {score}: {found:?}");
        }
        world
    });
}

#[test]
fn a_rehearsal_counts_each_person_once_in_a_wave() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "closing").await;
        world
            .receive(&[
                ("1", TARO, "hello"),
                ("2", TARO, "hello again"),
                ("3", "hanako@customer.example", "hello"),
            ])
            .await;
        world.drain().await;
        let draft = Definition {
            trigger: Trigger::default(),
            condition: always(),
            actions: send(survey),
            limits: Limits::default(),
        };
        let subject = Subject::Draft(Box::new(draft));
        let found = rehearse(ctx, owner, subject, 7).await.unwrap();
        assert_eq!(found.matches, 3);
        assert!(matches!(found.effects[0].effect, Effect::SendSurvey { .. }));
        assert_eq!(found.effects[0].times, 2);
        assert_eq!(found.effects[0].survey(), Some(survey));
        world
    });
}
