//! How enrolments go from step to step.

use chrono::TimeDelta;
use domain::{
    contact::{self, NewContact},
    event::{self, NewEvent},
    fact::ingest::Head,
    order,
    survey::{self, NewSurveyAnswer},
    tag::{Place, catalogue},
    ticket::{self, NewTicket},
};
use entity::kind::{SurveyKind, TaskStatus, TicketPriority, TicketStatus};
use serde_json::json;

use super::{Stage, wait_days};
use crate::{
    fact::{an_order, email},
    support::on_both,
};

#[test]
fn steps_follow_each_other_with_waits_between_and_everything_is_counted() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Welcome",
                &json!({ "steps": [
                    { "id": "hello", "kind": { "actions": ["tag hot"] } },
                    { "id": "rest", "kind": wait_days(1) },
                    { "id": "bye", "kind": { "actions": ["tag done"] } },
                ] }),
            )
            .await;
        let taro = stage.person("Taro").await;
        let id = stage.enrol(&book, taro).await;
        assert_eq!(stage.stands(id).await, "WAITING hello");
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "WAITING rest");
        assert_eq!(stage.tags(taro).await, [stage.hot]);
        let rest = stage.tally(book.id, 1, "rest").await;
        assert_eq!((rest.here, rest.passed), (1, 0));
        stage.pass(TimeDelta::hours(23)).await;
        assert_eq!(stage.stands(id).await, "WAITING rest");
        stage.pass(TimeDelta::hours(1)).await;
        assert_eq!(stage.stands(id).await, "DONE bye");
        assert_eq!(
            stage.history(id).await,
            ["hello ACTED", "rest WAITED", "bye ACTED"]
        );
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!((whole.enrolled, whole.here, whole.passed), (1, 0, 1));
        for step in ["hello", "rest", "bye"] {
            let tally = stage.tally(book.id, 1, step).await;
            assert_eq!((tally.here, tally.passed), (0, 1), "{step}");
        }
        assert_eq!(
            stage.told("enrolment").await,
            ["enrolment.started", "enrolment.ended"]
        );
        stage.world
    });
}

#[test]
fn a_branch_takes_the_first_way_that_holds_and_sees_what_was_just_done() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Ways",
                &json!({ "steps": [
                    { "id": "mark", "kind": { "actions": ["tag hot"] } },
                    { "id": "which", "next": "other", "kind": { "branch": [
                        { "condition": { "all": ["has vip", "has hot"] }, "next": "both" },
                        { "condition": "has hot", "next": "one" },
                    ] } },
                    { "id": "both", "kind": "end" },
                    { "id": "one", "kind": "end" },
                    { "id": "other", "kind": "end" },
                ] }),
            )
            .await;
        let (plain, vip) = (stage.person("A").await, stage.person("B").await);
        stage.tag(vip, stage.vip).await;
        let (plain, vip) = (
            stage.enrol(&book, plain).await,
            stage.enrol(&book, vip).await,
        );
        stage.settle().await;
        assert_eq!(stage.stands(plain).await, "DONE one");
        assert_eq!(stage.stands(vip).await, "DONE both");
        let history = ["mark ACTED", "which BRANCHED", "both ENDED"];
        assert_eq!(stage.history(vip).await, history);
        stage.world
    });
}

#[test]
fn what_is_waited_for_moves_on_at_once_and_the_time_out_otherwise() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Reply",
                &json!({ "steps": [
                    { "id": "reply", "kind": { "waitFor": {
                        "condition": "has vip", "timeoutSeconds": 3_600, "onTimeout": "late",
                    } } },
                    { "id": "good", "kind": { "actions": ["tag done"] }, "next": "end" },
                    { "id": "late", "kind": { "actions": ["tag hot"] } },
                    { "id": "end", "kind": "end" },
                ] }),
            )
            .await;
        let (quick, slow) = (stage.person("Quick").await, stage.person("Slow").await);
        let (first, second) = (
            stage.enrol(&book, quick).await,
            stage.enrol(&book, slow).await,
        );
        stage.settle().await;
        // Something else happens to one of them: looked at, and still waiting for the same moment.
        let until = stage.now(first).await.wait_until;
        stage.tag(quick, stage.hot).await;
        stage.pass(TimeDelta::minutes(10)).await;
        let now = stage.now(first).await;
        assert_eq!((now.wait_until, now.due_at), (until, until));
        stage.tag(quick, stage.vip).await;
        stage.settle().await;
        assert_eq!(
            stage.history(first).await,
            ["reply MET", "good ACTED", "end ENDED"]
        );
        assert_eq!(stage.stands(second).await, "WAITING reply");
        stage.pass(TimeDelta::hours(1)).await;
        assert_eq!(
            stage.history(second).await,
            ["reply TIMED_OUT", "late ACTED", "end ENDED"]
        );
        // Who has it already does not wait.
        let third = stage.person("There").await;
        stage.tag(third, stage.vip).await;
        let third = stage.enrol(&book, third).await;
        stage.settle().await;
        assert_eq!(stage.history(third).await[0], "reply MET");
        stage.world
    });
}

#[test]
fn goals_and_exits_end_an_enrolment_wherever_it_is() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Sell",
                &json!({
                    "steps": [
                        { "id": "first", "kind": { "actions": ["tag hot"] } },
                        { "id": "rest", "kind": wait_days(3) },
                        { "id": "last", "kind": { "actions": ["tag hot"] } },
                    ],
                    "goals": [{ "name": "Bought", "condition": "has vip" }],
                    "exits": [{ "name": "Gone", "condition": "has done" }],
                }),
            )
            .await;
        let mut ids = Vec::new();
        for name in ["buys", "goes", "stays"] {
            let contact = stage.person(name).await;
            ids.push((contact, stage.enrol(&book, contact).await));
        }
        stage.settle().await;
        stage.tag(ids[0].0, stage.vip).await;
        stage.tag(ids[0].0, stage.done).await;
        stage.tag(ids[1].0, stage.done).await;
        stage.settle().await;
        assert_eq!(stage.stands(ids[0].1).await, "GOAL rest");
        assert_eq!(stage.stands(ids[1].1).await, "EXITED rest");
        assert_eq!(stage.stands(ids[2].1).await, "WAITING rest");
        assert_eq!(stage.now(ids[0].1).await.ending.as_deref(), Some("Bought"));
        assert_eq!(stage.now(ids[1].1).await.ending.as_deref(), Some("Gone"));
        assert_eq!(stage.history(ids[0].1).await, ["first ACTED", "rest GOAL"]);
        let whole = stage.tally(book.id, 1, "").await;
        assert_eq!(
            (whole.enrolled, whole.here, whole.goal, whole.exited),
            (3, 1, 1, 1)
        );
        let rest = stage.tally(book.id, 1, "rest").await;
        assert_eq!((rest.here, rest.goal, rest.exited), (1, 1, 1));
        // A goal that holds beforehand was not reached by the playbook.
        let before = stage.person("before").await;
        stage.tag(before, stage.vip).await;
        let before = stage.enrol(&book, before).await;
        stage.settle().await;
        assert_eq!(stage.stands(before).await, "EXITED first");
        assert_eq!(stage.tally(book.id, 1, "").await.goal, 1);
        stage.pass(TimeDelta::days(3)).await;
        assert_eq!(stage.stands(ids[2].1).await, "DONE last");
        stage.world
    });
}

#[test]
fn a_circle_with_a_wait_goes_round_until_something_ends_it() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Nag",
                &json!({
                    "steps": [
                        { "id": "nag", "kind": { "actions": [
                            { "createTask": { "title": "Nag", "dueInMinutes": 60 } },
                        ] } },
                        { "id": "rest", "kind": wait_days(1), "next": "nag" },
                    ],
                    "goals": [{ "name": "Paid", "condition": "has vip" }],
                }),
            )
            .await;
        let contact = stage.person("Taro").await;
        let id = stage.enrol(&book, contact).await;
        stage.settle().await;
        for _ in 0..3 {
            stage.pass(TimeDelta::days(1)).await;
        }
        stage.tag(contact, stage.vip).await;
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "GOAL rest");
        let (ctx, workspace) = (&stage.world.ctx, stage.world.owner.workspace);
        let page = domain::page::PageRequest::first(10);
        let filter = domain::task::TaskFilter {
            contact: Some(contact),
            ..domain::task::TaskFilter::default()
        };
        let order = domain::task::TaskOrder::Due;
        let tasks = domain::task::list(ctx, workspace, &filter, order, &page).await;
        let tasks = tasks.unwrap().rows;
        assert_eq!(tasks.len(), 4);
        for (_, task) in &tasks {
            assert_eq!(
                (task.title.as_str(), task.status),
                ("Nag", TaskStatus::Open)
            );
            assert_eq!(task.made_by["kind"], "PLAYBOOK");
            assert!(task.due_at.is_some());
        }
        stage.world
    });
}

#[test]
fn waiting_for_a_time_of_day_goes_by_the_workspaces_clock() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Morning",
                &json!({ "steps": [
                    { "id": "nine", "kind": { "wait": { "until": {
                        "minute": 540, "weekdays": ["MONDAY"],
                    } } } },
                    { "id": "end", "kind": "end" },
                ] }),
            )
            .await;
        let contact = stage.person("Taro").await;
        let id = stage.enrol(&book, contact).await;
        stage.settle().await;
        // The test's clock starts on a Sunday noon in Tokyo.
        let until = stage.now(id).await.wait_until.unwrap();
        assert_eq!(until - stage.world.ctx.clock.now(), TimeDelta::hours(21));
        stage.pass(TimeDelta::hours(21)).await;
        assert_eq!(stage.stands(id).await, "DONE end");
        stage.world
    });
}

#[test]
fn a_tag_that_is_moved_is_noticed_by_who_waits_for_the_one_above_it() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let book = stage
            .book(
                "Wait",
                &json!({ "steps": [
                    { "id": "vip", "kind": { "waitFor": {
                        "condition": { "contactTags": {
                            "mode": "ANY", "tagIds": ["id vip"], "withDescendants": true,
                        } },
                        "timeoutSeconds": 86_400,
                    } } },
                    { "id": "good", "kind": { "actions": ["tag done"] } },
                ] }),
            )
            .await;
        let taro = stage.person("Taro").await;
        stage.tag(taro, stage.hot).await;
        let id = stage.enrol(&book, taro).await;
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "WAITING vip");
        let place = Place {
            parent: Some(stage.vip),
            group: None,
        };
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        catalogue::move_to(ctx, owner, stage.hot, place, false)
            .await
            .unwrap();
        stage.settle().await;
        assert_eq!(stage.history(id).await[..2], ["vip MET", "good ACTED"]);
        stage.world
    });
}

#[test]
fn only_what_an_enrolment_waits_for_wakes_it() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let book = stage
            .book(
                "Buyers",
                &json!({
                    "steps": [
                        { "id": "sale", "kind": { "waitFor": {
                            "condition": { "events": { "names": ["bought"] } },
                            "timeoutSeconds": 86_400 * 7 } } },
                    ],
                    "exits": [{ "name": "Hot", "condition": "has hot" }],
                }),
            )
            .await;
        let new = NewContact {
            name: "Taro".to_owned(),
            email: Some("taro@customer.example".to_owned()),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        let id = stage.enrol(&book, taro).await;
        stage.settle().await;
        let waits = stage.now(id).await;
        assert_eq!(waits.due_at, waits.wait_until, "nothing but time is known");
        let act = async |name: &str| {
            let event = NewEvent {
                external_id: name.to_owned(),
                whose: "taro@customer.example".to_owned().into(),
                name: name.to_owned(),
                properties: json!({}),
                occurred_at: ctx.clock.now(),
            };
            event::ingest(ctx, owner, vec![event]).await.unwrap();
            stage.world.drain().await;
        };
        act("seen").await;
        assert_eq!(stage.now(id).await.due_at, waits.due_at);
        // What an exit asks for is heard, and so is what the step waits for.
        stage.tag(taro, stage.vip).await;
        stage.world.drain().await;
        let woken = stage.now(id).await.due_at;
        assert_eq!(woken, Some(ctx.clock.now()));
        stage.settle().await;
        assert_eq!(stage.now(id).await.due_at, waits.due_at);
        act("bought").await;
        assert_eq!(stage.now(id).await.due_at, Some(ctx.clock.now()));
        stage.settle().await;
        assert_eq!(stage.stands(id).await, "DONE sale");
        stage.world
    });
}

#[test]
fn who_orders_asks_for_help_or_answers_a_survey_is_active_again_at_once() {
    on_both(|world| async move {
        let stage = Stage::new(world).await;
        let (ctx, owner) = (&stage.world.ctx, &stage.world.owner);
        let book = stage
            .book(
                "Silent",
                &json!({ "steps": [
                    { "id": "back", "kind": { "waitFor": {
                        "condition": { "contact": { "lastActivity": { "withinDays": 1 } } },
                        "timeoutSeconds": 86_400 * 7 } } },
                ] }),
            )
            .await;
        let address = |name: &str| format!("{name}@customer.example");
        let names = ["orders", "asks", "answers", "rests"];
        let mut people = Vec::new();
        for name in names {
            let new = NewContact {
                name: name.to_owned(),
                email: Some(address(name)),
                ..NewContact::default()
            };
            people.push(contact::create(ctx, owner, new).await.unwrap().id);
        }
        stage.pass(TimeDelta::days(3)).await;
        let mut ids = Vec::new();
        for contact in people {
            ids.push(stage.enrol(&book, contact).await);
        }
        stage.settle().await;
        for &id in &ids {
            assert_eq!(stage.stands(id).await, "WAITING back");
        }

        let now = ctx.clock.now();
        let head = |name: &str| Head {
            external_id: name.to_owned(),
            party: email(&address(name)),
            updated_at: Some(now),
        };
        let bought = an_order(&stage.world, "o", email(&address("orders")), 0);
        order::ingest(ctx, owner, vec![bought]).await.unwrap();
        let case = NewTicket {
            head: head("asks"),
            subject: "返品".to_owned(),
            status: TicketStatus::Open,
            priority: TicketPriority::Normal,
            csat: None,
            opened_at: now,
            solved_at: None,
        };
        ticket::ingest(ctx, owner, vec![case]).await.unwrap();
        let answer = NewSurveyAnswer {
            head: head("answers"),
            survey_key: "onboarding".to_owned(),
            kind: SurveyKind::Nps,
            score: 9,
            comment: None,
            answered_at: now,
        };
        survey::ingest(ctx, owner, vec![answer]).await.unwrap();
        stage.settle().await;
        for &id in &ids[..3] {
            assert_eq!(stage.history(id).await, ["back MET"]);
        }
        assert_eq!(stage.stands(ids[3]).await, "WAITING back");
        stage.world
    });
}
