//! Undoing a merge of tags: everything is as it was, but for what happened since.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    condition::TagMode,
    contact::erase,
    error::{Error, UserErrorCode},
    link::{self, NewLink},
    page::PageRequest,
    port::Clock as _,
    rule::{self, RuleChanges},
    segment::{self, NewSegment},
    store::{Query, Rows},
    tag::{
        NewTaggings, Place, TagChanges,
        catalogue::{self, Merge, TagMergeFilter, UseKind},
        tagging,
    },
    work::{retention::Retention, schedule},
};
use entity::{
    id::{ContactId, SegmentId, TagId, TagMergeId, TrackedLinkId},
    kind::{SegmentSubject, TagSelection, TagTarget},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::support::{carries, check, contacts, group, mistakes, one, put, tag, tag_in, take};
use crate::{
    segment::settle,
    support::{World, engine::*, on_both},
};

fn into(target: TagId, sources: &[TagId]) -> Merge {
    Merge {
        sources: sources.to_vec(),
        target,
        keep_newest: true,
    }
}

async fn merge(world: &World, target: TagId, sources: &[TagId]) -> TagMergeId {
    let done = catalogue::merge(&world.ctx, &world.owner, into(target, sources)).await;
    done.expect("a merge").merge
}

async fn unmerge(world: &World, id: TagMergeId) -> catalogue::Unmerged {
    let done = catalogue::unmerge(&world.ctx, &world.owner, id).await;
    done.expect("an undone merge")
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Pair {
    one: Uuid,
    other: Uuid,
}

/// All that a merge of tags changes and its undoing gives back.
#[derive(Debug, PartialEq)]
struct State {
    tags: Vec<entity::tag::Model>,
    taggings: Vec<entity::tagging::Model>,
    segments: Vec<Pair>,
    members: Vec<Pair>,
    links: Vec<Pair>,
    rules: Vec<serde_json::Value>,
}

async fn all<M: FromQueryResult>(world: &World, text: &str) -> Vec<M> {
    let query = Query::new(text).bind(world.owner.workspace);
    query.all(world.ctx.reader()).await.expect("rows")
}

async fn state(world: &World) -> State {
    let mut tags: Vec<entity::tag::Model> = all(
        world,
        "SELECT * FROM tag WHERE workspace_id = $1 ORDER BY id",
    )
    .await;
    for tag in &mut tags {
        tag.updated_at = DateTime::<Utc>::UNIX_EPOCH;
    }
    let rules: Vec<entity::rule::Model> = all(
        world,
        "SELECT * FROM rule WHERE workspace_id = $1 ORDER BY id",
    )
    .await;
    State {
        tags,
        taggings: all(
            world,
            "SELECT * FROM tagging WHERE workspace_id = $1 ORDER BY id",
        )
        .await,
        segments: all(
            world,
            "SELECT tagging_id AS one, segment_id AS other FROM tagging_segment
             WHERE workspace_id = $1 AND left_at IS NULL ORDER BY tagging_id, segment_id",
        )
        .await,
        members: all(
            world,
            "SELECT segment_id AS one, subject_id AS other FROM segment_member
             WHERE workspace_id = $1 ORDER BY segment_id, subject_id",
        )
        .await,
        links: all(
            world,
            "SELECT link_id AS one, tag_id AS other FROM tracked_link_tag
             WHERE workspace_id = $1 ORDER BY link_id, tag_id",
        )
        .await,
        rules: rules.into_iter().map(|rule| rule.definition).collect(),
    }
}

async fn segment_of(world: &World, name: &str, tags: &[TagId]) -> SegmentId {
    let new = NewSegment {
        name: name.to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition: Some(contact_has(TagMode::Any, tags)),
    };
    let made = segment::create(&world.ctx, &world.owner, new).await;
    made.expect("a segment").id
}

async fn link_with(world: &World, tags: &[TagId]) -> TrackedLinkId {
    let new = NewLink {
        name: "Spring".to_owned(),
        target_url: "https://shop.example/spring".to_owned(),
        tags: tags.to_vec(),
        ..NewLink::default()
    };
    let made = link::create(&world.ctx, &world.owner, new).await;
    made.expect("a link").id
}

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

#[test]
fn what_happened_to_a_thing_since_stays() {
    on_both(|world| async move {
        let people = contacts(&world, 6).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let both = [people[1], people[2], people[5]];
        put(&world, &[(people[0], gold), (people[3], gold)]).await;
        for person in both {
            put(&world, &[(person, gold), (person, vip)]).await;
        }
        let id = merge(&world, vip, &[gold]).await;
        world.clock.advance(TimeDelta::days(1));
        take(
            &world,
            &[(people[0], vip), (people[1], vip), (people[5], vip)],
        )
        .await;
        put(&world, &[(people[4], vip), (people[5], vip)]).await;
        // Renewed, it is the same tagging still.
        let until = NewTaggings {
            things: vec![(TagTarget::Contact, people[3].0)],
            tags: vec![vip],
            expires_at: Some(world.clock.now() + TimeDelta::days(30)),
            ..NewTaggings::default()
        };
        let renewed = tagging::tag_things(&world.ctx, &world.owner, until).await;
        assert_eq!(renewed.expect("a renewal").renewed, 1);
        let undone = unmerge(&world, id).await;
        assert_eq!(undone.merge.id, id);
        assert_eq!(undone.tags.len(), 1);
        check(&world).await;
        carries(&world, people[0], &[]).await;
        carries(&world, people[1], &[]).await;
        carries(&world, people[2], &[gold, vip]).await;
        carries(&world, people[3], &[gold]).await;
        carries(&world, people[4], &[vip]).await;
        carries(&world, people[5], &[vip]).await;
        world
    });
}

#[test]
fn what_would_have_ended_by_itself_since_does_not_hold_again() {
    on_both(|world| async move {
        let people = contacts(&world, 3).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        for (person, tag, days) in [
            (people[0], big, 1),
            (people[1], big, 9),
            (people[2], small, 1),
        ] {
            let new = NewTaggings {
                things: vec![(TagTarget::Contact, person.0)],
                tags: vec![tag],
                expires_at: Some(world.clock.now() + TimeDelta::days(days)),
                ..NewTaggings::default()
            };
            let put = tagging::tag_things(&world.ctx, &world.owner, new).await;
            put.expect("a tagging");
        }
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(people[0], large), (people[1], large)]).await;
        put(&world, &[(people[2], big)]).await;
        let id = merge(&world, large, &[big]).await;
        for person in &people {
            carries(&world, *person, &[large]).await;
        }
        world.clock.advance(TimeDelta::days(2));
        unmerge(&world, id).await;
        carries(&world, people[0], &[large]).await;
        carries(&world, people[1], &[large, big]).await;
        carries(&world, people[2], &[big]).await;
        check(&world).await;
        world
    });
}

#[test]
fn tags_below_come_back_unless_they_were_moved_since() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 3).await;
        let a = tag(&world, "A", None).await;
        let a_x = tag(&world, "X", Some(a)).await;
        let a_y = tag(&world, "Y", Some(a)).await;
        let a_z = tag(&world, "Z", Some(a)).await;
        let b = tag(&world, "B", None).await;
        let b_x = tag(&world, "x", Some(b)).await;
        put(
            &world,
            &[(people[0], a_x), (people[1], a_y), (people[2], b_x)],
        )
        .await;
        let id = merge(&world, b, &[a]).await;
        catalogue::move_to(ctx, owner, a_z, Place::default(), false)
            .await
            .unwrap();
        let undone = unmerge(&world, id).await;
        let back: BTreeSet<TagId> = undone.tags.iter().map(|tag| tag.id).collect();
        assert_eq!(back, BTreeSet::from([a, a_x]));
        check(&world).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let parent = |id| forest.get(id).unwrap().parent_id;
        assert_eq!(parent(a_x), Some(a));
        assert_eq!(parent(a_y), Some(a));
        assert_eq!(parent(a_z), None);
        assert_eq!(parent(b_x), Some(b));
        carries(&world, people[0], &[a_x]).await;
        world
    });
}

#[test]
fn a_tag_that_was_restored_since_does_not_go_back_below_an_archived_one() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let a = tag(&world, "A", None).await;
        let a_x = tag(&world, "X", Some(a)).await;
        let a_y = tag(&world, "Y", Some(a)).await;
        let b = tag(&world, "B", None).await;
        catalogue::archive(ctx, owner, a).await.unwrap();
        let id = merge(&world, b, &[a]).await;
        catalogue::restore(ctx, owner, a_x).await.unwrap();
        unmerge(&world, id).await;
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let archived = |id| forest.get(id).unwrap().archived_at.is_some();
        let parent = |id| forest.get(id).unwrap().parent_id;
        assert!(archived(a) && archived(a_y) && !archived(a_x));
        assert_eq!((parent(a_x), parent(a_y)), (Some(b), Some(a)));
        check(&world).await;
        world
    });
}

#[test]
fn what_was_taken_off_for_one_value_comes_back_and_a_newer_one_stays() {
    on_both(|world| async move {
        let people = contacts(&world, 2).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        put(&world, &[(people[0], small)]).await;
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(people[0], big)]).await;
        let id = merge(&world, large, &[big]).await;
        carries(&world, people[0], &[large]).await;
        unmerge(&world, id).await;
        carries(&world, people[0], &[small, big]).await;
        check(&world).await;
        // A value of the group that was put on since would have taken the place of the one that went.
        put(&world, &[(people[1], large)]).await;
        let id = merge(&world, big, &[large]).await;
        world.clock.advance(TimeDelta::minutes(1));
        put(&world, &[(people[1], small)]).await;
        carries(&world, people[1], &[small, big]).await;
        unmerge(&world, id).await;
        carries(&world, people[1], &[small]).await;
        check(&world).await;
        world
    });
}

#[test]
fn what_named_the_tag_names_it_again_unless_it_was_edited_since() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let other = tag(&world, "Other", None).await;
        put(&world, &[(people[0], gold), (people[1], vip)]).await;
        let asks = || contact_has(TagMode::Any, &[gold]);
        let kept = world.rule("kept", asks(), vec![tag_contact(other)]).await;
        let edited = world.rule("edited", asks(), vec![tag_contact(other)]).await;
        segment_of(&world, "Golden", &[gold]).await;
        link_with(&world, &[gold, other]).await;
        settle(&world).await;
        let before = state(&world).await;
        let id = merge(&world, vip, &[gold]).await;
        settle(&world).await;
        assert_ne!(state(&world).await.members, before.members);
        let changes = RuleChanges {
            actions: Some(vec![tag_contact(vip)]),
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, edited.id, changes).await.unwrap();
        let undone = unmerge(&world, id).await;
        let left: Vec<_> = undone
            .left
            .iter()
            .map(|one| (one.kind, &*one.name))
            .collect();
        assert_eq!(left, [(UseKind::Rule, "edited")]);
        settle(&world).await;
        let after = state(&world).await;
        assert_eq!(after.members, before.members);
        assert_eq!(after.links, before.links);
        let find = async |id| rule::find(ctx, owner.workspace, id).await.unwrap().unwrap();
        let names = async |id| {
            let references = find(id).await.definition.references().into_iter();
            references.map(|one| one.id).collect::<BTreeSet<Uuid>>()
        };
        assert_eq!(names(kept.id).await, BTreeSet::from([gold.0, other.0]));
        assert_eq!(names(edited.id).await, BTreeSet::from([vip.0]));
        world
    });
}

/// Deletes a tag whoever carries it.
async fn delete(world: &World, id: TagId) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let usage = catalogue::usage(ctx, owner.workspace, id).await;
    let token = usage.unwrap().expect("a tag").token;
    catalogue::delete(ctx, owner, id, &token).await.unwrap();
}

async fn refused(world: &World, id: TagMergeId) -> Vec<(String, UserErrorCode)> {
    mistakes(catalogue::unmerge(&world.ctx, &world.owner, id).await)
}

#[test]
fn what_cannot_be_undone_is_refused_and_changes_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let metal = tag(&world, "Metal", None).await;
        let gold = tag(&world, "Gold", Some(metal)).await;
        let vip = tag(&world, "VIP", None).await;
        let best = tag(&world, "Best", None).await;
        put(&world, &[(people[0], gold), (people[1], vip)]).await;
        let first = merge(&world, vip, &[gold]).await;
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let foreign = catalogue::unmerge(ctx, &stranger, first).await;
        assert_eq!(mistakes(foreign), one("id", UserErrorCode::NotFound));

        let again = tag(&world, "gold", Some(metal)).await;
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Taken)
        );
        let named = TagChanges {
            name: Some("Other".to_owned()),
            ..TagChanges::default()
        };
        catalogue::update(ctx, owner, again, named).await.unwrap();

        let second = merge(&world, best, &[vip]).await;
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Invalid)
        );
        unmerge(&world, second).await;
        unmerge(&world, first).await;
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Invalid)
        );
        carries(&world, people[0], &[gold]).await;
        carries(&world, people[1], &[vip]).await;

        let third = merge(&world, vip, &[gold]).await;
        delete(&world, metal).await;
        assert_eq!(
            refused(&world, third).await,
            one("id", UserErrorCode::NotFound)
        );
        let fourth = merge(&world, best, &[vip]).await;
        delete(&world, best).await;
        assert_eq!(
            refused(&world, fourth).await,
            one("id", UserErrorCode::NotFound)
        );
        check(&world).await;
        world
    });
}

/// How many rows there are in a table.
async fn rows(world: &World, table: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {table}"));
    let count = query.scalar(world.ctx.reader()).await;
    count.expect("a count").expect("a row")
}

#[test]
fn merges_are_listed_and_forgotten_and_what_they_noted_of_a_person_goes_with_the_person() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let vip = tag(&world, "VIP", None).await;
        let gold = tag(&world, "Gold", None).await;
        let best = tag(&world, "Best", None).await;
        put(&world, &[(people[0], gold), (people[1], gold)]).await;
        let first = merge(&world, vip, &[gold]).await;
        world.clock.advance(TimeDelta::minutes(1));
        let second = merge(&world, best, &[vip]).await;
        let listed = async |tag, undone| -> Vec<TagMergeId> {
            let filter = TagMergeFilter { tag, undone };
            let page = PageRequest::first(10);
            let page = catalogue::merges(ctx, owner.workspace, &filter, &page).await;
            page.unwrap()
                .rows
                .into_iter()
                .map(|(_, row)| row.id)
                .collect()
        };
        assert_eq!(listed(None, None).await, [second, first]);
        assert_eq!(listed(Some(gold), None).await, [first]);
        assert_eq!(listed(Some(vip), Some(false)).await, [second, first]);
        assert!(listed(None, Some(true)).await.is_empty());
        let found = catalogue::find_merge(ctx, owner.workspace, first).await;
        let found = found.unwrap().expect("the merge");
        assert_eq!((found.into_id, found.sources().unwrap()), (vip, vec![gold]));

        assert_eq!(rows(&world, "tag_merge_tagging").await, 4);
        erase::erase(ctx, owner, people[1]).await.unwrap();
        assert_eq!(rows(&world, "tag_merge_tagging").await, 2);
        unmerge(&world, second).await;
        assert_eq!(listed(None, Some(true)).await, [second]);

        let night = async |tick| {
            let ran = schedule::run_tick(ctx, &Retention::default(), owner.workspace, tick).await;
            assert!(ran.expect("a tick"));
        };
        night(world.clock.now()).await;
        assert_eq!(
            rows(&world, "tag_merge_tagging").await,
            1,
            "of what can be undone"
        );
        assert_eq!(rows(&world, "tag_merge").await, 2);
        world.clock.advance(catalogue::UNDOABLE);
        assert_eq!(
            refused(&world, first).await,
            one("id", UserErrorCode::Invalid)
        );
        night(world.clock.now()).await;
        for table in [
            "tag_merge",
            "tag_merge_step",
            "tag_merge_tagging",
            "tag_merge_use",
        ] {
            assert_eq!(rows(&world, table).await, 0, "{table}");
        }
        assert!(listed(None, None).await.is_empty());
        carries(&world, people[0], &[vip]).await;
        check(&world).await;
        world
    });
}

#[test]
fn others_may_tag_while_a_merge_is_undone() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 6).await;
        let top = tag(&world, "Top", None).await;
        let gold = tag(&world, "Gold", Some(top)).await;
        let vip = tag(&world, "VIP", None).await;
        for (place, person) in people.iter().enumerate() {
            put(&world, &[(*person, [gold, vip][place % 2])]).await;
        }
        put(&world, &[(people[0], vip)]).await;
        let churn = async |seed: usize| {
            for round in 0..20 {
                let person = people[(round * 7 + seed * 3) % people.len()];
                let requests = [top, vip].map(|tag| domain::tag::Request::contact(person, tag));
                let done = if round % 3 == 2 {
                    tagging::untag_many(ctx, owner, &requests, "").await
                } else {
                    tagging::tag_many(ctx, owner, &requests, "").await
                };
                match done {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        let undo = async {
            for _ in 0..4 {
                let id = merge(&world, vip, &[gold]).await;
                unmerge(&world, id).await;
            }
        };
        tokio::join!(churn(0), churn(1), undo);
        check(&world).await;
        world
    });
}

#[test]
fn others_may_tag_with_the_group_that_a_tag_comes_back_into() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 6).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        // Whoever tags takes this one first.
        let small = tag_in(&world, "Small", size).await;
        let large = tag_in(&world, "Large", size).await;
        let big = tag(&world, "Big", None).await;
        put(&world, &[(people[0], large), (people[1], big)]).await;
        let churn = async |seed: usize| {
            for round in 0..30 {
                let person = people[(round * 7 + seed * 3) % people.len()];
                let requests = [small, big].map(|tag| domain::tag::Request::contact(person, tag));
                let done = if round % 3 == 2 {
                    tagging::untag_many(ctx, owner, &requests, "").await
                } else {
                    tagging::tag_many(ctx, owner, &requests, "").await
                };
                match done {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        };
        let undo = async {
            for _ in 0..6 {
                let id = merge(&world, big, &[large]).await;
                unmerge(&world, id).await;
            }
        };
        tokio::join!(churn(0), churn(1), undo);
        check(&world).await;
        world
    });
}
