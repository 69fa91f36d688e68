//! Groups with a single value: another value takes the place of the first, also when two are set at
//! once.

use chrono::TimeDelta;
use domain::{
    error::Error,
    store::Query,
    tag::{NewTaggings, tagging},
};
use entity::{
    id::Id as _,
    kind::{TagTarget, TaggingEnd},
};

use super::{
    recount::assert_recounted,
    steps::{active, active_tags, history, people, put, single_group, tag},
};
use crate::support::on_both;

#[test]
fn another_value_of_a_single_group_replaces_the_first_and_history_keeps_it() {
    on_both(|world| async move {
        let who = people(&world, 1).await[0];
        let size = tag(&world, "Size", None).await;
        let (small, large) = (
            tag(&world, "Small", Some(size)).await,
            tag(&world, "Large", Some(size)).await,
        );
        let group = single_group(&world, &[small, large]).await;
        assert_eq!(put(&world, who, small, None).await, 1);
        world.clock.advance(TimeDelta::minutes(1));
        assert_eq!(put(&world, who, large, None).await, 1);
        assert_eq!(active_tags(&world, who).await, [large]);
        let past = history(&world, who).await;
        assert_eq!(past[0].ended, Some(TaggingEnd::Replaced));
        assert_eq!(past[0].successor_id, Some(past[1].id));
        assert_eq!(past[1].single_group_id, Some(group));
        assert_recounted(&world).await;
        // Both at once make no sense.
        let both = NewTaggings {
            things: vec![(TagTarget::Contact, who.uuid())],
            tags: vec![small, large],
            ..NewTaggings::default()
        };
        let refused = tagging::tag_things(&world.ctx, &world.owner, both).await;
        assert!(matches!(refused, Err(Error::Refused(_))));
        // The database itself would not have two.
        let forced = Query::new(
            "INSERT INTO tagging (workspace_id, id, tag_id, target, target_id, added_at, added_by,
                                  added_reason, single_group_id)
             SELECT workspace_id, $2, $3, target, target_id, added_at, added_by, '',
                    single_group_id FROM tagging WHERE id = $1",
        )
        .bind(past[1].id)
        .bind(world.ctx.id::<entity::id::TaggingId>())
        .bind(small)
        .execute(world.ctx.db.writer())
        .await;
        assert!(forced.is_err());
        world
    });
}

#[test]
fn of_two_who_set_a_single_group_at_once_both_succeed_and_one_value_is_left() {
    on_both(|world| async move {
        let who = people(&world, 3).await;
        let mut values = Vec::new();
        for n in 0..6 {
            values.push(tag(&world, &format!("Value {n}"), None).await);
        }
        single_group(&world, &values).await;
        for &who in &who {
            let puts = values.iter().map(|&value| put(&world, who, value, None));
            let made = futures::future::join_all(puts).await;
            assert_eq!(made.iter().sum::<usize>(), values.len());
            assert_eq!(active(&world, who).await.len(), 1);
            let replaced = history(&world, who).await;
            let replaced = replaced
                .iter()
                .filter(|one| one.ended == Some(TaggingEnd::Replaced));
            assert_eq!(replaced.count(), values.len() - 1);
        }
        assert_recounted(&world).await;
        world
    });
}
