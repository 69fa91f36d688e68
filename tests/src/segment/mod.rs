//! Segments, on both databases.

mod age;
mod back;
mod by_hand;
mod change;
mod clock;
mod colleague;
mod live;
mod moved;
mod nested;
mod property;
mod stays;
mod trigger;

use std::collections::BTreeSet;

use domain::{
    condition::{Condition, ContactTags, TagMode, TagTest},
    contact::{self, NewContact},
    operation::{self, Limits},
    page::PageRequest,
    segment::{self, Cause, MovesOf, NewSegment, Segment},
    tag::{Request, tagging},
};
use entity::{
    id::{ContactId, SegmentId, TagId},
    kind::{SegmentState, SegmentSubject},
};
use uuid::Uuid;

use crate::support::{World, refusal::refusals};

/// A condition on the contact's tags.
fn tagged(mode: TagMode, tags: &[TagId]) -> Condition {
    Condition::ContactTags(ContactTags(TagTest {
        mode,
        tag_ids: tags.iter().map(|tag| tag.0).collect(),
        with_descendants: true,
    }))
}

fn new(name: &str, condition: Option<Condition>) -> NewSegment {
    NewSegment {
        name: name.to_owned(),
        description: String::new(),
        subject: SegmentSubject::Contact,
        condition,
    }
}

/// Makes a segment and does not wait until it is filled.
async fn begun(world: &World, name: &str, condition: Option<Condition>) -> SegmentId {
    let made = segment::create(&world.ctx, &world.owner, new(name, condition)).await;
    made.expect("a segment").id
}

/// Makes a segment and fills it.
async fn made(world: &World, name: &str, condition: Option<Condition>) -> SegmentId {
    let id = begun(world, name, condition).await;
    settle(world).await;
    id
}

/// Does everything that follows from what happened.
pub(crate) async fn settle(world: &World) {
    loop {
        world.drain().await;
        if build(world).await == 0 {
            return;
        }
    }
}

/// Does the operations that are due; says how many steps that took.
async fn build(world: &World) -> usize {
    let turn = operation::run_due(&world.ctx, domain::operations(), None, Limits::none()).await;
    turn.expect("a turn").steps
}

async fn now(world: &World, id: SegmentId) -> Segment {
    let found = segment::find(&world.ctx, world.owner.workspace, id).await;
    found.expect("a look").expect("a segment")
}

/// Who is in a segment, after checking that as many are counted.
async fn members(world: &World, id: SegmentId) -> BTreeSet<Uuid> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(100);
    let page = segment::members(ctx, workspace, id, &page).await;
    let page = page.expect("members");
    let members: BTreeSet<Uuid> = page.rows.iter().map(|(_, row)| row.subject_id).collect();
    let segment = now(world, id).await;
    assert_eq!(segment.member_count, members.len() as i64, "the count");
    members
}

fn set(contacts: &[ContactId]) -> BTreeSet<Uuid> {
    contacts.iter().map(|contact| contact.0).collect()
}

/// Fails unless these are in a complete segment.
async fn holds(world: &World, id: SegmentId, contacts: &[ContactId]) {
    assert_eq!(now(world, id).await.state, SegmentState::Live);
    assert_eq!(members(world, id).await, set(contacts));
}

/// The history of a segment, oldest first: who, whether in, why.
async fn history(world: &World, id: SegmentId) -> Vec<(Uuid, bool, Cause)> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(100);
    let page = segment::history(ctx, workspace, MovesOf::Segment(id), &page).await;
    let rows = page.expect("a history").rows.into_iter().rev();
    rows.map(|(_, row)| (row.subject_id, row.entered, row.cause))
        .collect()
}

async fn person(world: &World, name: &str) -> ContactId {
    let new = NewContact {
        name: name.to_owned(),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

async fn put(world: &World, contact: ContactId, tag: TagId) {
    let request = [Request::contact(contact, tag)];
    let put = tagging::tag_many(&world.ctx, &world.owner, &request, "").await;
    put.expect("a tagging");
}

async fn take(world: &World, contact: ContactId, tag: TagId) {
    let request = [Request::contact(contact, tag)];
    let taken = tagging::untag_many(&world.ctx, &world.owner, &request, "").await;
    taken.expect("an end");
}
