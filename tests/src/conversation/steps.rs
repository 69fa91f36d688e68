//! What the tests of conversations share: what was said when by whom, bringing it in, changing
//! threads, and what the log says of them.

use chrono::TimeDelta;
use domain::{
    conversation::{self, Changes, ConversationFilter, ConversationOrder, NewMessage},
    error::{Error, UserErrorCode},
    inbox,
    page::PageRequest,
    store::Query,
};
use entity::{
    conversation::Model,
    id::{ConversationId, InboxId},
    kind::{Author, Channel, ConversationStatus, Direction},
};
use serde_json::Value;

use crate::support::World;

/// A message of the thread `thread`, sent `minutes` after the clock of the test began.
pub(super) fn said(thread: &str, n: i64, minutes: i64, author: Author) -> NewMessage {
    NewMessage {
        external_id: format!("{thread} {n}"),
        thread_keys: vec![thread.to_owned()],
        whose: format!("{thread}@customer.example").into(),
        name: None,
        direction: match author {
            Author::Contact => Direction::Inbound,
            Author::Member | Author::Automation => Direction::Outbound,
        },
        author: Some(author),
        automatic: false,
        subject: format!("About {thread}"),
        body: "縁".to_owned(),
        sent_at: crate::support::world::start() + TimeDelta::minutes(minutes),
    }
}

pub(super) async fn the_inbox(world: &World) -> InboxId {
    let inboxes = inbox::list(&world.ctx, world.owner.workspace)
        .await
        .unwrap();
    let mut inboxes = inboxes.iter();
    let first = inboxes.find(|inbox| inbox.channel == Channel::Email);
    first.unwrap().id
}

pub(super) async fn take_in(world: &World, messages: Vec<NewMessage>) {
    let inbox = the_inbox(world).await;
    conversation::ingest(&world.ctx, &world.owner, inbox, messages)
        .await
        .unwrap();
}

pub(super) async fn all(
    world: &World,
    filter: &ConversationFilter,
    order: ConversationOrder,
) -> Vec<Model> {
    let mut page = PageRequest::first(2);
    let mut rows = Vec::new();
    loop {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let found = conversation::list(ctx, workspace, filter, order, &page)
            .await
            .unwrap();
        let more = found.has_next;
        page.after = found.rows.last().map(|(cursor, _)| cursor.clone());
        rows.extend(found.rows.into_iter().map(|(_, row)| row));
        if !more {
            return rows;
        }
    }
}

pub(super) async fn of(world: &World, thread: &str) -> Model {
    let rows = all(
        world,
        &ConversationFilter::default(),
        ConversationOrder::default(),
    )
    .await;
    let subject = format!("About {thread}");
    rows.into_iter().find(|row| row.subject == subject).unwrap()
}

pub(super) async fn update(world: &World, ids: &[ConversationId], changes: Changes) -> Vec<Model> {
    conversation::update(&world.ctx, &world.owner, ids, "ids", &changes)
        .await
        .unwrap()
}

pub(super) fn to(status: ConversationStatus) -> Changes {
    Changes {
        status: Some(status),
        ..Changes::default()
    }
}

/// What the log says of conversations, in its order.
pub(super) async fn facts(world: &World) -> Vec<Value> {
    let facts: Vec<Value> = Query::new(
        "SELECT data FROM change WHERE workspace_id = $1 AND kind LIKE 'conversation.%'
         ORDER BY tx, seq",
    )
    .bind(world.owner.workspace)
    .column(world.ctx.reader())
    .await
    .unwrap();
    facts
}

pub(super) async fn turns(world: &World) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let facts = facts(world).await;
    let turns = facts
        .iter()
        .filter(|fact| fact["kind"] == "conversation.status_changed");
    turns
        .map(|fact| (text(&fact["from"]), text(&fact["to"])))
        .collect()
}

pub(super) fn code(result: Result<Vec<Model>, Error>) -> (Vec<String>, UserErrorCode) {
    match result {
        Err(Error::Refused(errors)) => (errors[0].path.clone(), errors[0].code),
        other => panic!("not refused: {other:?}"),
    }
}
