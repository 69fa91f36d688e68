//! When contacts and accounts last changed: what counts, and how a copy elsewhere is kept up.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    account::{self, AccountChanges, AccountFilter, AccountOrder, DetailChanges, NewAccount},
    attribute::{self, Setting, Value},
    contact::{
        self, ContactChanges, ContactFilter, ContactOrder, ProfileChanges, erase,
        identity::{self, Given},
        merge,
    },
    latest::ChangedWithin,
    note,
    page::PageRequest,
    stage::NewStage,
    store::Query,
    tag::{
        Request,
        tagging::{self, NewTaggings},
    },
};
use entity::{
    id::{ContactId, Id as _},
    kind::{AttributeType, IdentityKind, LifecycleStage, SubjectKind, TagKind, TagTarget},
};

use super::{define, person};
use crate::support::{World, on_both};

fn since(from: DateTime<Utc>) -> ChangedWithin {
    ChangedWithin {
        from: Some(from),
        until: None,
    }
}

async fn listed(world: &World, changed: ChangedWithin, order: ContactOrder) -> Vec<String> {
    world.drain().await;
    let filter = ContactFilter {
        changed,
        ..ContactFilter::default()
    };
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::list(ctx, workspace, filter, order, &PageRequest::first(50)).await;
    let rows = found.unwrap().rows.into_iter();
    rows.map(|(_, one)| one.name).collect()
}

/// Lets a moment pass; which it is then.
fn later(world: &World) -> DateTime<Utc> {
    world.clock.advance(TimeDelta::seconds(1));
    world.ctx.clock.now()
}

/// Checks that only these changed since, and came to the end of the order of the changes.
async fn only(world: &World, from: DateTime<Utc>, names: &[&str]) {
    let all = listed(world, ChangedWithin::default(), ContactOrder::ChangedAsc).await;
    assert_eq!(all[all.len() - names.len()..], *names);
    for order in [ContactOrder::ChangedAsc, ContactOrder::NameAsc] {
        assert_eq!(listed(world, since(from), order).await, names, "{order:?}");
    }
    let before = ChangedWithin {
        from: None,
        until: Some(from),
    };
    let others = listed(world, before, ContactOrder::ChangedDesc).await;
    assert_eq!(others.len() + names.len(), all.len());
}

async fn people(world: &World) -> Vec<ContactId> {
    let mut people = Vec::new();
    for number in 0..4 {
        let made = person(world, &format!("p{number}"), ProfileChanges::default()).await;
        people.push(made.id);
    }
    people
}

#[test]
fn whatever_is_shown_with_contacts_counts_as_a_change_of_theirs() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let ids = people(&world).await;
        let plan = define(&world, SubjectKind::Contact, "plan", AttributeType::Text).await;
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        assert_eq!(
            listed(&world, ChangedWithin::default(), ContactOrder::ChangedAsc).await,
            ["p0", "p1", "p2", "p3"]
        );

        let from = later(&world);
        let value = Setting {
            attribute: plan,
            value: Some(Value::Text("pro".to_owned())),
        };
        attribute::set(ctx, owner, ids[1].into(), &["contactId"], vec![value])
            .await
            .unwrap();
        only(&world, from, &["p1"]).await;

        let from = later(&world);
        let tagged = [Request::contact(ids[0], vip)];
        tagging::tag_many(ctx, owner, &tagged, "").await.unwrap();
        only(&world, from, &["p0"]).await;

        let from = later(&world);
        let until = NewTaggings {
            things: vec![(TagTarget::Contact, ids[0].uuid())],
            tags: vec![vip],
            expires_at: Some(from + TimeDelta::days(30)),
            ..NewTaggings::default()
        };
        let done = tagging::tag_things(ctx, owner, until).await.unwrap();
        assert_eq!((done.added, done.renewed), (0, 1));
        only(&world, from, &["p0"]).await;

        let from = later(&world);
        let profile = ProfileChanges {
            stage: Some(NewStage {
                stage: Some(LifecycleStage::Customer),
                reason: String::new(),
            }),
            owner: Some(Some(owner.member)),
            ..ProfileChanges::default()
        };
        let changes = ContactChanges {
            profile,
            ..ContactChanges::default()
        };
        contact::update(ctx, owner, ids[2], changes).await.unwrap();
        only(&world, from, &["p2"]).await;

        let from = later(&world);
        let number = Given {
            kind: IdentityKind::Phone,
            value: "+81 3-1234-5678".to_owned(),
        };
        identity::attach(ctx, owner, ids[1], &number).await.unwrap();
        only(&world, from, &["p1"]).await;

        // What is written about somebody is a thing of its own.
        let from = later(&world);
        note::add(ctx, owner, ids[3].into(), &["contactId"], "Called")
            .await
            .unwrap();
        only(&world, from, &[]).await;

        let from = later(&world);
        merge::merge(ctx, owner, ids[0], ids[3], "").await.unwrap();
        only(&world, from, &["p0"]).await;

        erase::erase(ctx, owner, ids[1]).await.unwrap();
        world.drain().await;
        let left: Option<i64> =
            Query::new("SELECT COUNT(*) FROM latest_change WHERE subject_id = $1")
                .bind(ids[1])
                .scalar(ctx.reader())
                .await
                .unwrap();
        assert_eq!(left, Some(0));
        world
    });
}

#[test]
fn who_goes_on_behind_a_cursor_misses_nothing_although_the_clock_stands_still() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let ids = people(&world).await;
        let mut page = PageRequest::first(3);
        let mut seen: Vec<String> = Vec::new();
        // The last of them first, so that ids do not help.
        for place in [3, 1, 2, 0, 0] {
            world.drain().await;
            loop {
                let (filter, order) = (ContactFilter::default(), ContactOrder::ChangedAsc);
                let found = contact::list(ctx, owner.workspace, filter, order, &page).await;
                let found = found.unwrap();
                if let Some((cursor, _)) = found.rows.last() {
                    page.after = Some(cursor.clone());
                }
                let more = found.has_next;
                seen.extend(found.rows.into_iter().map(|(_, one)| one.name));
                if !more {
                    break;
                }
            }
            let changes = ContactChanges {
                name: Some(format!("q{place} {}", seen.len())),
                ..ContactChanges::default()
            };
            contact::update(ctx, owner, ids[place], changes)
                .await
                .unwrap();
        }
        let expected = ["p0", "p1", "p2", "p3", "q3 4", "q1 5", "q2 6", "q0 7"];
        assert_eq!(seen, expected);
        world
    });
}

#[test]
fn accounts_are_found_by_when_they_were_made_and_changed() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut moments = Vec::new();
        let mut ids = Vec::new();
        for name in ["a0", "a1", "a2"] {
            moments.push(later(&world));
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            ids.push(account::create(ctx, owner, new).await.unwrap().id);
        }
        world.drain().await;
        let changed_from = later(&world);
        let changes = AccountChanges {
            details: DetailChanges {
                description: Some(Some("Makes anvils".to_owned())),
                ..DetailChanges::default()
            },
            ..AccountChanges::default()
        };
        account::update(ctx, owner, ids[0], changes).await.unwrap();
        world.drain().await;
        let made = AccountFilter {
            created_from: Some(moments[1]),
            created_until: Some(moments[2]),
            ..AccountFilter::default()
        };
        let changed = AccountFilter {
            changed: since(changed_from),
            ..AccountFilter::default()
        };
        for (filter, order, expected) in [
            (
                &AccountFilter::default(),
                AccountOrder::ChangedDesc,
                "a0a2a1",
            ),
            (
                &AccountFilter::default(),
                AccountOrder::ChangedAsc,
                "a1a2a0",
            ),
            (&made, AccountOrder::NameAsc, "a1"),
            (&changed, AccountOrder::NameAsc, "a0"),
            (&changed, AccountOrder::ChangedAsc, "a0"),
        ] {
            let mut page = PageRequest::first(1);
            let mut names = String::new();
            loop {
                let found = account::list(ctx, owner.workspace, filter, order, &page).await;
                let found = found.unwrap();
                page.after = found.rows.last().map(|(cursor, _)| cursor.clone());
                let more = found.has_next;
                names.extend(found.rows.into_iter().map(|(_, one)| one.name));
                if !more {
                    break;
                }
            }
            assert_eq!(names, expected, "{filter:?} {order:?}");
        }
        world
    });
}
