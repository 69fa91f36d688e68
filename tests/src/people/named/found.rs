//! Whoever is named by any identity is found or made, and what they did is theirs.

use domain::{
    contact::{
        self, ContactRef, NewContact, Whose, erase,
        identity::{self, Given, Identify},
    },
    conversation::{self, Changes, NewMessage, Outcome},
    event,
    fact::{self, Party, ingest::Head},
    inbox,
    survey::{self, NewSurveyAnswer},
};
use entity::{
    id::{ContactId, MessageId},
    kind::{ConversationStatus, Direction, IdentityKind as I, SurveyKind},
};
use futures::future::join_all;

use super::{
    chat, cookie, events_of, handle, line, number, phone, take_in, threads_of, visit, who_has,
};
use crate::{people::refusals, support::on_both};

#[test]
fn messages_and_events_find_and_make_contacts_by_any_identity() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewContact {
            name: "Taro".to_owned(),
            external_id: Some("4711".to_owned()),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        let inbox = chat(&world).await;
        let named = NewMessage {
            name: Some("Hanako".to_owned()),
            ..line(&world, "a", handle("x:Hanako"), 0)
        };
        let by_id = ContactRef::Id(taro).into();
        let messages = vec![
            named,
            line(&world, "b", handle("X:hanako"), 1),
            line(&world, "c", phone("+81 3-1234-5678"), 2),
            line(&world, "d", number("4711"), 3),
            line(&world, "e", by_id, 4),
            line(&world, "f", number("4712"), 5),
        ];
        let told = take_in(&world, inbox, messages).await;
        assert_eq!(told, [Outcome::Created; 6]);
        let hanako = who_has(&world, I::Handle, "x:hanako").await.unwrap();
        assert_eq!((hanako.name.as_str(), hanako.email), ("Hanako", None));
        let caller = who_has(&world, I::Phone, "+81312345678").await.unwrap();
        let shown = Some("+81312345678");
        assert_eq!(
            (caller.phone.as_deref(), Some(caller.name.as_str())),
            (shown, shown)
        );
        let other = who_has(&world, I::ExternalId, "4712").await.unwrap();
        assert_eq!(other.external_id.as_deref(), Some("4712"));
        for (person, messages) in [(hanako.id, 2), (caller.id, 1), (taro, 2), (other.id, 1)] {
            let threads = threads_of(&world, person).await;
            let counts: Vec<i64> = threads.iter().map(|one| one.messages).collect();
            assert_eq!(counts, [messages]);
        }
        let visits = vec![
            visit(&world, "1", handle("x:hanako")),
            visit(&world, "2", number("4711")),
            visit(&world, "3", ContactRef::Id(taro).into()),
            visit(&world, "4", "hanako@customer.example".to_owned().into()),
        ];
        event::ingest(ctx, owner, visits).await.unwrap();
        assert_eq!(events_of(&world, hanako.id).await, ["1"]);
        assert_eq!(events_of(&world, taro).await, ["2", "3"]);
        world
    });
}

#[test]
fn what_a_visitor_did_is_theirs_when_they_say_who_they_are() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let visits = |from: u8, to: u8| {
            let ids = (from..to).map(|n| visit(&world, &n.to_string(), cookie("c-1")));
            event::ingest(ctx, owner, ids.collect())
        };
        visits(0, 2).await.unwrap();
        let visitor = who_has(&world, I::AnonymousId, "c-1").await.unwrap();
        assert_eq!(visitor.name, "Visitor");
        assert_eq!(events_of(&world, visitor.id).await, ["0", "1"]);
        let new = NewContact {
            name: "Taro".to_owned(),
            email: Some("taro@customer.example".to_owned()),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        let given = |kind, value: &str| Given {
            kind,
            value: value.to_owned(),
        };
        let who = Identify {
            identities: vec![
                given(I::Email, "taro@customer.example"),
                given(I::AnonymousId, "c-1"),
            ],
            name: None,
        };
        let known = identity::identify(ctx, owner, who).await.unwrap();
        assert_eq!(known.contact.id, taro);
        visits(2, 3).await.unwrap();
        assert_eq!(events_of(&world, taro).await, ["0", "1", "2"]);
        world
    });
}

#[test]
fn lines_of_a_chat_go_on_in_the_open_conversation_and_mails_go_by_what_they_answer() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = chat(&world).await;
        let say = |id: &str, minutes| line(&world, id, handle("x:hanako"), minutes);
        let answer = NewMessage {
            direction: Direction::Outbound,
            ..say("b", 1)
        };
        take_in(&world, inbox, vec![say("a", 0), answer]).await;
        take_in(&world, inbox, vec![say("c", 2)]).await;
        let hanako = who_has(&world, I::Handle, "x:hanako").await.unwrap().id;
        let threads = threads_of(&world, hanako).await;
        assert_eq!(threads.len(), 1);
        assert_eq!(threads[0].messages, 3);

        let close = Changes {
            status: Some(ConversationStatus::Closed),
            ..Changes::default()
        };
        conversation::update(ctx, owner, &[threads[0].id], "id", &close)
            .await
            .unwrap();
        take_in(&world, inbox, vec![say("d", 3), say("e", 4)]).await;
        // One that names what it answers belongs there, closed or not.
        let late = NewMessage {
            thread_keys: vec!["a".to_owned()],
            ..say("f", 5)
        };
        take_in(&world, inbox, vec![late]).await;
        let threads = threads_of(&world, hanako).await;
        let mut counts: Vec<i64> = threads.iter().map(|one| one.messages).collect();
        counts.sort_unstable();
        assert_eq!(counts, [2, 4]);

        // The same person in another inbox is another conversation.
        let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
        let other = inboxes.iter().find(|one| one.id != inbox).unwrap().id;
        take_in(&world, other, vec![say("a", 0)]).await;
        assert_eq!(threads_of(&world, hanako).await.len(), 3);

        let taro = || Whose::from("taro@customer.example".to_owned());
        let mails = vec![line(&world, "m1", taro(), 0), line(&world, "m2", taro(), 1)];
        take_in(&world, other, mails).await;
        let taro = who_has(&world, I::Email, "taro@customer.example").await;
        assert_eq!(threads_of(&world, taro.unwrap().id).await.len(), 2);
        world
    });
}

#[test]
fn whoever_is_named_by_several_calls_at_once_is_made_once_and_has_one_conversation() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = chat(&world).await;
        for round in 0..6 {
            let (one, other) = (format!("x:one{round}"), format!("x:other{round}"));
            let calls = (0..8).map(|turn| {
                let mut messages = vec![
                    line(&world, &format!("{round} {turn} one"), handle(&one), 0),
                    line(&world, &format!("{round} {turn} other"), handle(&other), 0),
                    // The same message, brought by every call.
                    line(&world, &format!("{round} same"), handle(&one), 0),
                ];
                let number = messages.len();
                messages.rotate_left(turn % number);
                conversation::ingest(ctx, owner, inbox, messages)
            });
            let told = join_all(calls).await;
            let mut same: Vec<MessageId> = Vec::new();
            for (turn, told) in told.into_iter().enumerate() {
                let place = (2 + 3 - turn % 3) % 3;
                same.extend(told.unwrap()[place].message);
            }
            same.dedup();
            assert_eq!(same.len(), 1);
            for (handle, messages) in [(&one, 9), (&other, 8)] {
                let person = who_has(&world, I::Handle, handle).await.unwrap();
                let threads = threads_of(&world, person.id).await;
                let counts: Vec<i64> = threads.iter().map(|one| one.messages).collect();
                assert_eq!(counts, [messages], "{handle}");
            }
        }
        world
    });
}

#[test]
fn who_was_erased_is_not_made_anew_by_any_of_their_identities() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = chat(&world).await;
        let everything = [
            (I::Phone, "+81312345678"),
            (I::Handle, "x:hanako"),
            (I::ExternalId, "4711"),
            (I::AnonymousId, "c-1"),
        ];
        let given = everything.map(|(kind, value)| Given {
            kind,
            value: value.to_owned(),
        });
        let who = Identify {
            identities: given.to_vec(),
            name: None,
        };
        let hanako = identity::identify(ctx, owner, who).await.unwrap();
        erase::erase(ctx, owner, hanako.contact.id).await.unwrap();

        let ways = || {
            [
                phone("+81 3-1234-5678"),
                handle("x:hanako"),
                number("4711"),
                cookie("c-1"),
            ]
        };
        let visits = ways().into_iter().zip(1..);
        let visits = visits.map(|(whose, n)| visit(&world, &format!("{n}"), whose));
        event::ingest(ctx, owner, visits.collect()).await.unwrap();
        let sent = ways().into_iter().zip(1..).map(|(whose, n)| NewMessage {
            direction: Direction::Outbound,
            ..line(&world, &format!("{n}"), whose, 0)
        });
        let told = take_in(&world, inbox, sent.collect()).await;
        assert_eq!(told, [Outcome::Erased; 4]);
        let answers = ways()
            .into_iter()
            .zip(1..)
            .map(|(whose, n)| NewSurveyAnswer {
                head: Head {
                    external_id: format!("{n}"),
                    party: Party {
                        contact: whose.contact,
                        account: None,
                    },
                    updated_at: None,
                },
                survey_key: "onboarding".to_owned(),
                kind: SurveyKind::Nps,
                score: 9,
                comment: None,
                answered_at: ctx.clock.now(),
            });
        let told = survey::ingest(ctx, owner, answers.collect()).await.unwrap();
        assert!(told.iter().all(|one| one.outcome == fact::Outcome::Erased));
        for (kind, value) in everything {
            assert_eq!(who_has(&world, kind, value).await, None, "{value}");
        }

        // Who writes by themselves is let in again.
        let back = vec![line(&world, "back", handle("x:hanako"), 1)];
        assert_eq!(take_in(&world, inbox, back).await, [Outcome::Created]);
        let again = who_has(&world, I::Handle, "x:hanako").await.unwrap();
        assert_ne!(again.id, hanako.contact.id);
        world
    });
}

#[test]
fn orders_and_their_like_make_visitors_and_callers_but_nobody_of_an_id_alone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let answer = |id: &str, whose: Whose| NewSurveyAnswer {
            head: Head {
                external_id: id.to_owned(),
                party: Party {
                    contact: whose.contact,
                    account: None,
                },
                updated_at: None,
            },
            survey_key: "onboarding".to_owned(),
            kind: SurveyKind::Nps,
            score: 9,
            comment: None,
            answered_at: ctx.clock.now(),
        };
        let wrong = vec![
            answer("1", handle("x:hanako")),
            answer("2", number("4711")),
            answer("3", phone("call me")),
        ];
        let told = refusals(survey::ingest(ctx, owner, wrong).await);
        let expected = [
            "answers.2.contact.phone Invalid",
            "answers.1.contact.externalId NotFound",
        ];
        assert_eq!(told, expected);
        assert_eq!(who_has(&world, I::Handle, "x:hanako").await, None);
        let right = vec![
            answer("1", handle("x:hanako")),
            answer("2", cookie("c-1")),
            answer("3", phone("+81 3-1234-5678")),
        ];
        survey::ingest(ctx, owner, right).await.unwrap();
        for (kind, value) in [
            (I::Handle, "x:hanako"),
            (I::AnonymousId, "c-1"),
            (I::Phone, "+81312345678"),
        ] {
            assert!(who_has(&world, kind, value).await.is_some(), "{value}");
        }
        world
    });
}

#[test]
fn a_contact_is_named_once_and_must_be_there_by_its_id() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = chat(&world).await;
        let nobody = ContactRef::Id(ContactId(uuid::Uuid::from_u128(7)));
        let both = Whose {
            email: Some("taro@customer.example".to_owned()),
            ..cookie("c-1")
        };
        let told = |messages| conversation::ingest(ctx, owner, inbox, messages);
        let wrong = vec![
            line(&world, "a", handle("x:hanako"), 0),
            line(&world, "b", Whose::default(), 0),
            line(&world, "c", both.clone(), 0),
            line(&world, "d", handle("hanako"), 0),
        ];
        let expected = [
            "messages.1.contact Required",
            "messages.2.contactEmail Contradictory",
            "messages.3.contact.handle Invalid",
        ];
        assert_eq!(refusals(told(wrong).await), expected);
        let wrong = vec![
            line(&world, "a", nobody.clone().into(), 1),
            line(&world, "b", handle("x:hanako"), 0),
            line(&world, "c", nobody.clone().into(), 0),
        ];
        let expected = [
            "messages.0.contact.id NotFound",
            "messages.2.contact.id NotFound",
        ];
        assert_eq!(refusals(told(wrong).await), expected);
        let wrong = vec![
            visit(&world, "a", cookie("c-1")),
            visit(&world, "b", nobody.into()),
        ];
        let told = refusals(event::ingest(ctx, owner, wrong).await);
        assert_eq!(told, ["events.1.contact.id NotFound"]);
        let told = refusals(event::ingest(ctx, owner, vec![visit(&world, "a", both)]).await);
        assert_eq!(told, ["events.0.contactEmail Contradictory"]);
        for (kind, value) in [(I::Handle, "x:hanako"), (I::AnonymousId, "c-1")] {
            assert_eq!(who_has(&world, kind, value).await, None, "{value}");
        }
        world
    });
}
