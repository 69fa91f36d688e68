//! Whether people want to hear from us, and what ends it.

use std::time::Duration;

use chrono::TimeDelta;
use domain::{
    contact::{
        merge,
        subscription::{self, NewState},
    },
    page::PageRequest,
    store::Query,
    upsert::{ContactItem, Outcome as O},
};
use entity::{
    id::ContactId,
    kind::{Channel, EmailEventKind, SubscriptionSource, SubscriptionState as State},
};

use super::{
    facts,
    merge::record,
    upsert::{contacts, item, outcomes, wrong},
};
use crate::support::{World, engine::contact_of, on_both};

/// What another system says of the person with this address: of all email, or of one topic.
fn wished(email: &str, topic: &str, state: State, reason: &str) -> ContactItem {
    ContactItem {
        subscriptions: vec![NewState {
            channel: Channel::Email,
            topic: topic.to_owned(),
            state,
            reason: reason.to_owned(),
        }],
        ..item("", email, "")
    }
}

/// Where somebody stands: topic, state, and why.
async fn standing(world: &World, id: ContactId) -> Vec<(String, State, String)> {
    let rows = subscription::load(&world.ctx, world.owner.workspace, &[id]).await;
    let rows = rows.unwrap().into_iter();
    rows.map(|row| (row.topic, row.state, row.reason)).collect()
}

/// What made the only row of somebody so.
async fn source(world: &World, id: ContactId) -> SubscriptionSource {
    let rows = subscription::load(&world.ctx, world.owner.workspace, &[id]).await;
    let rows = rows.unwrap();
    assert_eq!(rows.len(), 1);
    rows[0].source
}

#[test]
fn a_hard_bounce_a_complaint_and_an_unsubscription_end_email() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for (email, kind, source) in [
            (
                "a@x.example",
                EmailEventKind::Bounced,
                SubscriptionSource::Bounce,
            ),
            (
                "b@x.example",
                EmailEventKind::Complained,
                SubscriptionSource::Complaint,
            ),
            (
                "c@x.example",
                EmailEventKind::Unsubscribed,
                SubscriptionSource::Unsubscribe,
            ),
        ] {
            record(
                &world,
                &format!("sent {email}"),
                email,
                EmailEventKind::Sent,
            )
            .await;
            let id = contact_of(&world, email).await;
            let none = subscription::load(ctx, owner.workspace, &[id])
                .await
                .unwrap();
            assert!(none.is_empty());
            record(&world, &format!("end {email}"), email, kind).await;
            let rows = subscription::load(ctx, owner.workspace, &[id])
                .await
                .unwrap();
            assert_eq!(
                (rows[0].state, rows[0].source),
                (State::Unsubscribed, source)
            );
            assert_eq!(rows[0].topic, subscription::EVERYTHING);
            let back = NewState {
                channel: Channel::Email,
                topic: subscription::EVERYTHING.to_owned(),
                state: State::Subscribed,
                reason: "Asked on the phone".to_owned(),
            };
            subscription::set(ctx, owner, id, back).await.unwrap();
            let page = PageRequest::first(10);
            let history = subscription::history(ctx, owner.workspace, id, &page)
                .await
                .unwrap();
            let states: Vec<_> = history.rows.iter().map(|(_, row)| row.state).collect();
            assert_eq!(states, [State::Subscribed, State::Unsubscribed]);
        }
        let told = facts(&world).await;
        let changes = told
            .iter()
            .filter(|fact| fact.name() == "subscription.changed");
        assert_eq!(changes.count(), 6);
        world
    });
}

#[test]
fn another_system_tells_what_many_want_to_hear_of_and_a_repetition_changes_nothing() {
    on_both(|world| async move {
        use State::{Subscribed, Unsubscribed};
        let told = || {
            vec![
                wished("a@x.example", "news", Unsubscribed, "Asked on the phone"),
                wished("b@x.example", "*", Subscribed, ""),
                // Of two items about one thing the later one counts.
                wished("c@x.example", "news", Unsubscribed, ""),
                wished("c@x.example", "news", Subscribed, "Came back"),
            ]
        };
        let done = contacts(&world, told()).await;
        let first = [O::Created, O::Created, O::Created, O::Updated];
        assert_eq!(outcomes(&done), first);
        let why =
            |topic: &str, state, reason: &str| vec![(topic.to_owned(), state, reason.to_owned())];
        let a = contact_of(&world, "a@x.example").await;
        let b = contact_of(&world, "b@x.example").await;
        let c = contact_of(&world, "c@x.example").await;
        let asked = why("news", Unsubscribed, "Asked on the phone");
        assert_eq!(standing(&world, a).await, asked);
        let of_the_call = why("*", Subscribed, "From the CRM");
        assert_eq!(standing(&world, b).await, of_the_call);
        assert_eq!(
            standing(&world, c).await,
            why("news", Subscribed, "Came back")
        );

        let again = contacts(&world, told()[..2].to_vec()).await;
        assert_eq!(outcomes(&again), [O::Unchanged, O::Unchanged]);
        let back = contacts(&world, vec![wished("a@x.example", "news", Subscribed, "")]).await;
        assert_eq!(
            outcomes(&back),
            [O::Updated],
            "a person of ours had said so"
        );
        let changes = facts(&world).await;
        let changes = changes
            .iter()
            .filter(|fact| fact.name() == "subscription.changed");
        assert_eq!(changes.count(), 4);

        let long = "x".repeat(65);
        let wrong_topic = wished("d@x.example", &long, Subscribed, "");
        let refused = contacts(&world, vec![wrong_topic]).await;
        assert_eq!(outcomes(&refused), [O::Rejected]);
        assert_eq!(
            wrong(&refused[0]),
            ["contacts.0.subscriptions.0.topic TooLong"]
        );
        world
    });
}

#[test]
fn no_other_system_subscribes_who_has_unsubscribed_by_themselves() {
    on_both(|world| async move {
        let email = "a@x.example";
        record(&world, "sent", email, EmailEventKind::Sent).await;
        record(&world, "end", email, EmailEventKind::Unsubscribed).await;
        let id = contact_of(&world, email).await;
        let before = standing(&world, id).await;
        assert_eq!(before[0].1, State::Unsubscribed);
        let told = wished(
            email,
            subscription::EVERYTHING,
            State::Subscribed,
            "Sold a list",
        );
        let done = contacts(&world, vec![told]).await;
        assert_eq!(outcomes(&done), [O::Unchanged]);
        assert_eq!(standing(&world, id).await, before);
        world
    });
}

#[test]
fn their_own_no_counts_also_where_a_person_of_ours_had_said_it_before() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let said = |email: &str, state| {
            vec![wished(
                email,
                subscription::EVERYTHING,
                state,
                "As in the CRM",
            )]
        };
        let (theirs, ours) = ("a@x.example", "b@x.example");
        for email in [theirs, ours] {
            contacts(&world, said(email, State::Unsubscribed)).await;
        }
        let (a, b) = (
            contact_of(&world, theirs).await,
            contact_of(&world, ours).await,
        );
        // Ids of one millisecond have no order.
        world.clock.advance(TimeDelta::milliseconds(1));
        record(&world, "sent", theirs, EmailEventKind::Sent).await;
        record(&world, "end", theirs, EmailEventKind::Complained).await;
        let done = contacts(&world, said(theirs, State::Subscribed)).await;
        assert_eq!(outcomes(&done), [O::Unchanged]);
        let page = PageRequest::first(10);
        let history = subscription::history(ctx, owner.workspace, a, &page).await;
        let history = history.unwrap().rows;
        let sources: Vec<_> = history.iter().map(|(_, row)| row.source).collect();
        let expected = [SubscriptionSource::Complaint, SubscriptionSource::Member];
        assert_eq!(sources, expected);

        let merged = merge::merge(ctx, owner, b, a, "One person").await.unwrap();
        assert_eq!(source(&world, b).await, SubscriptionSource::Merge);
        let done = contacts(&world, said(ours, State::Subscribed)).await;
        assert_eq!(outcomes(&done), [O::Unchanged]);
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        assert_eq!(source(&world, b).await, SubscriptionSource::Member);
        world
    });
}

#[test]
fn who_has_ended_all_email_is_subscribed_to_no_single_topic() {
    on_both(|world| async move {
        let email = "a@x.example";
        record(&world, "sent", email, EmailEventKind::Sent).await;
        record(&world, "end", email, EmailEventKind::Complained).await;
        let id = contact_of(&world, email).await;
        let before = standing(&world, id).await;
        for state in [State::Subscribed, State::Pending] {
            let done = contacts(&world, vec![wished(email, "news", state, "")]).await;
            assert_eq!(outcomes(&done), [O::Unchanged]);
        }
        assert_eq!(standing(&world, id).await, before);

        // They may be said to want something less, and that stays.
        let told = [State::Unsubscribed, State::Subscribed];
        let told = told.map(|state| wished(email, "news", state, "As in the CRM"));
        let done = contacts(&world, told.to_vec()).await;
        assert_eq!(outcomes(&done), [O::Updated, O::Unchanged]);
        let less = ("news".to_owned(), State::Unsubscribed);
        let now = standing(&world, id).await;
        assert!(
            now.iter()
                .any(|(topic, state, _)| (topic.clone(), *state) == less)
        );
        world
    });
}

#[test]
fn who_complains_while_another_system_subscribes_them_stays_unsubscribed() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (email, other) = ("a@x.example", "b@x.example");
        for address in [email, other] {
            let sent = format!("sent {address}");
            record(&world, &sent, address, EmailEventKind::Sent).await;
        }
        record(&world, "end", other, EmailEventKind::Complained).await;
        let (id, other) = (
            contact_of(&world, email).await,
            contact_of(&world, other).await,
        );
        // As the complaint of the first would be written.
        let complaint = ctx.begin(owner.workspace).await.unwrap();
        let written = Query::new(
            "INSERT INTO subscription (workspace_id, contact_id, channel, topic, state, source,
                                       reason, changed_at, changed_by)
             SELECT workspace_id, $2, channel, topic, state, source, reason, changed_at, changed_by
             FROM subscription WHERE workspace_id = $1 AND contact_id = $3",
        )
        .bind(owner.workspace)
        .bind(id)
        .bind(other)
        .execute(complaint.connection())
        .await;
        assert_eq!(written.unwrap(), 1);
        let told = wished(email, subscription::EVERYTHING, State::Subscribed, "");
        let mut upserting = Box::pin(contacts(&world, vec![told]));
        let early = tokio::time::timeout(Duration::from_millis(300), &mut upserting).await;
        assert!(early.is_err(), "it has to wait");
        complaint.commit().await.unwrap();
        upserting.await;
        assert_eq!(source(&world, id).await, SubscriptionSource::Complaint);
        world
    });
}

#[test]
fn their_own_no_after_a_merge_outlasts_its_undoing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (stays, goes) = ("a@x.example", "b@x.example");
        let told = |email: &str, state| wished(email, subscription::EVERYTHING, state, "");
        let told = vec![
            told(stays, State::Subscribed),
            told(goes, State::Unsubscribed),
        ];
        contacts(&world, told).await;
        let (survivor, loser) = (
            contact_of(&world, stays).await,
            contact_of(&world, goes).await,
        );
        let merged = merge::merge(ctx, owner, survivor, loser, "One person").await;
        let merged = merged.unwrap().id;
        assert_eq!(source(&world, survivor).await, SubscriptionSource::Merge);
        record(&world, "sent", stays, EmailEventKind::Sent).await;
        record(&world, "end", stays, EmailEventKind::Complained).await;
        merge::unmerge(ctx, owner, merged).await.unwrap();
        assert_eq!(standing(&world, survivor).await[0].1, State::Unsubscribed);
        let left = source(&world, survivor).await;
        assert_eq!(left, SubscriptionSource::Complaint);
        world
    });
}
