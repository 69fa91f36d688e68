//! Trees, taggings and merges at random: undone from the newest, everything is as it was.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    condition::TagMode,
    error::Error,
    port::Clock as _,
    store::{Query, Rows},
    tag::{NewTaggings, catalogue, tagging},
};
use entity::{
    id::{ContactId, TagId, TagMergeId},
    kind::{TagSelection, TagTarget},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{all, into, link_with, segment_of, state, unmerge};
use crate::{
    segment::settle,
    support::{
        World,
        engine::{contact_has, tag_contact},
        on_both,
    },
    tag::support::{check, contacts, group, tag, tag_in, take},
};

/// A tree of tags with names that occur again and again, in groups and outside, on people.
struct Play {
    rng: StdRng,
    people: Vec<ContactId>,
    tags: Vec<TagId>,
}

impl Play {
    async fn new(world: &World, seed: u64) -> Self {
        let mut play = Self {
            rng: StdRng::seed_from_u64(seed),
            people: contacts(world, 5).await,
            tags: Vec::new(),
        };
        let size = group(world, "Size", TagSelection::Single).await;
        let kind = group(world, "Kind", TagSelection::Multi).await;
        for group in [size, kind] {
            for name in ["a", "b", "c"] {
                play.tags.push(tag_in(world, name, group).await);
            }
        }
        for name in ["a", "b", "c", "d"] {
            play.tags.push(tag(world, name, None).await);
        }
        for _ in 0..12 {
            let parent = play.pick(&play.tags.clone());
            let name = play.pick(&["a", "b", "c"]);
            let new = domain::tag::NewTag {
                parent: Some(parent),
                ..domain::tag::NewTag::named(entity::kind::TagKind::Contact, name)
            };
            // Of two of one name below one tag the second is refused.
            if let Ok(made) = catalogue::create(&world.ctx, &world.owner, new).await {
                play.tags.push(made.id);
            }
        }
        play
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.rng.random_range(0..of.len())]
    }

    /// Puts tags on and takes them off, some until a moment.
    async fn churn(&mut self, world: &World) {
        for _ in 0..40 {
            world.clock.advance(TimeDelta::minutes(1));
            let person = self.pick(&self.people.clone());
            let tag = self.pick(&self.tags.clone());
            if self.rng.random_bool(0.2) {
                take(world, &[(person, tag)]).await;
                continue;
            }
            let until = self.rng.random_bool(0.3);
            let new = NewTaggings {
                things: vec![(TagTarget::Contact, person.0)],
                tags: vec![tag],
                expires_at: until.then(|| world.clock.now() + TimeDelta::days(9)),
                ..NewTaggings::default()
            };
            let put = tagging::tag_things(&world.ctx, &world.owner, new).await;
            put.expect("a tagging");
        }
    }

    /// Lets some of what is put on be what rules have put on: of two taggings it gives way.
    async fn let_rules_have_put(&mut self, world: &World) {
        let taggings: Vec<entity::tagging::Model> = all(
            world,
            "SELECT * FROM tagging WHERE workspace_id = $1 ORDER BY id",
        )
        .await;
        let mut some = taggings;
        some.retain(|_| self.rng.random_bool(0.6));
        Query::new("UPDATE tagging SET rule_id = tag_id FROM {r} WHERE tagging.id = r.id")
            .rows("r", Rows::new().ids("id", some.iter().map(|one| one.id)))
            .execute(world.ctx.db.writer())
            .await
            .expect("an update");
    }

    /// Merges some of the tags into another; nothing if that is refused.
    async fn merge(&mut self, world: &World) -> Option<TagMergeId> {
        let mut sources: BTreeSet<TagId> = BTreeSet::new();
        for _ in 0..self.rng.random_range(1..4) {
            sources.insert(self.pick(&self.tags.clone()));
        }
        let target = self.pick(&self.tags.clone());
        let merge = into(target, &sources.into_iter().collect::<Vec<_>>());
        match catalogue::merge(&world.ctx, &world.owner, merge).await {
            Ok(done) => Some(done.merge),
            Err(Error::Refused(_)) => None,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn play(world: &World, seed: u64) {
    let mut play = Play::new(world, seed).await;
    play.churn(world).await;
    play.let_rules_have_put(world).await;
    let some: BTreeSet<TagId> = (0..3).map(|_| play.pick(&play.tags.clone())).collect();
    let some: Vec<TagId> = some.into_iter().collect();
    segment_of(world, "Some", &some).await;
    link_with(world, &some[..1]).await;
    let asks = contact_has(TagMode::Any, &some);
    world.rule("naming", asks, vec![tag_contact(some[0])]).await;
    settle(world).await;
    check(world).await;
    let mut done = Vec::new();
    for _ in 0..30 {
        let before = state(world).await;
        world.clock.advance(TimeDelta::minutes(1));
        if let Some(id) = play.merge(world).await {
            settle(world).await;
            check(world).await;
            done.push((id, before));
        }
        if done.len() == 5 {
            break;
        }
    }
    assert!(done.len() > 1, "nothing was merged");
    for (id, before) in done.into_iter().rev() {
        let undone = unmerge(world, id).await;
        assert!(undone.left.is_empty(), "seed {seed}");
        settle(world).await;
        check(world).await;
        assert_eq!(state(world).await, before, "seed {seed}");
    }
}

#[test]
fn whatever_is_merged_is_as_it_was_when_that_is_undone() {
    for seed in 1..5 {
        on_both(move |world| async move {
            play(&world, seed).await;
            world
        });
    }
}
