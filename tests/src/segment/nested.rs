//! Segments made of segments, of what is known of the account, and of time.

use std::collections::BTreeSet;

use chrono::{DurationRound as _, TimeDelta};
use domain::{
    account::{self, NewAccount},
    condition::{
        AccountTags, Condition, ContactFields, Mode, Ref, Segments, TagMode, TagTest, TimeTest,
        Whose,
    },
    contact::{self, NewContact},
    event,
    segment::{self, About, Cause, Changes, clock::SegmentClock, uses},
    tag::{NewTaggings, tagging},
    work::schedule,
};
use entity::{
    id::SegmentId,
    kind::{SegmentState, SegmentSubject, TagKind, TagTarget},
};

use super::{
    begun, build, clock, history, holds, made, members, new, now, person, put, refusals, settle,
    tagged, take,
};
use crate::support::on_both;

/// A condition on being in a segment.
fn within(mode: Mode, segment: SegmentId) -> Condition {
    Condition::Segments(Segments {
        of: Whose::Contact,
        mode,
        segment_ids: vec![Ref::new(segment)],
        since: None,
    })
}

#[test]
fn a_segment_of_segments_follows_them() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, vip).await;
        let inner = begun(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        // Made before what it is made of is filled.
        let both = Condition::All(vec![
            within(Mode::Any, inner),
            tagged(TagMode::None, &[hot]),
        ]);
        let outer = begun(&world, "Cool VIPs", Some(both)).await;
        let outermost = begun(&world, "Not cool VIPs", Some(within(Mode::None, outer))).await;
        settle(&world).await;
        holds(&world, outer, &[one]).await;
        holds(&world, outermost, &[other]).await;
        assert!(history(&world, outer).await.is_empty());
        assert!(history(&world, outermost).await.is_empty());

        put(&world, other, vip).await;
        settle(&world).await;
        holds(&world, outer, &[one, other]).await;
        holds(&world, outermost, &[]).await;
        let moves = history(&world, outer).await;
        assert!(
            matches!(&moves[0].2, Cause::Change { fact, depth: 1, .. } if fact == "segment.entered"),
            "{moves:?}"
        );
        // The segment it is made of, and the tag by which that was entered.
        for (segment, expected) in [(outer, About::Segment(inner)), (inner, About::Tag(vip))] {
            let moves = history(&world, segment).await;
            let Cause::Change { about, .. } = &moves[0].2 else {
                panic!("{moves:?}");
            };
            assert_eq!(about.as_ref(), Some(&expected));
        }
        take(&world, one, vip).await;
        settle(&world).await;
        holds(&world, outer, &[other]).await;
        holds(&world, outermost, &[one]).await;
        world
    });
}

#[test]
fn circles_are_refused_and_what_is_used_stays() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let inner = made(&world, "Inner", Some(tagged(TagMode::Any, &[vip]))).await;
        let middle = made(&world, "Middle", Some(within(Mode::Any, inner))).await;
        let outer = made(&world, "Outer", Some(within(Mode::None, middle))).await;
        for (of, named) in [(inner, outer), (inner, inner), (middle, outer)] {
            let changes = Changes {
                condition: Some(within(Mode::Any, named)),
                ..Changes::default()
            };
            let refused = segment::update(ctx, owner, of, changes).await;
            assert_eq!(refusals(refused), ["condition Cycle"]);
        }
        let found = uses::list(ctx, owner.workspace, inner).await.unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.kind, one.name.as_str()))
            .collect();
        assert_eq!(found, [(uses::UseKind::Segment, "Middle")]);
        let refused = segment::delete(ctx, owner, inner).await;
        assert_eq!(refusals(refused), ["id InUse"]);
        for id in [outer, middle, inner] {
            segment::delete(ctx, owner, id).await.unwrap();
        }
        settle(&world).await;
        world
    });
}

#[test]
fn time_alone_lets_in_and_out() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let one = person(&world, "One").await;
        let created = TimeTest {
            more_than_days_ago: Some(30.into()),
            ..TimeTest::default()
        };
        let known = Condition::Contact(Box::new(ContactFields {
            created: Some(created),
            ..ContactFields::default()
        }));
        let id = made(&world, "Known for long", Some(known)).await;
        holds(&world, id, &[]).await;
        world.clock.advance(TimeDelta::days(31));
        let tick = ctx.clock.now().duration_trunc(TimeDelta::hours(1)).unwrap();
        assert!(
            schedule::run_tick(ctx, &SegmentClock, workspace, tick)
                .await
                .unwrap()
        );
        settle(&world).await;
        holds(&world, id, &[one]).await;
        assert_eq!(history(&world, id).await, [(one.0, true, Cause::Time)]);
        world
    });
}

#[test]
fn who_stays_in_a_segment_for_long_comes_into_another() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, vip).await;
        let vips = made(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        let since = TimeTest {
            more_than_days_ago: Some(14.into()),
            ..TimeTest::default()
        };
        let for_long = Condition::Segments(Segments {
            segment_ids: vec![Ref::new(vips)],
            since: Some(since),
            ..Segments::default()
        });
        let faithful = made(&world, "Faithful", Some(for_long)).await;
        holds(&world, faithful, &[]).await;
        world.clock.advance(TimeDelta::days(10));
        put(&world, other, vip).await;
        settle(&world).await;
        world.clock.advance(TimeDelta::days(5));
        clock::tick(&world).await;
        holds(&world, faithful, &[one]).await;
        assert_eq!(
            history(&world, faithful).await,
            [(one.0, true, Cause::Time)]
        );

        // Who goes and comes back begins anew.
        take(&world, one, vip).await;
        settle(&world).await;
        holds(&world, faithful, &[]).await;
        put(&world, one, vip).await;
        settle(&world).await;
        world.clock.advance(TimeDelta::days(10));
        clock::tick(&world).await;
        holds(&world, faithful, &[other]).await;
        world
    });
}

#[test]
fn what_happens_to_an_account_concerns_it_and_its_people() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let new_account = NewAccount {
            name: "Acme".to_owned(),
            ..NewAccount::default()
        };
        let acme = account::create(ctx, owner, new_account).await.unwrap().id;
        let employee = NewContact {
            name: "Employee".to_owned(),
            account: Some(acme),
            ..NewContact::default()
        };
        let employee = contact::create(ctx, owner, employee).await.unwrap().id;
        person(&world, "Somebody else").await;
        let at_vips = || {
            Condition::AccountTags(AccountTags(TagTest {
                mode: TagMode::Any,
                tag_ids: vec![vip.0],
                with_descendants: true,
            }))
        };
        let people = made(&world, "People at VIPs", Some(at_vips())).await;
        let accounts = segment::NewSegment {
            subject: SegmentSubject::Account,
            ..new("VIP accounts", Some(at_vips()))
        };
        let accounts = segment::create(ctx, owner, accounts).await.unwrap().id;
        settle(&world).await;
        holds(&world, people, &[]).await;
        let tag = NewTaggings {
            things: vec![(TagTarget::Account, acme.0)],
            tags: vec![vip],
            ..NewTaggings::default()
        };
        tagging::tag_things(ctx, owner, tag).await.unwrap();
        settle(&world).await;
        holds(&world, people, &[employee]).await;
        assert_eq!(members(&world, accounts).await, BTreeSet::from([acme.0]));
        assert_eq!(now(&world, accounts).await.state, SegmentState::Live);
        assert_eq!(build(&world).await, 0);
        world
    });
}

#[test]
fn whoever_changes_accounts_leaves_nothing_behind_at_the_former_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut accounts = Vec::new();
        for name in ["Acme", "Other"] {
            let new = NewAccount {
                name: name.to_owned(),
                ..NewAccount::default()
            };
            accounts.push(account::create(ctx, owner, new).await.unwrap().id);
        }
        let employee = NewContact {
            name: "Employee".to_owned(),
            email: Some("employee@customer.example".to_owned()),
            account: Some(accounts[0]),
            ..NewContact::default()
        };
        let employee = contact::create(ctx, owner, employee).await.unwrap().id;
        let event = event::NewEvent {
            external_id: "1".to_owned(),
            whose: "employee@customer.example".to_owned().into(),
            name: "donated".to_owned(),
            properties: serde_json::json!({}),
            occurred_at: ctx.clock.now(),
        };
        event::ingest(ctx, owner, vec![event]).await.unwrap();
        let donors = serde_json::json!({"events": {"of": "ACCOUNT", "names": ["donated"]}});
        let donors = segment::NewSegment {
            subject: SegmentSubject::Account,
            ..new("Donors", Some(serde_json::from_value(donors).unwrap()))
        };
        let donors = segment::create(ctx, owner, donors).await.unwrap().id;
        settle(&world).await;
        assert_eq!(
            members(&world, donors).await,
            BTreeSet::from([accounts[0].0])
        );
        let changes = contact::ContactChanges {
            account: Some(Some(accounts[1])),
            ..contact::ContactChanges::default()
        };
        contact::update(ctx, owner, employee, changes)
            .await
            .unwrap();
        world.drain().await;
        assert_eq!(
            members(&world, donors).await,
            BTreeSet::from([accounts[1].0])
        );
        world
    });
}
