//! Segments whose members are kept by hand.

use domain::{
    access::Origin,
    contact::{self, ContactFilter, NewContact, erase, merge},
    error::Error,
    segment::{
        self, Cause,
        fill::{self, Found},
        hand::{self, Things},
    },
};
use entity::id::{AccountId, ContactId};
use uuid::Uuid;

use super::{begun, history, holds, made, members, now, person, refusals, set, settle, tagged};
use crate::support::on_both;

fn contacts(contacts: &[ContactId]) -> Things {
    Things::Contacts(contacts.to_vec())
}

#[test]
fn members_are_put_in_and_taken_out_by_hand() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = begun(&world, "Guests", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        let put = hand::add(ctx, owner, id, &contacts(&[one, other, one]))
            .await
            .unwrap();
        assert_eq!((put.changed, put.unchanged), (2, 0));
        assert_eq!(put.segment.member_count, 2);
        let put = hand::add(ctx, owner, id, &contacts(&[one])).await.unwrap();
        assert_eq!((put.changed, put.unchanged), (0, 1));
        let taken = hand::remove(ctx, owner, id, &contacts(&[one]))
            .await
            .unwrap();
        assert_eq!(taken.changed, 1);
        settle(&world).await;
        holds(&world, id, &[other]).await;
        let origin = owner.origin();
        assert!(matches!(origin, Origin::Member { .. }));
        let moves = history(&world, id).await;
        assert_eq!(moves.len(), 3);
        assert!(moves.contains(&(one.0, false, Cause::Hand { origin })));
        let nobody = hand::add(ctx, owner, id, &contacts(&[one, Uuid::from_u128(9).into()])).await;
        assert_eq!(refusals(nobody), ["contactIds.1 NotFound"]);
        let account = Things::Accounts(vec![AccountId(one.0)]);
        let refused = hand::add(ctx, owner, id, &account).await;
        assert_eq!(refusals(refused), ["accountIds KindMismatch"]);
        let vip = world.tag(entity::kind::TagKind::Contact, "VIP", None).await;
        let condition = tagged(domain::condition::TagMode::Any, &[vip]);
        let live = made(&world, "VIPs", Some(condition)).await;
        let refused = hand::add(ctx, owner, live, &contacts(&[one])).await;
        assert_eq!(refusals(refused), ["id KindMismatch"]);
        world
    });
}

#[test]
fn members_come_from_lines_and_from_filters() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = begun(&world, "Guests", None).await;
        let mut people = Vec::new();
        for (name, email, external) in [
            ("A", Some("a@a.example"), None),
            ("B", None, Some("crm-2")),
            ("C", None, None),
        ] {
            let new = NewContact {
                name: name.to_owned(),
                email: email.map(str::to_owned),
                external_id: external.map(str::to_owned),
                ..NewContact::default()
            };
            people.push(contact::create(ctx, owner, new).await.unwrap().id);
        }
        let csv = format!(
            "email,name\nA@A.example,Somebody\ncrm-2\n{}\nnobody@a.example\na@a.example\n",
            people[2]
        );
        let put = hand::add_lines(ctx, owner, id, &csv).await.unwrap();
        assert_eq!((put.changed, put.unchanged), (3, 0));
        let skipped: Vec<_> = put.skipped.iter().map(|line| line.number).collect();
        assert_eq!(skipped, [5, 6]);
        holds(&world, id, &people).await;

        let all = begun(&world, "Everybody", None).await;
        let found = Found::Contacts(ContactFilter::default());
        fill::fill(ctx, owner, all, found).await.unwrap();
        settle(&world).await;
        holds(&world, all, &people).await;
        assert_eq!(history(&world, all).await.len(), 3);
        world
    });
}

#[test]
fn a_merge_takes_memberships_along_and_gives_them_back() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let guests = begun(&world, "Guests", None).await;
        let speakers = begun(&world, "Speakers", None).await;
        let (one, double) = (person(&world, "One").await, person(&world, "Double").await);
        hand::add(ctx, owner, guests, &contacts(&[double]))
            .await
            .unwrap();
        hand::add(ctx, owner, speakers, &contacts(&[one, double]))
            .await
            .unwrap();
        settle(&world).await;
        let merged = merge::merge(ctx, owner, one, double, "").await.unwrap();
        settle(&world).await;
        holds(&world, guests, &[one]).await;
        holds(&world, speakers, &[one]).await;
        let put = hand::add(ctx, owner, guests, &contacts(&[one, double])).await;
        let Err(Error::Refused(errors)) = &put else {
            panic!("{put:?}");
        };
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].path, ["contactIds", "1"]);
        let survivor = format!("Name that one: {one}.");
        assert!(errors[0].message.contains(&survivor), "{errors:?}");
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        settle(&world).await;
        holds(&world, guests, &[double]).await;
        holds(&world, speakers, &[one, double]).await;
        world
    });
}

#[test]
fn whoever_is_merged_or_erased_is_in_no_live_segment() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(entity::kind::TagKind::Contact, "VIP", None).await;
        let (one, double) = (person(&world, "One").await, person(&world, "Double").await);
        super::put(&world, double, vip).await;
        let condition = tagged(domain::condition::TagMode::Any, &[vip]);
        let id = made(&world, "VIPs", Some(condition)).await;
        let guests = begun(&world, "Guests", None).await;
        hand::add(ctx, owner, guests, &contacts(&[one]))
            .await
            .unwrap();
        holds(&world, id, &[double]).await;
        let merged = merge::merge(ctx, owner, one, double, "").await.unwrap();
        settle(&world).await;
        holds(&world, id, &[one]).await;
        merge::unmerge(ctx, owner, merged.id).await.unwrap();
        settle(&world).await;
        holds(&world, id, &[double]).await;
        erase::erase(ctx, owner, double).await.unwrap();
        erase::erase(ctx, owner, one).await.unwrap();
        holds(&world, id, &[]).await;
        holds(&world, guests, &[]).await;
        settle(&world).await;
        assert!(history(&world, guests).await.is_empty());
        world
    });
}

#[test]
fn a_segment_is_deleted_with_its_members() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = begun(&world, "Guests", None).await;
        let one = person(&world, "One").await;
        hand::add(ctx, owner, id, &contacts(&[one])).await.unwrap();
        assert_eq!(members(&world, id).await, set(&[one]));
        segment::delete(ctx, owner, id).await.unwrap();
        let memberships = segment::memberships(ctx, owner.workspace, &[one.0]).await;
        assert!(memberships.unwrap().is_empty());
        settle(&world).await;
        let left: Option<i64> = domain::store::Query::new("SELECT COUNT(*) FROM segment_member")
            .scalar(ctx.reader())
            .await
            .unwrap();
        assert_eq!(left, Some(0));
        let again = segment::delete(ctx, owner, id).await;
        assert_eq!(refusals(again), ["id NotFound"]);
        // The name is free again.
        let anew = begun(&world, "Guests", None).await;
        assert_eq!(now(&world, anew).await.member_count, 0);
        world
    });
}
