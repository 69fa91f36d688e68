//! How the work stands: what is stuck is seen, and every process tells it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use domain::{
    contact::{self, NewContact},
    store::Query,
    work::{
        due::{self, NewItem},
        projection, standing,
    },
};
use entity::kind::DueKind;

use crate::support::{
    World,
    installation::{Installation, on_each},
    on_both,
    process::until,
};

async fn make_contact(world: &World) {
    let new = NewContact {
        name: "Sato".to_owned(),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact");
}

/// Sets a column of the first projection's cursor to a time far ahead.
async fn hold(world: &World, column: &str) {
    let far = DateTime::from_timestamp(4_000_000_000, 0).expect("a time");
    Query::new(format!(
        "UPDATE projection_cursor SET lease_until = NULL, retry_at = NULL
         WHERE projection = '{}'",
        domain::projections()[0].name()
    ))
    .execute(world.ctx.db.writer())
    .await
    .expect("an update");
    Query::new(format!(
        "UPDATE projection_cursor SET {column} = $1, failures = 3, last_error = 'no room'
         WHERE projection = '{}'",
        domain::projections()[0].name()
    ))
    .bind(far)
    .execute(world.ctx.db.writer())
    .await
    .expect("an update");
}

#[test]
fn what_somebody_is_at_or_what_waits_after_a_failure_is_behind_all_the_same() {
    on_both(|world| async move {
        make_contact(&world).await;
        world.drain().await;
        make_contact(&world).await;
        let name = domain::projections()[0].name();
        for column in ["lease_until", "retry_at"] {
            hold(&world, column).await;
            let free = projection::behind(&world.ctx, domain::projections()).await;
            let free = free.expect("a look");
            assert!(free.iter().all(|one| one.projection != name), "{column}");
            let standing = standing::look(&world.ctx).await.expect("a look");
            let mut behind = standing.behind.iter();
            let one = behind.find(|one| one.projection == name);
            let one = one.unwrap_or_else(|| panic!("{column}: {standing:?}"));
            assert_eq!(one.workspace, world.owner.workspace);
            assert_eq!(one.since, world.ctx.clock.now());
            assert_eq!(
                (one.failures, one.last_error.as_deref()),
                (3, Some("no room"))
            );
        }
        Query::new("UPDATE projection_cursor SET lease_until = NULL, retry_at = NULL")
            .execute(world.ctx.db.writer())
            .await
            .expect("an update");
        world.drain().await;
        let standing = standing::look(&world.ctx).await.expect("a look");
        assert!(standing.behind.is_empty(), "{standing:?}");
        world
    });
}

#[test]
fn what_is_overdue_is_counted_also_when_its_worker_died() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        let items = [
            TimeDelta::seconds(-90),
            TimeDelta::zero(),
            TimeDelta::hours(1),
        ];
        let items = items.map(|wait| NewItem {
            kind: DueKind::Delivery,
            subject: uuid::Uuid::from_u128(1),
            wait,
        });
        let mut tx = ctx.begin(world.owner.workspace).await.expect("a start");
        due::add(ctx, &mut tx, &items).await.expect("items");
        tx.commit().await.expect("a commit");
        let look = async || {
            let overdue = standing::overdue(ctx).await.expect("a look");
            let deliveries = overdue.iter().find(|one| one.work == "DELIVERY");
            let deliveries = deliveries.expect("every kind is told").clone();
            let works: Vec<&str> = overdue.iter().map(|one| one.work.as_str()).collect();
            assert!(works.contains(&"ENROLMENT") && works.contains(&"OPERATION"));
            (deliveries.items, deliveries.since.is_some())
        };
        assert_eq!(look().await, (2, true));
        let claimed = due::claim(ctx, DueKind::Delivery, None, 10).await;
        assert_eq!(claimed.expect("a claim").len(), 2);
        assert_eq!(look().await, (0, false), "somebody is at them");
        Query::new("UPDATE due_item SET lease_until = $1 WHERE state = 'RUNNING'")
            .bind(DateTime::UNIX_EPOCH)
            .execute(ctx.db.writer())
            .await
            .expect("an update");
        assert_eq!(look().await, (2, true), "nobody is any more");
        Query::new("DELETE FROM due_item")
            .execute(ctx.db.writer())
            .await
            .expect("a deletion");
        world
    });
}

async fn figures(installation: &Installation) -> String {
    let (_, address) = &installation.servers[0];
    let http = installation.owner().http;
    let answer = http.get(format!("http://{address}/metrics")).send().await;
    answer.expect("an answer").text().await.expect("a text")
}

#[test]
fn the_server_tells_how_the_work_stands_and_what_each_figure_means() {
    on_each(|installation| async move {
        // Long enough for another look, and for the sweeps to have read everything.
        let limit = Duration::from_mins(1);
        let told = until("figures of the work", limit, async || {
            let told = figures(&installation).await;
            told.contains("enishi_projection_lag_seconds{projection=\"rules\"} 0\n")
                .then_some(told)
        })
        .await;
        for figure in [
            "enishi_database_up 1\n",
            "enishi_projection_failures{projection=\"rules\"} 0\n",
            "enishi_due_items{kind=\"DELIVERY\"} 0\n",
            "enishi_due_oldest_seconds{kind=\"ENROLMENT\"} 0\n",
            "enishi_http_request_duration_seconds_count{",
        ] {
            assert!(told.contains(figure), "{figure} is not in {told}");
        }
        for line in told.lines() {
            let Some(figure) = line.strip_prefix("# TYPE ") else {
                continue;
            };
            let name = figure.split(' ').next().unwrap_or_default();
            assert!(told.contains(&format!("# HELP {name} ")), "{name}");
        }
        installation
    });
}
