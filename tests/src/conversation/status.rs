//! What moves a conversation from one status to another by itself: its moment, and a message of the
//! contact.

use chrono::TimeDelta;
use domain::{
    conversation::Changes,
    store::{Query, dialect},
};
use entity::kind::{Author, ConversationStatus};

use super::steps::{of, said, take_in, to, turns, update};
use crate::support::on_both;

#[test]
fn a_snoozed_conversation_wakes_once_when_its_moment_has_come() {
    on_both(|world| async move {
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let now = world.ctx.clock.now();
        for hours in [1, 3] {
            let snooze = Changes {
                snoozed_until: Some(now + TimeDelta::hours(hours)),
                ..to(ConversationStatus::Snoozed)
            };
            let rows = update(&world, &[id], snooze).await;
            assert_eq!(rows[0].snoozed_until, Some(now + TimeDelta::hours(hours)));
        }
        // Neither item wakes it early, not even the one made for the first moment.
        for hours in [0, 2] {
            world.clock.advance(TimeDelta::hours(hours));
            world.hurry().await;
            assert_eq!(world.do_due().await, 2, "put back");
            assert_eq!(of(&world, "a").await.status, ConversationStatus::Snoozed);
        }
        world.clock.advance(TimeDelta::hours(1));
        world.hurry().await;
        assert_eq!(world.do_due().await, 2, "two items, one of which wakes");
        let woken = of(&world, "a").await;
        assert_eq!(
            (woken.status, woken.snoozed_until),
            (ConversationStatus::Open, None)
        );
        let expected = [("OPEN", "SNOOZED"), ("SNOOZED", "OPEN")];
        let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
        assert_eq!(turns(&world).await, expected);
        world
    });
}

#[test]
fn what_a_worker_finds_too_early_whose_clock_is_a_day_behind_wakes_when_that_is_set_right() {
    on_both(|world| async move {
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let until = world.ctx.clock.now() + TimeDelta::hours(1);
        let snooze = Changes {
            snoozed_until: Some(until),
            ..to(ConversationStatus::Snoozed)
        };
        update(&world, &[id], snooze).await;
        world
            .clock
            .advance(TimeDelta::hours(1) - TimeDelta::days(1));
        world.hurry().await;
        assert_eq!(world.do_due().await, 1, "put back");
        let soon = dialect::now_plus(world.ctx.db.backend(), 3_600);
        let query = format!("SELECT COUNT(*) FROM due_item WHERE due_at <= {soon}");
        let put_back: Option<i64> = Query::new(query).scalar(world.ctx.reader()).await.unwrap();
        assert_eq!(put_back, Some(1), "not for the day");
        world.clock.advance(TimeDelta::days(1));
        world.hurry().await;
        assert_eq!(world.do_due().await, 1);
        assert_eq!(of(&world, "a").await.status, ConversationStatus::Open);
        world
    });
}

#[test]
fn a_message_of_the_contact_opens_what_sleeps_waits_or_is_closed_and_ours_does_not() {
    on_both(|world| async move {
        let mut minutes = 0;
        take_in(&world, vec![said("a", 0, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let mut expected = Vec::new();
        for status in [
            ConversationStatus::Pending,
            ConversationStatus::Snoozed,
            ConversationStatus::Closed,
        ] {
            let snoozed_until = (status == ConversationStatus::Snoozed)
                .then(|| world.ctx.clock.now() + TimeDelta::days(1));
            let changes = Changes {
                snoozed_until,
                ..to(status)
            };
            update(&world, &[id], changes).await;
            world.clock.advance(TimeDelta::minutes(10));
            minutes += 10;
            take_in(&world, vec![said("a", minutes, minutes, Author::Member)]).await;
            assert_eq!(of(&world, "a").await.status, status, "our own message");
            // One that was sent long ago and comes late says nothing new.
            take_in(
                &world,
                vec![said("a", minutes + 1, -minutes, Author::Contact)],
            )
            .await;
            assert_eq!(of(&world, "a").await.status, status, "a late message");
            take_in(
                &world,
                vec![said("a", minutes + 2, minutes + 2, Author::Contact)],
            )
            .await;
            let opened = of(&world, "a").await;
            assert_eq!(opened.status, ConversationStatus::Open, "{status:?}");
            assert_eq!(opened.snoozed_until, None);
            assert!(opened.waiting_since.is_some());
            expected.push(("OPEN".to_owned(), status.word().to_owned()));
            expected.push((status.word().to_owned(), "OPEN".to_owned()));
        }
        assert_eq!(turns(&world).await, expected);
        assert_eq!(of(&world, "a").await.reopenings, 1);
        world.clock.advance(TimeDelta::days(2));
        world.hurry().await;
        world.do_due().await;
        assert_eq!(
            turns(&world).await,
            expected,
            "the item finds nothing to do"
        );
        world
    });
}

#[test]
fn an_out_of_office_reply_opens_nothing_again_and_what_is_written_by_hand_after_it_does() {
    on_both(|world| async move {
        take_in(&world, vec![said("a", 0, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let mut number = 0;
        for status in [ConversationStatus::Snoozed, ConversationStatus::Closed] {
            let snoozed_until = (status == ConversationStatus::Snoozed)
                .then(|| world.ctx.clock.now() + TimeDelta::days(1));
            let changes = Changes {
                snoozed_until,
                ..to(status)
            };
            update(&world, &[id], changes).await;
            let before = of(&world, "a").await;
            let turns_before = turns(&world).await;
            number += 1;
            let mut absent = said("a", number, number, Author::Contact);
            absent.automatic = true;
            take_in(&world, vec![absent]).await;
            let after = of(&world, "a").await;
            assert_eq!(
                (after.status, after.snoozed_until, after.reopenings),
                (status, snoozed_until, before.reopenings)
            );
            assert_eq!(after.messages, before.messages + 1);
            assert_eq!(turns(&world).await, turns_before);
            number += 1;
            let by_hand = said("a", number, number, Author::Contact);
            take_in(&world, vec![by_hand]).await;
            assert_eq!(of(&world, "a").await.status, ConversationStatus::Open);
        }
        assert_eq!(of(&world, "a").await.reopenings, 1);
        world.clock.advance(TimeDelta::days(2));
        world.hurry().await;
        assert_eq!(world.do_due().await, 1, "the item finds nothing to do");
        world
    });
}
