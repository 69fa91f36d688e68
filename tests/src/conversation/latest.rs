//! When conversations last changed.

use chrono::TimeDelta;
use domain::{
    conversation::{ConversationFilter, ConversationOrder},
    latest::ChangedWithin,
};
use entity::kind::{Author, ConversationStatus};

use super::steps::{all, of, said, take_in, to, update};
use crate::support::{World, on_both};

async fn listed(world: &World, changed: ChangedWithin, order: ConversationOrder) -> Vec<String> {
    world.drain().await;
    let filter = ConversationFilter {
        changed,
        ..ConversationFilter::default()
    };
    let rows = all(world, &filter, order).await;
    rows.into_iter().map(|row| row.subject).collect()
}

#[test]
fn conversations_are_found_by_when_anything_of_them_changed() {
    on_both(|world| async move {
        for (place, thread) in ["t0", "t1", "t2"].into_iter().enumerate() {
            let minutes = 10 * place as i64;
            take_in(&world, vec![said(thread, 1, minutes, Author::Contact)]).await;
            world.clock.advance(TimeDelta::seconds(1));
            world.drain().await;
        }
        // What was noted in several batches has moments a little later than the clock's.
        world.clock.advance(TimeDelta::seconds(1));
        let from = world.ctx.clock.now();
        let id = of(&world, "t0").await.id;
        update(&world, &[id], to(ConversationStatus::Closed)).await;
        let since = ChangedWithin {
            from: Some(from),
            until: None,
        };
        let order = ConversationOrder::ChangedDesc;
        let all = listed(&world, ChangedWithin::default(), order).await;
        assert_eq!(all, ["About t0", "About t2", "About t1"]);
        for order in [
            ConversationOrder::ChangedAsc,
            ConversationOrder::ActivityDesc,
        ] {
            assert_eq!(listed(&world, since, order).await, ["About t0"]);
        }
        // A message that is brought in late counts as well.
        world.clock.advance(TimeDelta::seconds(1));
        take_in(&world, vec![said("t1", 2, 11, Author::Member)]).await;
        let order = ConversationOrder::ChangedAsc;
        let changed = listed(&world, since, order).await;
        assert_eq!(changed, ["About t0", "About t1"]);
        world
    });
}
