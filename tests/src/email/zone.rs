//! What was counted by day stays on its day when the workspace is given another time zone, until something
//! new is told of an email; nothing counts twice.

use chrono::{NaiveDate, TimeDelta};
use domain::{
    store::Query,
    workspace::{self, WorkspaceChanges},
};
use entity::kind::EmailEventKind::{Opened, Sent};
use sea_orm::FromQueryResult;

use super::{event, ingest};
use crate::support::{World, on_both, world::start};

#[derive(Debug, FromQueryResult)]
struct Day {
    day: NaiveDate,
    attempted: i64,
}

/// The days of the workspace on which emails were sent, each with how many.
async fn days(world: &World) -> Vec<(String, i64)> {
    world.drain().await;
    let days: Vec<Day> = Query::new(
        "SELECT day, attempted FROM email_day
         WHERE workspace_id = $1 AND scope = 'WORKSPACE' ORDER BY day",
    )
    .bind(world.owner.workspace)
    .all(world.ctx.reader())
    .await
    .unwrap();
    let days = days.into_iter();
    days.map(|one| (one.day.to_string(), one.attempted))
        .collect()
}

#[test]
fn an_email_keeps_its_day_until_something_new_is_told_of_it() {
    on_both(|world| async move {
        // Noon in Tokyo less a day and eleven hours: one in the morning there, the day before in UTC.
        assert_eq!(start().to_rfc3339(), "2026-03-01T03:00:00+00:00");
        let night = -TimeDelta::hours(11).num_seconds();
        ingest(&world, vec![event("1", "m", "a@x.example", Sent, night)]).await;
        let in_tokyo = ("2026-02-28".to_owned(), 1);
        assert_eq!(days(&world).await, std::slice::from_ref(&in_tokyo));
        let changes = WorkspaceChanges {
            time_zone: Some("UTC".to_owned()),
            ..WorkspaceChanges::default()
        };
        workspace::update(&world.ctx, &world.owner, changes)
            .await
            .unwrap();
        ingest(&world, vec![event("2", "n", "b@x.example", Sent, night)]).await;
        let in_utc = |count| ("2026-02-27".to_owned(), count);
        assert_eq!(days(&world).await, [in_utc(1), in_tokyo]);
        ingest(&world, vec![event("3", "m", "a@x.example", Opened, 0)]).await;
        assert_eq!(days(&world).await, [in_utc(2)]);
        world
    });
}
