//! Which messages belong together.
//!
//! A message names the threads it knows of (its own id, what it answers, what that answered). Two
//! messages that share a name are in one conversation, in whatever order they arrive: names of
//! messages not seen yet are kept too.

use std::collections::HashMap;

use entity::id::{ConversationId, InboxId};
use sea_orm::FromQueryResult;

use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx},
};

#[derive(FromQueryResult)]
struct Known {
    thread_key: String,
    conversation_id: ConversationId,
}

/// Finds the conversation of every group of thread keys, or gives it a new id. Returns one id per
/// group, in order. Keys are claimed by inserting them, so that two callers at once agree.
pub(super) async fn assign(
    ctx: &Ctx,
    tx: &Tx<'_>,
    inbox: InboxId,
    groups: &[Vec<String>],
) -> Result<Vec<ConversationId>> {
    let mut keys: Vec<&str> = groups.iter().flatten().map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut known = look_up(tx, inbox, &keys).await?;
    let wanted = plan(groups, &mut known, || ctx.id());
    let mut fresh: Vec<(&str, ConversationId)> = Vec::new();
    for (group, id) in groups.iter().zip(&wanted) {
        fresh.extend(group.iter().map(|key| (key.as_str(), *id)));
    }
    fresh.sort_unstable();
    fresh.dedup_by_key(|(key, _)| *key);
    let rows = Rows::new()
        .texts("thread_key", fresh.iter().map(|(key, _)| *key))
        .ids("conversation_id", fresh.iter().map(|(_, id)| *id));
    let claimed = Query::new(
        "INSERT INTO conversation_thread (workspace_id, inbox_id, thread_key, conversation_id)
         SELECT $1, $2, r.thread_key, r.conversation_id FROM {r} WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    if claimed == fresh.len() as u64 {
        return Ok(wanted);
    }
    // Some keys were there before, or somebody claimed them meanwhile: theirs win.
    let settled = look_up(tx, inbox, &keys).await?;
    Ok(groups
        .iter()
        .zip(wanted)
        .map(|(group, id)| {
            group
                .iter()
                .find_map(|key| settled.get(key).copied())
                .unwrap_or(id)
        })
        .collect())
}

/// The pure half: groups that share a key share a conversation.
fn plan(
    groups: &[Vec<String>],
    known: &mut HashMap<String, ConversationId>,
    mut new_id: impl FnMut() -> ConversationId,
) -> Vec<ConversationId> {
    groups
        .iter()
        .map(|group| {
            let found = group.iter().find_map(|key| known.get(key).copied());
            let id = found.unwrap_or_else(&mut new_id);
            for key in group {
                known.entry(key.clone()).or_insert(id);
            }
            id
        })
        .collect()
}

async fn look_up(
    tx: &Tx<'_>,
    inbox: InboxId,
    keys: &[&str],
) -> Result<HashMap<String, ConversationId>> {
    let known: Vec<Known> = Query::new(
        "SELECT t.thread_key, t.conversation_id FROM {r}
         JOIN conversation_thread t
           ON t.workspace_id = $1 AND t.inbox_id = $2 AND t.thread_key = r.thread_key",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", Rows::new().texts("thread_key", keys.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(known
        .into_iter()
        .map(|known| (known.thread_key, known.conversation_id))
        .collect())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn planned(groups: &[&[&str]]) -> Vec<u128> {
        let groups: Vec<Vec<String>> = groups
            .iter()
            .map(|group| group.iter().map(|&key| key.to_owned()).collect())
            .collect();
        let mut next = 0;
        let ids = plan(&groups, &mut HashMap::new(), || {
            next += 1;
            ConversationId(Uuid::from_u128(next))
        });
        ids.into_iter().map(|id| id.0.as_u128()).collect()
    }

    #[test]
    fn an_answer_joins_what_it_answers() {
        assert_eq!(planned(&[&["a"], &["b", "a"], &["c"]]), [1, 1, 2]);
    }

    #[test]
    fn a_late_original_joins_the_answer_that_named_it() {
        assert_eq!(planned(&[&["b", "a"], &["a"]]), [1, 1]);
    }
}
