//! Random acts in random order: the derived tables are right after each, and filters are set logic,
//! now and at every moment before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    contact::ContactFilter,
    store::Query,
    tag::{
        Place, Request, TagFilter, catalogue,
        tagging::{self, NewBulk, Which},
    },
};
use entity::id::{ContactId, Id as _, TagId};
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use sea_orm::FromQueryResult;

use super::{
    recount::assert_recounted,
    steps::{active_tags, expire, finish, listed, people, put, single_group, tag},
};
use crate::support::{
    World,
    engine::{tag_contact, words},
    on_both,
};

/// What may happen to taggings; numbers choose among the contacts, tags and rules there are.
#[derive(Debug, Clone)]
enum Act {
    Put(Vec<(usize, usize)>, Option<i64>),
    TakeOff(Vec<(usize, usize)>),
    Rule(usize, usize),
    Move(usize, usize),
    Everybody(usize),
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let pairs = || proptest::collection::vec((0..5_usize, 0..7_usize), 1..5);
    prop_oneof![
        4 => (pairs(), proptest::option::weighted(0.3, 1..20_i64)).prop_map(|(pairs, end)| Act::Put(pairs, end)),
        3 => pairs().prop_map(Act::TakeOff),
        2 => (0..5_usize, 0..3_usize).prop_map(|(who, rule)| Act::Rule(who, rule)),
        1 => (4..7_usize, proptest::sample::select(vec![0_usize, 4, 5, 6, 7]))
            .prop_map(|(tag, to)| Act::Move(tag, to)),
        1 => (0..7_usize).prop_map(Act::Everybody),
        2 => (1..15_i64).prop_map(Act::Wait),
    ]
}

type Carried = BTreeMap<ContactId, BTreeSet<TagId>>;

async fn carried(world: &World, who: &[ContactId]) -> Carried {
    let mut carried = Carried::new();
    for &who in who {
        carried.insert(who, active_tags(world, who).await.into_iter().collect());
    }
    carried
}

#[derive(FromQueryResult)]
struct Link {
    tag_id: TagId,
    ancestor_id: TagId,
}

/// The filter as set logic, on what each contact carries.
fn holds(
    filter: &TagFilter,
    tags: &BTreeSet<TagId>,
    above: &[(TagId, TagId)],
    group: &[TagId],
) -> bool {
    let has = |wanted: &TagId| {
        tags.iter().any(|tag| {
            tag == wanted || (filter.with_descendants && above.contains(&(*tag, *wanted)))
        })
    };
    (filter.any.is_empty() || filter.any.iter().any(has))
        && filter.all.iter().all(has)
        && filter.any_of_each.iter().all(|each| each.iter().any(has))
        && !filter.none.iter().any(has)
        && (filter.group_empty.is_empty() || !group.iter().any(|value| tags.contains(value)))
        && filter
            .untagged
            .is_none_or(|untagged| untagged == tags.is_empty())
}

#[test]
fn whatever_happens_the_derived_tables_are_right_and_filters_are_set_logic_now_and_then() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 5).await;
        let root = tag(&world, "Root", None).await;
        let mut tags = vec![root];
        for (name, parent) in [
            ("A", 0),
            ("B", 0),
            ("BA", 2),
            ("F", 0),
            ("FA", 4),
            ("FAA", 5),
        ] {
            let made = tag(
                &world,
                name,
                (parent > 0 || name.len() == 1).then(|| tags[parent]),
            )
            .await;
            tags.push(made);
        }
        let values = [tags[1], tags[2], tags[3]];
        let group = single_group(&world, &values).await;
        for (rule, place) in [1, 2, 5].into_iter().enumerate() {
            let word = format!("word{rule}");
            world
                .rule(&word, words(&[&word]), vec![tag_contact(tags[place])])
                .await;
        }
        let mut runner = TestRunner::deterministic();
        let acts = proptest::collection::vec(act(), 40);
        let acts = acts.new_tree(&mut runner).unwrap().current();
        let mut moments: Vec<(DateTime<Utc>, Carried)> = Vec::new();
        for (number, act) in acts.into_iter().enumerate() {
            let pairs = |pairs: &[(usize, usize)]| -> Vec<Request> {
                let pairs = pairs.iter();
                pairs
                    .map(|&(w, t)| Request::contact(who[w], tags[t]))
                    .collect()
            };
            match &act {
                Act::Put(asked, end) => {
                    for one in pairs(asked) {
                        let end = end.map(|s| ctx.clock.now() + TimeDelta::seconds(s));
                        put(&world, ContactId(one.target_id), one.tag, end).await;
                    }
                }
                Act::TakeOff(asked) => {
                    tagging::untag_many(ctx, owner, &pairs(asked), "")
                        .await
                        .unwrap();
                }
                Act::Rule(w, rule) => {
                    let (id, email) = (format!("m{number}"), format!("p{w}@customer.example"));
                    world
                        .receive(&[(&id, &email, &format!("word{rule}"))])
                        .await;
                    world.drain().await;
                }
                Act::Move(t, to) => {
                    // Into its own subtree is refused, which is as good.
                    let parent = tags.get(*to).copied();
                    let place = Place {
                        parent,
                        group: None,
                    };
                    let moved = catalogue::move_to(ctx, owner, tags[*t], place, false);
                    moved.await.ok();
                }
                Act::Everybody(t) => {
                    let bulk = NewBulk {
                        which: Which::Contact(ContactFilter::default()),
                        add: vec![tags[*t]],
                        remove: Vec::new(),
                        reason: String::new(),
                        expires_at: None,
                        imagined: None,
                    };
                    let asked = tagging::tag_by_filter(ctx, owner, bulk, false)
                        .await
                        .unwrap();
                    finish(&world, &asked).await;
                }
                Act::Wait(seconds) => {
                    world.clock.advance(TimeDelta::seconds(*seconds));
                    expire(&world).await;
                }
            }
            assert_recounted(&world).await;
            let now = carried(&world, &who).await;
            for tags in now.values() {
                let held = values.iter().filter(|value| tags.contains(value)).count();
                assert!(held <= 1, "{act:?}");
            }
            moments.push((ctx.clock.now(), now));
            world.clock.advance(TimeDelta::milliseconds(10));
            expire(&world).await;
        }

        let links: Vec<Link> = Query::new("SELECT tag_id, ancestor_id FROM tag_closure")
            .all(ctx.db.writer())
            .await
            .unwrap();
        let above: Vec<_> = links
            .iter()
            .map(|link| (link.tag_id, link.ancestor_id))
            .collect();
        let some = || proptest::collection::vec(0..7_usize, 0..3);
        let filters = (
            some(),
            some(),
            some(),
            any::<bool>(),
            any::<bool>(),
            any::<Option<bool>>(),
            proptest::collection::vec(proptest::collection::vec(0..7_usize, 1..3), 0..3),
        );
        for round in 0..120 {
            let drawn = filters.new_tree(&mut runner).unwrap().current();
            let named = |places: &[usize]| -> Vec<TagId> {
                places.iter().map(|&place| tags[place]).collect()
            };
            // Now, or at one of the moments before.
            let (at, state) = if round % 2 == 0 {
                (None, carried(&world, &who).await)
            } else {
                let (at, state) = &moments[round % moments.len()];
                (Some(*at), state.clone())
            };
            let filter = TagFilter {
                any: named(&drawn.0),
                all: named(&drawn.1),
                any_of_each: drawn.6.iter().map(|places| named(places)).collect(),
                none: named(&drawn.2),
                with_descendants: drawn.3,
                group_empty: if drawn.4 { vec![group] } else { Vec::new() },
                untagged: drawn.5.filter(|_| round % 3 == 0),
                at,
            };
            let expected: BTreeSet<ContactId> = state
                .iter()
                .filter(|(_, tags)| holds(&filter, tags, &above, &values))
                .map(|(who, _)| *who)
                .collect();
            assert_eq!(
                listed(&world, filter.clone()).await,
                expected,
                "{filter:?} {state:?}"
            );
        }
        for (at, state) in moments {
            for (who, tags) in state {
                let found = tagging::load_at(ctx, owner.workspace, &[who.uuid()], at).await;
                let found: BTreeSet<_> = found.unwrap().iter().map(|one| one.tag_id).collect();
                assert_eq!(found, tags, "at {at}");
            }
        }
        world
    });
}
