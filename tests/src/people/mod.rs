//! What is known of people and companies beyond their names, on both databases.

mod arrival;
mod attribute;
mod company;
mod concurrent;
mod conflict;
mod double;
pub(crate) mod dump;
mod edited;
mod erase;
mod exported;
mod identity;
mod latest;
mod led;
mod list;
mod lookup;
mod merge;
mod named;
mod profile;
mod shown;
mod standing;
mod subscription;
mod together;
mod upsert;

use chrono::TimeDelta;
use domain::{
    attribute::{AttributeOption, NewAttribute, definition},
    contact::{self, Contact, NewContact, ProfileChanges},
    work::change::{self, Fact, Position},
};
use entity::{
    id::AttributeId,
    kind::{AttributeType, SubjectKind},
};

use crate::support::{World, refusal::refusals};

/// Makes an attribute; a list gets the options a, b and c.
pub(crate) async fn define(
    world: &World,
    subject: SubjectKind,
    key: &str,
    value_type: AttributeType,
) -> AttributeId {
    let is_list = matches!(
        value_type,
        AttributeType::Select | AttributeType::MultiSelect
    );
    let option = |key: &&str| AttributeOption {
        key: (*key).to_owned(),
        label: key.to_uppercase(),
    };
    let new = NewAttribute {
        subject,
        key: key.to_owned(),
        name: key.to_owned(),
        description: String::new(),
        value_type,
        options: ["a", "b", "c"]
            .iter()
            .filter(|_| is_list)
            .map(option)
            .collect(),
    };
    let made = definition::create(&world.ctx, &world.owner, new).await;
    made.expect("an attribute").id
}

async fn person(world: &World, name: &str, profile: ProfileChanges) -> Contact {
    let new = NewContact {
        name: name.to_owned(),
        profile,
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    // Ids of one millisecond have no order.
    world.clock.advance(TimeDelta::milliseconds(1));
    made.expect("a contact")
}

/// Everything that happened to people, in order.
async fn facts(world: &World) -> Vec<Fact> {
    world.drain().await;
    let (reader, workspace) = (world.ctx.reader(), world.owner.workspace);
    let read = change::read(reader, workspace, Position::default(), 10_000).await;
    let entries = read.expect("the log").into_iter();
    let facts = entries.map(|entry| entry.expect("an entry").fact);
    // That something was entered in the audit log is told beside what was.
    facts
        .filter(|fact| fact.name() != "audit.written")
        .collect()
}
