//! Asking contacts, and what becomes of it.

use async_trait::async_trait;
use chrono::TimeDelta;
use domain::{
    contact::{
        self, erase, merge,
        subscription::{self, NewState},
    },
    ctx::Ctx,
    error::{Error, UserErrorCode as Code},
    notification::deliver::Limits,
    page::PageRequest,
    port::{
        Egress, EgressError, MailError, MailReceipt, MailRefusal, OutgoingMail, OutgoingRequest,
        OutgoingResponse,
    },
    store::Query,
    survey::{self, SurveyAnswerFilter, form, invite::TOPIC},
};
use entity::{
    attempt::Attempt,
    id::{ContactId, SurveyAttemptId, SurveyInvitationId},
    kind::{
        Channel, SubscriptionSource, SubscriptionState, SurveyInvitationState as State,
        SurveyMedium,
    },
};

use super::{answer, link, mail, make, mistakes, open, person, seen, state, stored, token};
use crate::support::{World, engine::Receiver, on_both};

const TARO: &str = "taro@customer.example";

/// Scores and comments, newest first.
async fn answers(world: &World) -> Vec<(String, i64, Option<String>)> {
    let page = PageRequest::first(10);
    let filter = SurveyAnswerFilter::default();
    let found = survey::list(&world.ctx, world.owner.workspace, &filter, &page).await;
    let rows = found.unwrap().rows.into_iter();
    rows.map(|(_, row)| (row.survey_key, row.score, row.comment))
        .collect()
}

/// What the log says of answers.
async fn told(world: &World) -> Vec<serde_json::Value> {
    let told = Query::new(
        "SELECT data FROM change WHERE workspace_id = $1 AND kind = 'survey.answered'
         ORDER BY tx, seq",
    );
    let told = told
        .bind(world.owner.workspace)
        .column(world.ctx.reader())
        .await;
    told.unwrap()
}

/// The tries to send the mail of an invitation, oldest first.
async fn tries(world: &World, id: SurveyInvitationId) -> Vec<Attempt<SurveyAttemptId>> {
    let page = PageRequest::first(10);
    let found = survey::attempt::attempts(&world.ctx, world.owner.workspace, id, &page).await;
    let rows = found.unwrap().rows.into_iter();
    rows.map(|(_, row)| row).collect()
}

async fn say_no(world: &World, contact: ContactId, topic: &str) {
    let state = NewState {
        channel: Channel::Email,
        topic: topic.to_owned(),
        state: SubscriptionState::Unsubscribed,
        reason: String::new(),
    };
    subscription::set(&world.ctx, &world.owner, contact, state)
        .await
        .unwrap();
}

#[test]
fn a_mail_leads_to_a_form_and_another_answer_takes_the_place_of_the_first() {
    on_both(|world| async move {
        let world = seen(world);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), Some("en-GB")).await;
        let id = mail(&world, survey, taro).await.unwrap();
        assert_eq!(state(&world, id).await, State::Waiting);
        let receiver = Receiver::default();
        let turn = world.ask(&receiver).await;
        assert_eq!((turn.claimed, turn.sent, turn.failed), (1, 1, 0));
        assert_eq!(state(&world, id).await, State::Sent);
        let mails = receiver.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, [TARO]);
        assert!(mails[0].text.contains("recommend"), "{}", mails[0].text);
        assert!(mails[0].html.contains("?score=10\">10</a>"));
        let place = "https://enishi.example/survey/";
        let line = mails[0].text.lines().find(|line| line.starts_with(place));
        let token = token(line.expect("a link"));
        let row = stored(&world, id).await;
        assert_eq!(row.sealed_token, None, "the link is the contact's alone");
        assert!(!row.token_hash.is_empty());

        let form = open(&world, &token).await.expect("a form");
        assert!(!form.answered);
        assert!(answer(&world, &token, 9, "Good\nwork").await);
        assert_eq!(state(&world, id).await, State::Answered);
        assert!(open(&world, &token).await.unwrap().answered);
        assert!(answer(&world, &token, 3, "").await);
        assert_eq!(answers(&world).await, [("nps".to_owned(), 3, None)]);
        let wrong = form::answer(
            &world.ctx,
            &form,
            form::Filled {
                score: 11,
                comment: String::new(),
            },
        );
        assert_eq!(mistakes(wrong.await), [("score".to_owned(), Code::Invalid)]);
        let told = told(&world).await;
        let new: Vec<_> = told.iter().map(|fact| &fact["is_new"]).collect();
        assert_eq!(new, [true, false]);
        world
    });
}

#[test]
fn a_form_that_is_sent_twice_at_once_is_one_new_answer() {
    on_both(|world| async move {
        let survey = make(&world, "nps").await;
        for _ in 0..12 {
            let someone = person(&world, None, None).await;
            let (id, token) = link(&world, survey, someone).await;
            let (first, second) = tokio::join!(
                answer(&world, &token, 9, "Good"),
                answer(&world, &token, 9, "Good")
            );
            assert!(first && second);
            assert_eq!(state(&world, id).await, State::Answered);
        }
        let new = told(&world).await;
        let new = new.iter().filter(|fact| fact["is_new"] == true);
        assert_eq!(new.count(), 12);
        world
    });
}

#[test]
fn a_later_answer_counts_though_its_clock_is_behind() {
    on_both(|world| async move {
        let survey = make(&world, "nps").await;
        let taro = person(&world, None, None).await;
        let (id, token) = link(&world, survey, taro).await;
        world.clock.advance(TimeDelta::minutes(10));
        assert!(answer(&world, &token, 9, "").await);
        let first = stored(&world, id).await.answered_at.unwrap();
        world.clock.advance(TimeDelta::minutes(-5));
        assert!(answer(&world, &token, 2, "No").await);
        let no = Some("No".to_owned());
        assert_eq!(answers(&world).await, [("nps".to_owned(), 2, no)]);
        assert_eq!(stored(&world, id).await.answered_at, Some(first));
        world
    });
}

#[test]
fn a_person_is_asked_once_in_each_wave() {
    on_both(|world| async move {
        let (survey, other) = (make(&world, "nps").await, make(&world, "other").await);
        let taro = person(&world, None, None).await;
        link(&world, survey, taro).await;
        link(&world, other, taro).await;
        let again = || {
            let medium = SurveyMedium::Link;
            survey::send(&world.ctx, &world.owner, survey, taro, medium)
        };
        let refused = vec![("contactId".to_owned(), Code::LimitReached)];
        assert_eq!(mistakes(again().await), refused);
        world
            .clock
            .advance(TimeDelta::days(90) - TimeDelta::seconds(1));
        assert_eq!(mistakes(again().await), refused);
        world.clock.advance(TimeDelta::seconds(1));
        assert!(again().await.is_ok());
        // Of two who ask at the same moment, one does.
        let hanako = person(&world, None, None).await;
        let one = || {
            let medium = SurveyMedium::Link;
            survey::send(&world.ctx, &world.owner, survey, hanako, medium)
        };
        let (first, second) = tokio::join!(one(), one());
        let asked = usize::from(first.is_ok()) + usize::from(second.is_ok());
        assert_eq!(asked, 1, "{first:?} {second:?}");
        world
    });
}

#[test]
fn who_cannot_or_will_not_be_mailed_is_not() {
    on_both(|world| async move {
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let no = |path: &str, code| vec![(path.to_owned(), code)];
        let unseen = mail(&world, survey, taro).await;
        assert_eq!(mistakes(unseen), no("medium", Code::Invalid));
        let world = seen(world);
        let silent = person(&world, None, None).await;
        let refused = mail(&world, survey, silent).await;
        assert_eq!(mistakes(refused), no("contactId", Code::Required));
        for (number, topic) in ["*", TOPIC].into_iter().enumerate() {
            let email = format!("no{number}@customer.example");
            let nobody = person(&world, Some(&email), None).await;
            say_no(&world, nobody, topic).await;
            let refused = mail(&world, survey, nobody).await;
            assert_eq!(mistakes(refused), no("contactId", Code::Invalid));
        }
        // Who says no to something else does not mind.
        say_no(&world, taro, "news").await;
        let id = mail(&world, survey, taro).await.unwrap();
        // They say no while the mail is on its way.
        say_no(&world, taro, TOPIC).await;
        let receiver = Receiver::default();
        world.ask(&receiver).await;
        assert!(receiver.mails().is_empty());
        assert_eq!(state(&world, id).await, State::Failed);
        assert!(stored(&world, id).await.last_error.is_some());
        survey::set_archived(&world.ctx, &world.owner, survey, true)
            .await
            .unwrap();
        let late = mail(&world, survey, silent).await;
        assert_eq!(mistakes(late), no("surveyId", Code::Invalid));
        world
    });
}

#[test]
fn a_mail_is_tried_again_and_one_that_is_refused_asked_nobody() {
    on_both(|world| async move {
        let world = seen(world);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let id = mail(&world, survey, taro).await.unwrap();
        let no = Ok(MailReceipt {
            status: 550,
            said: String::new(),
            accepted: Vec::new(),
            refused: vec![MailRefusal {
                address: TARO.to_owned(),
                status: 550,
                said: "nobody here".to_owned(),
            }],
            deferred: Vec::new(),
        });
        let receiver = Receiver::mailing([Err(MailError::Unreachable), no]);
        world.ask(&receiver).await;
        let row = stored(&world, id).await;
        assert_eq!((row.attempts, row.failed_at), (1, None));
        assert!(row.next_attempt_at.is_some() && row.sealed_token.is_some());
        assert_eq!(
            row.last_error.as_deref(),
            Some("the mail server could not be reached")
        );
        world.hurry().await;
        world.ask(&receiver).await;
        assert_eq!(state(&world, id).await, State::Failed);
        let row = stored(&world, id).await;
        assert!(row.last_error.unwrap().contains("nobody here"));
        assert_eq!(row.sealed_token, None);
        let tried = tries(&world, id).await;
        let [first, second] = tried.as_slice() else {
            panic!("{tried:?}");
        };
        assert_eq!((first.attempt, first.status), (1, None));
        assert_eq!(
            first.error.as_deref(),
            Some("the mail server could not be reached")
        );
        assert_eq!((second.attempt, second.status), (2, Some(550)));
        assert!(second.response.contains("nobody here"), "{second:?}");
        for one in &tried {
            let headers = one.request_headers.as_ref().unwrap().to_string();
            assert!(headers.contains(TARO), "{headers}");
            // What opens the form is the contact's alone.
            let body = one.request_body.as_deref().unwrap();
            let is_masked = body.contains("the contact's own link") && !body.contains("/survey/");
            assert!(is_masked, "{body}");
        }
        let again = mail(&world, survey, taro).await.unwrap();
        world.ask(&receiver).await;
        assert_eq!(state(&world, again).await, State::Sent);
        assert_eq!(tries(&world, again).await.len(), 1);
        erase::erase(&world.ctx, &world.owner, taro).await.unwrap();
        assert!(tries(&world, again).await.is_empty());
        world
    });
}

/// A mail server that takes mails and says so to nobody; whoever has one answers at once.
struct Silent(Ctx);

#[async_trait]
impl Egress for Silent {
    async fn post(&self, _request: OutgoingRequest) -> Result<OutgoingResponse, EgressError> {
        panic!("only mails are sent here");
    }

    async fn mail(&self, mail: OutgoingMail) -> Result<MailReceipt, MailError> {
        let mut lines = mail.text.lines();
        let line = lines.find(|line| line.contains("/survey/"));
        let form = form::open(&self.0, &token(line.expect("a link"))).await;
        let filled = form::Filled {
            score: 9,
            comment: String::new(),
        };
        let kept = form::answer(&self.0, &form.unwrap().expect("a form"), filled).await;
        assert!(kept.unwrap());
        Err(MailError::Unreachable)
    }
}

#[test]
fn who_answers_before_the_mail_server_does_has_had_the_mail() {
    on_both(|world| async move {
        let world = seen(world);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let id = mail(&world, survey, taro).await.unwrap();
        let egress = Silent(world.ctx.clone());
        let turn = survey::mail::run_due(&world.ctx, &egress, None, Limits::items(10)).await;
        assert_eq!(turn.unwrap().claimed, 1);
        let row = stored(&world, id).await;
        assert!(row.answered_at.is_some() && row.sent_at.is_some());
        assert_eq!((row.next_attempt_at, row.failed_at), (None, None));
        assert_eq!(row.last_error, None);
        // They say no besides, and the next attempt finds nothing left to do.
        say_no(&world, taro, TOPIC).await;
        world.hurry().await;
        let receiver = Receiver::default();
        let turn = world.ask(&receiver).await;
        assert_eq!((turn.claimed, turn.sent, turn.failed), (1, 0, 0));
        assert!(receiver.mails().is_empty());
        assert_eq!(stored(&world, id).await, row);
        let again = survey::send(&world.ctx, &world.owner, survey, taro, SurveyMedium::Link);
        let refused = vec![("contactId".to_owned(), Code::LimitReached)];
        assert_eq!(mistakes(again.await), refused);
        world
    });
}

#[test]
fn a_link_that_is_over_or_was_never_given_opens_nothing() {
    on_both(|world| async move {
        let survey = make(&world, "nps").await;
        let taro = person(&world, None, None).await;
        let (id, token) = link(&world, survey, taro).await;
        assert_eq!(state(&world, id).await, State::Sent);
        let other = token.chars().rev().collect::<String>();
        let longer = format!("{token}A");
        for wrong in ["", "x", other.as_str(), &token[1..], longer.as_str()] {
            assert!(open(&world, wrong).await.is_none(), "{wrong}");
        }
        let form = open(&world, &token).await.unwrap();
        world.clock.advance(TimeDelta::days(30));
        assert_eq!(state(&world, id).await, State::Expired);
        assert!(open(&world, &token).await.is_none());
        // A form that was open when its time ended is too late.
        let filled = form::Filled {
            score: 9,
            comment: String::new(),
        };
        assert!(!form::answer(&world.ctx, &form, filled).await.unwrap());
        assert_eq!(answers(&world).await, []);
        world
    });
}

#[test]
fn invitations_go_with_who_is_erased_and_follow_who_is_merged() {
    on_both(|world| async move {
        let world = seen(world);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let double = person(&world, None, None).await;
        let (id, token) = link(&world, survey, double).await;
        merge::merge(ctx, owner, taro, double, "").await.unwrap();
        assert_eq!(stored(&world, id).await.contact_id, taro);
        assert!(answer(&world, &token, 8, "kanaria").await);
        let other = make(&world, "other").await;
        let sent = mail(&world, other, double).await;
        let Err(Error::Refused(errors)) = &sent else {
            panic!("{sent:?}");
        };
        assert_eq!(errors[0].path, ["contactId"]);
        let survivor = format!("Name that one: {taro}.");
        assert!(errors[0].message.contains(&survivor), "{errors:?}");
        mail(&world, other, taro).await.unwrap();
        let form = open(&world, &token).await.unwrap();
        let data = contact::export::export(ctx, owner, taro).await.unwrap();
        assert_eq!(
            data["tables"]["survey_invitation"]
                .as_array()
                .unwrap()
                .len(),
            2
        );
        erase::erase(ctx, owner, taro).await.unwrap();
        assert!(open(&world, &token).await.is_none());
        let filled = form::Filled {
            score: 1,
            comment: "kanaria".to_owned(),
        };
        assert!(!form::answer(ctx, &form, filled).await.unwrap());
        assert!(!form::stop(ctx, &form).await.unwrap());
        assert_eq!(answers(&world).await, []);
        let receiver = Receiver::default();
        world.ask(&receiver).await;
        assert!(receiver.mails().is_empty());
        world
    });
}

#[test]
fn two_who_turn_out_to_be_one_are_mailed_once() {
    on_both(|world| async move {
        let world = seen(world);
        let (ctx, owner) = (&world.ctx, &world.owner);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let ids = [taro, person(&world, Some("t@other.example"), None).await];
        let mut asked = Vec::new();
        for id in ids {
            asked.push(mail(&world, survey, id).await.unwrap());
        }
        let late = person(&world, Some("late@other.example"), None).await;
        merge::merge(ctx, owner, taro, ids[1], "").await.unwrap();
        let receiver = Receiver::default();
        let turn = world.ask(&receiver).await;
        assert_eq!((turn.claimed, turn.sent, turn.failed), (2, 1, 1));
        let mails = receiver.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, [TARO]);
        let states = [state(&world, asked[0]).await, state(&world, asked[1]).await];
        assert!(states.contains(&State::Sent) && states.contains(&State::Failed));
        // Nor does one whom the mail has reached get that of another they turn out to be.
        let id = mail(&world, survey, late).await.unwrap();
        merge::merge(ctx, owner, taro, late, "").await.unwrap();
        world.ask(&receiver).await;
        assert_eq!(receiver.mails().len(), 1);
        let row = stored(&world, id).await;
        assert!(row.last_error.unwrap().contains("another invitation"));
        world
    });
}

#[test]
fn whoever_wants_no_more_surveys_says_so_on_the_form() {
    on_both(|world| async move {
        let world = seen(world);
        let survey = make(&world, "nps").await;
        let taro = person(&world, Some(TARO), None).await;
        let (_, token) = link(&world, survey, taro).await;
        let form = open(&world, &token).await.unwrap();
        assert!(form::stop(&world.ctx, &form).await.unwrap());
        let rows = subscription::load(&world.ctx, world.owner.workspace, &[taro]).await;
        let rows = rows.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            (rows[0].topic.as_str(), rows[0].source, rows[0].state),
            (
                TOPIC,
                SubscriptionSource::Unsubscribe,
                SubscriptionState::Unsubscribed
            )
        );
        let other = make(&world, "other").await;
        let refused = mail(&world, other, taro).await;
        assert_eq!(mistakes(refused), [("contactId".to_owned(), Code::Invalid)]);
        assert!(answer(&world, &token, 6, "").await, "they may still answer");
        world
    });
}
