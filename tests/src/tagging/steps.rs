//! What the tests of taggings share: people, tags and groups, putting tags on, and reading what is
//! on and what was.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{
    access::Origin,
    contact::{self, ContactFilter, ContactOrder, NewContact},
    operation::{self, Limits},
    page::PageRequest,
    store::Query,
    tag::{NewTaggings, TagFilter, tagging},
};
use entity::{
    id::{ContactId, Id as _, TagGroupId, TagId},
    kind::{TagKind, TagTarget},
    operation::Model,
    tagging::Model as Tagging,
};

use crate::support::World;

pub(super) async fn people(world: &World, count: usize) -> Vec<ContactId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let new = NewContact {
            name: format!("Person {n}"),
            email: Some(format!("p{n}@customer.example")),
            ..NewContact::default()
        };
        let made = contact::create(&world.ctx, &world.owner, new).await;
        ids.push(made.unwrap().id);
    }
    ids
}

pub(super) async fn tag(world: &World, name: &str, parent: Option<TagId>) -> TagId {
    world.tag(TagKind::Contact, name, parent).await
}

/// A SINGLE group with these tags, and everything below them, as its values.
pub(super) async fn single_group(world: &World, tags: &[TagId]) -> TagGroupId {
    let id: TagGroupId = world.ctx.id();
    let (workspace, writer) = (world.owner.workspace, world.ctx.db.writer());
    Query::new(
        "INSERT INTO tag_group (workspace_id, id, kind, name, name_key, description, selection,
                                position, created_by, created_at, updated_at)
         VALUES ($1, $2, 'CONTACT', 'G', 'g', '', 'SINGLE', 0, $3, $4, $4)",
    )
    .bind(workspace)
    .bind(id)
    .bind(Origin::System.json())
    .bind(world.ctx.clock.now())
    .execute(writer)
    .await
    .unwrap();
    for tag in tags {
        Query::new("UPDATE tag SET group_id = $3 WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(*tag)
            .bind(id)
            .execute(writer)
            .await
            .unwrap();
    }
    id
}

pub(super) async fn put(
    world: &World,
    contact: ContactId,
    tag: TagId,
    expires_at: Option<DateTime<Utc>>,
) -> usize {
    let new = NewTaggings {
        things: vec![(TagTarget::Contact, contact.uuid())],
        tags: vec![tag],
        expires_at,
        ..NewTaggings::default()
    };
    let tagged = tagging::tag_things(&world.ctx, &world.owner, new).await;
    tagged.unwrap().added
}

pub(super) async fn active(world: &World, contact: ContactId) -> Vec<Tagging> {
    tagging::load_active(&world.ctx, world.owner.workspace, &[contact.uuid()])
        .await
        .unwrap()
}

pub(super) async fn active_tags(world: &World, contact: ContactId) -> Vec<TagId> {
    active(world, contact)
        .await
        .iter()
        .map(|one| one.tag_id)
        .collect()
}

/// Everything a contact was ever tagged with, oldest first.
pub(super) async fn history(world: &World, contact: ContactId) -> Vec<Tagging> {
    let page = PageRequest::first(100);
    let found = tagging::history(&world.ctx, world.owner.workspace, contact.uuid(), &page);
    let mut rows: Vec<_> = found
        .await
        .unwrap()
        .rows
        .into_iter()
        .map(|(_, row)| row)
        .collect();
    rows.reverse();
    rows
}

pub(super) async fn expire(world: &World) -> usize {
    tagging::expire(&world.ctx, &|| true).await.unwrap()
}

/// Runs the operation to its end.
pub(super) async fn finish(world: &World, asked: &Model) -> Model {
    let ctx = &world.ctx;
    let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
    turn.unwrap();
    operation::find(ctx, world.owner.workspace, asked.id)
        .await
        .unwrap()
        .unwrap()
}

pub(super) async fn listed(world: &World, tags: TagFilter) -> BTreeSet<ContactId> {
    let filter = ContactFilter {
        tags,
        ..ContactFilter::default()
    };
    let page = PageRequest::first(100);
    let found = contact::list(
        &world.ctx,
        world.owner.workspace,
        filter,
        ContactOrder::CreatedAsc,
        &page,
    );
    found
        .await
        .unwrap()
        .rows
        .into_iter()
        .map(|(_, one)| one.id)
        .collect()
}
