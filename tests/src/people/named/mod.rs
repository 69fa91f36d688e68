//! Contacts named by other identities than an email address: found, made, carried over, erased, and the
//! conversations that their messages come into (`found`); and how such an identity is spelt (`spelling`). Here is how
//! other systems name somebody, and how a test looks for them.

mod found;
mod spelling;

use chrono::TimeDelta;
use domain::{
    contact::{self, ContactRef, Whose},
    conversation::{self, ConversationFilter, ConversationOrder, NewMessage, Outcome},
    event::{self, EventFilter, NewEvent},
    inbox::{self, NewInbox},
    page::PageRequest,
};
use entity::{
    conversation::Model,
    id::{ContactId, InboxId},
    kind::{Channel, Direction, IdentityKind as I},
};

use crate::support::World;

/// A line by whoever is named so, sent `minutes` after now.
fn line(world: &World, id: &str, whose: Whose, minutes: i64) -> NewMessage {
    NewMessage {
        external_id: id.to_owned(),
        thread_keys: Vec::new(),
        whose,
        name: None,
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: String::new(),
        body: "縁".to_owned(),
        sent_at: world.ctx.clock.now() + TimeDelta::minutes(minutes),
    }
}

fn visit(world: &World, id: &str, whose: Whose) -> NewEvent {
    NewEvent {
        external_id: id.to_owned(),
        whose,
        name: "page_viewed".to_owned(),
        properties: serde_json::json!({}),
        occurred_at: world.ctx.clock.now(),
    }
}

fn handle(value: &str) -> Whose {
    ContactRef::Handle(value.to_owned()).into()
}

fn cookie(value: &str) -> Whose {
    ContactRef::AnonymousId(value.to_owned()).into()
}

fn phone(value: &str) -> Whose {
    ContactRef::Phone(value.to_owned()).into()
}

fn number(value: &str) -> Whose {
    ContactRef::ExternalId(value.to_owned()).into()
}

async fn chat(world: &World) -> InboxId {
    let new = NewInbox {
        name: "Chat".to_owned(),
        channel: Channel::Line,
        address: None,
    };
    let made = inbox::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

async fn take_in(world: &World, inbox: InboxId, messages: Vec<NewMessage>) -> Vec<Outcome> {
    let told = conversation::ingest(&world.ctx, &world.owner, inbox, messages).await;
    told.unwrap().iter().map(|one| one.outcome).collect()
}

async fn who_has(world: &World, kind: I, value: &str) -> Option<contact::Contact> {
    let found = contact::find_by_identity(&world.ctx, world.owner.workspace, kind, value).await;
    found.unwrap()
}

async fn events_of(world: &World, contact: ContactId) -> Vec<String> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let theirs = EventFilter {
        contact: Some(contact),
        ..EventFilter::default()
    };
    let page = event::list(ctx, workspace, &theirs, &PageRequest::first(50)).await;
    let rows = page.unwrap().rows.into_iter();
    let mut ids: Vec<String> = rows.map(|(_, event)| event.external_id).collect();
    ids.sort();
    ids
}

async fn threads_of(world: &World, contact: ContactId) -> Vec<Model> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let filter = ConversationFilter {
        contact: Some(contact),
        ..ConversationFilter::default()
    };
    let order = ConversationOrder::default();
    let page = conversation::list(ctx, workspace, &filter, order, &PageRequest::first(50)).await;
    page.unwrap().rows.into_iter().map(|(_, row)| row).collect()
}
