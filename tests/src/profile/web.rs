//! Visits to the web site, counted as they are told, late or twice, and as people merge.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::{America::New_York, Asia::Tokyo, Tz};
use domain::{
    contact::{erase, merge},
    event::{self, NewEvent},
    profile::web::{
        PAGE_VIEWED, figures,
        projection::WebProjection,
        session::{PageView, Visits},
    },
    store::{Query, dialect},
    work::projection::{self, Outcome},
    workspace::{self, WorkspaceChanges},
};
use entity::{Scoped as _, event as event_row, id::ContactId};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use serde_json::{Value, json};

use super::contact_of;
use crate::{
    access::house::Door,
    support::{World, on_both, world::start},
};

const TARO: &str = "taro@x.example";
const HANAKO: &str = "hanako@x.example";

/// A page view so many minutes after the start of the test, looked at for so many seconds.
fn view(id: &str, whose: &str, minutes: i64, dwell: Option<i64>) -> NewEvent {
    let properties = match dwell {
        Some(seconds) => json!({ "path": "/pricing", "dwellSeconds": seconds }),
        None => json!({ "path": "/pricing" }),
    };
    NewEvent {
        external_id: id.to_owned(),
        whose: whose.to_owned().into(),
        name: PAGE_VIEWED.to_owned(),
        properties,
        occurred_at: start() + TimeDelta::minutes(minutes),
    }
}

async fn ingest(world: &World, events: Vec<NewEvent>) {
    event::ingest(&world.ctx, &world.owner, events)
        .await
        .unwrap();
}

async fn tell(world: &World, events: Vec<NewEvent>) {
    ingest(world, events).await;
    world.drain().await;
}

async fn profile(world: &World, contact: ContactId) -> Value {
    let document = "query($id: ID!) { contact(id: $id) { webProfile {
        firstVisitOn lastVisitOn days isReturning recentDays
        total { sessions pages dwellSeconds pagesPerSession dwellSecondsPerSession }
        recent { sessions pages } } } }";
    let door = Door::new(&world.ctx);
    let asked = json!({ "id": contact.to_string() });
    let found = door.must(&world.owner, document, asked).await;
    found["webProfile"].clone()
}

/// Of each period: its first day, sessions, pages, visitors, those new and those who came back.
async fn traffic(world: &World, period: &str, from: &str, to: &str) -> Vec<(String, [i64; 5])> {
    let document = "query($period: ReportPeriod!, $from: Date!, $to: Date!) {
        webTraffic(period: $period, from: $from, to: $to) {
            span { firstDay } visits { sessions pages } visitors newVisitors
            returningVisitors { numerator } } }";
    let door = Door::new(&world.ctx);
    let asked = json!({ "period": period, "from": from, "to": to });
    let found = door.must(&world.owner, document, asked).await;
    let periods = found.as_array().expect("periods").iter();
    periods
        .map(|one| {
            let figures = [
                &one["visits"]["sessions"],
                &one["visits"]["pages"],
                &one["visitors"],
                &one["newVisitors"],
                &one["returningVisitors"]["numerator"],
            ];
            let day = one["span"]["firstDay"].as_str().expect("a day");
            let figures = figures.map(|figure| figure.as_i64().expect("a count"));
            (day.to_owned(), figures)
        })
        .collect()
}

#[test]
fn page_views_become_sessions_and_a_late_one_changes_its_own_day() {
    on_both(|world| async move {
        const DAY: i64 = 24 * 60;
        // Two sessions this morning; a page of the first is told twice.
        let first = view("1", TARO, -180, Some(100));
        let other = NewEvent {
            name: "login".to_owned(),
            ..view("login", TARO, -100, None)
        };
        tell(
            &world,
            vec![
                first.clone(),
                view("2", TARO, -170, None),
                view("3", TARO, -30, Some(20)),
                view("4", HANAKO, -30, None),
                other,
                first,
            ],
        )
        .await;
        let taro = contact_of(&world, TARO).await;
        let found = profile(&world, taro).await;
        assert_eq!(
            found["total"],
            json!({ "sessions": 2, "pages": 3, "dwellSeconds": 120, "pagesPerSession": 1.5,
                    "dwellSecondsPerSession": 60.0 })
        );
        assert_eq!(found["isReturning"], false);
        let today = traffic(&world, "DAY", "2026-02-28", "2026-03-01").await;
        let none = ("2026-02-28".to_owned(), [0; 5]);
        let both = ("2026-03-01".to_owned(), [3, 4, 2, 2, 0]);
        assert_eq!(today, [none, both]);

        // What happened between the two sessions, and yesterday, is told late: one session today, and
        // today is a return.
        let between = (0..5).map(|n| view(&format!("b{n}"), TARO, -150 + 25 * n, None));
        tell(&world, between.collect()).await;
        tell(&world, vec![view("y", TARO, -DAY, None)]).await;
        let found = profile(&world, taro).await;
        assert_eq!(found["total"]["sessions"], 2);
        assert_eq!(found["total"]["pages"], 9);
        assert_eq!(
            (&found["days"], &found["isReturning"]),
            (&json!(2), &json!(true))
        );
        assert_eq!(found["firstVisitOn"], "2026-02-28");
        let days = traffic(&world, "DAY", "2026-02-28", "2026-03-01").await;
        let yesterday = ("2026-02-28".to_owned(), [1, 1, 1, 1, 0]);
        let today = ("2026-03-01".to_owned(), [2, 9, 2, 1, 1]);
        assert_eq!(days, [yesterday, today]);
        let months = traffic(&world, "MONTH", "2026-02-01", "2026-03-01").await;
        assert_eq!(months[1].1, [2, 9, 2, 1, 1]);
        let year = traffic(&world, "YEAR", "2026-03-01", "2026-03-01").await;
        assert_eq!(year[0].1, [3, 10, 2, 2, 0]);
        world
    });
}

#[test]
fn merged_people_are_one_visitor_and_two_again_when_it_is_undone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        tell(
            &world,
            vec![
                view("1", TARO, -180, None),
                view("2", HANAKO, -170, None),
                view("3", HANAKO, -3 * 24 * 60, None),
            ],
        )
        .await;
        let (taro, hanako) = (
            contact_of(&world, TARO).await,
            contact_of(&world, HANAKO).await,
        );
        let apart = kept(&world).await;
        let merged = merge::merge(ctx, owner, taro, hanako, "One").await.unwrap();
        world.drain().await;
        let days = traffic(&world, "DAY", "2026-02-26", "2026-03-01").await;
        assert_eq!(days[0].1, [1, 1, 1, 1, 0]);
        assert_eq!(days[3].1, [1, 2, 1, 0, 1]);
        assert_eq!(profile(&world, taro).await["days"], 2);
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        assert_eq!(kept(&world).await, apart);

        // What was told of them before the merge and is read after it is the survivor's.
        ingest(&world, vec![view("4", HANAKO, -24 * 60, None)]).await;
        merge::merge(ctx, owner, taro, hanako, "One").await.unwrap();
        world.drain().await;
        assert_eq!(profile(&world, taro).await["total"]["pages"], 4);
        world
    });
}

#[test]
fn who_is_merged_in_another_time_zone_keeps_every_page() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        // Until two in the afternoon in Tokyo it is the day before in New York.
        tell(
            &world,
            vec![
                view("1", TARO, -9 * 60, None),
                view("2", TARO, -11 * 60, None),
                view("3", HANAKO, -14 * 60, None),
                view("4", HANAKO, -3 * 24 * 60, None),
            ],
        )
        .await;
        let (taro, hanako) = (
            contact_of(&world, TARO).await,
            contact_of(&world, HANAKO).await,
        );
        let changes = WorkspaceChanges {
            time_zone: Some("America/New_York".to_owned()),
            ..WorkspaceChanges::default()
        };
        workspace::update(ctx, owner, changes).await.unwrap();
        let merged = merge::merge(ctx, owner, taro, hanako, "One").await.unwrap();
        world.drain().await;
        check(&world, New_York).await;
        assert_eq!(profile(&world, taro).await["total"]["pages"], 4);
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        world.drain().await;
        check(&world, New_York).await;
        world
    });
}

#[test]
fn nobody_is_held_up_by_visits_that_wait_for_a_night() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        tell(&world, vec![view("1", TARO, -180, None)]).await;
        let taro = contact_of(&world, TARO).await;
        ingest(&world, vec![view("2", TARO, -24 * 60, None)]).await;
        // A step of the night has everybody's engagement in hand.
        let night = ctx.begin(owner.workspace).await.unwrap();
        let lock = dialect::row_lock(night.connection().get_database_backend());
        let held = Query::new(format!(
            "SELECT workspace_id FROM engagement_run WHERE workspace_id = $1 {lock}"
        ))
        .bind(owner.workspace)
        .raw(night.connection())
        .await;
        assert_eq!(held.unwrap().len(), 1);
        let mut counting = Box::pin(async {
            while projection::run(ctx, &WebProjection, owner.workspace)
                .await
                .unwrap()
                != Outcome::Idle
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        let early = tokio::time::timeout(Duration::from_millis(300), &mut counting).await;
        assert!(early.is_err(), "it has to wait");
        // Whoever merges people, or erases one, has them to themselves at once.
        let lock = match dialect::exclusive_lock(night.connection().get_database_backend()) {
            "" => String::new(),
            lock => format!("{lock} NOWAIT"),
        };
        let alone = Query::new(format!(
            "SELECT id FROM contact WHERE workspace_id = $1 AND id = $2 {lock}"
        ))
        .bind(owner.workspace)
        .bind(taro)
        .raw(night.connection())
        .await;
        assert_eq!(alone.expect("nobody holds them").len(), 1);
        night.commit().await.unwrap();
        counting.await;
        assert_eq!(profile(&world, taro).await["total"]["pages"], 2);
        world
    });
}

#[test]
fn an_erased_person_leaves_counts_and_nothing_else() {
    on_both(|world| async move {
        tell(&world, vec![view("1", TARO, -180, None)]).await;
        let taro = contact_of(&world, TARO).await;
        ingest(&world, vec![view("2", TARO, -24 * 60, None)]).await;
        erase::erase(&world.ctx, &world.owner, taro).await.unwrap();
        world.drain().await;
        let (days, visitors, traffic) = kept(&world).await;
        assert_eq!((days.len(), visitors.len()), (0, 0));
        let pages: Vec<_> = traffic.iter().map(|one| one.pages).collect();
        assert_eq!(pages, [1; 5], "one of each length");
        world
    });
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Day {
    contact_id: ContactId,
    day: NaiveDate,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Visitor {
    contact_id: ContactId,
    first_on: NaiveDate,
    last_on: NaiveDate,
    days: i64,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Traffic {
    period: String,
    first_day: NaiveDate,
    sessions: i64,
    pages: i64,
    dwell_seconds: i64,
    visitors: i64,
    new_visitors: i64,
}

async fn rows<T: FromQueryResult>(world: &World, table: &str, order: &str) -> Vec<T> {
    let query = format!("SELECT * FROM {table} WHERE workspace_id = $1 ORDER BY {order}");
    let query = Query::new(query).bind(world.owner.workspace);
    query.all(world.ctx.reader()).await.unwrap()
}

/// Everything that is kept of visits.
async fn kept(world: &World) -> (Vec<Day>, Vec<Visitor>, Vec<Traffic>) {
    (
        rows(world, "web_visit_day", "contact_id, day").await,
        rows(world, "web_visitor", "contact_id").await,
        rows(world, "web_traffic", "period, first_day").await,
    )
}

#[test]
fn what_is_kept_equals_a_recount_whatever_the_order_batches_and_merges() {
    on_both(|world| async move {
        let mut random = StdRng::seed_from_u64(3);
        let mut events: Vec<NewEvent> = (0..300).map(|n| by_chance(&mut random, n)).collect();
        let repeated: Vec<NewEvent> = (0..60)
            .map(|_| events[random.random_range(0..300)].clone())
            .collect();
        events.extend(repeated);
        events.shuffle(&mut random);
        let mut merges = Vec::new();
        while !events.is_empty() {
            let size = random.random_range(1..=40).min(events.len());
            ingest(&world, events.split_off(events.len() - size)).await;
            if random.random_bool(0.3) {
                merge_or_part(&world, &mut random, &mut merges).await;
            }
            if random.random_bool(0.5) {
                world.drain().await;
                check(&world, Tokyo).await;
            }
        }
        world.drain().await;
        check(&world, Tokyo).await;
        world
    });
}

/// A page view of one of a few people, on one of a few days across a new year, close enough to others
/// for sessions.
fn by_chance(random: &mut StdRng, number: usize) -> NewEvent {
    let whose = format!("p{}@x.example", random.random_range(0..4));
    let day = [0, 1, 2, 40, 61][random.random_range(0..5)];
    let minutes = -day * 24 * 60 - random.random_range(0..900);
    let dwell = random.random_bool(0.5).then(|| random.random_range(0..600));
    view(&number.to_string(), &whose, minutes, dwell)
}

/// Merges two of the people, or takes the last two who were merged apart.
async fn merge_or_part(world: &World, random: &mut StdRng, merges: &mut Vec<merge::MergeId>) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    if random.random_bool(0.5)
        && let Some(last) = merges.pop()
    {
        merge::unmerge(ctx, owner, last).await.unwrap();
        return;
    }
    let mut people = entity::contact::Entity::of(owner.workspace)
        .all(ctx.reader())
        .await
        .unwrap();
    people.retain(|one| one.merged_into_id.is_none());
    people.shuffle(random);
    if let [one, other, ..] = &people[..] {
        let merged = merge::merge(ctx, owner, one.id, other.id, "").await;
        merges.push(merged.unwrap().id);
    }
}

/// Compares what is kept with a recount of every stored event by the clocks of `zone`.
async fn check(world: &World, zone: Tz) {
    let events = event_row::Entity::of(world.owner.workspace)
        .all(world.ctx.reader())
        .await
        .unwrap();
    let mut views: BTreeMap<(ContactId, NaiveDate), Vec<PageView>> = BTreeMap::new();
    for event in events {
        let at: DateTime<Utc> = event.occurred_at;
        let day = at.with_timezone(&zone).date_naive();
        let dwell_seconds = event.properties["dwellSeconds"].as_f64();
        let of_day = views.entry((event.contact_id, day)).or_default();
        of_day.push(PageView { at, dwell_seconds });
    }
    let mut contacts: BTreeMap<ContactId, figures::Days> = BTreeMap::new();
    for ((contact, day), views) in views {
        let days = contacts.entry(contact).or_default();
        days.insert(day, Visits::of(views));
    }
    let mut delta = figures::Delta::default();
    let mut expected = Vec::new();
    for (contact, days) in &contacts {
        delta.change(&figures::Days::new(), days);
        expected.extend(days.iter().map(|(day, visits)| Day {
            contact_id: *contact,
            day: *day,
            sessions: visits.sessions,
            pages: visits.pages,
            dwell_seconds: visits.dwell_seconds,
        }));
    }
    let (days, visitors, traffic) = kept(world).await;
    assert_eq!(days, expected);
    assert_eq!(visitors.len(), contacts.len());
    for (visitor, days) in visitors.iter().zip(contacts.values()) {
        assert_eq!(Some(&visitor.first_on), days.keys().next());
        assert_eq!(Some(&visitor.last_on), days.keys().next_back());
        let pages: i64 = days.values().map(|visits| visits.pages).sum();
        assert_eq!((visitor.days, visitor.pages), (days.len() as i64, pages));
    }
    let recounted: Vec<Traffic> = delta
        .changes()
        .into_iter()
        .map(|((period, first_day), traffic)| Traffic {
            period: period.to_owned(),
            first_day,
            sessions: traffic.visits.sessions,
            pages: traffic.visits.pages,
            dwell_seconds: traffic.visits.dwell_seconds,
            visitors: traffic.visitors,
            new_visitors: traffic.new_visitors,
        })
        .collect();
    assert_eq!(traffic, recounted);
}
