//! How long the contact waited for an answer and for a solution.

use chrono::TimeDelta;
use domain::conversation::{first_response_s, resolution_s};
use entity::kind::{Author, ConversationStatus};
use sea_orm::ConnectionTrait as _;

use super::steps::{of, said, take_in, to, update};
use crate::support::on_both;

/// A name, what was said when by whom, and the first response, all in minutes.
type Case = (&'static str, &'static [(i64, Author)], Option<i64>);

#[test]
fn answers_and_solutions_are_timed_rightly_in_whatever_order_messages_come() {
    on_both(|world| async move {
        use Author::{Automation, Contact, Member};
        let cases: &[Case] = &[
            ("plain", &[(0, Contact), (7, Member)], Some(7)),
            ("none", &[(0, Contact), (5, Contact)], None),
            ("ours", &[(0, Member), (5, Contact)], None),
            (
                "outreach",
                &[(0, Member), (5, Contact), (9, Member)],
                Some(4),
            ),
            (
                "robot",
                &[(0, Contact), (1, Automation), (8, Member)],
                Some(8),
            ),
            (
                "second",
                &[(0, Contact), (3, Member), (4, Contact), (9, Member)],
                Some(3),
            ),
        ];
        for (name, said_at, minutes) in cases {
            let count = said_at.len();
            // Every rotation, all at once and one by one, forwards and backwards.
            for turn in 0..count {
                for one_by_one in [false, true] {
                    for backwards in [false, true] {
                        let thread = format!("{name}-{turn}-{one_by_one}-{backwards}");
                        let mut messages: Vec<_> = said_at
                            .iter()
                            .zip(0..)
                            .map(|(&(at, author), n)| said(&thread, n, at, author))
                            .collect();
                        messages.rotate_left(turn);
                        if backwards {
                            messages.reverse();
                        }
                        if one_by_one {
                            for message in messages {
                                take_in(&world, vec![message]).await;
                            }
                        } else {
                            take_in(&world, messages).await;
                        }
                        let found = of(&world, &thread).await;
                        let seconds = minutes.map(|minutes| minutes * 60);
                        assert_eq!(first_response_s(&found), seconds, "{thread}");
                    }
                }
            }
        }
        let id = of(&world, "plain-0-false-false").await.id;
        world.clock.advance(TimeDelta::minutes(30));
        let closed = update(&world, &[id], to(ConversationStatus::Closed)).await;
        assert_eq!(resolution_s(&closed[0]), Some(30 * 60));
        // A question asked before comes in late: both times grow.
        let late = said("plain-0-false-false", 99, -10, Author::Contact);
        take_in(&world, vec![late]).await;
        let row = of(&world, "plain-0-false-false").await;
        assert_eq!(row.status, ConversationStatus::Closed);
        assert_eq!(row.waiting_since, None);
        assert_eq!(first_response_s(&row), Some(17 * 60));
        assert_eq!(resolution_s(&row), Some(40 * 60));
        let opened = update(&world, &[id], to(ConversationStatus::Open)).await;
        assert_eq!((resolution_s(&opened[0]), opened[0].reopenings), (None, 1));
        let never = of(&world, "ours-0-false-false").await.id;
        world.clock.advance(TimeDelta::minutes(-60));
        let closed = update(&world, &[never], to(ConversationStatus::Closed)).await;
        assert_eq!(
            resolution_s(&closed[0]),
            None,
            "closed before the contact wrote"
        );
        world
    });
}

#[test]
fn an_automatic_answer_of_the_contacts_program_is_no_question() {
    on_both(|world| async move {
        let mut absent = said("a", 1, 0, Author::Contact);
        absent.automatic = true;
        let messages = vec![
            absent,
            said("a", 2, 5, Author::Contact),
            said("a", 3, 6, Author::Member),
        ];
        take_in(&world, messages).await;
        assert_eq!(first_response_s(&of(&world, "a").await), Some(60));
        world
    });
}

#[test]
fn only_what_a_person_of_ours_wrote_by_hand_ends_the_wait() {
    on_both(|world| async move {
        use Author::{Automation, Contact, Member};
        let asked = crate::support::world::start();
        for (name, author, automatic) in [
            ("receipt", Automation, true),
            ("robot", Automation, false),
            ("absent", Member, true),
        ] {
            for one_by_one in [false, true] {
                let thread = format!("{name}-{one_by_one}");
                let mut answer = said(&thread, 2, 1, author);
                answer.automatic = automatic;
                let question = said(&thread, 1, 0, Contact);
                if one_by_one {
                    take_in(&world, vec![question]).await;
                    take_in(&world, vec![answer]).await;
                } else {
                    take_in(&world, vec![question, answer]).await;
                }
                let waiting = of(&world, &thread).await.waiting_since;
                assert_eq!(waiting, Some(asked), "{thread}");
                take_in(&world, vec![said(&thread, 3, 2, Member)]).await;
                assert_eq!(of(&world, &thread).await.waiting_since, None, "{thread}");
            }
        }
        world
    });
}

#[test]
fn a_wait_that_a_program_once_ended_is_made_out_anew_from_the_messages() {
    on_both(|world| async move {
        use Author::{Automation, Contact, Member};
        let asked = crate::support::world::start();
        for thread in ["waits", "answered", "closed", "reopened"] {
            let acknowledged = vec![said(thread, 1, 0, Contact), said(thread, 2, 1, Automation)];
            take_in(&world, acknowledged).await;
        }
        take_in(&world, vec![said("answered", 3, 2, Member)]).await;
        world.clock.advance(TimeDelta::minutes(30));
        let closed = of(&world, "closed").await.id;
        let reopened = of(&world, "reopened").await.id;
        update(&world, &[closed, reopened], to(ConversationStatus::Closed)).await;
        update(&world, &[reopened], to(ConversationStatus::Open)).await;
        let owner = world.ctx.db.owner();
        for statement in [
            "UPDATE conversation SET waiting_since = NULL",
            "DELETE FROM seaql_migrations WHERE version LIKE '%_wait'",
        ] {
            owner.execute_unprepared(statement).await.unwrap();
        }
        migration::apply(owner).await.unwrap();
        for (thread, waiting) in [
            ("waits", Some(asked)),
            ("answered", None),
            ("closed", None),
            ("reopened", None),
        ] {
            let found = of(&world, thread).await;
            assert_eq!(found.waiting_since, waiting, "{thread}");
        }
        world
    });
}
