//! Threads with somebody who is erased and with others, who keep theirs.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{
    contact::erase,
    conversation::{self, NewMessage},
    inbox,
    work::change::{self, Fact, Position},
};
use entity::kind::Direction;

use super::{by_email, message, traces};
use crate::support::on_both;

#[test]
fn others_keep_what_they_wrote_in_a_thread_with_who_is_erased() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
        let (a, b) = ("kanaria@customer.example", "b@customer.example");
        let start = ctx.clock.now();
        let said = |id: &str, email: &str, seconds: i64, direction: Direction| NewMessage {
            external_id: format!("{id}@mail.example"),
            thread_keys: vec!["root@mail.example".to_owned()],
            name: None,
            direction,
            subject: format!("{id} subject"),
            body: format!("{id} body"),
            sent_at: start + TimeDelta::seconds(seconds),
            ..message(&world, "", email)
        };
        // One that a opened, another that b did; in both a asks last.
        let messages = vec![
            said("kanaria 1", a, 0, Direction::Inbound),
            said("b 1", b, 60, Direction::Inbound),
            said("answer", b, 120, Direction::Outbound),
            said("kanaria 2", a, 180, Direction::Inbound),
            NewMessage {
                thread_keys: Vec::new(),
                ..said("b 2", b, 10, Direction::Inbound)
            },
            NewMessage {
                thread_keys: vec!["b 2@mail.example".to_owned()],
                ..said("kanaria 3", a, 200, Direction::Inbound)
            },
            // No answer: b still waits for one.
            NewMessage {
                thread_keys: vec!["b 2@mail.example".to_owned()],
                automatic: true,
                ..said("receipt", b, 15, Direction::Outbound)
            },
        ];
        let told = conversation::ingest(ctx, owner, inboxes[0].id, messages).await;
        let told: Vec<_> = told
            .unwrap()
            .iter()
            .map(|one| one.message.unwrap())
            .collect();
        let (hers, theirs) = (
            by_email(&world, a).await.unwrap(),
            by_email(&world, b).await.unwrap(),
        );
        world.drain().await;
        erase::erase(ctx, owner, hers).await.unwrap();
        world.drain().await;
        assert_eq!(traces(&world).await, BTreeMap::new());
        let left = conversation::load_messages(ctx, owner.workspace, &told).await;
        let mut left: Vec<_> = left.unwrap().into_iter().map(|one| one.body).collect();
        left.sort();
        assert_eq!(
            left,
            ["answer body", "b 1 body", "b 2 body", "receipt body"]
        );
        let kept = conversation::load_messages(ctx, owner.workspace, &[told[1], told[4]]).await;
        let ids: BTreeMap<_, _> = kept
            .unwrap()
            .into_iter()
            .map(|one| (one.id, one.conversation_id))
            .collect();
        let at = |seconds| start + TimeDelta::seconds(seconds);
        for (opener, last, messages, last_at, waiting, subject) in [
            (told[1], told[2], 2, at(120), None, "b 1 subject"),
            (told[4], told[6], 2, at(15), Some(at(10)), "b 2 subject"),
        ] {
            let found = conversation::find(ctx, owner.workspace, ids[&opener]).await;
            let found = found.unwrap().unwrap();
            assert_eq!(
                (found.contact_id, found.subject.as_str()),
                (theirs, subject)
            );
            assert_eq!((found.messages, found.last_message_id), (messages, last));
            assert_eq!(found.last_message_at, last_at);
            assert_eq!(found.waiting_since, waiting);
        }
        // Whoever follows the log hears of the one that went over, and whose it is now.
        let start = Position::default();
        let log = change::read(ctx.reader(), owner.workspace, start, 10_000).await;
        let handed: Vec<_> = log
            .unwrap()
            .into_iter()
            .flatten()
            .filter_map(|entry| match entry.fact {
                Fact::ConversationHandedOver { conversation_id } => {
                    Some((conversation_id, entry.contact))
                }
                _ => None,
            })
            .collect();
        assert_eq!(handed, [(ids[&told[1]], Some(theirs))]);
        // The thread goes on where it was.
        let more = vec![said("b 3", b, 300, Direction::Inbound)];
        let told = conversation::ingest(ctx, owner, inboxes[0].id, more).await;
        let id = told.unwrap()[0].message.unwrap();
        let found = conversation::load_messages(ctx, owner.workspace, &[id]).await;
        assert!(
            ids.values()
                .any(|one| *one == found.as_ref().unwrap()[0].conversation_id)
        );
        world
    });
}
