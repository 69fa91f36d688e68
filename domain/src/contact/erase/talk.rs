//! Conversations an erased person took part in. One in which others wrote stays theirs: only the
//! person's own messages go, with the names of threads those had, and what is said of the conversation
//! is made out anew from what is left.

use std::collections::BTreeSet;

use entity::id::{ContactId, ConversationId};
use sea_orm::{ConnectionTrait as _, FromQueryResult};
use uuid::Uuid;

use crate::{
    access::Origin,
    conversation,
    error::Result,
    search::{self, Kind},
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Fact},
};

/// Conversations that stay.
pub(super) struct Shared(Vec<Uuid>);

fn table(ids: &[Uuid]) -> Rows {
    Rows::new().uuids("id", ids.iter().copied())
}

/// Holds every conversation of the `people`, and gives those in which others wrote to the first of
/// those. What is still theirs afterwards goes with them.
pub(super) async fn part(tx: &mut Tx<'_>, origin: Origin, people: &[ContactId]) -> Result<Shared> {
    let theirs = || Rows::new().ids("id", people.iter().copied());
    let mut all: BTreeSet<Uuid> = BTreeSet::new();
    for text in [
        "SELECT v.id FROM conversation v WHERE v.workspace_id = $1
           AND v.contact_id IN (SELECT r.id FROM {r})",
        "SELECT DISTINCT m.conversation_id FROM message m WHERE m.workspace_id = $1
           AND m.contact_id IN (SELECT r.id FROM {r})",
    ] {
        let query = Query::new(text).bind(tx.workspace).rows("r", theirs());
        all.extend(query.column::<Uuid>(tx.connection()).await?);
    }
    if all.is_empty() {
        return Ok(Shared(Vec::new()));
    }
    let lock = dialect::exclusive_lock(tx.connection().get_database_backend());
    if !lock.is_empty() {
        // Whoever brings in a message for one waits, and then finds it as it is left.
        Query::new(format!(
            "SELECT v.id FROM conversation v WHERE v.workspace_id = $1
               AND v.id IN (SELECT c.id FROM {{c}}) ORDER BY v.id {lock}"
        ))
        .bind(tx.workspace)
        .rows("c", Rows::new().uuids("id", all.iter().copied()))
        .raw(tx.connection())
        .await?;
    }
    let shared: Vec<Uuid> = Query::new(
        "SELECT c.id FROM {c} WHERE EXISTS (
             SELECT 1 FROM message m WHERE m.workspace_id = $1 AND m.conversation_id = c.id
               AND m.contact_id NOT IN (SELECT r.id FROM {r}))",
    )
    .bind(tx.workspace)
    .rows("c", Rows::new().uuids("id", all))
    .rows("r", theirs())
    .column(tx.connection())
    .await?;
    if !shared.is_empty() {
        search::index::forget(tx, Kind::Conversation, &shared).await?;
        hand_over(tx, origin, people, &shared).await?;
    }
    Ok(Shared(shared))
}

#[derive(FromQueryResult)]
struct Handed {
    id: ConversationId,
    contact_id: ContactId,
}

/// Gives the conversations the people opened to whoever wrote first of the others, with the subject of
/// that message, and forgets the names of threads that are ids of the people's own messages.
async fn hand_over(
    tx: &mut Tx<'_>,
    origin: Origin,
    people: &[ContactId],
    shared: &[Uuid],
) -> Result<()> {
    let theirs = || Rows::new().ids("id", people.iter().copied());
    let first = |column: &str| {
        format!(
            "(SELECT m.{column} FROM message m WHERE m.workspace_id = $1
                AND m.conversation_id = conversation.id
                AND m.contact_id NOT IN (SELECT r.id FROM {{r}})
              ORDER BY m.sent_at, m.id LIMIT 1)"
        )
    };
    let mut handed: Vec<Handed> = Query::new(format!(
        "UPDATE conversation SET contact_id = {}, subject = {}
         WHERE workspace_id = $1 AND id IN (SELECT c.id FROM {{c}})
           AND contact_id IN (SELECT r.id FROM {{r}})
         RETURNING id, contact_id",
        first("contact_id"),
        first("subject")
    ))
    .bind(tx.workspace)
    .rows("c", table(shared))
    .rows("r", theirs())
    .all(tx.connection())
    .await?;
    handed.sort_unstable_by_key(|one| one.id);
    for one in handed {
        let fact = Fact::ConversationHandedOver {
            conversation_id: one.id,
        };
        tx.record(Change::new(origin, Some(one.contact_id), fact));
    }
    Query::new(
        "DELETE FROM conversation_thread AS t WHERE t.workspace_id = $1
           AND t.conversation_id IN (SELECT c.id FROM {c})
           AND t.thread_key IN (SELECT m.external_id FROM message m WHERE m.workspace_id = $1
             AND m.conversation_id = t.conversation_id
             AND m.contact_id IN (SELECT r.id FROM {r}))",
    )
    .bind(tx.workspace)
    .rows("c", table(shared))
    .rows("r", theirs())
    .execute(tx.connection())
    .await?;
    Ok(())
}

impl Shared {
    /// Once the people's messages are gone: says of the conversations what the others' say.
    pub(super) async fn settle(&self, tx: &Tx<'_>) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let ids: Vec<ConversationId> = self.0.iter().map(|&id| ConversationId(id)).collect();
        conversation::recount(tx, &ids).await?;
        search::index::touch(tx, Kind::Conversation, &self.0).await
    }
}
