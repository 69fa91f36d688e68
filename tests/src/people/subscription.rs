//! Whether people want to hear from us, and what ends it.

use domain::{
    contact::subscription::{self, NewState},
    page::PageRequest,
};
use entity::kind::{Channel, EmailEventKind, SubscriptionSource, SubscriptionState as State};

use super::{facts, merge::record};
use crate::support::{engine::contact_of, on_both};

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
