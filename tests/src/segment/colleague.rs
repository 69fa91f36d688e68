//! Segments of contacts that ask about the account: what one does concerns everybody there.

use chrono::TimeDelta;
use domain::{
    account::{self, NewAccount},
    condition::{Condition, TagMode},
    contact::{self, ContactChanges, NewContact, erase},
    event::{self, NewEvent},
    segment::{Cause, clock::SegmentClock},
    track::{self, Method, Sent},
    work::schedule,
};
use entity::{
    id::{AccountId, ContactId},
    kind::TagKind,
};
use serde_json::json;

use super::{history, holds, made, person, put, tagged};
use crate::support::{World, on_both};

pub(super) async fn company(world: &World, name: &str) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.expect("an account").id
}

pub(super) async fn employee(world: &World, name: &str, account: AccountId) -> ContactId {
    let new = NewContact {
        name: name.to_owned(),
        email: Some(format!("{name}@customer.example")),
        account: Some(account),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

/// `name` does `what`, for the `nth` time.
async fn act(world: &World, name: &str, what: &str, nth: usize) {
    let event = NewEvent {
        external_id: format!("{name} {what} {nth}"),
        whose: format!("{name}@customer.example").into(),
        name: what.to_owned(),
        properties: json!({}),
        occurred_at: world.ctx.clock.now(),
    };
    let told = event::ingest(&world.ctx, &world.owner, vec![event]).await;
    told.expect("an event");
    world.drain().await;
}

#[test]
fn what_one_does_moves_everybody_at_the_account() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let (acme, other) = (
            company(&world, "Acme").await,
            company(&world, "Other").await,
        );
        let ann = employee(&world, "ann", acme).await;
        let bob = employee(&world, "bob", acme).await;
        let cool = employee(&world, "cool", acme).await;
        let carl = employee(&world, "carl", other).await;
        put(&world, cool, hot).await;
        let twice = json!({"events": {"of": "ACCOUNT", "names": ["donated"],
            "tests": [{"measure": "COUNT", "is": {"atLeast": 2}}]}});
        let twice: Condition = serde_json::from_value(twice).expect("a condition");
        let condition = Condition::All(vec![twice, tagged(TagMode::None, &[hot])]);
        let id = made(&world, "At donors", Some(condition)).await;
        act(&world, "ann", "donated", 1).await;
        act(&world, "ann", "seen", 1).await;
        holds(&world, id, &[]).await;
        // Together they are two, and whoever is hot stays out.
        act(&world, "bob", "donated", 1).await;
        holds(&world, id, &[ann, bob]).await;
        for (_, entered, cause) in history(&world, id).await {
            assert!(
                entered && matches!(&cause, Cause::Change { fact, .. } if fact == "event.recorded"),
                "{cause:?}"
            );
        }

        // Both donors go to another company and take along what they did.
        for donor in [ann, bob] {
            let changes = ContactChanges {
                account: Some(Some(other)),
                ..ContactChanges::default()
            };
            contact::update(ctx, owner, donor, changes)
                .await
                .expect("a change");
        }
        world.drain().await;
        holds(&world, id, &[ann, bob, carl]).await;
        // What they did goes with whoever is erased.
        erase::erase(ctx, owner, ann).await.expect("an erasure");
        world.drain().await;
        holds(&world, id, &[]).await;
        world
    });
}

#[test]
fn what_one_does_is_activity_of_the_account() {
    on_both(|world| async move {
        let (acme, other) = (
            company(&world, "Acme").await,
            company(&world, "Other").await,
        );
        let ann = employee(&world, "ann", acme).await;
        let bob = employee(&world, "bob", acme).await;
        employee(&world, "carl", other).await;
        world.clock.advance(TimeDelta::days(30));
        let lately = json!({"account": {"lastActivity": {"withinDays": 7}}});
        let lately: Condition = serde_json::from_value(lately).expect("a condition");
        let id = made(&world, "Lately", Some(lately)).await;
        holds(&world, id, &[]).await;
        act(&world, "ann", "seen", 1).await;
        holds(&world, id, &[ann, bob]).await;
        world
    });
}

#[test]
fn whoever_a_tracking_library_names_is_active_at_once_without_an_event() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let acme = company(&world, "Acme").await;
        let ann = employee(&world, "ann", acme).await;
        let bob = employee(&world, "bob", acme).await;
        let named = json!({ "userId": "u-ann", "traits": { "email": "ann@customer.example" } });
        let name = async |call: &serde_json::Value| {
            let sent = Sent::one(Method::Identify, call.clone());
            let taken = track::take_in(ctx, owner, sent).await.expect("a call");
            assert_eq!(taken.accepted, 1, "{taken:?}");
            world.drain().await;
        };
        name(&named).await;
        world.clock.advance(TimeDelta::days(30));
        // Nothing that time alone could move: only what happens can.
        let since = world.ctx.clock.now() - TimeDelta::days(1);
        let since = |of: &str| -> Condition {
            let asked = json!({ of: { "lastActivity": { "from": since } } });
            serde_json::from_value(asked).expect("a condition")
        };
        let own = made(&world, "Themselves", Some(since("contact"))).await;
        let beside = made(&world, "Their company", Some(since("account"))).await;
        holds(&world, own, &[]).await;
        // A program that only sends what it knows says that nobody was there.
        let mut passive = named.clone();
        passive["context"] = json!({ "active": false });
        name(&passive).await;
        holds(&world, own, &[]).await;

        name(&named).await;
        holds(&world, own, &[ann]).await;
        holds(&world, beside, &[ann, bob]).await;
        let standing = account::load_standing(ctx, owner.workspace, &[acme]).await;
        let active_at = standing.expect("a look")[0].people_active_at;
        assert_eq!(active_at, Some(ctx.clock.now()));
        let entered = &history(&world, own).await[0].2;
        let told = format!("{entered:?}");
        assert!(told.contains("contact.seen"), "{told}");
        world
    });
}

#[test]
fn a_new_colleague_is_activity_of_the_account() {
    on_both(|world| async move {
        let acme = company(&world, "Acme").await;
        let ann = employee(&world, "ann", acme).await;
        world.clock.advance(TimeDelta::days(30));
        // Nothing that time alone could move: only what happens can.
        let since = world.ctx.clock.now() - TimeDelta::days(1);
        let since = json!({"account": {"lastActivity": {"from": since}}});
        let since: Condition = serde_json::from_value(since).expect("a condition");
        let id = made(&world, "Since yesterday", Some(since)).await;
        holds(&world, id, &[]).await;
        let bob = employee(&world, "bob", acme).await;
        world.drain().await;
        holds(&world, id, &[ann, bob]).await;
        world
    });
}

#[test]
fn everybody_at_an_account_is_moved_by_the_hour_in_which_it_grew_silent() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let (acme, other) = (
            company(&world, "Acme").await,
            company(&world, "Other").await,
        );
        let ann = employee(&world, "ann", acme).await;
        let bob = employee(&world, "bob", acme).await;
        let carl = employee(&world, "carl", other).await;
        let free = person(&world, "Free").await;
        let silent = json!({"account": {"lastActivity": {"moreThanDaysAgo": 7}}});
        let told = json!({"events": {"of": "ACCOUNT", "names": ["seen"], "withinDays": 3}});
        let one = |stored: &serde_json::Value| -> Condition {
            serde_json::from_value(stored.clone()).expect("a condition")
        };
        let quiet = made(&world, "Silent", Some(one(&silent))).await;
        let others = json!({"not": {"any": [&silent, &told]}});
        let others = made(&world, "Neither", Some(one(&others))).await;
        holds(&world, quiet, &[]).await;
        holds(&world, others, &[ann, bob, carl, free]).await;
        world.clock.advance(TimeDelta::days(8));
        act(&world, "carl", "seen", 1).await;
        holds(&world, others, &[ann, bob, free]).await;
        let now = ctx.clock.now();
        let ran = schedule::run_tick(ctx, &SegmentClock, workspace, now).await;
        assert!(ran.expect("a tick"));
        world.drain().await;
        holds(&world, quiet, &[ann, bob]).await;
        holds(&world, others, &[free]).await;
        world
    });
}
