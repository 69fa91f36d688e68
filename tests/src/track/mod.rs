//! Tracking: what libraries that speak the tracking API of Segment tell, as stories on both databases, and
//! over HTTP as those libraries send it.

mod companies;
mod days;
mod http;
mod late;
mod users;

use chrono::TimeDelta;
use domain::{
    access::ScopeSet,
    account::{self, AccountChanges, NewAccount},
    attribute::{self, NewAttribute, definition},
    contact::{self, Contact, erase},
    error::Error,
    event::{self, EventFilter},
    page::PageRequest,
    track::{self, Method, Reason, Sent, Taken},
};
use entity::{
    id::ContactId,
    kind::{AttributeType, IdentityKind as I, Role, SubjectKind},
};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{World, engine::open_suspects, on_both};

async fn one(world: &World, method: Method, body: Value) -> Taken {
    let taken = track::take_in(&world.ctx, &world.owner, Sent::one(method, body)).await;
    taken.unwrap()
}

async fn batch(world: &World, calls: Value) -> Taken {
    let sent = Sent::batch(json!({ "batch": calls })).unwrap();
    track::take_in(&world.ctx, &world.owner, sent)
        .await
        .unwrap()
}

async fn who_has(world: &World, kind: I, value: &str) -> Option<Contact> {
    let found = contact::find_by_identity(&world.ctx, world.owner.workspace, kind, value).await;
    found.unwrap()
}

async fn events_of(world: &World, contact: ContactId) -> Vec<(String, Value)> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let theirs = EventFilter {
        contact: Some(contact),
        ..EventFilter::default()
    };
    let page = event::list(ctx, workspace, &theirs, &PageRequest::first(50)).await;
    let rows = page.unwrap().rows.into_iter();
    let mut events: Vec<(String, Value)> = rows
        .map(|(_, event)| (event.external_id, event.properties))
        .collect();
    events.sort_by(|one, other| one.0.cmp(&other.0));
    events
}

async fn declare(world: &World, subject: SubjectKind, key: &str) {
    let new = NewAttribute {
        subject,
        key: key.to_owned(),
        name: key.to_owned(),
        description: String::new(),
        value_type: AttributeType::Text,
        options: Vec::new(),
    };
    definition::create(&world.ctx, &world.owner, new)
        .await
        .unwrap();
}

async fn values_of(world: &World, id: uuid::Uuid) -> Vec<Option<String>> {
    let values = attribute::load(&world.ctx, world.owner.workspace, &[id]).await;
    values.unwrap().into_iter().map(|one| one.text).collect()
}

#[test]
fn a_visitor_looks_around_and_says_who_they_are() {
    on_both(|world| async move {
        declare(&world, SubjectKind::Contact, "plan_name").await;
        declare(&world, SubjectKind::Account, "industry").await;
        let looked = json!({
            "anonymousId": "a-1", "messageId": "m-1", "properties": { "path": "/pricing" },
        });
        let taken = one(&world, Method::Page, looked).await;
        assert_eq!((taken.accepted, taken.duplicates), (1, 0));
        let visitor = who_has(&world, I::AnonymousId, "a-1").await.unwrap();

        let calls = json!([
            {
                "type": "identify", "userId": "u-1", "anonymousId": "a-1", "messageId": "m-2",
                "traits": {
                    "email": "Taro@acme.example", "name": "Taro", "planName": "pro", "avatar": "x",
                },
                "context": { "locale": "ja-JP" },
            },
            {
                "type": "group", "userId": "u-1", "groupId": "g-1",
                "traits": { "name": "Acme", "domain": "acme.example", "industry": "IT" },
            },
            { "type": "track", "userId": "u-1", "event": "Signed Up", "messageId": "m-3" },
            { "type": "track", "userId": "u-1", "event": "Signed In", "messageId": "m-4" },
            { "type": "track", "userId": "u-1", "event": "Signed In", "messageId": "m-4" },
        ]);
        let taken = batch(&world, calls.clone()).await;
        assert_eq!((taken.accepted, taken.duplicates), (5, 1), "{taken:?}");
        assert_eq!((taken.traits_ignored, taken.traits_unfit), (1, 0));
        assert!(taken.refused.is_empty());
        // Told again, nothing is new.
        let taken = batch(&world, calls).await;
        assert_eq!((taken.accepted, taken.duplicates), (5, 3), "{taken:?}");

        let taro = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        assert_eq!(taro.id, visitor.id, "the visitor became known");
        for (kind, value) in [(I::Email, "taro@acme.example"), (I::AnonymousId, "a-1")] {
            assert_eq!(who_has(&world, kind, value).await.unwrap().id, taro.id);
        }
        assert_eq!(taro.name, "Taro");
        assert_eq!(taro.email.as_deref(), Some("taro@acme.example"));
        assert_eq!(taro.external_id.as_deref(), Some("u-1"));
        assert_eq!(taro.locale.as_deref(), Some("ja-JP"));
        assert_eq!(values_of(&world, taro.id.0).await, [Some("pro".to_owned())]);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let acme = account::find_by_external_id(ctx, workspace, "g-1").await;
        let acme = acme.unwrap().unwrap();
        assert_eq!(taro.account_id, Some(acme.id));
        assert_eq!(acme.name, "Acme");
        assert_eq!(acme.domain.as_deref(), Some("acme.example"));
        assert_eq!(values_of(&world, acme.id.0).await, [Some("IT".to_owned())]);
        let events = events_of(&world, taro.id).await;
        let ids: Vec<&str> = events.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["m-1", "m-3", "m-4"]);
        assert_eq!(events[0].1["path"], "/pricing");
        world.drain().await;
        world
    });
}

#[test]
fn a_visitor_with_a_contact_of_their_own_is_merged_and_known_people_are_not() {
    on_both(|world| async move {
        let page = |id: &str| json!({ "anonymousId": id });
        let identify = |user: &str, id: &str| json!({ "userId": user, "anonymousId": id });
        one(&world, Method::Identify, json!({ "userId": "u-1" })).await;
        one(&world, Method::Page, page("a-1")).await;
        one(&world, Method::Identify, identify("u-1", "a-1")).await;
        let first = who_has(&world, I::ExternalId, "u-1").await.unwrap().id;
        assert_eq!(
            who_has(&world, I::AnonymousId, "a-1").await.unwrap().id,
            first
        );
        assert_eq!(events_of(&world, first).await.len(), 1);

        // Somebody else on the same device.
        one(&world, Method::Identify, identify("u-2", "a-1")).await;
        let second = who_has(&world, I::ExternalId, "u-2").await.unwrap().id;
        assert_ne!(first, second);
        assert_eq!(
            who_has(&world, I::AnonymousId, "a-1").await.unwrap().id,
            first
        );
        assert_eq!(open_suspects(&world).await.len(), 1);

        // The former id of an alias is that of a visitor, whatever else it is.
        one(&world, Method::Page, page("a-2")).await;
        for former in ["a-2", "u-2"] {
            let alias = json!({ "userId": "u-1", "previousId": former });
            assert_eq!(one(&world, Method::Alias, alias).await.accepted, 1);
        }
        assert_eq!(
            who_has(&world, I::AnonymousId, "a-2").await.unwrap().id,
            first
        );
        assert_eq!(
            who_has(&world, I::ExternalId, "u-2").await.unwrap().id,
            second
        );
        assert_eq!(events_of(&world, first).await.len(), 2);
        world.drain().await;
        world
    });
}

#[test]
fn what_is_wrong_with_one_call_keeps_no_other_out() {
    on_both(|world| async move {
        let taken = batch(
            &world,
            json!([
                { "type": "track", "userId": "u-1", "event": "Kept", "messageId": "m-1" },
                { "type": "track", "userId": "u-1" },
                { "type": "track", "event": "Nobody's" },
                { "type": "sing", "userId": "u-1" },
                { "type": "track", "userId": "u-1", "event": "n".repeat(101) },
                {
                    "type": "track", "userId": "u-1", "event": "Large",
                    "properties": { "text": "x".repeat(33_000) },
                },
                7,
                { "type": "identify", "userId": "u-1", "traits": { "email": "nobody" } },
            ]),
        )
        .await;
        assert_eq!((taken.accepted, taken.traits_unfit), (2, 1), "{taken:?}");
        let refused: Vec<(Reason, u64)> = taken.refused.into_iter().collect();
        let expected = [
            (Reason::NotAnObject, 1),
            (Reason::TooLong, 1),
            (Reason::UnknownType, 1),
            (Reason::Nobody, 1),
            (Reason::NoEvent, 1),
            (Reason::UnusableEvent, 1),
        ];
        assert_eq!(refused, expected);
        let kept = who_has(&world, I::ExternalId, "u-1").await.unwrap().id;
        assert_eq!(events_of(&world, kept).await.len(), 1);
        world
    });
}

#[test]
fn only_what_contacts_do_themselves_moves_when_they_were_seen() {
    on_both(|world| async move {
        let done = |active: bool, id: &str| {
            json!({
                "userId": "u-1", "event": "Renewed", "messageId": id,
                "context": { "active": active },
            })
        };
        one(&world, Method::Track, done(true, "m-1")).await;
        let seen = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        world.clock.advance(TimeDelta::days(1));
        one(&world, Method::Track, done(false, "m-2")).await;
        let traits = json!({ "userId": "u-1", "context": { "active": false } });
        one(&world, Method::Identify, traits).await;
        let later = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        assert_eq!(later.last_activity_at, seen.last_activity_at);
        assert_eq!(events_of(&world, later.id).await.len(), 2);
        one(&world, Method::Identify, json!({ "userId": "u-1" })).await;
        let again = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        assert_eq!(again.last_activity_at, Some(world.ctx.clock.now()));
        world
    });
}

#[test]
fn nothing_is_kept_of_people_who_were_erased_nor_taken_from_who_may_not_track() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        one(&world, Method::Identify, json!({ "userId": "u-1" })).await;
        let gone = who_has(&world, I::ExternalId, "u-1").await.unwrap().id;
        erase::erase(ctx, owner, gone).await.unwrap();
        let taken = batch(
            &world,
            json!([
                { "type": "identify", "userId": "u-1", "traits": { "name": "Taro" } },
                { "type": "track", "userId": "u-1", "event": "Back" },
            ]),
        )
        .await;
        assert_eq!((taken.accepted, taken.erased), (0, 2), "{taken:?}");
        assert!(who_has(&world, I::ExternalId, "u-1").await.is_none());

        // Nor by way of a visitor who turns out to be them.
        one(&world, Method::Page, json!({ "anonymousId": "a-1" })).await;
        let traits = json!({ "name": "Taro", "email": "taro@acme.example" });
        let taken = batch(
            &world,
            json!([
                { "type": "identify", "userId": "u-1", "anonymousId": "a-1", "traits": traits },
                { "type": "identify", "userId": "u-2", "traits": { "name": "Hanako" } },
            ]),
        )
        .await;
        assert_eq!((taken.accepted, taken.erased), (1, 1), "{taken:?}");
        let visitor = who_has(&world, I::AnonymousId, "a-1").await.unwrap();
        assert_eq!((visitor.name.as_str(), visitor.email), ("Visitor", None));
        let email = who_has(&world, I::Email, "taro@acme.example").await;
        assert!(email.is_none());
        let hanako = who_has(&world, I::ExternalId, "u-2").await.unwrap();
        assert_eq!(hanako.name, "Hanako");

        let mut viewer = owner.clone();
        viewer.scopes = ScopeSet::of_role(Role::Viewer);
        let sent = Sent::one(Method::Page, json!({ "userId": "u-2" }));
        let refused = track::take_in(ctx, &viewer, sent).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        world
    });
}

#[test]
fn what_is_told_of_a_merged_company_goes_to_the_one_that_answers_for_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        declare(&world, SubjectKind::Account, "industry").await;
        let group = |user: &str, group: &str, industry: &str| {
            let traits = json!({ "name": "Acme", "industry": industry });
            json!({ "type": "group", "userId": user, "groupId": group, "traits": traits })
        };
        batch(
            &world,
            json!([group("u-1", "g-1", "IT"), group("u-2", "g-2", "IT")]),
        )
        .await;
        let of = async |id: &str| {
            let found = account::find_by_external_id(ctx, owner.workspace, id).await;
            found.unwrap().map(|account| account.id)
        };
        let (stays, goes) = (of("g-1").await.unwrap(), of("g-2").await.unwrap());
        account::merge::merge(ctx, owner, stays, goes, "")
            .await
            .unwrap();

        // Both at once are one company.
        let calls = json!([group("u-1", "g-1", "Books"), group("u-3", "g-2", "Shops")]);
        let taken = batch(&world, calls.clone()).await;
        assert_eq!(taken.accepted, 2, "{taken:?}");
        assert_eq!(values_of(&world, stays.0).await, [Some("Shops".to_owned())]);
        // Nor is it given an id that the merged one has.
        let none = AccountChanges {
            external_id: Some(None),
            ..AccountChanges::default()
        };
        account::update(ctx, owner, stays, none).await.unwrap();
        let taken = batch(&world, json!([group("u-4", "g-2", "Shops")])).await;
        assert_eq!(taken.accepted, 1, "{taken:?}");
        for user in ["u-1", "u-3", "u-4"] {
            let contact = who_has(&world, I::ExternalId, user).await.unwrap();
            assert_eq!(contact.account_id, Some(stays), "{user}");
        }
        world
    });
}

#[test]
fn many_who_say_the_same_at_once_make_one_contact_and_one_account() {
    on_both(|world| async move {
        let call = json!({
            "userId": "u-1", "anonymousId": "a-1",
            "traits": { "email": "taro@acme.example", "company": { "id": 7, "name": "Acme" } },
        });
        let all = (0..6).map(|_| one(&world, Method::Identify, call.clone()));
        for taken in join_all(all).await {
            assert_eq!(taken.accepted, 1);
        }
        let taro = who_has(&world, I::ExternalId, "u-1").await.unwrap();
        for (kind, value) in [(I::Email, "taro@acme.example"), (I::AnonymousId, "a-1")] {
            assert_eq!(who_has(&world, kind, value).await.unwrap().id, taro.id);
        }
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let acme = account::find_by_external_id(ctx, workspace, "7").await;
        assert_eq!(taro.account_id, Some(acme.unwrap().unwrap().id));
        world
    });
}

#[test]
fn what_is_told_of_companies_that_are_one_comes_to_the_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        declare(&world, SubjectKind::Account, "industry").await;
        let mut companies = Vec::new();
        for id in ["g-1", "g-2"] {
            let new = NewAccount {
                name: id.to_owned(),
                external_id: Some(id.to_owned()),
                ..NewAccount::default()
            };
            companies.push(account::create(ctx, owner, new).await.unwrap().id);
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        let (stays, goes) = (companies[0], companies[1]);
        account::merge::merge(ctx, owner, stays, goes, "")
            .await
            .unwrap();
        let calls = json!([
            {
                "type": "group", "userId": "u-1", "groupId": "g-1",
                "traits": { "name": "Acme", "industry": "IT" },
            },
            {
                "type": "group", "userId": "u-2", "groupId": "g-2",
                "traits": { "domain": "acme.example", "industry": "Software" },
            },
        ]);
        let taken = batch(&world, calls).await;
        assert_eq!(taken.accepted, 2, "{taken:?}");
        for user in ["u-1", "u-2"] {
            let person = who_has(&world, I::ExternalId, user).await.unwrap();
            assert_eq!(person.account_id, Some(stays));
        }
        let acme = account::find(ctx, owner.workspace, stays).await.unwrap();
        let acme = acme.unwrap();
        assert_eq!(acme.name, "Acme");
        assert_eq!(acme.domain.as_deref(), Some("acme.example"));
        assert_eq!(
            values_of(&world, stays.0).await,
            [Some("Software".to_owned())]
        );

        // An id that leads to the survivor stays that of the account that went.
        let nameless = AccountChanges {
            external_id: Some(None),
            ..AccountChanges::default()
        };
        account::update(ctx, owner, stays, nameless).await.unwrap();
        let call = json!({ "userId": "u-3", "groupId": "g-2", "traits": { "name": "Acme KK" } });
        let taken = one(&world, Method::Group, call).await;
        assert_eq!(taken.accepted, 1, "{taken:?}");
        let acme = account::find(ctx, owner.workspace, stays).await.unwrap();
        let acme = acme.unwrap();
        assert_eq!((acme.name.as_str(), acme.external_id), ("Acme KK", None));
        world
    });
}
