//! Searching, on both databases, beside a plain reading of everything.
//!
//! - `query`: what a query finds;
//! - `change`: the index after things change;
//! - `reading`: beside a plain reading, in pages.

mod change;
mod query;
mod reading;

use chrono::TimeDelta;
use domain::{
    contact::{self, NewContact},
    conversation::{self, NewMessage},
    inbox,
    page::PageRequest,
    search::{self, Hit, Kind, Needle, upkeep},
};
use entity::{id::ContactId, kind::Direction};

use crate::support::World;

fn needle(text: &str) -> Needle {
    let needle = Needle::parse(text, &["query"]).expect("a query");
    needle.expect("something to look for")
}

async fn page(world: &World, text: &str, kinds: &[Kind], page: PageRequest) -> Vec<(String, Hit)> {
    let workspace = world.owner.workspace;
    let found = search::find(&world.ctx, workspace, &needle(text), kinds, &page).await;
    found.expect("a page").rows
}

async fn hits(world: &World, text: &str, kinds: &[Kind]) -> Vec<Hit> {
    let rows = page(world, text, kinds, PageRequest::first(100)).await;
    rows.into_iter().map(|(_, hit)| hit).collect()
}

async fn add(world: &World, name: &str, email: Option<&str>) -> ContactId {
    world.clock.advance(TimeDelta::seconds(1));
    let new = NewContact {
        name: name.to_owned(),
        email: email.map(str::to_owned),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

fn message(world: &World, n: usize, email: &str, name: Option<String>) -> NewMessage {
    NewMessage {
        external_id: n.to_string(),
        thread_keys: Vec::new(),
        whose: email.to_owned().into(),
        name,
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: String::new(),
        body: "?".to_owned(),
        sent_at: world.ctx.clock.now(),
    }
}

async fn write(world: &World, messages: Vec<NewMessage>) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    conversation::ingest(ctx, owner, inboxes[0].id, messages)
        .await
        .unwrap();
}

/// Takes every step there is, down to the last thing that waits.
async fn settle(world: &World) {
    loop {
        let tx = world
            .ctx
            .begin(world.owner.workspace)
            .await
            .expect("a transaction");
        let more = upkeep::step(&tx, 1).await.expect("a step");
        tx.commit().await.expect("a commit");
        if !more {
            return;
        }
    }
}

async fn names(world: &World, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for hit in hits(world, text, &[Kind::Contact]).await {
        let found = contact::find(&world.ctx, world.owner.workspace, hit.id.into()).await;
        names.push(found.expect("a look-up").expect("a contact").name);
    }
    names
}
