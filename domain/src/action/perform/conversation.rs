//! Changing conversations: who deals with them, who watches them, where they stand, how urgent they are.

use std::collections::{BTreeSet, HashMap};

use entity::id::{ContactId, ConversationId, MemberId};
use sea_orm::FromQueryResult;

use super::{Step, of};
use crate::{
    action::board::Decision,
    conversation::{self, By as ConversationBy, Changes},
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
};

/// Changes conversations. Says of each whether that changed something; nothing where it was to go to whoever
/// looks after the contact, and nobody does.
pub(super) async fn write_conversations(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    steps: &[Step<'_>],
) -> Result<Vec<(usize, Option<bool>)>> {
    let owners = owners(tx, steps).await?;
    let (places, wanted): (_, Vec<(ConversationBy<'_>, ConversationId, Changes)>) =
        of(steps, |step| {
            let (id, changes) = match &step.decision {
                Decision::Conversation(id, changes) => (*id, changes.clone()),
                Decision::AssignToOwner(id, contact) => {
                    let changes = Changes {
                        assignee: Some(Some(*owners.get(contact)?)),
                        ..Changes::default()
                    };
                    (*id, changes)
                }
                _ => return None,
            };
            let by = ConversationBy {
                origin: step.by.origin,
                cause: step.by.cause,
            };
            Some((by, id, changes))
        });
    let changed = conversation::apply_each(ctx, tx, &wanted).await?;
    let changed = places.into_iter().zip(changed.into_iter().map(Some));
    let is_ownerless = |step: &Step<'_>| match step.decision {
        Decision::AssignToOwner(_, contact) => !owners.contains_key(&contact),
        _ => false,
    };
    let ownerless = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| is_ownerless(step));
    Ok(changed
        .chain(ownerless.map(|(place, _)| (place, None)))
        .collect())
}

#[derive(FromQueryResult)]
struct Owned {
    id: ContactId,
    owner_id: MemberId,
}

/// Who looks after the contacts whose conversations are to be given to them, of the members that are there.
async fn owners(tx: &Tx<'_>, steps: &[Step<'_>]) -> Result<HashMap<ContactId, MemberId>> {
    let (_, contacts) = of(steps, |step| match step.decision {
        Decision::AssignToOwner(_, contact) => Some(contact),
        _ => None,
    });
    if contacts.is_empty() {
        return Ok(HashMap::new());
    }
    let contacts: BTreeSet<ContactId> = contacts.into_iter().collect();
    let found: Vec<Owned> = Query::new(
        "SELECT c.id, c.owner_id FROM {r} JOIN contact c ON c.workspace_id = $1 AND c.id = r.id
         JOIN member m ON m.workspace_id = $1 AND m.id = c.owner_id AND m.removed_at IS NULL",
    )
    .bind(tx.workspace)
    .rows("r", Rows::new().ids("id", contacts))
    .all(tx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|one| (one.id, one.owner_id))
        .collect())
}
