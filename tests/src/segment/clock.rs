//! Segments that time alone changes: whom the passing of an hour concerns, and hours that are too short.

use chrono::{DateTime, DurationRound as _, NaiveDate, TimeDelta, Utc};
use domain::{
    condition::Condition,
    contact::{self, NewContact},
    event::{self, NewEvent},
    segment::{Cause, clock::SegmentClock},
    store::Query,
    work::schedule,
    workspace::{self, WorkspaceChanges},
};
use entity::id::{ContactId, SegmentId};
use serde_json::{Value, json};

use super::{history, holds, made, person, settle};
use crate::support::{World, on_both};

pub(super) fn condition(stored: Value) -> Condition {
    serde_json::from_value(stored).expect("a condition")
}

pub(super) fn hour(world: &World) -> DateTime<Utc> {
    let now = world.ctx.clock.now();
    now.duration_trunc(TimeDelta::hours(1)).expect("an hour")
}

/// The day it is in the workspace.
pub(super) fn today(world: &World) -> NaiveDate {
    let now = world.ctx.clock.now();
    now.with_timezone(&chrono_tz::Asia::Tokyo).date_naive()
}

pub(super) async fn tick(world: &World) {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let ran = schedule::run_tick(ctx, &SegmentClock, workspace, hour(world)).await;
    assert!(ran.expect("a tick"));
    world.drain().await;
}

/// Somebody who donated so long ago.
async fn donor(world: &World, email: &str, ago: TimeDelta) -> ContactId {
    let new = NewContact {
        name: email.to_owned(),
        email: Some(email.to_owned()),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    let event = NewEvent {
        external_id: email.to_owned(),
        whose: email.to_owned().into(),
        name: "donated".to_owned(),
        properties: json!({}),
        occurred_at: world.ctx.clock.now() - ago,
    };
    let told = event::ingest(&world.ctx, &world.owner, vec![event]).await;
    told.expect("an event");
    made.expect("a contact").id
}

/// Takes somebody out of a segment behind its back.
async fn lose(world: &World, segment: SegmentId, member: ContactId) {
    for statement in [
        "DELETE FROM segment_member WHERE workspace_id = $1 AND segment_id = $2
            AND subject_id = $3",
        "UPDATE segment SET member_count = member_count - 1 WHERE workspace_id = $1 AND id = $2
            AND $3 IS NOT NULL",
    ] {
        Query::new(statement)
            .bind(world.owner.workspace)
            .bind(segment)
            .bind(member)
            .execute(world.ctx.db.writer())
            .await
            .expect(statement);
    }
}

#[test]
fn an_hour_concerns_those_whose_events_came_to_the_edge_of_a_window() {
    on_both(|world| async move {
        let old = TimeDelta::days(30) - TimeDelta::minutes(30);
        let one = donor(&world, "one@customer.example", old).await;
        let other = donor(&world, "other@customer.example", TimeDelta::days(1)).await;
        let recent = json!({"events": {"names": ["donated"], "withinDays": 30}});
        let recent = made(&world, "Recent", Some(condition(recent))).await;
        let lapsed = json!({"events": {"tests": [
            {"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 30}},
        ]}});
        let lapsed = made(&world, "Lapsed", Some(condition(lapsed))).await;
        let active = json!({"contact": {"lastActivity": {"withinDays": 30}}});
        let active = made(&world, "Active", Some(condition(active))).await;
        // The first tick knows of none before it.
        tick(&world).await;
        holds(&world, recent, &[one, other]).await;
        holds(&world, active, &[one, other]).await;
        holds(&world, lapsed, &[]).await;

        // Whom time does not concern is not looked at, though they were active just now: a member who is
        // missing stays so.
        for segment in [recent, active] {
            lose(&world, segment, other).await;
        }
        world.clock.advance(TimeDelta::hours(1));
        tick(&world).await;
        holds(&world, recent, &[]).await;
        holds(&world, active, &[one]).await;
        holds(&world, lapsed, &[one]).await;
        assert_eq!(history(&world, recent).await, [(one.0, false, Cause::Time)]);
        world.clock.advance(TimeDelta::hours(1));
        tick(&world).await;
        holds(&world, lapsed, &[one]).await;
        world
    });
}

#[test]
fn after_a_clock_was_ahead_for_a_day_the_hours_of_that_day_are_run_and_see_everybody() {
    on_both(|world| async move {
        let old = TimeDelta::days(30) - TimeDelta::hours(12);
        let one = donor(&world, "one@customer.example", old).await;
        let other = donor(&world, "other@customer.example", TimeDelta::days(1)).await;
        let recent = json!({"events": {"names": ["donated"], "withinDays": 30}});
        let recent = made(&world, "Recent", Some(condition(recent))).await;
        let day = TimeDelta::days(1);
        for (ahead, members) in [
            (TimeDelta::minutes(10), vec![one, other]),
            (day, vec![other]),
            (TimeDelta::hours(1) - day, vec![one, other]),
            (TimeDelta::hours(1), vec![one, other]),
        ] {
            world.clock.advance(ahead);
            tick(&world).await;
            holds(&world, recent, &members).await;
        }
        world
    });
}

#[test]
fn a_tick_goes_on_where_the_one_before_it_was_cut_off() {
    on_both(|world| async move {
        let mut people = Vec::new();
        for name in ["A", "B", "C"] {
            people.push(person(&world, name).await);
        }
        people.sort_unstable();
        // Nobody can tell whose active days change by an hour.
        let known = json!({"all": [
            {"contact": {"created": {"moreThanDaysAgo": 30}}},
            {"profile": {"activeDays": {"atMost": 0}}},
        ]});
        let id = made(&world, "Known for long", Some(condition(known))).await;
        world.clock.advance(TimeDelta::days(31));
        let before = hour(&world) - TimeDelta::hours(1);
        let progress = json!({
            "subject": "CONTACT", "after": people[0].0, "all": false, "day": today(&world),
            "edges": { "from": before, "until": before, "after": null, "done": true },
        });
        Query::new(
            "INSERT INTO schedule_tick (workspace_id, schedule, tick_at, state, fence, progress,
                                        failures, crashes)
             VALUES ($1, 'segment.clock', $2, 'RUNNING', 1, $3, 0, 0)",
        )
        .bind(world.owner.workspace)
        .bind(before)
        .bind(progress)
        .execute(world.ctx.db.writer())
        .await
        .expect("a tick");
        tick(&world).await;
        holds(&world, id, &people[1..]).await;
        let left: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM schedule_tick WHERE workspace_id = $1 AND state = 'RUNNING'",
        )
        .bind(world.owner.workspace)
        .scalar(world.ctx.reader())
        .await
        .expect("a count");
        assert_eq!(left, Some(0), "it was taken over from");
        world.clock.advance(TimeDelta::hours(1));
        tick(&world).await;
        holds(&world, id, &people).await;
        world
    });
}

#[test]
fn a_segment_that_counts_days_follows_another_time_zone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        // An hour before midnight in Tokyo and an hour after it: one day in UTC.
        let email = "ann@customer.example";
        let ann = donor(&world, email, TimeDelta::hours(13)).await;
        let again = NewEvent {
            external_id: "again".to_owned(),
            whose: email.to_owned().into(),
            name: "donated".to_owned(),
            properties: json!({}),
            occurred_at: ctx.clock.now() - TimeDelta::hours(11),
        };
        event::ingest(ctx, owner, vec![again])
            .await
            .expect("an event");
        let days = |count: i64| {
            let tests = [json!({"measure": "DAYS", "is": {"equals": count}})];
            condition(json!({"events": {"names": ["donated"], "tests": tests}}))
        };
        let one = made(&world, "On one day", Some(days(1))).await;
        let two = made(&world, "On two days", Some(days(2))).await;
        holds(&world, one, &[]).await;
        holds(&world, two, &[ann]).await;
        let changes = WorkspaceChanges {
            time_zone: Some("UTC".to_owned()),
            ..WorkspaceChanges::default()
        };
        workspace::update(ctx, owner, changes)
            .await
            .expect("a zone");
        settle(&world).await;
        holds(&world, one, &[ann]).await;
        holds(&world, two, &[]).await;
        world
    });
}
