//! What the tests of tags share: making tags, putting them on people, also many at once, and counting naively
//! what the rank index and the counters must say.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    contact::{self, NewContact},
    error::{Error, UserErrorCode},
    store::Query,
    tag::{NewGroup, Request, tagging},
};
use entity::{
    id::{ContactId, TagGroupId, TagId},
    kind::{TagKind, TagSelection, TagTarget},
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::support::World;

pub(super) use crate::support::refusal::mistakes;

pub(super) async fn tag(world: &World, name: &str, parent: Option<TagId>) -> TagId {
    world.tag(TagKind::Contact, name, parent).await
}

pub(super) async fn tag_in(world: &World, name: &str, group: TagGroupId) -> TagId {
    world.value(group, name).await
}

pub(super) async fn group(world: &World, name: &str, selection: TagSelection) -> TagGroupId {
    world.group(name, selection).await
}

pub(super) fn new_group(name: &str, selection: TagSelection) -> NewGroup {
    NewGroup {
        kind: TagKind::Contact,
        name: name.to_owned(),
        description: String::new(),
        selection,
        stage: None,
    }
}

/// As many contacts as asked for.
pub(super) async fn contacts(world: &World, number: usize) -> Vec<ContactId> {
    let mut ids = Vec::new();
    for place in 0..number {
        let new = NewContact {
            name: format!("Person {place}"),
            ..Default::default()
        };
        let made = contact::create(&world.ctx, &world.owner, new).await;
        ids.push(made.expect("a contact").id);
    }
    ids
}

pub(super) async fn put(world: &World, pairs: &[(ContactId, TagId)]) {
    let requests: Vec<Request> = pairs
        .iter()
        .map(|&(contact, tag)| Request::contact(contact, tag))
        .collect();
    let made = tagging::tag_many(&world.ctx, &world.owner, &requests, "").await;
    made.expect("taggings");
}

pub(super) async fn take(world: &World, pairs: &[(ContactId, TagId)]) {
    let requests: Vec<Request> = pairs
        .iter()
        .map(|&(contact, tag)| Request::contact(contact, tag))
        .collect();
    let ended = tagging::untag_many(&world.ctx, &world.owner, &requests, "").await;
    ended.expect("an end");
}

/// Puts tags on people and takes them off, in each round the `pair` of that round, in an order of people
/// that differs from `seed` to `seed`. Tags that went meanwhile are refused, and nothing else is.
pub(super) async fn churn(
    world: &World,
    people: &[ContactId],
    seed: usize,
    rounds: usize,
    pair: impl Fn(usize) -> [TagId; 2],
) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    for round in 0..rounds {
        let person = people[(round * 7 + seed * 3) % people.len()];
        let requests = pair(round).map(|tag| Request::contact(person, tag));
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
}

/// One refusal, as [`mistakes`] tells it.
pub(super) fn one(path: &str, code: UserErrorCode) -> Vec<(String, UserErrorCode)> {
    vec![(path.to_owned(), code)]
}

/// Fails unless these are the tags a contact carries now, in whatever order.
pub(super) async fn carries(world: &World, contact: ContactId, expected: &[TagId]) {
    let taggings = tagging::load_active(&world.ctx, world.owner.workspace, &[contact.0]).await;
    let taggings = taggings.expect("taggings").into_iter();
    let carried: BTreeSet<TagId> = taggings.map(|tagging| tagging.tag_id).collect();
    let expected: BTreeSet<TagId> = expected.iter().copied().collect();
    assert_eq!(carried, expected);
}

#[derive(FromQueryResult, Debug)]
struct Rank {
    tag_id: TagId,
    target_id: Uuid,
    taggings: i64,
}

#[derive(FromQueryResult, Debug)]
struct Count {
    tag_id: TagId,
    target: TagTarget,
    direct: i64,
    total: i64,
}

/// Compares closure, rank index and counters with what a fresh look at tags and taggings says.
pub(super) async fn check(world: &World) {
    let workspace = world.owner.workspace;
    let connection = world.ctx.reader();
    let tags: Vec<entity::tag::Model> =
        Query::new("SELECT t.* FROM tag t WHERE t.workspace_id = $1 AND t.deleted_at IS NULL")
            .bind(workspace)
            .all(connection)
            .await
            .expect("tags");
    let parents: BTreeMap<TagId, Option<TagId>> =
        tags.iter().map(|tag| (tag.id, tag.parent_id)).collect();
    let groups: BTreeMap<TagId, Option<TagGroupId>> =
        tags.iter().map(|tag| (tag.id, tag.group_id)).collect();
    let above = |tag: TagId| {
        let mut way = vec![tag];
        while let Some(parent) = parents.get(way.last().expect("a tag")).copied().flatten() {
            way.push(parent);
        }
        way
    };
    let mut closure: Vec<(TagId, TagId, i64)> = Vec::new();
    for tag in parents.keys() {
        for (distance, ancestor) in above(*tag).into_iter().enumerate() {
            assert_eq!(groups[tag], groups[&ancestor], "one group below one root");
            closure.push((*tag, ancestor, distance as i64));
        }
    }
    closure.sort();
    let mut stored: Vec<(TagId, TagId, i64)> =
        Query::new("SELECT tag_id, ancestor_id, distance FROM tag_closure WHERE workspace_id = $1")
            .bind(workspace)
            .raw(connection)
            .await
            .expect("a closure")
            .iter()
            .map(|row| {
                (
                    row.try_get_by_index(0).expect("a tag"),
                    row.try_get_by_index(1).expect("a tag"),
                    row.try_get_by_index(2).expect("a distance"),
                )
            })
            .collect();
    stored.sort();
    assert_eq!(stored, closure, "the closure");

    let taggings: Vec<entity::tagging::Model> =
        Query::new("SELECT g.* FROM tagging g WHERE g.workspace_id = $1 AND g.removed_at IS NULL")
            .bind(workspace)
            .all(connection)
            .await
            .expect("taggings");
    let mut ranks: BTreeMap<(TagId, Uuid), i64> = BTreeMap::new();
    let mut kinds: BTreeMap<Uuid, TagTarget> = BTreeMap::new();
    let mut counts: BTreeMap<(TagId, TagTarget), (i64, i64)> = BTreeMap::new();
    for tagging in &taggings {
        assert!(parents.contains_key(&tagging.tag_id), "a tag that is there");
        kinds.insert(tagging.target_id, tagging.target);
        counts
            .entry((tagging.tag_id, tagging.target))
            .or_default()
            .0 += 1;
        for ancestor in above(tagging.tag_id) {
            *ranks.entry((ancestor, tagging.target_id)).or_default() += 1;
        }
    }
    for (tag, target) in ranks.keys() {
        counts.entry((*tag, kinds[target])).or_default().1 += 1;
    }
    let unmarked: Option<i64> = Query::new(
        "SELECT COUNT(*) FROM tagging g
         JOIN tag t ON t.workspace_id = g.workspace_id AND t.id = g.tag_id
         LEFT JOIN tag_group p ON p.workspace_id = t.workspace_id AND p.id = t.group_id
           AND p.selection = 'SINGLE'
         WHERE g.workspace_id = $1 AND g.removed_at IS NULL AND g.single_group_id IS NOT NULL
           AND (p.id IS NULL OR p.id <> g.single_group_id)",
    )
    .bind(workspace)
    .scalar(connection)
    .await
    .expect("a count");
    assert_eq!(
        unmarked,
        Some(0),
        "taggings that name a group that is not theirs"
    );
    let stored: Vec<Rank> =
        Query::new("SELECT tag_id, target_id, taggings FROM tag_rank WHERE workspace_id = $1")
            .bind(workspace)
            .all(connection)
            .await
            .expect("ranks");
    let stored: BTreeMap<(TagId, Uuid), i64> = stored
        .into_iter()
        .map(|rank| ((rank.tag_id, rank.target_id), rank.taggings))
        .collect();
    assert_eq!(stored, ranks, "the rank index");
    let stored: Vec<Count> = Query::new(
        "SELECT tag_id, target, CAST(SUM(direct) AS bigint) AS direct,
                CAST(SUM(total) AS bigint) AS total
         FROM tag_count WHERE workspace_id = $1 GROUP BY tag_id, target",
    )
    .bind(workspace)
    .all(connection)
    .await
    .expect("counters");
    let stored: BTreeMap<(TagId, TagTarget), (i64, i64)> = stored
        .into_iter()
        .filter(|count| (count.direct, count.total) != (0, 0))
        .map(|count| ((count.tag_id, count.target), (count.direct, count.total)))
        .collect();
    assert_eq!(stored, counts, "the counters");
}
