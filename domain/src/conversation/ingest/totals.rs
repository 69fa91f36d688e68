//! What messages say about their conversations: opening those that are new, and bringing those that
//! were there before up to date.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, ConversationId, InboxId},
    kind::{Author, ConversationStatus, Direction},
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::Placed;
use crate::{
    access::Origin,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Fact},
};

/// What the messages of one conversation, in the order of sending, say about it.
struct Totals<'a> {
    first: &'a Placed<'a>,
    last: &'a Placed<'a>,
    messages: i64,
    /// The last that a contact wrote by hand: what their programs send opens nothing again.
    inbound_at: Option<DateTime<Utc>>,
    /// The first that a contact wrote by hand.
    first_inbound_at: Option<DateTime<Utc>>,
    /// The first that a member wrote by hand after it.
    first_response_at: Option<DateTime<Utc>>,
    /// Whether a member wrote any by hand.
    answers: bool,
    /// The first that a contact wrote by hand after the last such answer.
    waiting_since: Option<DateTime<Utc>>,
}

impl<'a> Totals<'a> {
    fn of(places: &[&'a Placed<'a>]) -> Option<Self> {
        let sent = |direction| {
            let places = places.iter().map(|place| place.message);
            places.filter(move |message| message.direction == direction)
        };
        let questions = || sent(Direction::Inbound).filter(|one| !one.automatic);
        let answers = || {
            sent(Direction::Outbound).filter(|one| one.author == Author::Member && !one.automatic)
        };
        // Only what a person of ours wrote ends the wait, as it alone is a first response: a customer
        // whose message was merely acknowledged by a program still waits.
        let answered_at = answers().map(|one| one.sent_at).max();
        let waiting = questions().filter(|one| answered_at.is_none_or(|at| at < one.sent_at));
        let first_inbound_at = questions().map(|one| one.sent_at).min();
        let responses = answers()
            .map(|one| one.sent_at)
            .filter(|&at| first_inbound_at.is_some_and(|first| at >= first));
        Some(Self {
            first: places.first()?,
            last: places.last()?,
            messages: places.len() as i64,
            inbound_at: questions().map(|one| one.sent_at).max(),
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
pub(super) async fn open_conversations(
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

/// Takes back conversations opened for messages that somebody else brought in meanwhile.
pub(super) async fn drop_unused(
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

/// A conversation that was not open and that the contact has written in by hand since.
#[derive(FromQueryResult)]
pub(super) struct Reopened {
    id: ConversationId,
    contact_id: ContactId,
    status: ConversationStatus,
}

impl Reopened {
    /// What became of it.
    pub(super) fn fact(&self) -> Fact {
        Fact::ConversationStatusChanged {
            conversation_id: self.id,
            from: Some(self.status),
            to: Some(ConversationStatus::Open),
        }
    }

    /// The change as the log tells it.
    pub(super) fn recorded(&self, origin: Origin) -> Change {
        Change::new(origin, Some(self.contact_id), self.fact())
    }
}

/// Sets the conversations opened a moment ago to what `kept`, all their messages, say.
pub(super) async fn rewrite_conversations(tx: &Tx<'_>, kept: &[&Placed<'_>]) -> Result<()> {
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
/// written by hand since. Returns those that were not open before.
pub(super) async fn update_conversations(
    tx: &Tx<'_>,
    kept: &[&Placed<'_>],
) -> Result<Vec<Reopened>> {
    if kept.is_empty() {
        return Ok(Vec::new());
    }
    let rows = total_rows(&Totals::by_conversation(kept.iter().copied()));
    let reopened = find_reopened(tx, rows.clone()).await?;
    // The wait is recomputed from the messages themselves: they may arrive in any order. So is the
    // first answer, when this call may have moved it: by an answer, or by a question that was asked
    // before the first one known. What a time is compared with is a `CASE` or a sub-select, and not a
    // `COALESCE`: see `store::Wall`.
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
                       AND a.sent_at >= CASE
                           WHEN r.first_inbound_at < conversation.first_inbound_at
                           THEN r.first_inbound_at
                           WHEN conversation.first_inbound_at IS NOT NULL
                           THEN conversation.first_inbound_at ELSE r.first_inbound_at END)
                 ELSE conversation.first_response_at END,
             waiting_since = CASE WHEN conversation.status <> 'CLOSED'
                                       OR r.inbound_at >= conversation.last_message_at
             THEN (
                 SELECT MIN(m.sent_at) FROM message m
                 WHERE m.workspace_id = $1 AND m.conversation_id = r.id
                   AND m.direction = 'INBOUND' AND m.automatic = $2
                   AND (conversation.closed_at IS NULL OR m.created_at > conversation.closed_at)
                   AND m.sent_at > (SELECT COALESCE((
                       SELECT o.sent_at FROM message o
                       WHERE o.workspace_id = $1 AND o.conversation_id = r.id
                         AND o.direction = 'OUTBOUND' AND o.author = 'MEMBER'
                         AND o.automatic = $2
                       ORDER BY o.sent_at DESC LIMIT 1), $3))) END
         FROM {r} WHERE conversation.workspace_id = $1 AND conversation.id = r.id",
    )
    .bind(tx.workspace)
    .bind(false)
    .bind(DateTime::<Utc>::MIN_UTC)
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
