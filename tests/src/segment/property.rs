//! Whatever happens, in whatever order it is seen: the members are those a full evaluation finds.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    condition::{Condition, Mode, Ref, Segments, TagMode, Whose},
    contact::merge,
    error::Error,
    operation,
    segment::{self, Changes, projection::SegmentProjection},
    tag::{Place, catalogue},
    work::projection,
};
use entity::{
    id::{ContactId, MergeId, SegmentId, TagId},
    kind::TagKind,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{begun, build, members, now, person, put, settle, tagged, take};
use crate::support::{World, on_both};

/// Contacts, tags and segments, and what happens to them.
struct Play {
    rng: StdRng,
    people: Vec<ContactId>,
    tags: Vec<TagId>,
    segments: Vec<SegmentId>,
    merges: Vec<MergeId>,
}

impl Play {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    fn condition(&mut self, depth: usize) -> Condition {
        if depth > 0 && self.rng.random_bool(0.4) {
            let one = self.condition(depth - 1);
            let other = Condition::Not(Box::new(self.condition(depth - 1)));
            return if self.rng.random_bool(0.5) {
                Condition::All(vec![one, other])
            } else {
                Condition::Any(vec![one, other])
            };
        }
        if depth > 0 && !self.segments.is_empty() && self.rng.random_bool(0.2) {
            return Condition::Segments(Segments {
                of: Whose::Contact,
                mode: self.pick(&[Mode::Any, Mode::None]),
                segment_ids: vec![Ref::new(self.pick(&self.segments.clone()))],
                since: None,
            });
        }
        let mode = self.pick(&[TagMode::Any, TagMode::All, TagMode::None]);
        let mut tags = BTreeSet::new();
        for _ in 0..self.rng.random_range(1..3) {
            tags.insert(self.pick(&self.tags.clone()));
        }
        tagged(mode, &Vec::from_iter(tags))
    }

    async fn step(&mut self, world: &World) {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let (person_id, tag) = (
            self.pick(&self.people.clone()),
            self.pick(&self.tags.clone()),
        );
        match self.rng.random_range(0..20) {
            0..8 => put_if_there(world, person_id, tag, true).await,
            8..12 => put_if_there(world, person_id, tag, false).await,
            12 => self.people.push(person(world, "New").await),
            13 => {
                let parent = self.pick(&self.tags.clone());
                let place = Place {
                    parent: (parent != tag && self.rng.random_bool(0.7)).then_some(parent),
                    group: None,
                };
                expect(catalogue::move_to(ctx, owner, tag, place, false).await);
            }
            14 => {
                let other = self.pick(&self.people.clone());
                let merged = expect(merge::merge(ctx, owner, person_id, other, "").await);
                self.merges.extend(merged.map(|merged| merged.id));
            }
            15 => {
                if let Some(last) = self.merges.pop() {
                    expect(merge::unmerge(ctx, owner, last).await);
                }
            }
            16 => {
                let id = self.pick(&self.segments.clone());
                let changes = Changes {
                    condition: Some(self.condition(2)),
                    ..Changes::default()
                };
                expect(segment::update(ctx, owner, id, changes).await);
            }
            17 => world.drain().await,
            18 => {
                build(world).await;
            }
            _ => {
                let name = format!("Segment {}", self.segments.len());
                let condition = self.condition(2);
                let new = super::new(&name, Some(condition));
                let made = expect(segment::create(ctx, owner, new).await);
                self.segments.extend(made.map(|made| made.id));
            }
        }
    }
}

/// What was done; a refusal is as good as nothing done.
fn expect<T>(result: domain::error::Result<T>) -> Option<T> {
    match result {
        Ok(done) => Some(done),
        Err(Error::Refused(_)) => None,
        Err(error) => panic!("{error:?}"),
    }
}

async fn put_if_there(world: &World, contact: ContactId, tag: TagId, wanted: bool) {
    let here = domain::contact::load(&world.ctx, world.owner.workspace, &[contact]).await;
    if here.expect("a look").is_empty() {
        return;
    }
    if wanted {
        put(world, contact, tag).await;
    } else {
        take(world, contact, tag).await;
    }
}

async fn play(world: &World, seed: u64) {
    let mut people = Vec::new();
    for place in 0..6 {
        people.push(person(world, &format!("Person {place}")).await);
    }
    let mut tags = Vec::new();
    for place in 0..4 {
        tags.push(
            world
                .tag(TagKind::Contact, &format!("Tag {place}"), None)
                .await,
        );
    }
    let mut play = Play {
        rng: StdRng::seed_from_u64(seed),
        people,
        tags,
        segments: Vec::new(),
        merges: Vec::new(),
    };
    for place in 0..3 {
        // A group may contradict itself, which is refused.
        let condition = play.condition(0);
        let id = begun(world, &format!("First {place}"), Some(condition)).await;
        play.segments.push(id);
    }
    for _ in 0..120 {
        play.step(world).await;
    }
    settle(world).await;
    let mut kept = BTreeMap::new();
    for &id in &play.segments {
        kept.insert(id, members(world, id).await);
    }
    // A full evaluation finds nothing to put in and nothing to take out.
    let (ctx, owner) = (&world.ctx, &world.owner);
    for &id in &play.segments {
        let asked = segment::rebuild(ctx, owner, id).await.expect("a rebuild");
        let operation = asked.operation_id.expect("an operation");
        build(world).await;
        let done = operation::find(ctx, owner.workspace, operation).await;
        let counts = done.expect("a look").expect("an operation").progress["counts"].clone();
        let nothing = serde_json::json!({ "entered": 0, "left": 0 });
        let condition = now(world, id).await.condition;
        assert_eq!(counts, nothing, "seed {seed}: {condition:?}");
        assert_eq!(members(world, id).await, kept[&id], "seed {seed}");
    }
}

#[test]
fn after_any_changes_the_members_are_those_of_a_full_evaluation() {
    on_both(|world| async move {
        play(&world, 20_260_301).await;
        world
    });
    on_both(|world| async move {
        play(&world, 7).await;
        world
    });
}

#[test]
fn changes_edits_filling_and_following_at_once_leave_the_members_exact() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut people = Vec::new();
        for place in 0..8 {
            people.push(person(&world, &format!("Person {place}")).await);
        }
        let one = world.tag(TagKind::Contact, "One", None).await;
        let other = world.tag(TagKind::Contact, "Other", None).await;
        let inner = begun(&world, "Inner", Some(tagged(TagMode::Any, &[one]))).await;
        let named = Condition::Segments(Segments {
            of: Whose::Contact,
            mode: Mode::None,
            segment_ids: vec![Ref::new(inner)],
            since: None,
        });
        let outer = begun(&world, "Outer", Some(named)).await;
        let change = async {
            for round in 0..60 {
                let person = people[round * 5 % people.len()];
                let tag = if round % 2 == 0 { one } else { other };
                if round % 3 == 2 {
                    take(&world, person, tag).await;
                } else {
                    put(&world, person, tag).await;
                }
            }
        };
        let follow = async {
            for _ in 0..60 {
                let run = projection::run(ctx, &SegmentProjection, owner.workspace);
                run.await.expect("a run");
                tokio::task::yield_now().await;
            }
        };
        let edit = async {
            for round in 0..8 {
                let tags = if round % 2 == 0 { [other] } else { [one] };
                let changes = Changes {
                    condition: Some(tagged(TagMode::Any, &tags)),
                    ..Changes::default()
                };
                let changed = segment::update(ctx, owner, inner, changes).await;
                changed.expect("a change");
                build(&world).await;
            }
        };
        futures::join!(change, follow, edit);
        settle(&world).await;
        for id in [inner, outer] {
            let kept = members(&world, id).await;
            segment::rebuild(ctx, owner, id).await.expect("a rebuild");
            settle(&world).await;
            assert_eq!(members(&world, id).await, kept);
        }
        world
    });
}
