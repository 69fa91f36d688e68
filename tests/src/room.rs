//! A disk without room left: what was not stored is not acknowledged, and once there is room everything goes
//! on as before.

use domain::{
    contact::{self, NewContact},
    error::Error,
    store::{Query, is_of_the_moment},
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

use crate::support::{World, on_both};

/// Lets the connection that writes have `pages` more than the file has.
async fn leave_room(world: &World, pages: i64) {
    let query = Query::new("SELECT page_count FROM pragma_page_count");
    let there: Option<i64> = query.scalar(world.ctx.reader()).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {}", there.unwrap() + pages);
    let writer = world.ctx.db.writer();
    writer.execute_unprepared(&limit).await.unwrap();
}

async fn make(world: &World, number: i64) -> Result<(), Error> {
    let new = NewContact {
        name: format!("{number} 縁 {}", "x".repeat(150)),
        email: Some(format!("c{number}@customer.example")),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.map(drop)
}

/// How many there are for everybody else.
async fn count(world: &World) -> i64 {
    let elsewhere = World::ctx_at(&world.database.url);
    let query = Query::new("SELECT COUNT(*) FROM contact");
    query.scalar(elsewhere.reader()).await.unwrap().unwrap()
}

#[test]
fn what_is_acknowledged_is_stored_also_after_the_disk_was_full() {
    on_both(|world| async move {
        // Of PostgreSQL's disk the tests have no hold.
        if world.ctx.db.backend() != DatabaseBackend::Sqlite {
            return world;
        }
        leave_room(&world, 20).await;
        let mut stored = 0;
        let error = loop {
            match make(&world, stored).await {
                Ok(()) => stored += 1,
                Err(error) => break error,
            }
            assert!(stored < 10_000, "there is no end to the room");
        };
        assert!(
            matches!(&error, Error::Store(error) if is_of_the_moment(error)),
            "{error:?}"
        );
        assert_eq!(count(&world).await, stored);
        // There is room again. What is refused is undone, and what is not is kept.
        leave_room(&world, 100_000).await;
        for round in 1..=3 {
            let refused = make(&world, 0).await;
            assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
            make(&world, stored + round).await.unwrap();
            assert_eq!(count(&world).await, stored + round);
        }
        world
    });
}
