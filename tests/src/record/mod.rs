//! What came in, in pages, and records as files, on both databases.
//!
//! - `list`: what came in, in pages;
//! - `plan`: how a database finds it;
//! - `content`: what files have in them;
//! - `wanted`: who may have which, since when, and asking for them over the API.

mod content;
mod list;
mod plan;
mod wanted;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    conversation::{self, NewMessage},
    email,
    event::{self, NewEvent},
    export::{Records, What},
    inbox::{self, NewInbox},
};
use entity::{
    id::InboxId,
    kind::{Channel, Direction, EmailEventKind, ExportEncoding, ExportFormat},
};
use serde_json::{Value, json};

use crate::{
    export::{csv, export, wanted},
    support::{
        World,
        client::text,
        engine::{contact_of, email_event},
    },
};

const ADA: &str = "ada@x.example";
const BOB: &str = "bob@x.example";

fn ago(world: &World, minutes: i64) -> DateTime<Utc> {
    world.ctx.clock.now() - TimeDelta::minutes(minutes)
}

async fn did(world: &World, id: &str, name: &str, who: &str, minutes: i64) {
    let new = NewEvent {
        external_id: id.to_owned(),
        whose: who.to_owned().into(),
        name: name.to_owned(),
        properties: json!({ "page": "/" }),
        occurred_at: ago(world, minutes),
    };
    let taken = event::ingest(&world.ctx, &world.owner, vec![new]).await;
    taken.unwrap();
}

async fn mailed(world: &World, id: &str, kind: EmailEventKind, minutes: i64) {
    let new = email_event(id, "m", ADA, kind, ago(world, minutes));
    let taken = email::ingest(&world.ctx, &world.owner, vec![new]).await;
    taken.unwrap();
}

async fn wrote(world: &World, inbox: InboxId, id: &str, who: &str, minutes: i64) {
    let new = NewMessage {
        external_id: id.to_owned(),
        thread_keys: vec![format!("thread of {who}")],
        whose: who.to_owned().into(),
        name: None,
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: format!("About {id}"),
        body: "=1+1".to_owned(),
        sent_at: ago(world, minutes),
    };
    let taken = conversation::ingest(&world.ctx, &world.owner, inbox, vec![new]).await;
    taken.unwrap();
}

/// The inbox every workspace has, and one for chats.
async fn inboxes(world: &World) -> (InboxId, InboxId) {
    let mail = inbox::list(&world.ctx, world.owner.workspace).await;
    let new = NewInbox {
        name: "Chat".to_owned(),
        channel: Channel::Chat,
        address: None,
    };
    let chat = inbox::create(&world.ctx, &world.owner, new).await;
    (mail.unwrap()[0].id, chat.unwrap().id)
}

async fn lines(world: &World, records: Records) -> Vec<Value> {
    let what = What::Records(records);
    let wanted = wanted(what, ExportFormat::JsonLines, ExportEncoding::Utf8);
    let file = String::from_utf8(export(world, wanted).await).unwrap();
    let lines = file.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn table(world: &World, records: Records) -> Vec<Vec<String>> {
    let what = What::Records(records);
    csv(&export(world, wanted(what, ExportFormat::Csv, ExportEncoding::Utf8)).await)
}

fn ids(lines: &[Value], key: &str) -> Vec<String> {
    lines.iter().map(|line| text(&line[key])).collect()
}

/// Every kind of record without a filter.
fn kinds() -> [Records; 17] {
    [
        Records::Messages(Default::default()),
        Records::Events(Default::default()),
        Records::EmailEvents(Default::default()),
        Records::Orders(Default::default()),
        Records::OrderLines(Default::default()),
        Records::Invoices(Default::default()),
        Records::Tickets(Default::default()),
        Records::Opportunities(Default::default()),
        Records::SurveyAnswers(Default::default()),
        Records::Tasks(Default::default()),
        Records::Notes(Default::default()),
        Records::Taggings(Default::default()),
        Records::SegmentMembers(Default::default()),
        Records::RuleFirings(Default::default()),
        Records::Deliveries(Default::default()),
        Records::HealthHistory(Default::default()),
        Records::AuditLog(Default::default()),
    ]
}
