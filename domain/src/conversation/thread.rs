//! Which messages belong together.
//!
//! A message names the threads it knows of (its own id, what it answers, what that answered). Two
//! messages that share a name are in one conversation, in whatever order they arrive: names of
//! messages not seen yet are kept too.
//!
//! A line of a chat names none. It goes on in the conversation of its contact in the inbox that is not
//! closed, the latest of several, or opens one.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::id::{ContactId, ConversationId, InboxId};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use crate::{
    contact::bulk,
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
};

#[derive(FromQueryResult)]
struct Known {
    thread_key: String,
    conversation_id: Option<ConversationId>,
}

#[derive(FromQueryResult)]
struct GoingOn {
    id: ConversationId,
    contact_id: ContactId,
}

/// What a message says about where it belongs.
pub(super) struct Group {
    /// The threads it names.
    pub(super) keys: Vec<String>,
    /// With whom the chat is of which it is a line; it goes on there if none of its threads is known.
    pub(super) chat_with: Option<ContactId>,
}

/// Finds the conversation of every group of thread keys, or gives it a new id. Returns one id per
/// group, in order. Keys are claimed by inserting them, so that two callers at once agree.
pub(super) async fn assign(
    ctx: &Ctx,
    tx: &Tx<'_>,
    inbox: InboxId,
    groups: &[Group],
) -> Result<Vec<ConversationId>> {
    let keys = groups.iter().flat_map(|group| &group.keys);
    let mut keys: Vec<&str> = keys.map(String::as_str).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut chats = chats(tx, inbox, groups).await?;
    let mut known = look_up(tx, inbox, &keys).await?;
    let before = known.clone();
    let wanted = plan(groups, &mut known, &mut chats, || ctx.id());
    let mut fresh: Vec<(&str, ConversationId)> = Vec::new();
    for (group, id) in groups.iter().zip(&wanted) {
        fresh.extend(group.keys.iter().map(|key| (key.as_str(), *id)));
    }
    fresh.sort_unstable();
    fresh.dedup_by_key(|(key, _)| *key);
    if claim(tx, inbox, &fresh).await? == fresh.len() as u64 {
        return Ok(wanted);
    }
    // Some keys were there before, or somebody claimed them meanwhile: theirs win.
    let settled = look_up(tx, inbox, &keys).await?;
    let old: HashSet<&ConversationId> = before.values().chain(chats.values()).collect();
    let new = wanted.iter().filter(|id| !old.contains(id)).copied();
    let mut meanwhile = settled.clone();
    meanwhile.retain(|key, _| !before.contains_key(key));
    let joins = joins(groups, &wanted, &meanwhile, &new.collect());
    let mine = fresh.into_iter();
    let mine = mine.filter(|(key, id)| settled.get(*key) == Some(id));
    let mine = mine.filter_map(|(key, id)| Some((key, *joins.get(&id)?)));
    hand_over(tx, inbox, &mine.collect::<Vec<_>>()).await?;
    Ok(groups
        .iter()
        .zip(wanted)
        .map(|(group, id)| {
            let of_key = || group.keys.iter().find_map(|key| settled.get(key));
            joins.get(&id).or_else(of_key).copied().unwrap_or(id)
        })
        .collect())
}

/// Claims keys for conversations, in the order of the keys; says of how many nobody had.
async fn claim(tx: &Tx<'_>, inbox: InboxId, fresh: &[(&str, ConversationId)]) -> Result<u64> {
    Ok(Query::new(
        "INSERT INTO conversation_thread (workspace_id, inbox_id, thread_key, conversation_id)
         SELECT $1, $2, r.thread_key, r.conversation_id FROM {r} WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", key_rows(fresh))
    .execute(tx.connection())
    .await?)
}

/// Gives keys that were claimed in this transaction to other conversations.
async fn hand_over(tx: &Tx<'_>, inbox: InboxId, keys: &[(&str, ConversationId)]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    Query::new(
        "UPDATE conversation_thread SET conversation_id = r.conversation_id FROM {r}
         WHERE conversation_thread.workspace_id = $1 AND conversation_thread.inbox_id = $2
           AND conversation_thread.thread_key = r.thread_key",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", key_rows(keys))
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn key_rows(keys: &[(&str, ConversationId)]) -> Rows {
    Rows::new()
        .texts("thread_key", keys.iter().map(|(key, _)| *key))
        .ids("conversation_id", keys.iter().map(|(_, id)| *id))
}

/// Which of the `new` conversations are one that somebody else has opened: one of their keys was claimed for that
/// `meanwhile`. All that was to come into the new one goes there.
fn joins(
    groups: &[Group],
    wanted: &[ConversationId],
    meanwhile: &HashMap<String, ConversationId>,
    new: &HashSet<ConversationId>,
) -> HashMap<ConversationId, ConversationId> {
    let mut joins = HashMap::new();
    for (group, id) in groups.iter().zip(wanted) {
        let mut theirs = group.keys.iter().filter_map(|key| meanwhile.get(key));
        if new.contains(id)
            && let Some(theirs) = theirs.find(|theirs| !new.contains(theirs))
        {
            joins.entry(*id).or_insert(*theirs);
        }
    }
    joins
}

/// The conversations that go on with those who chat. They are held until the end: of two calls that
/// bring lines of one chat at once, the second finds the conversation that the first opened.
async fn chats(
    tx: &Tx<'_>,
    inbox: InboxId,
    groups: &[Group],
) -> Result<HashMap<ContactId, ConversationId>> {
    let people: BTreeSet<ContactId> = groups.iter().filter_map(|group| group.chat_with).collect();
    if people.is_empty() {
        return Ok(HashMap::new());
    }
    bulk::hold(tx, &people).await?;
    // SQLite would go through all conversations of the inbox.
    let of_one = dialect::few(
        tx.connection().get_database_backend(),
        "v.contact_id = r.id",
    );
    let open: Vec<GoingOn> = Query::new(format!(
        "SELECT v.id, v.contact_id FROM {{r}} CROSS JOIN conversation AS v
         WHERE v.workspace_id = $1 AND {of_one} AND v.inbox_id = $2 AND v.status <> 'CLOSED'
         ORDER BY v.last_message_at, v.id"
    ))
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", Rows::new().ids("id", people))
    .all(tx.connection())
    .await?;
    // Of several the latest stays.
    Ok(open
        .into_iter()
        .map(|one| (one.contact_id, one.id))
        .collect())
}

/// The pure half: groups that share a key share a conversation, and so do lines of one chat.
fn plan(
    groups: &[Group],
    known: &mut HashMap<String, ConversationId>,
    chats: &mut HashMap<ContactId, ConversationId>,
    mut new_id: impl FnMut() -> ConversationId,
) -> Vec<ConversationId> {
    groups
        .iter()
        .map(|group| {
            let found = group.keys.iter().find_map(|key| known.get(key).copied());
            let id = match (found, group.chat_with) {
                (Some(id), _) => id,
                (None, Some(contact)) => *chats.entry(contact).or_insert_with(&mut new_id),
                (None, None) => new_id(),
            };
            for key in &group.keys {
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
    // Each looked up by itself: a join may compare every key with every thread of the inbox, if it is planned
    // while there are few.
    let known: Vec<Known> = Query::new(
        "SELECT r.thread_key, (
             SELECT t.conversation_id FROM conversation_thread t
             WHERE t.workspace_id = $1 AND t.inbox_id = $2 AND t.thread_key = r.thread_key
         ) AS conversation_id FROM {r}",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", Rows::new().texts("thread_key", keys.iter().copied()))
    .all(tx.connection())
    .await?;
    Ok(known
        .into_iter()
        .filter_map(|known| Some((known.thread_key, known.conversation_id?)))
        .collect())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn named(keys: &[&str]) -> Group {
        Group {
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            chat_with: None,
        }
    }

    fn planned_with(groups: &[Group], chats: &[(u128, u128)]) -> Vec<u128> {
        let mut chats = chats
            .iter()
            .map(|&(contact, id)| (person(contact), ConversationId(Uuid::from_u128(id))))
            .collect();
        let mut next = 0;
        let ids = plan(groups, &mut HashMap::new(), &mut chats, || {
            next += 1;
            ConversationId(Uuid::from_u128(next))
        });
        ids.into_iter().map(|id| id.0.as_u128()).collect()
    }

    fn planned(groups: &[&[&str]]) -> Vec<u128> {
        let groups: Vec<Group> = groups.iter().map(|keys| named(keys)).collect();
        planned_with(&groups, &[])
    }

    fn person(n: u128) -> ContactId {
        ContactId(Uuid::from_u128(n))
    }

    fn line(id: &str, contact: u128) -> Group {
        Group {
            chat_with: Some(person(contact)),
            ..named(&[id])
        }
    }

    #[test]
    fn an_answer_joins_what_it_answers() {
        assert_eq!(planned(&[&["a"], &["b", "a"], &["c"]]), [1, 1, 2]);
    }

    #[test]
    fn a_late_original_joins_the_answer_that_named_it() {
        assert_eq!(planned(&[&["b", "a"], &["a"]]), [1, 1]);
    }

    #[test]
    fn what_names_a_thread_that_somebody_claimed_meanwhile_joins_it_with_all_that_belongs_to_it() {
        let id = |n| ConversationId(Uuid::from_u128(n));
        let groups = [named(&["b", "a"]), named(&["c", "b"]), named(&["d"])];
        let meanwhile = [("a", 90), ("b", 1), ("c", 1), ("d", 2)];
        let meanwhile = meanwhile.map(|(key, n)| (key.to_owned(), id(n)));
        let found = joins(
            &groups,
            &[id(1), id(1), id(2)],
            &meanwhile.into(),
            &[id(1), id(2)].into(),
        );
        assert_eq!(found, HashMap::from([(id(1), id(90))]));
    }

    #[test]
    fn lines_of_a_chat_go_on_where_it_goes_on() {
        let groups = [
            line("a", 7),
            line("b", 8),
            named(&["c"]),
            line("d", 7),
            line("e", 8),
        ];
        assert_eq!(planned_with(&groups, &[]), [1, 2, 3, 1, 2]);
        assert_eq!(planned_with(&groups, &[(7, 90)]), [90, 1, 2, 90, 1]);
    }

    #[test]
    fn what_names_a_line_of_a_chat_joins_it_and_not_the_reverse() {
        let groups = [named(&["b", "a"]), line("a", 7), line("c", 7)];
        assert_eq!(planned_with(&groups, &[(7, 90)]), [1, 1, 90]);
    }
}
