//! Taking messages in: in bulk, safely repeated, in a number of statements that does not depend on
//! how many there are.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, ConversationId, InboxId, MessageId},
    kind::{Author, ConversationStatus, Direction},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::thread;
use crate::{
    access::{Actor, Origin, Scope},
    contact,
    ctx::Ctx,
    error::{Error, Result, UserError, UserErrorCode},
    inbox,
    mail::EmailAddress,
    search,
    store::{Query, Rows, Tx, dialect},
    text,
    work::change::{Change, Fact},
};

/// Messages one call may bring.
pub const MAX_MESSAGES: usize = 1_000;
/// Characters of the sender's id and of a thread's name.
pub(super) const ID_LIMIT: usize = 998;
/// Bytes a message's id or the name of a thread may have.
const MAX_KEY_BYTES: usize = 1_020;
/// Threads one message may name.
pub(super) const KEYS_LIMIT: usize = 100;
const SUBJECT_LIMIT: usize = 1_000;
pub(super) const BODY_LIMIT: usize = 200_000;

/// A message as its sender tells it.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The sender's own id; the same id in the same inbox is the same message.
    pub external_id: String,
    /// Names of threads it belongs to, besides its own id.
    pub thread_keys: Vec<String>,
    /// The contact's address.
    pub email: String,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there before, or earlier in the same call.
    Duplicate,
}

/// One message after the call.
#[derive(Debug, Clone, Copy)]
pub struct Ingested {
    /// The message, whether new or not.
    pub message: MessageId,
    /// What became of it.
    pub outcome: Outcome,
}

/// Takes messages in. All of them, or, when any is refused, none.
pub async fn ingest(
    ctx: &Ctx,
    actor: &Actor,
    inbox: InboxId,
    messages: Vec<NewMessage>,
) -> Result<Vec<Ingested>> {
    actor.require(Scope::Ingest)?;
    ingest_as(ctx, actor, actor.origin(), inbox, messages).await
}

/// Like [`ingest`], saying who is to be named as the source, for imports.
pub async fn ingest_as(
    ctx: &Ctx,
    actor: &Actor,
    origin: Origin,
    inbox: InboxId,
    messages: Vec<NewMessage>,
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
    let now = ctx.clock.now();
    let checked: Vec<Checked> = messages
        .into_iter()
        .enumerate()
        .filter_map(|(index, message)| check(index, message, now, &mut errors))
        .collect();
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    if checked.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    tx.plan_for(checked.len()).await?;
    let ingested = write(ctx, &mut tx, origin, inbox, checked).await?;
    tx.commit().await?;
    Ok(ingested)
}

/// A message whose parts are all fit to be stored.
struct Checked {
    external_id: String,
    keys: Vec<String>,
    email: EmailAddress,
    name: Option<String>,
    direction: Direction,
    author: Author,
    automatic: bool,
    subject: String,
    body: String,
    sent_at: DateTime<Utc>,
}

fn check(
    index: usize,
    message: NewMessage,
    now: DateTime<Utc>,
    errors: &mut Vec<UserError>,
) -> Option<Checked> {
    let index = index.to_string();
    let before = errors.len();
    let at = |field: &'static str| ["messages", index.as_str(), field];
    let external_id = text::name(&message.external_id, &at("externalId"), ID_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    if external_id
        .as_ref()
        .is_some_and(|id| id.len() > MAX_KEY_BYTES)
    {
        let text = "Use a shorter id.";
        errors.push(UserError::new(
            &at("externalId"),
            UserErrorCode::TooLong,
            text,
        ));
    }
    let email = EmailAddress::parse(&message.email)
        .map_err(|error| {
            let path = at("contactEmail");
            errors.push(UserError::new(
                &path,
                UserErrorCode::Invalid,
                error.to_string(),
            ));
        })
        .ok();
    let subject = text::short_text(&message.subject, &at("subject"), SUBJECT_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    let body = text::long_text(&message.body, &at("body"), BODY_LIMIT)
        .map_err(|error| errors.push(error))
        .ok();
    if message.sent_at > now + chrono::TimeDelta::days(1) {
        let text = "This moment lies in the future.";
        errors.push(UserError::new(&at("sentAt"), UserErrorCode::Invalid, text));
    }
    let author = message.author.unwrap_or(match message.direction {
        Direction::Inbound => Author::Contact,
        Direction::Outbound => Author::Member,
    });
    if (message.direction == Direction::Inbound) != (author == Author::Contact) {
        let text = "Contacts write inbound messages, members and automations outbound ones.";
        errors.push(UserError::new(
            &at("author"),
            UserErrorCode::Contradictory,
            text,
        ));
    }
    if message.thread_keys.len() > KEYS_LIMIT {
        let text = format!("Name at most {KEYS_LIMIT} threads.");
        errors.push(UserError::new(
            &at("threadKeys"),
            UserErrorCode::TooLong,
            text,
        ));
    }
    if errors.len() > before {
        return None;
    }
    let (external_id, email) = (external_id?, email?);
    let mut keys = vec![external_id.clone()];
    for key in &message.thread_keys {
        let key = text::printable(key)
            .trim()
            .chars()
            .take(ID_LIMIT)
            .collect::<String>();
        if !key.is_empty() && !keys.contains(&key) {
            keys.push(key);
        }
    }
    Some(Checked {
        external_id,
        keys,
        email,
        name: message.name,
        direction: message.direction,
        author,
        automatic: message.automatic,
        subject: subject?,
        body: body?,
        // Both databases keep microseconds.
        sent_at: chrono::SubsecRound::trunc_subsecs(message.sent_at, 6),
    })
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
        for change in update_conversations(tx, &old).await? {
            tx.record(change.recorded(origin));
        }
        update_activity(tx, &kept).await?;
        for place in kept {
            stored.insert(place.message.external_id.clone(), place.id);
            let (message_id, conversation_id) = (place.id, place.conversation);
            let fact = match place.message.direction {
                Direction::Inbound => Fact::MessageReceived {
                    message_id,
                    conversation_id,
                    inbox_id: inbox,
                },
                Direction::Outbound => Fact::MessageSent {
                    message_id,
                    conversation_id,
                    inbox_id: inbox,
                },
            };
            tx.record(Change::new(origin, Some(place.contact), fact));
        }
    }
    let mut reported = HashSet::new();
    Ok(messages
        .iter()
        .filter_map(|message| stored.get(&message.external_id))
        .map(|&id| {
            let new = created.contains(&id) && reported.insert(id);
            let outcome = if new {
                Outcome::Created
            } else {
                Outcome::Duplicate
            };
            Ingested {
                message: id,
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

/// Gives every message its contact, its conversation and its id.
async fn place<'a>(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    origin: Origin,
    inbox: InboxId,
    messages: &[&'a Checked],
) -> Result<Vec<Placed<'a>>> {
    let people: Vec<_> = messages
        .iter()
        .map(|message| (message.email.clone(), message.name.clone()))
        .collect();
    let contacts = contact::resolve_emails(ctx, tx, origin, &people).await?;
    let groups: Vec<Vec<String>> = messages
        .iter()
        .map(|message| message.keys.clone())
        .collect();
    let conversations = thread::assign(ctx, tx, inbox, &groups).await?;
    Ok(messages
        .iter()
        .zip(conversations)
        .filter_map(|(message, conversation)| {
            let contact = *contacts.get(&message.email)?;
            Some(Placed {
                id: ctx.id(),
                conversation,
                contact,
                message,
            })
        })
        .collect())
}

/// What the messages of one conversation, in the order of sending, say about it.
struct Totals<'a> {
    first: &'a Placed<'a>,
    last: &'a Placed<'a>,
    messages: i64,
    inbound_at: Option<DateTime<Utc>>,
    /// The first that a contact wrote by hand.
    first_inbound_at: Option<DateTime<Utc>>,
    /// The first that a member wrote by hand after it.
    first_response_at: Option<DateTime<Utc>>,
    /// Whether a member wrote any by hand.
    answers: bool,
    waiting_since: Option<DateTime<Utc>>,
}

impl<'a> Totals<'a> {
    fn of(places: &[&'a Placed<'a>]) -> Option<Self> {
        let sent = |direction| {
            let places = places.iter().map(|place| place.message);
            places.filter(move |message| message.direction == direction)
        };
        let answered_at = sent(Direction::Outbound).map(|one| one.sent_at).max();
        let questions = || sent(Direction::Inbound).filter(|one| !one.automatic);
        let answers = || {
            sent(Direction::Outbound).filter(|one| one.author == Author::Member && !one.automatic)
        };
        let waiting = questions().filter(|one| answered_at.is_none_or(|at| at < one.sent_at));
        let first_inbound_at = questions().map(|one| one.sent_at).min();
        let responses = answers()
            .map(|one| one.sent_at)
            .filter(|&at| first_inbound_at.is_some_and(|first| at >= first));
        Some(Self {
            first: places.first()?,
            last: places.last()?,
            messages: places.len() as i64,
            inbound_at: sent(Direction::Inbound).map(|one| one.sent_at).max(),
            first_inbound_at,
            first_response_at: responses.min(),
            answers: answers().next().is_some(),
            waiting_since: waiting.map(|one| one.sent_at).min(),
        })
    }

    /// Of every conversation that `places`, in the order of sending, belong to.
    fn by_conversation(
        places: impl Iterator<Item = &'a Placed<'a>>,
    ) -> BTreeMap<ConversationId, Self> {
        let mut grouped: BTreeMap<ConversationId, Vec<&Placed<'_>>> = BTreeMap::new();
        for place in places {
            grouped.entry(place.conversation).or_default().push(place);
        }
        grouped
            .into_iter()
            .filter_map(|(id, places)| Some((id, Self::of(&places)?)))
            .collect()
    }
}

fn total_rows(totals: &BTreeMap<ConversationId, Totals<'_>>) -> Rows {
    let each = || totals.values();
    Rows::new()
        .ids("id", totals.keys().copied())
        .ints("messages", each().map(|one| one.messages))
        .times("first_at", each().map(|one| one.first.message.sent_at))
        .times("last_at", each().map(|one| one.last.message.sent_at))
        .ids("last_id", each().map(|one| one.last.id))
        .opt_times("inbound_at", each().map(|one| one.inbound_at))
        .opt_times("first_inbound_at", each().map(|one| one.first_inbound_at))
        .opt_times("first_response_at", each().map(|one| one.first_response_at))
        .flags("answers", each().map(|one| one.answers))
        .opt_times("waiting_since", each().map(|one| one.waiting_since))
}

/// Inserts the conversations that are not there yet, complete as far as these messages go, and
/// returns them: most messages open one, and writing it once is half the work of changing it after.
async fn open_conversations(
    tx: &Tx<'_>,
    inbox: InboxId,
    placed: &[Placed<'_>],
) -> Result<HashSet<ConversationId>> {
    let totals = Totals::by_conversation(placed.iter());
    let rows = total_rows(&totals)
        .ids("contact_id", totals.values().map(|one| one.first.contact))
        .texts(
            "subject",
            totals
                .values()
                .map(|one| one.first.message.subject.as_str()),
        );
    let opened: Vec<ConversationId> = Query::new(
        "INSERT INTO conversation (workspace_id, id, inbox_id, contact_id, subject, status,
             created_at, first_message_at, last_message_at, last_message_id, waiting_since,
             first_inbound_at, first_response_at, messages)
         SELECT $1, r.id, $2, r.contact_id, r.subject, 'OPEN', $3, r.first_at, r.last_at,
                r.last_id, r.waiting_since, r.first_inbound_at, r.first_response_at, r.messages
         FROM {r} WHERE true ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(tx.workspace)
    .bind(inbox)
    .bind(tx.now)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(opened.into_iter().collect())
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
        .times("sent_at", placed.iter().map(|place| place.message.sent_at));
    let created: Vec<MessageId> = Query::new(
        "INSERT INTO message (workspace_id, id, conversation_id, contact_id, inbox_id, external_id,
             direction, author, automatic, subject, body, sent_at, created_at)
         SELECT $1, r.id, r.conversation_id, r.contact_id, $2, r.external_id, r.direction,
                r.author, r.automatic, r.subject, r.body, r.sent_at, $3
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

/// Takes back conversations opened for messages that somebody else brought in meanwhile.
async fn drop_unused(
    tx: &Tx<'_>,
    opened: &HashSet<ConversationId>,
    kept: &[&Placed<'_>],
) -> Result<()> {
    let used: HashSet<_> = kept.iter().map(|place| place.conversation).collect();
    let unused: BTreeSet<_> = opened.difference(&used).copied().collect();
    Query::new("DELETE FROM conversation WHERE workspace_id = $1 AND id IN (SELECT r.id FROM {r})")
        .bind(tx.workspace)
        .rows("r", Rows::new().ids("id", unused))
        .execute(tx.connection())
        .await?;
    Ok(())
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

/// A conversation that was not open and that the contact has written in since.
#[derive(FromQueryResult)]
struct Reopened {
    id: ConversationId,
    contact_id: ContactId,
    status: ConversationStatus,
}

impl Reopened {
    fn recorded(&self, origin: Origin) -> Change {
        let fact = Fact::ConversationStatusChanged {
            conversation_id: self.id,
            from: Some(self.status),
            to: Some(ConversationStatus::Open),
        };
        Change::new(origin, Some(self.contact_id), fact)
    }
}

/// Sets the conversations opened a moment ago to what `kept`, all their messages, say.
async fn rewrite_conversations(tx: &Tx<'_>, kept: &[&Placed<'_>]) -> Result<()> {
    Query::new(
        "UPDATE conversation SET messages = r.messages, first_message_at = r.first_at,
             last_message_id = r.last_id, last_message_at = r.last_at,
             waiting_since = r.waiting_since, first_inbound_at = r.first_inbound_at,
             first_response_at = r.first_response_at
         FROM {r} WHERE conversation.workspace_id = $1 AND conversation.id = r.id",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        total_rows(&Totals::by_conversation(kept.iter().copied())),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Brings conversations that were there before up to date: how many messages, the newest one, whether the
/// contact waits for an answer, when each side first wrote, and open again when the contact has
/// written since. Returns those that were not open before.
async fn update_conversations(tx: &Tx<'_>, kept: &[&Placed<'_>]) -> Result<Vec<Reopened>> {
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let rows = total_rows(&Totals::by_conversation(kept.iter().copied()));
    let reopened = find_reopened(tx, rows.clone()).await?;
    // The wait is recomputed from the messages themselves: they may arrive in any order. So is the
    // first answer, when this call may have moved it: by an answer, or by a question that was asked
    // before the first one known.
    Query::new(
        "UPDATE conversation SET messages = conversation.messages + r.messages,
             first_message_at = CASE WHEN r.first_at < conversation.first_message_at
                                     THEN r.first_at ELSE conversation.first_message_at END,
             last_message_id = CASE WHEN r.last_at >= conversation.last_message_at
                                    THEN r.last_id ELSE conversation.last_message_id END,
             last_message_at = CASE WHEN r.last_at >= conversation.last_message_at
                                    THEN r.last_at ELSE conversation.last_message_at END,
             status = CASE WHEN r.inbound_at >= conversation.last_message_at
                           THEN 'OPEN' ELSE conversation.status END,
             snoozed_until = CASE WHEN r.inbound_at >= conversation.last_message_at
                                  THEN NULL ELSE conversation.snoozed_until END,
             reopenings = conversation.reopenings
                 + CASE WHEN conversation.status = 'CLOSED'
                             AND r.inbound_at >= conversation.last_message_at THEN 1 ELSE 0 END,
             first_inbound_at = COALESCE(
                 CASE WHEN r.first_inbound_at < conversation.first_inbound_at
                      THEN r.first_inbound_at END,
                 conversation.first_inbound_at, r.first_inbound_at),
             first_response_at = CASE
                 WHEN r.answers OR (conversation.messages > 0
                      AND (r.first_inbound_at < conversation.first_inbound_at
                           OR (conversation.first_inbound_at IS NULL
                               AND r.first_inbound_at IS NOT NULL)))
                 THEN (
                     SELECT MIN(a.sent_at) FROM message a
                     WHERE a.workspace_id = $1 AND a.conversation_id = r.id
                       AND a.direction = 'OUTBOUND' AND a.author = 'MEMBER' AND a.automatic = $2
                       AND a.sent_at >= COALESCE(
                           CASE WHEN r.first_inbound_at < conversation.first_inbound_at
                                THEN r.first_inbound_at END,
                           conversation.first_inbound_at, r.first_inbound_at))
                 ELSE conversation.first_response_at END,
             waiting_since = CASE WHEN conversation.status <> 'CLOSED'
                                       OR r.inbound_at >= conversation.last_message_at
             THEN (
                 SELECT MIN(m.sent_at) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = r.id
                   AND m.direction = 'INBOUND' AND m.automatic = $2
                   AND (conversation.closed_at IS NULL OR m.created_at > conversation.closed_at)
                   AND NOT EXISTS (
                       SELECT 1 FROM message o
                       WHERE o.workspace_id = $1 AND o.conversation_id = r.id
                         AND o.direction = 'OUTBOUND' AND o.sent_at >= m.sent_at)) END
         FROM {r} WHERE conversation.workspace_id = $1 AND conversation.id = r.id",
    )
    .bind(tx.workspace)
    .bind(false)
    .rows("r", rows)
    .execute(tx.connection())
    .await?;
    Ok(reopened)
}

async fn find_reopened(tx: &Tx<'_>, rows: Rows) -> Result<Vec<Reopened>> {
    // Held, so that what is said of the former status is still true when it changes.
    let lock = dialect::row_lock(tx.connection().get_database_backend());
    Ok(Query::new(format!(
        "SELECT v.id, v.contact_id, v.status FROM {{r}}
         JOIN conversation v ON v.workspace_id = $1 AND v.id = r.id
         WHERE v.status <> 'OPEN' AND r.inbound_at >= v.last_message_at ORDER BY v.id {lock}"
    ))
    .bind(tx.workspace)
    .rows("r", rows)
    .all(tx.connection())
    .await?)
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
