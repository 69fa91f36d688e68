//! The messages shown to the rule, page after page.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use entity::{
    id::{Id as _, RuleId},
    kind::Direction,
};
use uuid::Uuid;

use super::{
    Rehearsal,
    past::{Message, PAGE, Past, page, reach},
    trial::{Read, Thing, Trial},
};
use crate::{error::Result, port::first_id_at, rule::definition::Definition, store::Tx};

pub(super) async fn run(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
    days: i64,
) -> Result<Rehearsal> {
    let asked = tx.now - TimeDelta::days(days);
    let first = first_id_at(asked);
    let reached = reach(tx, first).await?;
    let direction = definition.trigger.message_direction();
    let direction = direction.unwrap_or(Direction::Inbound);
    let mut trial = Trial::begin(tx, definition, own).await?;
    let mut read = Read {
        since: reached.as_ref().map_or(asked, |reached| reached.created_at),
        complete: reached.is_none(),
        messages: 0,
        changes: 0,
    };
    let mut from = reached.map_or(first, |reached| reached.id.uuid());
    loop {
        let messages = page(tx, from, asked, direction).await?;
        let Some(last) = messages.last() else { break };
        from = Uuid::from_u128(last.id.uuid().as_u128().saturating_add(1));
        read.messages += messages.len() as i64;
        let past = Past::load(tx, things(&messages)).await?;
        trial.show(tx, &past, &messages).await?;
        if (messages.len() as i64) < PAGE {
            break;
        }
    }
    trial.finish(tx, definition, own, read).await
}

/// The ids of all that messages are about and that can carry tags.
fn things(messages: &[Message]) -> BTreeSet<Uuid> {
    let looks = messages.iter().map(Thing::look);
    looks
        .flat_map(|look| look.case.things().collect::<Vec<_>>())
        .collect()
}
