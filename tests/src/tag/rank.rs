//! The rank index when tags come off: what nothing leads to any more is deleted as it is.

use sea_orm::{ConnectionTrait as _, DatabaseBackend};

use super::support::{check, contacts, put, tag, take};
use crate::support::{World, on_both};

/// Makes the database refuse a rank without taggings.
async fn refuse_empty_ranks(world: &World) {
    let statement = match world.ctx.db.backend() {
        DatabaseBackend::Postgres => {
            "ALTER TABLE tag_rank ADD CONSTRAINT has_taggings CHECK (taggings > 0)"
        }
        _ => {
            "CREATE TRIGGER has_taggings BEFORE UPDATE ON tag_rank WHEN NEW.taggings <= 0
             BEGIN SELECT RAISE(ABORT, 'a rank without taggings'); END"
        }
    };
    let owner = world.ctx.db.owner();
    owner.execute_unprepared(statement).await.unwrap();
}

#[test]
fn what_loses_its_last_tagging_leaves_the_rank_index_without_being_written_first() {
    on_both(|world| async move {
        let people = contacts(&world, 3).await;
        let top = tag(&world, "Top", None).await;
        let one = tag(&world, "One", Some(top)).await;
        let other = tag(&world, "Other", Some(top)).await;
        let alone = tag(&world, "Alone", None).await;
        let mut pairs = Vec::new();
        for &person in &people {
            pairs.extend([one, other, alone].map(|tag| (person, tag)));
        }
        put(&world, &pairs).await;
        check(&world).await;
        refuse_empty_ranks(&world).await;

        // One below the same tag stays; nothing stays.
        take(&world, &[(people[0], one), (people[1], alone)]).await;
        check(&world).await;
        // The second of two goes; both at once; one of two.
        let mixed = [
            (people[0], other),
            (people[1], one),
            (people[1], other),
            (people[2], one),
        ];
        take(&world, &mixed).await;
        check(&world).await;
        // Once more: nothing is there to be taken off.
        take(&world, &mixed).await;
        check(&world).await;
        world
    });
}
