//! Live segments: filled, and kept up to date.

use std::collections::BTreeSet;

use domain::{
    access::Origin,
    condition::TagMode,
    contact::{self, ContactFilter, ContactOrder},
    page::PageRequest,
    segment::{self, Cause, Changes, Filter, preview},
    store::{Query, Rows},
    work::change::{self, Fact, Position},
};
use entity::{
    id::{ContactId, SegmentId},
    kind::{SegmentState, SegmentSubject, SubjectKind, TagKind},
};

use super::{
    begun, build, history, holds, made, members, new, now, person, put, refusals, set, settle,
    tagged, take,
};
use crate::support::{World, on_both};

#[test]
fn a_new_segment_is_filled_and_follows_each_change() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, vip).await;
        let id = begun(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        let begun = now(&world, id).await;
        assert_eq!(begun.state, SegmentState::Building);
        assert!(begun.operation_id.is_some());
        settle(&world).await;
        holds(&world, id, &[one]).await;
        assert!(
            history(&world, id).await.is_empty(),
            "filling it is no news"
        );

        put(&world, other, vip).await;
        take(&world, one, vip).await;
        world.drain().await;
        holds(&world, id, &[other]).await;
        let moves = history(&world, id).await;
        let told: Vec<_> = moves
            .iter()
            .map(|(who, entered, _)| (*who, *entered))
            .collect();
        let told: BTreeSet<_> = told.into_iter().collect();
        assert_eq!(told, BTreeSet::from([(other.0, true), (one.0, false)]));
        for (_, entered, cause) in &moves {
            let Cause::Change { fact, origin, .. } = cause else {
                panic!("{cause:?}");
            };
            let expected = if *entered {
                "tagging.added"
            } else {
                "tagging.removed"
            };
            assert_eq!(fact, expected);
            assert!(matches!(origin, Origin::Member { .. }));
        }
        let log = log_of(&world, id).await;
        assert_eq!(
            log,
            BTreeSet::from([("segment.entered", other.0), ("segment.left", one.0),])
        );
        world
    });
}

/// Who came and went, as the change log tells it.
async fn log_of(world: &World, id: SegmentId) -> BTreeSet<(&'static str, uuid::Uuid)> {
    let (reader, workspace) = (world.ctx.reader(), world.owner.workspace);
    let read = change::read(reader, workspace, Position::default(), 10_000).await;
    let entries = read.expect("the log").into_iter().flatten();
    entries
        .filter_map(|entry| match entry.fact {
            Fact::SegmentEntered {
                segment_id,
                subject: SubjectKind::Contact,
                subject_id,
            } if segment_id == id => {
                assert_eq!(entry.contact.map(|contact| contact.0), Some(subject_id));
                Some(("segment.entered", subject_id))
            }
            Fact::SegmentLeft {
                segment_id,
                subject: SubjectKind::Contact,
                subject_id,
            } if segment_id == id => Some(("segment.left", subject_id)),
            _ => None,
        })
        .collect()
}

#[test]
fn what_changes_before_during_and_after_the_filling_is_not_lost() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let mut people = Vec::new();
        for name in ["A", "B", "C", "D"] {
            people.push(person(&world, name).await);
        }
        put(&world, people[0], vip).await;
        let id = begun(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        // Seen by the projection before the filling has ended.
        put(&world, people[1], vip).await;
        world.drain().await;
        assert!(members(&world, id).await.is_superset(&set(&people[1..2])));
        // Seen by the filling, if it is still to come, before the projection.
        put(&world, people[2], vip).await;
        take(&world, people[0], vip).await;
        build(&world).await;
        world.drain().await;
        holds(&world, id, &people[1..3]).await;
        put(&world, people[3], vip).await;
        world.drain().await;
        holds(&world, id, &people[1..4]).await;
        let moves = history(&world, id).await;
        let last = moves
            .iter()
            .filter(|(subject, _, _)| *subject == people[3].0);
        assert_eq!(last.count(), 1);
        world
    });
}

#[test]
fn without_a_tag_means_without_any_of_them_and_new_people_are_in_at_once() {
    on_both(|world| async move {
        let parent = world.tag(TagKind::Contact, "Customer", None).await;
        let child = world.tag(TagKind::Contact, "Trial", Some(parent)).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, child).await;
        let id = made(&world, "Nobody yet", Some(tagged(TagMode::None, &[parent]))).await;
        holds(&world, id, &[other]).await;
        let third = person(&world, "Third").await;
        world.drain().await;
        holds(&world, id, &[other, third]).await;
        put(&world, third, child).await;
        world.drain().await;
        holds(&world, id, &[other]).await;
        world
    });
}

#[test]
fn another_condition_lets_in_and_out_with_that_as_the_cause() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, vip).await;
        put(&world, other, hot).await;
        let id = made(&world, "Some", Some(tagged(TagMode::Any, &[vip]))).await;
        let changes = Changes {
            condition: Some(tagged(TagMode::Any, &[hot])),
            ..Changes::default()
        };
        let changed = segment::update(ctx, owner, id, changes.clone())
            .await
            .unwrap();
        assert_eq!(
            (changed.version, changed.state),
            (2, SegmentState::Building)
        );
        settle(&world).await;
        holds(&world, id, &[other]).await;
        let origin = owner.origin();
        let cause = Cause::Condition { origin, version: 2 };
        let moves = history(&world, id).await;
        assert_eq!(moves.len(), 2);
        assert!(moves.contains(&(one.0, false, cause.clone())), "{moves:?}");
        assert!(moves.contains(&(other.0, true, cause)), "{moves:?}");
        assert_eq!(log_of(&world, id).await.len(), 2);
        // The same condition again changes nothing, and neither does a name.
        let again = Changes {
            name: Some("Others".to_owned()),
            ..changes
        };
        let again = segment::update(ctx, owner, id, again).await.unwrap();
        assert_eq!((again.version, again.state), (2, SegmentState::Live));
        assert_eq!(again.name, "Others");
        world
    });
}

#[test]
fn evaluating_anew_what_is_right_changes_nothing() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let one = person(&world, "One").await;
        let id = made(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        put(&world, one, vip).await;
        settle(&world).await;
        let before = history(&world, id).await;
        let asked = segment::rebuild(&world.ctx, &world.owner, id)
            .await
            .unwrap();
        let operation = asked.operation_id.expect("an operation");
        settle(&world).await;
        holds(&world, id, &[one]).await;
        assert_eq!(history(&world, id).await, before);
        let done = domain::operation::find(&world.ctx, world.owner.workspace, operation).await;
        let done = done.unwrap().unwrap();
        assert_eq!((done.total, done.done), (Some(1), 1));
        let cancelled = domain::operation::cancel(&world.ctx, &world.owner, operation).await;
        assert_eq!(refusals(cancelled), ["id Invalid"]);
        world
    });
}

#[test]
fn what_cannot_be_a_segment_is_refused_with_the_place() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let good = tagged(TagMode::Any, &[vip]);
        made(&world, "VIPs", Some(good.clone())).await;
        let create = async |name: &str, condition| {
            refusals(segment::create(ctx, owner, new(name, Some(condition))).await)
        };
        assert_eq!(create("ＶＩＰＳ", good.clone()).await, ["name Taken"]);
        assert_eq!(create("  ", good.clone()).await, ["name Required"]);
        let nobodys = tagged(TagMode::Any, &[uuid::Uuid::from_u128(5).into()]);
        let refused = create("A", nobodys).await;
        assert_eq!(refused, ["condition.contactTags.tagIds.0 NotFound"]);
        let other_kind = tagged(TagMode::Any, &[topic]);
        let refused = create("A", other_kind).await;
        assert_eq!(refused, ["condition.contactTags.tagIds.0 KindMismatch"]);
        let words = crate::support::engine::words(&["hello"]);
        let refused = create("A", words).await;
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].starts_with("condition.keywords"), "{refused:?}");
        let by_hand = made(&world, "By hand", None).await;
        let changes = Changes {
            condition: Some(good),
            ..Changes::default()
        };
        let refused = segment::update(ctx, owner, by_hand, changes).await;
        assert_eq!(refusals(refused), ["condition KindMismatch"]);
        let refused = segment::rebuild(ctx, owner, by_hand).await;
        assert_eq!(refusals(refused), ["id KindMismatch"]);
        world
    });
}

#[test]
fn a_condition_is_tried_out_before_it_is_saved() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let (one, other) = (person(&world, "One").await, person(&world, "Other").await);
        put(&world, one, vip).await;
        put(&world, other, vip).await;
        person(&world, "Third").await;
        let condition = tagged(TagMode::Any, &[vip]);
        let found = preview::preview(ctx, owner, SegmentSubject::Contact, &condition).await;
        let found = found.unwrap();
        assert_eq!((found.count, found.population, found.evaluated), (2, 3, 3));
        assert!(found.is_exact);
        assert_eq!(
            found.sample.iter().copied().collect::<BTreeSet<_>>(),
            set(&[one, other])
        );
        let refused = preview::preview(ctx, owner, SegmentSubject::Account, &condition).await;
        assert_eq!(refusals(refused), ["condition.contactTags Invalid"]);
        world
    });
}

#[test]
fn of_very_many_an_even_part_is_tried() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let tx = world.ctx.begin(world.owner.workspace).await.unwrap();
        let ids: Vec<ContactId> = (0..=preview::MAX_EVALUATED).map(|_| tx.id()).collect();
        Query::new(
            "INSERT INTO contact (workspace_id, id, name, name_key, created_at, updated_at)
             SELECT $1, r.id, '', '', $2, $2 FROM {r}",
        )
        .bind(tx.workspace)
        .bind(tx.now)
        .rows("r", Rows::new().ids("id", ids.iter().copied()))
        .execute(tx.connection())
        .await
        .unwrap();
        tx.commit().await.unwrap();
        let (ctx, owner) = (&world.ctx, &world.owner);
        let condition = tagged(TagMode::None, &[vip]);
        let found = preview::preview(ctx, owner, SegmentSubject::Contact, &condition).await;
        let found = found.unwrap();
        assert!(!found.is_exact);
        assert_eq!(found.evaluated, 10_000);
        assert_eq!((found.count, found.population), (20_000, 20_001));
        assert_eq!(found.sample.len(), preview::SAMPLE);
        world
    });
}

#[test]
fn lists_of_contacts_are_filtered_by_segments() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let mut people = Vec::new();
        for name in ["A", "B", "C", "D"] {
            people.push(person(&world, name).await);
        }
        put(&world, people[0], vip).await;
        put(&world, people[2], vip).await;
        let id = made(&world, "VIPs", Some(tagged(TagMode::Any, &[vip]))).await;
        let list = async |filter: Filter, order, size| {
            let filter = ContactFilter {
                segments: filter,
                ..ContactFilter::default()
            };
            let asked = PageRequest::first(size);
            let page = contact::list(ctx, workspace, filter, order, &asked)
                .await
                .unwrap();
            let total = page.total.count(ctx).await.unwrap();
            let names: Vec<_> = page.rows.iter().map(|(_, one)| one.name.clone()).collect();
            (names.concat(), total)
        };
        let one = || Filter {
            any: vec![id],
            ..Filter::default()
        };
        let by_name = list(one(), ContactOrder::NameDesc, 10).await;
        assert_eq!(by_name, ("CA".to_owned(), 2));
        let first = list(one(), ContactOrder::CreatedAsc, 1).await;
        assert_eq!(first.1, 2);
        let all = list(one(), ContactOrder::CreatedDesc, 10).await;
        assert_eq!(all.0.len(), 2);
        let none = Filter {
            none: vec![id],
            ..Filter::default()
        };
        let others = list(none, ContactOrder::NameAsc, 10).await;
        assert_eq!(others, ("BD".to_owned(), 2));
        world
    });
}
