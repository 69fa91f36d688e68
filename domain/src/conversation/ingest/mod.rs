//! Taking messages in: in bulk, safely repeated, in a number of statements that does not depend on
//! how many there are.
//!
//! Called by the API, by `enishi import` and for the sample workspace. `check` looks at each message before anything
//! is written, `writer` finds the members who wrote, `totals` opens conversations and brings those that were there up
//! to date. A message that is stored already is never changed.

mod check;
mod totals;
mod writer;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_graphql::Enum;
use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, ConversationId, InboxId, MessageId},
    kind::{Author, Direction},
};
use sea_orm::FromQueryResult;

use super::{
    history,
    thread::{self, Group},
};
use crate::{
    access::{Actor, Origin, Scope},
    contact::{self, Mention, Stranger, Whose},
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    inbox, search,
    store::{Query, Rows, Tx},
    work::change::{Change, Fact},
};

use check::{Checked, check};
use totals::{drop_unused, open_conversations, rewrite_conversations, update_conversations};

pub use writer::Written;

/// Messages one call may bring.
pub const MAX_MESSAGES: usize = 1_000;
/// Characters of the sender's id and of a thread's name.
pub(super) const ID_LIMIT: usize = 998;
/// Threads one message may name.
pub(super) const KEYS_LIMIT: usize = 100;
pub(super) const BODY_LIMIT: usize = 200_000;

/// A message as its sender tells it.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The sender's own id; the same id in the same inbox is the same message.
    pub external_id: String,
    /// Names of threads it belongs to, besides its own id.
    pub thread_keys: Vec<String>,
    /// The contact's.
    pub whose: Whose,
    /// The contact's name, if known.
    pub name: Option<String>,
    /// Which way it went.
    pub direction: Direction,
    /// Who wrote it; by its direction, if nothing is given.
    pub author: Option<Author>,
    /// Whether a program answered by itself.
    pub automatic: bool,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
}

/// What became of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "IngestOutcome")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there before, or twice in the call.
    Duplicate,
    /// It went to a person who was erased: nothing of it was kept. What such a person writes is taken.
    Erased,
}

/// One message after the call.
#[derive(Debug, Clone)]
pub struct Ingested {
    /// The sender's id of it.
    pub external_id: String,
    /// The message, whether new or not; none if it went to a person who was erased.
    pub message: Option<MessageId>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Takes messages in, with the members who wrote them where those are known ([`Written`]). All of them, or,
/// when any is refused, none.
pub async fn ingest<M: Into<Written>>(
    ctx: &Ctx,
    actor: &Actor,
    inbox: InboxId,
    messages: Vec<M>,
) -> Result<Vec<Ingested>> {
    let written = messages.into_iter().map(Into::into).collect();
    take_in(ctx, actor, actor.origin(), inbox, written).await
}

/// Like [`ingest`], saying who is to be named as the source, for imports.
pub async fn ingest_as(
    ctx: &Ctx,
    actor: &Actor,
    origin: Origin,
    inbox: InboxId,
    messages: Vec<NewMessage>,
) -> Result<Vec<Ingested>> {
    let written = messages.into_iter().map(Written::from).collect();
    take_in(ctx, actor, origin, inbox, written).await
}

async fn take_in(
    ctx: &Ctx,
    actor: &Actor,
    origin: Origin,
    inbox: InboxId,
    messages: Vec<Written>,
) -> Result<Vec<Ingested>> {
    actor.require(Scope::Ingest)?;
    let mut errors = Vec::new();
    if messages.len() > MAX_MESSAGES {
        let message = format!("Send at most {MAX_MESSAGES} messages at once.");
        errors.push(UserError::new(
            &["messages"],
            UserErrorCode::LimitReached,
            message,
        ));
    }
    let refused = match inbox::find(ctx, actor.workspace, inbox).await? {
        None => Some((UserErrorCode::NotFound, "There is no such inbox.")),
        Some(inbox) if inbox.archived_at.is_some() => Some((
            UserErrorCode::Invalid,
            "This inbox is archived. Restore it first.",
        )),
        Some(_) => None,
    };
    if let Some((code, message)) = refused {
        errors.push(UserError::new(&["inboxId"], code, message));
    }
    let numbers = messages.iter().any(|one| one.message.whose.is_number());
    let home = contact::home_if(ctx, actor.workspace, numbers).await?;
    let now = ctx.clock.now();
    let writers = writer::writers(ctx, actor.workspace, &messages, &mut errors).await?;
    let checked: Vec<Checked> = messages
        .into_iter()
        .enumerate()
        .zip(writers)
        .filter_map(|((index, one), member)| {
            let checked = check(index, one.message, home, now, &mut errors)?;
            Some(Checked { member, ..checked })
        })
        .collect();
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if checked.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(checked.len());
    let ingested = write(ctx, &mut tx, origin, inbox, checked).await?;
    tx.commit().await?;
    Ok(ingested)
}

#[derive(FromQueryResult)]
struct Stored {
    external_id: String,
    id: MessageId,
}

/// A message on its way into the table.
struct Placed<'a> {
    id: MessageId,
    conversation: ConversationId,
    contact: ContactId,
    message: &'a Checked,
}

async fn write(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    inbox: InboxId,
    messages: Vec<Checked>,
) -> Result<Vec<Ingested>> {
    let mut stored = look_up(tx, inbox, &messages).await?;
    let mut seen = HashSet::new();
    let mut fresh: Vec<&Checked> = messages
        .iter()
        .filter(|message| {
            !stored.contains_key(&message.external_id) && seen.insert(&message.external_id)
        })
        .collect();
    // Oldest first, so that a conversation is opened by its first message.
    fresh.sort_by_key(|message| message.sent_at);
    let mut created = HashSet::new();
    if !fresh.is_empty() {
        let placed = place(ctx, tx, origin, inbox, &fresh).await?;
        let opened = open_conversations(tx, inbox, &placed).await?;
        created = insert(tx, inbox, &placed).await?;
        let kept: Vec<&Placed<'_>> = placed
            .iter()
            .filter(|place| created.contains(&place.id))
            .collect();
        let (new, old): (Vec<_>, Vec<_>) = kept
            .iter()
            .copied()
            .partition(|place| opened.contains(&place.conversation));
        if kept.len() < placed.len() {
            drop_unused(tx, &opened, &new).await?;
            rewrite_conversations(tx, &new).await?;
            stored.extend(look_up(tx, inbox, &messages).await?);
        }
        index(tx, &new, &kept).await?;
        let reopened = update_conversations(tx, &old).await?;
        let steps: Vec<(Origin, Fact)> = reopened.iter().map(|one| (origin, one.fact())).collect();
        history::enter(tx, &steps).await?;
        for change in reopened {
            tx.record(change.recorded(origin));
        }
        update_activity(tx, &kept).await?;
        let mut unopened = opened;
        for place in kept {
            stored.insert(place.message.external_id.clone(), place.id);
            let (message_id, conversation_id) = (place.id, place.conversation);
            let opened = unopened.remove(&conversation_id);
            let fact = match place.message.direction {
                Direction::Inbound => Fact::MessageReceived {
                    message_id,
                    conversation_id,
                    inbox_id: inbox,
                    opened,
                },
                Direction::Outbound => Fact::MessageSent {
                    message_id,
                    conversation_id,
                    inbox_id: inbox,
                    opened,
                },
            };
            tx.record(Change::new(origin, Some(place.contact), fact));
        }
    }
    let mut reported = HashSet::new();
    Ok(messages
        .iter()
        .map(|message| {
            let external_id = message.external_id.clone();
            let message = stored.get(&external_id).copied();
            let outcome = match message {
                None => Outcome::Erased,
                Some(id) if created.contains(&id) && reported.insert(id) => Outcome::Created,
                Some(_) => Outcome::Duplicate,
            };
            Ingested {
                external_id,
                message,
                outcome,
            }
        })
        .collect())
}

async fn look_up(
    tx: &Tx<'_>,
    inbox: InboxId,
    messages: &[Checked],
) -> Result<HashMap<String, MessageId>> {
    let ids = messages.iter().map(|message| message.external_id.as_str());
    let stored: Vec<Stored> = Query::new(
        "SELECT m.external_id, m.id FROM {r}
         JOIN message m ON m.workspace_id = $1 AND m.inbox_id = $2
           AND m.external_id = r.external_id",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .rows("r", Rows::new().texts("external_id", ids))
    .all(tx.connection())
    .await?;
    Ok(stored
        .into_iter()
        .map(|row| (row.external_id, row.id))
        .collect())
}

/// Gives every message its contact, its conversation and its id. A person who was erased is made anew
/// only by a message of theirs that comes in now: what we wrote to them and what an archive holds is
/// left out, as it was to be gone.
async fn place<'a>(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    inbox: InboxId,
    messages: &[&'a Checked],
) -> Result<Vec<Placed<'a>>> {
    let mentions: Vec<Mention> = messages
        .iter()
        .map(|message| Mention {
            whom: message.whom.clone(),
            name: message.name.clone(),
            stranger: match message.direction {
                Direction::Inbound if origin != Origin::Import => Stranger::MadeAnew,
                _ => Stranger::Made,
            },
        })
        .collect();
    let contacts = contact::resolve(ctx, tx, origin, &mentions).await?;
    let named = messages
        .iter()
        .map(|message| (message.index, &message.whom));
    contact::refuse_missing("messages", named, &contacts)?;
    let messages: Vec<(&'a Checked, ContactId)> = messages
        .iter()
        .filter_map(|message| Some((*message, *contacts.get(&message.whom)?)))
        .collect();
    let groups: Vec<Group> = messages
        .iter()
        .map(|(message, contact)| Group {
            keys: message.keys.clone(),
            chat_with: message.is_chat().then_some(*contact),
        })
        .collect();
    let conversations = thread::assign(ctx, tx, inbox, &groups).await?;
    Ok(messages
        .into_iter()
        .zip(conversations)
        .map(|((message, contact), conversation)| Placed {
            id: ctx.id(),
            conversation,
            contact,
            message,
        })
        .collect())
}

async fn insert(tx: &Tx<'_>, inbox: InboxId, placed: &[Placed<'_>]) -> Result<HashSet<MessageId>> {
    let rows = Rows::new()
        .ids("id", placed.iter().map(|place| place.id))
        .ids(
            "conversation_id",
            placed.iter().map(|place| place.conversation),
        )
        .ids("contact_id", placed.iter().map(|place| place.contact))
        .texts(
            "external_id",
            placed
                .iter()
                .map(|place| place.message.external_id.as_str()),
        )
        .texts(
            "direction",
            placed.iter().map(|place| place.message.direction.word()),
        )
        .texts(
            "author",
            placed.iter().map(|place| place.message.author.word()),
        )
        .flags(
            "automatic",
            placed.iter().map(|place| place.message.automatic),
        )
        .texts(
            "subject",
            placed.iter().map(|place| place.message.subject.as_str()),
        )
        .texts(
            "body",
            placed.iter().map(|place| place.message.body.as_str()),
        )
        .times("sent_at", placed.iter().map(|place| place.message.sent_at))
        .opt_ids("member_id", placed.iter().map(|place| place.message.member));
    let created: Vec<MessageId> = Query::new(
        "INSERT INTO message (workspace_id, id, conversation_id, contact_id, inbox_id, external_id,
             direction, author, automatic, subject, body, sent_at, created_at, member_id)
         SELECT $1, r.id, r.conversation_id, r.contact_id, $2, r.external_id, r.direction,
                r.author, r.automatic, r.subject, r.body, r.sent_at, $3, r.member_id
         FROM {r} WHERE true
         ON CONFLICT (workspace_id, inbox_id, external_id) DO NOTHING RETURNING id",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(created.into_iter().collect())
}

/// Has the new messages, and the subjects of the conversations that the first of them opened, found
/// by searches.
async fn index(tx: &Tx<'_>, opening: &[&Placed<'_>], kept: &[&Placed<'_>]) -> Result<()> {
    let opened: BTreeSet<_> = opening.iter().map(|place| place.conversation.0).collect();
    if !opened.is_empty() {
        let opened = opened.iter().map(|&id| (id, tx.now));
        search::index::touch_new(tx, search::Kind::Conversation, opened).await?;
    }
    let messages = kept.iter().map(|place| (place.id.0, place.message.sent_at));
    search::index::touch_new(tx, search::Kind::Message, messages).await
}

async fn update_activity(tx: &Tx<'_>, kept: &[&Placed<'_>]) -> Result<()> {
    let mut latest: BTreeMap<ContactId, &Placed<'_>> = BTreeMap::new();
    let mut active: BTreeMap<ContactId, DateTime<Utc>> = BTreeMap::new();
    for place in kept {
        latest.insert(place.contact, place);
        if place.message.direction == Direction::Inbound {
            active.insert(place.contact, place.message.sent_at);
        }
    }
    let contacts: BTreeSet<ContactId> = latest.keys().copied().collect();
    let rows = Rows::new()
        .ids("contact_id", contacts.iter().copied())
        .ids("message_id", latest.values().map(|place| place.id))
        .times(
            "message_at",
            latest.values().map(|place| place.message.sent_at),
        )
        .opt_times(
            "active_at",
            contacts.iter().map(|id| active.get(id).copied()),
        );
    Query::new(
        "UPDATE contact_activity SET
             last_message_id = CASE WHEN contact_activity.last_message_at > r.message_at
                 THEN contact_activity.last_message_id ELSE r.message_id END,
             last_message_at = CASE WHEN contact_activity.last_message_at > r.message_at
                 THEN contact_activity.last_message_at ELSE r.message_at END,
             last_activity_at = CASE WHEN r.active_at > contact_activity.last_activity_at
                 THEN r.active_at ELSE contact_activity.last_activity_at END
         FROM {r} WHERE contact_activity.workspace_id = $1
           AND contact_activity.contact_id = r.contact_id",
    )
    .bind(tx.workspace)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(())
}
