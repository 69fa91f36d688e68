//! What became of a conversation, and who made it so.

use chrono::TimeDelta;
use domain::{
    conversation::{self, Changes},
    page::PageRequest,
};
use entity::kind::{Author, ConversationStatus as Status, ConversationStepKind as Kind, Priority};

use super::steps::{of, said, take_in, to, update};
use crate::support::on_both;

#[test]
fn the_history_says_who_closed_assigned_and_opened_a_conversation_newest_first() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        take_in(&world, vec![said("a", 0, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let step = || world.clock.advance(TimeDelta::minutes(1));
        step();
        let given = Changes {
            assignee: Some(Some(owner.member)),
            ..Changes::default()
        };
        update(&world, &[id], given).await;
        step();
        let urgent = Changes {
            priority: Some(Priority::Urgent),
            ..Changes::default()
        };
        update(&world, &[id], urgent).await;
        step();
        update(&world, &[id], to(Status::Closed)).await;
        update(&world, &[id], to(Status::Closed)).await;
        step();
        take_in(&world, vec![said("a", 1, 9, Author::Contact)]).await;

        let page = PageRequest::first(10);
        let found = conversation::history(ctx, owner.workspace, id, &page).await;
        let rows: Vec<_> = found
            .unwrap()
            .rows
            .into_iter()
            .map(|(_, row)| row)
            .collect();
        let kinds: Vec<Kind> = rows.iter().map(|row| row.kind).collect();
        assert_eq!(
            kinds,
            [Kind::Status, Kind::Status, Kind::Priority, Kind::Assignee]
        );
        let turn = |place: usize| (rows[place].from_status, rows[place].to_status);
        assert_eq!(turn(0), (Some(Status::Closed), Some(Status::Open)));
        assert_eq!(turn(1), (Some(Status::Open), Some(Status::Closed)));
        assert_eq!(rows[2].to_priority, Some(Priority::Urgent));
        assert_eq!(
            (rows[3].from_assignee_id, rows[3].to_assignee_id),
            (None, Some(owner.member))
        );
        assert!(
            rows.iter()
                .all(|row| row.by_origin == owner.origin().json())
        );
        world
    });
}
