//! Rules on contacts who wait for an answer.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    conversation::{self, Changes, NewMessage},
    inbox,
    rule::{
        self, Limits, RuleChanges,
        rehearse::{Subject, rehearse},
        trigger::{ConversationWaiting, Trigger},
        wait,
    },
    store::Query,
};
use entity::{
    id::{ConversationId, RuleId},
    kind::{Author, ConversationStatus, Direction, TagKind},
};
use serde_json::{Value, json};

use super::{firings, limited, on, refused, tag_with};
use crate::support::{World, on_both};

fn waits(minutes: i64, business_hours_only: bool) -> Trigger {
    Trigger::ConversationWaiting(ConversationWaiting {
        minutes,
        business_hours_only,
        inbox_ids: Vec::new(),
        channels: Vec::new(),
    })
}

/// Takes in a message of the thread, sent at a moment.
async fn say(world: &World, thread: &str, author: Author, automatic: bool, at: DateTime<Utc>) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    let message = NewMessage {
        external_id: format!("{thread} {} {author:?}", at.timestamp()),
        thread_keys: vec![thread.to_owned()],
        whose: format!("{thread}@customer.example").into(),
        name: None,
        direction: match author {
            Author::Contact => Direction::Inbound,
            Author::Member | Author::Automation => Direction::Outbound,
        },
        author: Some(author),
        automatic,
        subject: String::new(),
        body: "縁".to_owned(),
        sent_at: at,
    };
    conversation::ingest(ctx, owner, inboxes[0].id, vec![message])
        .await
        .unwrap();
    world.drain().await;
}

async fn ask(world: &World, thread: &str) {
    say(world, thread, Author::Contact, false, world.ctx.clock.now()).await;
}

/// Lets minutes pass and a worker look.
async fn pass(world: &World, minutes: i64) {
    world.clock.advance(TimeDelta::minutes(minutes));
    look(world).await;
}

async fn look(world: &World) {
    wait::find_waited(&world.ctx, &|| true).await.unwrap();
    world.drain().await;
}

async fn fired(world: &World, rule: RuleId) -> usize {
    firings(world, rule).await.len()
}

async fn count(world: &World, from: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {from}"));
    query.scalar(world.ctx.reader()).await.unwrap().unwrap()
}

/// The only conversation.
async fn the_conversation(world: &World) -> ConversationId {
    let query = Query::new("SELECT id FROM conversation");
    query.scalar(world.ctx.reader()).await.unwrap().unwrap()
}

async fn turn(world: &World, to: ConversationStatus, until: Option<DateTime<Utc>>) {
    let changes = Changes {
        status: Some(to),
        snoozed_until: until,
        ..Changes::default()
    };
    let id = the_conversation(world).await;
    conversation::update(&world.ctx, &world.owner, &[id], "ids", &changes)
        .await
        .unwrap();
    world.drain().await;
}

#[test]
fn a_wait_sets_a_rule_off_once_when_it_has_lasted_so_long() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(60, false), tag_with(late)).await;
        ask(&world, "taro").await;
        pass(&world, 59).await;
        assert_eq!(fired(&world, rule.id).await, 0);
        // What a program answers ends no wait, and what else the contact writes begins none.
        say(
            &world,
            "taro",
            Author::Automation,
            true,
            world.ctx.clock.now(),
        )
        .await;
        ask(&world, "taro").await;
        pass(&world, 1).await;
        let found = firings(&world, rule.id).await;
        assert_eq!(found.len(), 1, "at the minute");
        assert_eq!(
            found[0].conversation_id,
            Some(the_conversation(&world).await)
        );
        let cause = found[0].cause.clone().unwrap();
        assert_eq!(
            (&cause["kind"], &cause["minutes"], &cause["business_hours"]),
            (&json!("conversation.waited"), &json!(60), &json!(false))
        );
        pass(&world, 120).await;
        assert_eq!(fired(&world, rule.id).await, 1, "once");
        // An answer ends the wait, and what is written after it begins another.
        say(&world, "taro", Author::Member, false, world.ctx.clock.now()).await;
        pass(&world, 120).await;
        ask(&world, "taro").await;
        pass(&world, 59).await;
        assert_eq!(fired(&world, rule.id).await, 1);
        pass(&world, 1).await;
        assert_eq!(fired(&world, rule.id).await, 2, "another wait");
        world
    });
}

#[test]
fn only_business_hours_count_where_the_rule_says_so() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(240, true), tag_with(late)).await;
        let to = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let until = async |at: &str| {
            world.clock.advance(to(at) - world.ctx.clock.now());
            look(&world).await;
        };
        // Friday, four o'clock in the afternoon in Tokyo: two hours are left of the day.
        until("2026-03-06T07:00:00Z").await;
        ask(&world, "taro").await;
        until("2026-03-06T11:00:00Z").await;
        until("2026-03-09T01:59:00Z").await;
        assert_eq!(fired(&world, rule.id).await, 0);
        until("2026-03-09T02:00:00Z").await;
        assert_eq!(fired(&world, rule.id).await, 1, "Monday at eleven");
        world
    });
}

#[test]
fn what_is_closed_does_not_wait_and_what_is_snoozed_is_looked_at_when_it_wakes() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(60, false), tag_with(late)).await;
        ask(&world, "taro").await;
        turn(&world, ConversationStatus::Closed, None).await;
        pass(&world, 120).await;
        assert_eq!(fired(&world, rule.id).await, 0, "closed");
        ask(&world, "taro").await;
        let until = world.ctx.clock.now() + TimeDelta::hours(3);
        turn(&world, ConversationStatus::Snoozed, Some(until)).await;
        pass(&world, 120).await;
        assert_eq!(fired(&world, rule.id).await, 0, "snoozed");
        pass(&world, 60).await;
        world.hurry().await;
        world.do_due().await;
        world.drain().await;
        assert_eq!(fired(&world, rule.id).await, 1, "woken");
        pass(&world, 60).await;
        assert_eq!(fired(&world, rule.id).await, 1);
        world
    });
}

#[test]
fn a_message_that_comes_in_late_has_waited_since_it_was_sent() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(60, false), tag_with(late)).await;
        pass(&world, 180).await;
        let now = world.ctx.clock.now();
        say(
            &world,
            "taro",
            Author::Contact,
            false,
            now - TimeDelta::minutes(90),
        )
        .await;
        assert_eq!(fired(&world, rule.id).await, 1, "without another look");
        // What had waited so long before the rule did is not its business.
        say(
            &world,
            "hana",
            Author::Contact,
            false,
            now - TimeDelta::days(2),
        )
        .await;
        pass(&world, 10).await;
        assert_eq!(fired(&world, rule.id).await, 1);
        world
    });
}

#[test]
fn a_rule_that_is_edited_or_paused_goes_by_what_it_says_now() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(240, false), tag_with(late)).await;
        let edit = async |minutes: i64| {
            let changes = RuleChanges {
                trigger: Some(waits(minutes, false)),
                ..RuleChanges::default()
            };
            rule::update(ctx, owner, rule.id, changes).await.unwrap();
        };
        ask(&world, "taro").await;
        pass(&world, 120).await;
        edit(60).await;
        ask(&world, "hana").await;
        pass(&world, 59).await;
        assert_eq!(fired(&world, rule.id).await, 0, "taro had waited before");
        pass(&world, 1).await;
        assert_eq!(fired(&world, rule.id).await, 1, "hana");
        edit(120).await;
        pass(&world, 90).await;
        assert_eq!(fired(&world, rule.id).await, 1, "once for each wait");

        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        pass(&world, 1).await;
        assert_eq!(
            count(&world, "wait_clock").await,
            0,
            "nobody looks any more"
        );
        ask(&world, "ken").await;
        pass(&world, 180).await;
        rule::set_active(ctx, owner, rule.id, true).await.unwrap();
        pass(&world, 10).await;
        assert_eq!(fired(&world, rule.id).await, 1, "it had waited before");
        ask(&world, "jun").await;
        pass(&world, 120).await;
        assert_eq!(fired(&world, rule.id).await, 2, "jun");
        world
    });
}

#[test]
fn each_wait_is_told_once_whoever_looks_and_however_often() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let told = "change WHERE kind = 'conversation.waited'";
        on(&world, waits(60, false), tag_with(late)).await;
        on(&world, waits(60, false), tag_with(late)).await;
        on(&world, waits(30, false), tag_with(late)).await;
        for thread in ["taro", "hana", "ken"] {
            ask(&world, thread).await;
        }
        world.clock.advance(TimeDelta::minutes(61));
        let goes_on = || true;
        let (one, other) = futures::join!(
            wait::find_waited(&world.ctx, &goes_on),
            wait::find_waited(&world.ctx, &goes_on),
        );
        assert_eq!(one.unwrap() + other.unwrap(), 6);
        assert_eq!(count(&world, told).await, 6, "once for each length");
        // Whoever does not know how far the others got tells nothing again.
        for forget in [
            "DELETE FROM wait_mark",
            "UPDATE wait_clock SET look_at = '2026-01-01T00:00:00+00:00'",
        ] {
            let forgotten = Query::new(forget).execute(world.ctx.db.writer()).await;
            forgotten.unwrap();
        }
        look(&world).await;
        assert_eq!(count(&world, told).await, 6);
        world
    });
}

#[test]
fn a_clock_that_was_ahead_for_a_while_keeps_no_wait_from_being_told_once() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(60, false), tag_with(late)).await;
        ask(&world, "taro").await;
        pass(&world, 60).await;
        assert_eq!(fired(&world, rule.id).await, 1);
        // A look by a clock that is a day ahead, and set right then.
        pass(&world, 24 * 60).await;
        world.clock.advance(-TimeDelta::days(1));
        ask(&world, "hana").await;
        for (minutes, times) in [(59, 1), (1, 2), (60, 2)] {
            pass(&world, minutes).await;
            assert_eq!(fired(&world, rule.id).await, times, "{minutes} more");
        }
        // The day that was looked through before has come: nothing of it is told again.
        pass(&world, 24 * 60).await;
        assert_eq!(fired(&world, rule.id).await, 2);
        world
    });
}

#[test]
fn the_condition_may_ask_for_minutes_too() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let asking = async |test: Value| {
            let stored = json!({"conversation": {"waitingSince": test}});
            let condition = serde_json::from_value(stored).unwrap();
            let (trigger, limits) = (waits(60, false), Limits::default());
            limited(&world, trigger, condition, tag_with(late), limits)
                .await
                .id
        };
        let fires = asking(json!({"moreThanMinutesAgo": 59, "withinMinutes": 90})).await;
        let fires_not = asking(json!({"withinMinutes": 30})).await;
        ask(&world, "taro").await;
        pass(&world, 61).await;
        assert_eq!(fired(&world, fires).await, 1);
        assert_eq!(fired(&world, fires_not).await, 0);
        world
    });
}

#[test]
fn an_answer_before_the_rule_has_looked_keeps_it_from_firing() {
    on_both(|world| async move {
        let late = world.tag(TagKind::Contact, "Late", None).await;
        let rule = on(&world, waits(60, false), tag_with(late)).await;
        ask(&world, "taro").await;
        world.clock.advance(TimeDelta::minutes(60));
        wait::find_waited(&world.ctx, &|| true).await.unwrap();
        say(&world, "taro", Author::Member, false, world.ctx.clock.now()).await;
        assert_eq!(fired(&world, rule.id).await, 0);
        let error = rehearse(&world.ctx, &world.owner, Subject::Saved(rule.id), 30).await;
        let refused = refused(error.unwrap_err());
        assert_eq!(refused[0].0, "trigger");
        world
    });
}
