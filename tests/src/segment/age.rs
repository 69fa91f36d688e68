//! Whatever grows old: an hour moves those whom a look at everybody would, and is taken up where it was
//! left.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    attribute::{self, NewAttribute, Setting, Value as Given, definition},
    condition::{Condition, Moment, sql},
    segment::hand::{self, Things},
    store::{Query, Rows},
    subject::Subject,
};
use entity::{
    id::{AttributeId, ContactId, Id as _, SegmentId},
    kind::{AttributeType, SubjectKind},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    begun,
    clock::{condition, hour, tick, today},
    holds, made, members, person, settle,
};
use crate::support::{World, on_both};

/// Writes something of contacts that grows old, from rows with `id`, `key`, `contact_id`, the moment `at`, a
/// later one `due`, the day `day`, and `old`, the day 24 days before.
const TOLD: [&str; 10] = [
    "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties, occurred_at,
                        created_at)
     SELECT $1, r.id, r.contact_id, r.key, 'seen', '{}', r.at, r.at FROM {r} WHERE true",
    "INSERT INTO sales_order (workspace_id, id, external_id, contact_id, account_told, digest, status,
                              amount, currency, placed_at, updated_at, created_at, recorded_at)
     SELECT $1, r.id, r.key, r.contact_id, false, '', 'PAID', 1, 'JPY', r.at, r.at, r.at, r.at
     FROM {r} WHERE true",
    "INSERT INTO invoice (workspace_id, id, external_id, contact_id, account_told, digest, status, amount,
                          currency, issued_at, due_at, updated_at, created_at, recorded_at)
     SELECT $1, r.id, r.key, r.contact_id, false, '', 'OPEN', 1, 'JPY', r.at, r.due, r.at, r.at, r.at
     FROM {r} WHERE true",
    "INSERT INTO ticket (workspace_id, id, external_id, contact_id, account_told, digest, subject, status,
                         priority, opened_at, updated_at, created_at, recorded_at)
     SELECT $1, r.id, r.key, r.contact_id, false, '', '', 'OPEN', 'HIGH', r.at, r.at, r.at, r.at
     FROM {r} WHERE true",
    "INSERT INTO opportunity (workspace_id, id, external_id, contact_id, account_told, digest, name, status,
                              opened_at, updated_at, created_at, recorded_at)
     SELECT $1, r.id, r.key, r.contact_id, false, '', '', 'OPEN', r.at, r.at, r.at, r.at
     FROM {r} WHERE true",
    "INSERT INTO survey_answer (workspace_id, id, external_id, contact_id, account_told, digest,
                                survey_key, kind, score, answered_at, updated_at, created_at, recorded_at)
     SELECT $1, r.id, r.key, r.contact_id, false, '', 'q1', 'NPS', 9, r.at, r.at, r.at, r.at
     FROM {r} WHERE true",
    "INSERT INTO email_day (workspace_id, scope, scope_id, day, attempted, delivered, human_openers,
         openers, human_clickers, clickers, replied, hard_bounced, soft_bounced, blocked, complained,
         unsubscribed, human_opens, machine_opens, human_clicks, machine_clicks, timed_replies,
         reply_seconds)
     SELECT $1, 'CONTACT', r.contact_id, r.day, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
     FROM {r} WHERE true ON CONFLICT DO NOTHING",
    "INSERT INTO email_active_day (workspace_id, contact_id, day, acts)
     SELECT $1, r.contact_id, r.old, 1 FROM {r} WHERE true ON CONFLICT DO NOTHING",
    "UPDATE contact SET created_at = r.at FROM {r}
     WHERE contact.workspace_id = $1 AND contact.id = r.contact_id",
    "UPDATE contact_activity SET last_activity_at = r.at, last_message_at = r.due FROM {r}
     WHERE contact_activity.workspace_id = $1 AND contact_activity.contact_id = r.contact_id",
];

async fn tell(world: &World, told: &[(ContactId, DateTime<Utc>)]) {
    let each = || told.iter();
    let number = |place: usize| Uuid::from_u128((1 << 100) + place as u128);
    let day = |at: DateTime<Utc>| at.date_naive();
    let rows = Rows::new()
        .uuids("id", (0..told.len()).map(number))
        .texts("key", (0..told.len()).map(|place| format!("told-{place}")))
        .ids("contact_id", each().map(|one| one.0))
        .times("at", each().map(|one| one.1))
        .times("due", each().map(|one| one.1 + TimeDelta::days(4)))
        .dates("day", each().map(|one| day(one.1)))
        .dates("old", each().map(|one| day(one.1 - TimeDelta::days(24))));
    for statement in TOLD {
        Query::new(statement)
            .bind(world.owner.workspace)
            .rows("r", rows.clone())
            .execute(world.ctx.db.writer())
            .await
            .expect(statement);
    }
}

/// Moments as the values of an attribute of contacts.
async fn moments(world: &World, key: &str, told: &[(ContactId, DateTime<Utc>)]) -> AttributeId {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = NewAttribute {
        subject: SubjectKind::Contact,
        key: key.to_owned(),
        name: key.to_owned(),
        description: String::new(),
        value_type: AttributeType::DateTime,
        options: Vec::new(),
    };
    let made = definition::create(ctx, owner, new).await;
    let id = made.expect("an attribute").id;
    for (contact, at) in told {
        let subject = Subject::new(SubjectKind::Contact, contact.0);
        let setting = Setting {
            attribute: id,
            value: Some(Given::DateTime(*at)),
        };
        let done = attribute::set(ctx, owner, subject, &["id"], vec![setting]).await;
        done.expect("a value");
    }
    id
}

/// A segment kept by hand whose members came in at these moments.
async fn guests(world: &World, told: &[(ContactId, DateTime<Utc>)]) -> SegmentId {
    let id = begun(world, "Guests", None).await;
    let people = Things::Contacts(told.iter().map(|one| one.0).collect());
    let put = hand::add(&world.ctx, &world.owner, id, &people).await;
    put.expect("members");
    let rows = Rows::new()
        .ids("contact_id", told.iter().map(|one| one.0))
        .times("at", told.iter().map(|one| one.1));
    Query::new(
        "UPDATE segment_member SET entered_at = r.at FROM {r}
         WHERE segment_member.workspace_id = $1 AND segment_member.subject_id = r.contact_id",
    )
    .bind(world.owner.workspace)
    .rows("r", rows)
    .execute(world.ctx.db.writer())
    .await
    .expect("moments");
    id
}

/// What the conditions are about, beside what is told of everybody.
struct Named {
    renewal: AttributeId,
    ends: AttributeId,
    guests: SegmentId,
}

/// A condition on each kind of thing that grows old, some of two of them, some on what is to come, and some on
/// being in a segment.
fn conditions(rng: &mut StdRng, named: &Named) -> Vec<Value> {
    let mut days = || rng.random_range(1..5);
    let mut all = vec![
        json!({"contact": {"lastActivity": {"withinDays": days()}}}),
        json!({"contact": {"lastActivity": {"moreThanMinutesAgo": days() * 1_000}}}),
        json!({"contact": {"lastMessage": {"moreThanDaysAgo": 1}}}),
        json!({"contact": {"created": {"withinMinutes": days() * 1_300}}}),
        json!({"attribute": {"attributeId": named.renewal.uuid(), "of": "CONTACT",
                             "time": {"withinDays": days()}}}),
        json!({"events": {"withinDays": days(), "tests": [
            {"measure": "COUNT", "is": {"atLeast": 2}},
        ]}}),
        json!({"events": {"tests": [{"measure": "DAYS_SINCE_LAST", "is": {"moreThan": 2.3}}]}}),
        json!({"email": {"withinDays": days(), "tests": [
            {"measure": "SENT", "is": {"atLeast": 1}},
        ]}}),
        json!({"email": {"tiers": ["LAPSED"]}}),
        json!({"orders": {"withinDays": days()}}),
        json!({"invoices": {"overdue": true}}),
        json!({"invoices": {"daysSinceFirst": {"atLeast": 4.4}}}),
        json!({"tickets": {"withinDays": days()}}),
        json!({"opportunities": {"daysSinceLast": {"lessThan": 1.7}}}),
        json!({"survey": {"kind": "NPS", "daysSinceLast": {"atMost": days()}}}),
    ];
    for place in 0..5 {
        let (one, other) = (all[place].clone(), all[14 - place].clone());
        all.push(json!({"any": [one, {"not": other}]}));
    }
    for part in ["withinNextDays", "atLeastDaysAhead"] {
        all.push(
            json!({"attribute": {"attributeId": named.ends.uuid(), "of": "CONTACT",
                                 "time": {part: days()}}}),
        );
    }
    for mode in ["ANY", "NONE"] {
        all.push(
            json!({"segments": {"mode": mode, "segmentIds": [named.guests.uuid()],
                                     "since": {"moreThanDaysAgo": days()}}}),
        );
    }
    all
}

/// Whoever is in a segment with this condition, by a look at everybody.
async fn everybody(world: &World, condition: &Condition, people: &[Uuid]) -> BTreeSet<Uuid> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let moment = Moment::of(ctx.reader(), workspace, ctx.clock.now()).await;
    let (moment, kind) = (moment.expect("a moment"), SubjectKind::Contact);
    let query = sql::select(
        ctx.db.backend(),
        workspace,
        &moment,
        condition,
        kind,
        people,
    );
    let found: Vec<Uuid> = query.column(ctx.reader()).await.expect("an answer");
    found.into_iter().collect()
}

async fn play(world: &World, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut told = Vec::new();
    let mut people = Vec::new();
    for place in 0..10 {
        let id = person(world, &format!("Person {place}")).await;
        people.push(id.0);
        for _ in 0..rng.random_range(1..3) {
            let ago = TimeDelta::minutes(rng.random_range(0..7_000));
            told.push((id, world.ctx.clock.now() - ago));
        }
    }
    let now = world.ctx.clock.now();
    let to_come = told.iter().map(|&(id, at)| (id, now + (now - at)));
    let to_come: Vec<_> = to_come.collect();
    let named = Named {
        renewal: moments(world, "renewal", &told).await,
        ends: moments(world, "ends", &to_come).await,
        guests: guests(world, &told).await,
    };
    world.drain().await;
    tell(world, &told).await;
    let mut segments: Vec<(SegmentId, Condition, BTreeSet<Uuid>)> = Vec::new();
    for (place, stored) in conditions(&mut rng, &named).into_iter().enumerate() {
        let asked = condition(stored);
        let id = begun(world, &format!("Segment {place}"), Some(asked.clone())).await;
        segments.push((id, asked, BTreeSet::new()));
    }
    settle(world).await;
    tick(world).await;
    let mut changes = 0;
    for _ in 0..12 {
        for (id, _, before) in &mut segments {
            *before = members(world, *id).await;
        }
        let minutes = rng.random_range(60..300);
        world.clock.advance(TimeDelta::minutes(minutes));
        tick(world).await;
        for (id, asked, before) in &segments {
            let now = members(world, *id).await;
            let expected = everybody(world, asked, &people).await;
            assert_eq!(now, expected, "seed {seed}: {asked:?}");
            changes += usize::from(now != *before);
        }
    }
    assert!(changes > 10, "seed {seed}: {changes} changes");
}

#[test]
fn an_hour_moves_those_whom_a_look_at_everybody_would() {
    on_both(|world| async move {
        play(&world, 20_270_101).await;
        world
    });
    on_both(|world| async move {
        play(&world, 3).await;
        world
    });
}

/// A tick that was cut off after the first of two people of whom something came to an edge.
async fn left(world: World, of: &'static str, lapsed: usize, silent: usize) -> World {
    let mut people = Vec::new();
    for name in ["Ann", "Bob"] {
        people.push(person(&world, name).await);
    }
    people.sort_unstable();
    world.drain().await;
    let now = world.ctx.clock.now();
    // The last message is told as four days later.
    let ago = TimeDelta::days(7) - TimeDelta::minutes(30);
    let told: Vec<_> = people.iter().map(|&id| (id, now - ago)).collect();
    tell(&world, &told).await;
    let tests = json!([{"measure": "DAYS_SINCE_LAST", "is": {"atLeast": 7}}]);
    let events = condition(json!({"events": {"tests": tests}}));
    let messages = condition(json!({"contact": {"lastMessage": {"moreThanDaysAgo": 3}}}));
    let by_events = made(&world, "Lapsed", Some(events)).await;
    let by_messages = made(&world, "Silent", Some(messages)).await;
    world.clock.advance(TimeDelta::hours(1));
    let progress = json!({
        "subject": "CONTACT", "after": null, "all": false, "day": today(&world),
        "edges": {
            "from": now, "until": world.ctx.clock.now(), "of": of, "after": people[0].0,
            "done": false,
        },
    });
    Query::new(
        "INSERT INTO schedule_tick (workspace_id, schedule, tick_at, state, fence, progress, failures,
                                    crashes)
         VALUES ($1, 'segment.clock', $2, 'RUNNING', 1, $3, 0, 0)",
    )
    .bind(world.owner.workspace)
    .bind(hour(&world))
    .bind(progress)
    .execute(world.ctx.db.writer())
    .await
    .expect("a tick");
    tick(&world).await;
    holds(&world, by_events, &people[lapsed..]).await;
    holds(&world, by_messages, &people[silent..]).await;
    world
}

#[test]
fn a_look_at_what_came_to_an_edge_goes_on_where_it_was_left() {
    // Events come before messages.
    on_both(|world| left(world, "event", 1, 0));
    on_both(|world| left(world, "message", 2, 1));
}
