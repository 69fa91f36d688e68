//! What SQLite keeps in its files of somebody who was erased.

use domain::{contact::erase, note};

use super::{CANARY, by_email, write};
use crate::support::{World, database::TestDatabase, runtime::block_on};

/// Whether the canary can be read by whoever has SQLite's file and the log beside it.
fn is_in_the_files(world: &World) -> bool {
    let path = world.database.url.strip_prefix("sqlite:").unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
    let canary = CANARY.as_bytes();
    bytes.windows(canary.len()).any(|part| part == canary)
}

#[test]
fn erasing_overwrites_what_sqlite_has_in_its_files() {
    block_on(async {
        let world = World::new(TestDatabase::sqlite()).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let email = format!("{CANARY}@customer.example");
        write(&world, "1", &email).await;
        let id = by_email(&world, &email).await.unwrap();
        note::add(ctx, owner, id.into(), &["id"], &format!("{CANARY} note"))
            .await
            .unwrap();
        world.drain().await;
        assert!(is_in_the_files(&world));
        erase::erase(ctx, owner, id).await.unwrap();
        assert!(!is_in_the_files(&world), "at once");
        world.drain().await;
        assert!(!is_in_the_files(&world), "and for good");
        world.end().await;
    });
}
