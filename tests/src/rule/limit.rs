//! How often, and when, a rule may act.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::Origin,
    action::{Action, CreateTask, OutcomeResult, TaskAssignee},
    condition::Condition,
    conversation::{self, NewMessage},
    inbox,
    rule::{
        Limits, OncePer, QuietHours,
        definition::always,
        miss,
        trigger::{ConversationOpened, Trigger},
    },
    workspace::{self, BusinessHours, BusinessSpan, WorkspaceChanges},
};
use entity::kind::{Direction, MissReason, TagKind, TaskPriority, Weekday};

use super::{firings, limited, on, results, tag_with};
use crate::support::{
    World,
    engine::{Receiver, contact_has, notify, tag_conversation, words},
    on_both,
};

async fn receive(world: &World, id: &str, email: &str) {
    world.receive(&[(id, email, "hello")]).await;
    world.drain().await;
}

async fn misses(world: &World, rule: entity::id::RuleId) -> Vec<MissReason> {
    let page = domain::page::PageRequest::first(50);
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = miss::list(ctx, workspace, rule, &page).await.unwrap();
    let reasons = found.rows.into_iter().map(|(_, one)| one.reason);
    reasons
        .filter(|reason| *reason != MissReason::Condition)
        .collect()
}

#[test]
fn a_rule_that_cools_down_waits_for_each_contact_by_itself() {
    on_both(|world| async move {
        let sales = world.target("sales").await;
        let limits = Limits {
            cool_down_minutes: Some(60),
            ..Limits::default()
        };
        let act = vec![notify(sales)];
        let rule = limited(&world, Trigger::default(), always(), act, limits).await;
        // Two in one batch count as well.
        world
            .receive(&[
                ("1", "a@customer.example", "hello"),
                ("2", "a@customer.example", "hello"),
                ("3", "b@customer.example", "hello"),
            ])
            .await;
        world.drain().await;
        assert_eq!(firings(&world, rule.id).await.len(), 2);
        world.clock.advance(TimeDelta::minutes(59));
        receive(&world, "4", "a@customer.example").await;
        assert_eq!(firings(&world, rule.id).await.len(), 2);
        assert_eq!(misses(&world, rule.id).await, [MissReason::CoolDown; 2]);
        world.clock.advance(TimeDelta::minutes(1));
        receive(&world, "5", "a@customer.example").await;
        assert_eq!(firings(&world, rule.id).await.len(), 3);
        settle(&world).await;
        world
    });
}

/// Lets every notice go out.
async fn settle(world: &World) {
    let receiver = Receiver::default();
    for _ in 0..100 {
        world.hurry().await;
        if world.deliver(&receiver).await.claimed == 0 {
            return;
        }
    }
    panic!("something goes on being put off");
}

#[test]
fn a_rule_that_fires_once_for_each_never_does_again() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let limits = Limits {
            once_per: Some(OncePer::Contact),
            ..Limits::default()
        };
        let rule = limited(&world, Trigger::default(), always(), tag_with(seen), limits).await;
        for (id, email) in [
            ("1", "a@c.example"),
            ("2", "a@c.example"),
            ("3", "b@c.example"),
        ] {
            receive(&world, id, email).await;
        }
        world.clock.advance(TimeDelta::days(400));
        receive(&world, "4", "a@c.example").await;
        assert_eq!(firings(&world, rule.id).await.len(), 2);
        assert_eq!(misses(&world, rule.id).await, [MissReason::Once; 2]);
        world
    });
}

#[test]
fn nothing_is_asked_behind_a_rule_that_ends_the_evaluation() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let limits = Limits {
            stop_after_match: true,
            ..Limits::default()
        };
        let price = words(&["price"]);
        let first = limited(&world, Trigger::default(), price, tag_with(seen), limits).await;
        let none = Limits::default();
        let second = limited(&world, Trigger::default(), always(), tag_with(seen), none).await;
        world
            .receive(&[
                ("1", "a@c.example", "the price"),
                ("2", "b@c.example", "anything"),
            ])
            .await;
        world.drain().await;
        assert_eq!(firings(&world, first.id).await.len(), 1);
        assert_eq!(firings(&world, second.id).await.len(), 1);
        assert_eq!(misses(&world, second.id).await, [MissReason::Stopped]);
        world
    });
}

#[test]
fn notices_wait_for_the_quiet_hours_to_end_rather_than_vanish() {
    on_both(|world| async move {
        // The test's clock stands at noon in Tokyo.
        let sales = world.target("sales").await;
        let limits = Limits {
            quiet_hours: Some(QuietHours {
                from_hour: 11,
                from_minute: 30,
                to_hour: 13,
                to_minute: 0,
            }),
            ..Limits::default()
        };
        let act = vec![notify(sales)];
        let rule = limited(&world, Trigger::default(), always(), act, limits).await;
        receive(&world, "1", "a@c.example").await;
        let results = results(&world, rule.id).await;
        let OutcomeResult::Queued { until, .. } = results[0][0] else {
            panic!("{results:?}")
        };
        let one: DateTime<Utc> = "2026-03-01T04:00:00Z".parse().unwrap();
        assert_eq!(until, Some(one));
        let receiver = Receiver::default();
        assert_eq!(world.deliver(&receiver).await.claimed, 0, "it waits");
        world.clock.advance(TimeDelta::hours(1));
        world.hurry().await;
        assert_eq!(
            world.deliver(&receiver).await.delivered,
            1,
            "it is not lost"
        );
        world
    });
}

#[test]
fn a_rule_that_asks_about_tags_remembers_across_merged_batches() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let limits = Limits {
            once_per: Some(OncePer::Conversation),
            ..Limits::default()
        };
        let unseen = contact_has(domain::condition::TagMode::None, &[seen]);
        let rule = limited(&world, Trigger::default(), unseen, tag_with(seen), limits).await;
        world
            .receive(&[("1", "a@c.example", "x"), ("2", "a@c.example", "y")])
            .await;
        world.drain().await;
        // The second is not even asked: the tag is there.
        assert_eq!(firings(&world, rule.id).await.len(), 1);
        assert_eq!(misses(&world, rule.id).await, []);
        world
    });
}

#[test]
fn a_rule_whose_words_never_come_shows_what_it_misses() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let none = Limits::default();
        let rule = limited(
            &world,
            Trigger::default(),
            words(&["invoice"]),
            tag_with(seen),
            none,
        )
        .await;
        let ids: Vec<String> = (0..400).map(|n| format!("m{n}")).collect();
        for some in ids.chunks(100) {
            let messages: Vec<_> = some
                .iter()
                .map(|id| (id.as_str(), "a@c.example", "hello"))
                .collect();
            world.receive(&messages).await;
        }
        world.drain().await;
        let page = domain::page::PageRequest::first(100);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let found = miss::list(ctx, workspace, rule.id, &page).await.unwrap();
        assert!(!found.rows.is_empty(), "one in sixteen of 400");
        for (_, miss) in found.rows {
            assert_eq!(miss.reason, MissReason::Condition);
            let trace = miss::trace(&miss).unwrap().unwrap();
            assert!(trace.triggered && !trace.fires && !trace.nodes[0].holds);
        }
        world
    });
}

#[test]
fn the_business_hours_of_the_workspace_hold_notices_and_are_what_conditions_ask() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let late = world.tag(TagKind::Conversation, "Out of hours", None).await;
        let sales = world.target("sales").await;
        let outside = serde_json::json!({"businessHours": {"within": false}});
        let outside: Condition = serde_json::from_value(outside).unwrap();
        let act = vec![tag_conversation(late)];
        let none = Limits::default();
        let tagging = limited(&world, Trigger::default(), outside, act, none).await;
        let limits = Limits {
            notify_in_business_hours: true,
            ..Limits::default()
        };
        let act = vec![notify(sales)];
        let notifying = limited(&world, Trigger::default(), always(), act, limits).await;
        let set = async |holidays: &[&str]| {
            let sunday = BusinessSpan {
                weekday: Weekday::Sunday,
                from: "15:00".to_owned(),
                until: "17:00".to_owned(),
            };
            let days = holidays.iter().map(|day| day.parse().unwrap());
            let changes = WorkspaceChanges {
                business_hours: Some(BusinessHours {
                    spans: vec![sunday],
                    holidays: days.collect(),
                }),
                ..WorkspaceChanges::default()
            };
            workspace::update(ctx, owner, changes).await.unwrap()
        };
        set(&[]).await;
        let held = async || {
            let results = results(&world, notifying.id).await;
            let OutcomeResult::Queued { until, .. } = results.last().unwrap()[0] else {
                panic!("{results:?}")
            };
            until.map(|until| until.to_rfc3339())
        };
        // Sunday at noon in Tokyo, then half past three, then the same on a holiday.
        receive(&world, "1", "a@c.example").await;
        assert_eq!(firings(&world, tagging.id).await.len(), 1);
        let afternoon = "2026-03-01T06:00:00+00:00".to_owned();
        assert_eq!(held().await, Some(afternoon));
        world.clock.advance(TimeDelta::minutes(210));
        receive(&world, "2", "b@c.example").await;
        assert_eq!(firings(&world, tagging.id).await.len(), 1, "it is within");
        assert_eq!(held().await, None);
        // A moment later, so that it is the last.
        world.clock.advance(TimeDelta::minutes(1));
        set(&["2026-03-01"]).await;
        receive(&world, "3", "c@c.example").await;
        assert_eq!(firings(&world, tagging.id).await.len(), 2);
        let next_week = "2026-03-08T06:00:00+00:00".to_owned();
        assert_eq!(held().await, Some(next_week));
        world.clock.advance(TimeDelta::days(7));
        settle(&world).await;
        world
    });
}

/// Brings in a message of somebody's that was sent so many days ago.
pub(super) async fn bring(world: &World, origin: Origin, id: &str, days: i64) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    let message = NewMessage {
        external_id: id.to_owned(),
        thread_keys: vec![format!("thread {id}")],
        whose: format!("{id}@customer.example").into(),
        name: None,
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: String::new(),
        body: "hello".to_owned(),
        sent_at: ctx.clock.now() - TimeDelta::days(days),
    };
    conversation::ingest_as(ctx, owner, origin, inboxes[0].id, vec![message])
        .await
        .unwrap();
    world.drain().await;
    // One after the other, in the order of the firings.
    world.clock.advance(TimeDelta::minutes(1));
}

#[test]
fn an_old_message_of_an_archive_is_tagged_and_reaches_nobody() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let sales = world.target("sales").await;
        let call = Action::CreateTask(CreateTask {
            title: "Call".to_owned(),
            description: String::new(),
            priority: TaskPriority::Normal,
            due_in_minutes: None,
            assignee: TaskAssignee::Nobody,
        });
        let mut act = tag_with(seen);
        act.extend([notify(sales), call.clone()]);
        let wrote = on(&world, Trigger::default(), act).await;
        let began = Trigger::ConversationOpened(ConversationOpened {
            inbox_ids: Vec::new(),
            channels: Vec::new(),
            from: Vec::new(),
            reopened_only: false,
        });
        let began = on(&world, began, vec![call]).await;
        bring(&world, Origin::Import, "archived", 8).await;
        bring(&world, Origin::Import, "lately", 6).await;
        // Not from an archive: a program that was down for a while has told it late.
        bring(&world, world.owner.origin(), "late", 8).await;

        let results_of_wrote = results(&world, wrote.id).await;
        assert_eq!(
            results_of_wrote[0],
            [
                OutcomeResult::Tagged,
                OutcomeResult::FromArchive,
                OutcomeResult::FromArchive,
            ]
        );
        for reached in &results_of_wrote[1..] {
            assert!(
                matches!(
                    reached[..],
                    [
                        OutcomeResult::Tagged,
                        OutcomeResult::Queued { .. },
                        OutcomeResult::TaskCreated { .. },
                    ]
                ),
                "{reached:?}"
            );
        }
        assert_eq!(results_of_wrote.len(), 3);
        let results_of_began = results(&world, began.id).await;
        assert_eq!(results_of_began[0], [OutcomeResult::FromArchive]);
        for reached in &results_of_began[1..] {
            assert_ne!(reached[0], OutcomeResult::FromArchive);
        }
        settle(&world).await;
        world
    });
}
