//! Items about one contact, a thousand in a call, and calls at once.

use domain::{
    attribute::{self, Value},
    upsert::{self, AccountItem, AttributeItem, ContactItem, Outcome as O, TagRef, Upserted},
    work::change::Fact,
};
use entity::{
    id::{ContactId, TagId},
    kind::{AttributeType, ContactField, SubjectKind},
};
use futures::future::join_all;

use super::{accounts, carried, contacts, count, item, known, outcomes, tags};
use crate::{
    people::{define, facts},
    support::on_both,
};

#[test]
fn items_about_one_contact_follow_each_other() {
    on_both(|world| async move {
        let [one, two, vip] = tags(&world).await;
        define(&world, SubjectKind::Contact, "plan", AttributeType::Text).await;
        let turn = |name: &str, plan: &str, tag: TagId| {
            let mut turn = item("crm-1", "", name);
            turn.common.attributes = vec![AttributeItem {
                key: "plan".to_owned(),
                value: Some(Value::Text(plan.to_owned())),
            }];
            turn.common.tags = vec![TagRef::Id(tag), TagRef::Id(vip)];
            turn
        };
        let done = contacts(
            &world,
            vec![
                turn("First", "free", one),
                turn("First", "free", one),
                turn("Second", "paid", two),
                item("", "late@customer.example", "Stranger"),
                // Who was two people before this item is two people after it.
                item("crm-1", "late@customer.example", "Both"),
                item("crm-1", "known@customer.example", ""),
                item("", "known@customer.example", "Third"),
            ],
        )
        .await;
        let expected = [
            O::Created,
            O::Unchanged,
            O::Updated,
            O::Created,
            O::Conflict,
            O::Updated,
            O::Updated,
        ];
        assert_eq!(outcomes(&done), expected, "{done:?}");
        let now = known(&world, "crm-1").await;
        assert_eq!(now.name, "Third");
        assert_eq!(done[6].id, Some(now.id));
        let mut expected = vec![two, vip];
        expected.sort();
        assert_eq!(carried(&world, now.id.0).await, expected);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let values = attribute::load(ctx, workspace, &[now.id.0]).await.unwrap();
        assert_eq!(values[0].text.as_deref(), Some("paid"));
        world
    });
}

#[test]
fn a_thousand_are_taken_at_once_and_again() {
    on_both(|world| async move {
        let many = |name: &str| -> Vec<ContactItem> {
            let items = (0..upsert::MAX_ITEMS).map(|n| {
                let email = format!("p{n}@customer.example");
                item(&format!("crm-{n}"), &email, &format!("{name} {n}"))
            });
            items.collect()
        };
        let all = |done: &[Upserted<ContactId>], outcome: O| {
            assert_eq!(done.len(), upsert::MAX_ITEMS);
            assert!(done.iter().all(|one| one.outcome == outcome), "{outcome:?}");
        };
        let first = contacts(&world, many("Name")).await;
        all(&first, O::Created);
        let again = contacts(&world, many("Name")).await;
        all(&again, O::Unchanged);
        let ids =
            |done: &[Upserted<ContactId>]| -> Vec<_> { done.iter().map(|one| one.id).collect() };
        assert_eq!(ids(&first), ids(&again));
        all(&contacts(&world, many("Other")).await, O::Updated);
        assert_eq!(count(&world, "contact").await, 1_000);
        assert_eq!(known(&world, "crm-999").await.name, "Other 999");
        let told = facts(&world).await;
        let made = told
            .iter()
            .filter(|fact| matches!(fact, Fact::ContactCreated { .. }));
        assert_eq!(made.count(), 1_000);
        let changed = told.iter().filter(|fact| {
            matches!(fact, Fact::ContactChanged { fields, .. } if *fields == [ContactField::Name])
        });
        assert_eq!(changed.count(), 1_000);
        world
    });
}

#[test]
fn of_several_calls_at_once_one_makes_each_contact_and_account() {
    on_both(|world| async move {
        for round in 0..4 {
            let people = |turn: usize| {
                let mut items: Vec<ContactItem> = (0..20)
                    .map(|n| {
                        let email = format!("p{round}-{n}@customer.example");
                        item(&format!("crm-{round}-{n}"), &email, "Name")
                    })
                    .collect();
                items.rotate_left(turn * 3);
                items
            };
            let companies = |turn: usize| {
                let mut items: Vec<AccountItem> = (0..20)
                    .map(|n| AccountItem {
                        external_id: Some(format!("crm-{round}-{n}")),
                        domain: Some(format!("c{round}-{n}.example")),
                        name: Some("Name".to_owned()),
                        ..AccountItem::default()
                    })
                    .collect();
                items.rotate_left(turn * 3);
                items
            };
            let done = join_all((0..6).map(|turn| contacts(&world, people(turn)))).await;
            let made = done.concat();
            let made = made.iter().filter(|one| one.outcome == O::Created);
            assert_eq!(made.count(), 20);
            let done = join_all((0..6).map(|turn| accounts(&world, companies(turn)))).await;
            let made = done.concat();
            assert!(made.iter().all(|one| one.id.is_some()), "{made:?}");
            let made = made.iter().filter(|one| one.outcome == O::Created);
            assert_eq!(made.count(), 20);
            assert_eq!(count(&world, "contact").await, 20 * (round + 1));
            assert_eq!(count(&world, "account").await, 20 * (round + 1));
        }
        world
    });
}
