//! What changed as time went by: who looks after some customers, and where some conversations stood before they
//! ended. Timelines show it.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{id::ConversationId, kind::ConversationStatus};

use super::{HANDED_OVER, Person, back_then, review::id_of};
use crate::{
    access::Actor,
    contact::{self, ContactChanges, ProfileChanges},
    conversation,
    ctx::Ctx,
    error::Result,
};

/// Days ago when they were given to the member.
const GIVEN: [i64; 3] = [33, 30, 27];
/// Days ago when the last of them was given up again.
const GIVEN_UP: i64 = 6;
/// Of how many conversations that ended one went there step by step.
const EVERY: usize = 4;

/// Gives some customers to the member, and one of them up again.
pub(super) async fn hand_over(
    ctx: &Ctx,
    actor: &Actor,
    people: &[Person],
    now: DateTime<Utc>,
) -> Result<()> {
    let given = HANDED_OVER.into_iter().zip(GIVEN);
    let given = given.map(|(place, days)| (place, days, Some(actor.member)));
    let given_up = HANDED_OVER.last().map(|&place| (place, GIVEN_UP, None));
    for (place, days, owner) in given.chain(given_up) {
        let Some(person) = people.get(place) else {
            continue;
        };
        let id = id_of(ctx, actor, &person.email).await?;
        let changes = ContactChanges {
            profile: ProfileChanges {
                owner: Some(owner),
                ..ProfileChanges::default()
            },
            ..ContactChanges::default()
        };
        let past = back_then(ctx, now - TimeDelta::days(days));
        Box::pin(contact::update(&past, actor, id, changes)).await?;
    }
    Ok(())
}

/// Some of the conversations that ended, each with the time of its last message, waited for a colleague, and were
/// closed the day after.
pub(super) async fn close_step_by_step(
    ctx: &Ctx,
    actor: &Actor,
    ended: &[(ConversationId, DateTime<Utc>)],
) -> Result<()> {
    use ConversationStatus::{Closed, Open, Pending};
    for &(id, last_message_at) in ended.iter().step_by(EVERY) {
        for (hours, status) in [(1, Pending), (20, Open), (44, Closed)] {
            let past = back_then(ctx, last_message_at + TimeDelta::hours(hours));
            conversation::set_status(&past, actor, id, status).await?;
        }
    }
    Ok(())
}
