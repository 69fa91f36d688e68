//! Undoing a merge of tags: everything is as it was, but for what happened since. Trees and merges at random
//! (`random`), what comes back and what stays (`back`), what is refused and what is forgotten (`refused`), and
//! others who tag meanwhile (`race`). Here is what a merge changes, and how a test looks at it.

mod back;
mod race;
mod random;
mod refused;

use chrono::{DateTime, Utc};
use domain::{
    condition::TagMode,
    link::{self, NewLink},
    segment::{self, NewSegment},
    store::Query,
    tag::catalogue::{self, Merge},
};
use entity::{
    id::{SegmentId, TagId, TagMergeId, TrackedLinkId},
    kind::SegmentSubject,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::support::{World, engine::contact_has};

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
