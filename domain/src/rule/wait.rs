//! Finding contacts who have waited for an answer for as long as some rule waits for.
//!
//! Called by every worker about once a second ([`find_waited`]). `wait_clock` says which workspaces have such a
//! rule, and each of them is looked at every few seconds. What is told is an entry of the log
//! (`conversation.waited`), by which the projection of rules shows the conversation to the rules.
//!
//! Nothing is kept of conversations while they wait: how long they have to is counted back from now, to the
//! latest beginning of a wait that is long enough, and the index on the beginnings has those before. So rules,
//! business hours and conversations may change at any time. `wait_mark` has the beginning that each length was
//! looked for up to, and `wait_told` what has been told of: whoever writes the row there tells it, so each wait
//! is told once for each length, whoever looks and however often.
//!
//! A worker whose clock is ahead looks too far, and puts the next look off too long. Whoever comes with a right
//! clock looks at once, and takes the mark back.
//!
//! A wait that is known only when it is longer already, as of a message that came in late or of a conversation
//! that was woken, is behind the mark. It is found by the projection of rules, by the entry that tells it
//! (`catch_up`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, ConversationId, Id as _, RuleId, WorkspaceId},
    kind::ConversationStatus,
};
use sea_orm::{ConnectionTrait as _, FromQueryResult};

use super::{
    cache::{self, Compiled},
    occasion::OLD,
    trigger::{Trigger, WaitLength},
};
use crate::{
    access::Origin,
    condition::Moment,
    ctx::Ctx,
    error::Result,
    store::{Query, Rows, Tx, dialect},
    work::change::{Change, Entry, Fact},
};

/// How long after a look at a workspace the next one comes.
const PACE: TimeDelta = TimeDelta::seconds(5);
/// How long a workspace that could not be looked at has to wait.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// How far behind the mark is looked at again: for transactions that take long, and clocks that differ.
const OVERLAP: TimeDelta = TimeDelta::minutes(2);
/// No look is put off for as long as this, unless by a clock that is ahead.
const FARTHEST: TimeDelta = TimeDelta::minutes(2);
/// Holds for the workspaces whose turn it is at `$1`; `$2` is [`FARTHEST`] behind that.
const TURN: &str = "(look_at <= $1 OR look_at > $2)";
/// Waits of one length told in one transaction.
const BATCH: usize = 500;

impl WaitLength {
    /// The latest moment since which somebody who waits has waited long enough at `moment`; nothing where
    /// business never goes on for so long.
    fn before(self, moment: &Moment) -> Option<DateTime<Utc>> {
        if self.business_hours {
            moment.hours.ago(moment.zone, moment.now, self.minutes)
        } else {
            let long = TimeDelta::minutes(self.minutes);
            moment.now.checked_sub_signed(long)
        }
    }
}

/// Has workers look at the workspace of a rule that waits for contacts to have waited.
pub(super) async fn begin(tx: &Tx<'_>, trigger: &Trigger) -> Result<()> {
    if !matches!(trigger, Trigger::ConversationWaiting(_)) {
        return Ok(());
    }
    Query::new(
        "INSERT INTO wait_clock (workspace_id, look_at) VALUES ($1, $2)
         ON CONFLICT (workspace_id) DO UPDATE SET look_at = excluded.look_at",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Tells of every wait that has become long enough, in all workspaces whose turn it is, while `goes_on`; says of
/// how many.
pub async fn find_waited(ctx: &Ctx, goes_on: &(dyn Fn() -> bool + Sync)) -> Result<usize> {
    let mut count = 0;
    while goes_on() {
        let now = ctx.clock.now();
        let workspace: Option<WorkspaceId> = Query::new(format!(
            "SELECT workspace_id FROM wait_clock WHERE {TURN} ORDER BY look_at LIMIT 1"
        ))
        .bind(now)
        .bind(now + FARTHEST)
        .scalar(ctx.reader())
        .await?;
        let Some(workspace) = workspace else {
            return Ok(count);
        };
        match look(ctx, workspace).await {
            Ok(Some(told)) => count += told,
            // Another worker is at it.
            Ok(None) => return Ok(count),
            Err(error) => {
                // One workspace that cannot be looked at must not stop all others.
                tracing::error!(workspace.id = %workspace,
                    error = &error as &dyn std::error::Error,
                    "could not look for conversations that wait");
                let tx = ctx.begin(workspace).await?;
                look_again(&tx, tx.now + PAUSE).await?;
                tx.commit().await?;
            }
        }
    }
    Ok(count)
}

/// Looks at a workspace whose turn it is, unless another worker does.
async fn look(ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<usize>> {
    let mut tx = ctx.begin(workspace).await?;
    let skip_locked = dialect::skip_locked(tx.connection().get_database_backend());
    let held: Option<WorkspaceId> = Query::new(format!(
        "SELECT workspace_id FROM wait_clock WHERE {TURN} AND workspace_id = $3 {skip_locked}"
    ))
    .bind(tx.now)
    .bind(tx.now + FARTHEST)
    .bind(workspace)
    .scalar(tx.connection())
    .await?;
    if held.is_none() {
        tx.rollback().await?;
        return Ok(None);
    }
    let rules = cache::current(ctx, tx.connection(), workspace).await?;
    if rules.waits.is_empty() {
        Query::new("DELETE FROM wait_clock WHERE workspace_id = $1")
            .bind(workspace)
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
        return Ok(Some(0));
    }
    let marks = marks(&tx).await?;
    let (mut count, mut is_full) = (0, false);
    for mut span in spans(&tx, &rules).await? {
        if let Some(&reached) = marks.get(&span.length) {
            span.after = span.after.max(reached.min(span.upto) - OVERLAP);
        }
        let told = tell(&mut tx, &span, None).await?;
        let mut reached = span.upto;
        if told.len() >= BATCH {
            is_full = true;
            reached = told.last().map_or(reached, |one| one.waiting_since);
        }
        set_mark(&tx, span.length, reached).await?;
        count += told.len();
    }
    let next = if is_full { tx.now } else { tx.now + PACE };
    look_again(&tx, next).await?;
    tx.commit().await?;
    Ok(Some(count))
}

async fn look_again(tx: &Tx<'_>, at: DateTime<Utc>) -> Result<()> {
    Query::new("UPDATE wait_clock SET look_at = $2 WHERE workspace_id = $1")
        .bind(tx.workspace)
        .bind(at)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Tells of the waits that entries say of when they are long enough already. What an import brings out of an
/// archive sets nothing off.
pub(super) async fn catch_up(tx: &mut Tx<'_>, rules: &Compiled, entries: &[Entry]) -> Result<()> {
    if rules.waits.is_empty() {
        return Ok(());
    }
    let (mut here, mut imported) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        let (found, id) = match &entry.fact {
            Fact::MessageReceived {
                conversation_id, ..
            } if entry.origin == Origin::Import => (&mut imported, conversation_id),
            Fact::MessageReceived {
                conversation_id, ..
            }
            | Fact::ConversationStatusChanged {
                conversation_id,
                to: Some(ConversationStatus::Open | ConversationStatus::Pending),
                ..
            } => (&mut here, conversation_id),
            _ => continue,
        };
        found.insert(*id);
    }
    if here.is_empty() && imported.is_empty() {
        return Ok(());
    }
    for span in spans(tx, rules).await? {
        tell(tx, &span, Some(&here)).await?;
        let after = span.after.max(tx.now - OLD);
        tell(tx, &Span { after, ..span }, Some(&imported)).await?;
    }
    Ok(())
}

/// The waits of one length that some rule is to be shown: those that began after one moment, up to another.
#[derive(Debug, Clone, Copy)]
struct Span {
    length: WaitLength,
    after: DateTime<Utc>,
    upto: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Began {
    id: RuleId,
    waits_since: DateTime<Utc>,
}

/// For each length of a wait that some rule has now, which beginnings of waits count. A wait that was already
/// that long when the first of these rules began to wait does not count.
async fn spans(tx: &Tx<'_>, rules: &Compiled) -> Result<Vec<Span>> {
    let began: Vec<Began> = Query::new(
        "SELECT u.id, u.waits_since FROM {r} JOIN rule u ON u.workspace_id = $1 AND u.id = r.id
         WHERE u.waits_since IS NOT NULL",
    )
    .bind(tx.workspace)
    .rows(
        "r",
        Rows::new().uuids("id", rules.waits.iter().map(|one| one.0)),
    )
    .all(tx.connection())
    .await?;
    let began = began
        .into_iter()
        .map(|one| (one.id.uuid(), one.waits_since));
    let began: HashMap<_, _> = began.collect();
    let mut first: BTreeMap<WaitLength, DateTime<Utc>> = BTreeMap::new();
    for (rule, length) in &rules.waits {
        if let Some(&since) = began.get(rule) {
            let earliest = first.entry(*length).or_insert(since);
            *earliest = since.min(*earliest);
        }
    }
    let moment = Moment::of(tx.connection(), tx.workspace, tx.now).await?;
    let spans = first.into_iter().filter_map(|(length, since)| {
        Some(Span {
            length,
            after: length
                .before(&moment.at(since))
                .unwrap_or(DateTime::UNIX_EPOCH),
            upto: length.before(&moment)?,
        })
    });
    Ok(spans.collect())
}

#[derive(FromQueryResult)]
struct Waiting {
    id: ConversationId,
    contact_id: ContactId,
    waiting_since: DateTime<Utc>,
}

/// Tells of the waits in a span that were not told yet, of the given conversations or of all, and gives them in
/// the order of their beginnings. What is snoozed is left for when it wakes.
async fn tell(
    tx: &mut Tx<'_>,
    span: &Span,
    among: Option<&BTreeSet<ConversationId>>,
) -> Result<Vec<Waiting>> {
    let (these, limit) = match among {
        Some(these) if these.is_empty() => return Ok(Vec::new()),
        Some(_) => (" AND {these}", String::new()),
        None => ("", format!(" LIMIT {BATCH}")),
    };
    let query = Query::new(format!(
        "SELECT c.id, c.contact_id, c.waiting_since FROM conversation c
         WHERE c.workspace_id = $1 AND c.waiting_since IS NOT NULL AND c.waiting_since > $2
           AND c.waiting_since <= $3 AND c.status <> 'SNOOZED'
           AND NOT EXISTS (SELECT 1 FROM wait_told t
               WHERE t.workspace_id = $1 AND t.conversation_id = c.id AND t.minutes = $4
                 AND t.business_hours = $5 AND t.waiting_since = c.waiting_since){these}
         ORDER BY c.waiting_since, c.id{limit}"
    ))
    .bind(tx.workspace)
    .bind(span.after)
    .bind(span.upto)
    .bind(span.length.minutes)
    .bind(span.length.business_hours);
    let query = if let Some(these) = among {
        query.among("these", "c.id", these.iter().map(|id| id.uuid()))
    } else {
        query
    };
    let waiting: Vec<Waiting> = query.all(tx.connection()).await?;
    let new = note_told(tx, span.length, &waiting).await?;
    for one in waiting.iter().filter(|one| new.contains(&one.id)) {
        let fact = Fact::ConversationWaited {
            conversation_id: one.id,
            waiting_since: one.waiting_since,
            minutes: span.length.minutes,
            business_hours: span.length.business_hours,
        };
        tx.record(Change::new(Origin::System, Some(one.contact_id), fact));
    }
    Ok(waiting)
}

/// Notes that waits are told; answers the conversations of those that nobody has noted before.
async fn note_told(
    tx: &Tx<'_>,
    length: WaitLength,
    waiting: &[Waiting],
) -> Result<BTreeSet<ConversationId>> {
    if waiting.is_empty() {
        return Ok(BTreeSet::new());
    }
    // Whoever does the same at this time locks the rows in the same order.
    let waiting: BTreeMap<ConversationId, DateTime<Utc>> = waiting
        .iter()
        .map(|one| (one.id, one.waiting_since))
        .collect();
    let rows = Rows::new()
        .ids("id", waiting.keys().copied())
        .times("waiting_since", waiting.values().copied());
    let new: Vec<ConversationId> = Query::new(
        "INSERT INTO wait_told (workspace_id, conversation_id, minutes, business_hours, waiting_since)
         SELECT $1, r.id, $2, $3, r.waiting_since FROM {r} WHERE true
         ON CONFLICT (workspace_id, conversation_id, minutes, business_hours)
         DO UPDATE SET waiting_since = excluded.waiting_since
         WHERE wait_told.waiting_since <> excluded.waiting_since
         RETURNING conversation_id",
    )
    .bind(tx.workspace)
    .bind(length.minutes)
    .bind(length.business_hours)
    .rows("r", rows)
    .column(tx.connection())
    .await?;
    Ok(new.into_iter().collect())
}

#[derive(FromQueryResult)]
struct Mark {
    minutes: i64,
    business_hours: bool,
    reached: DateTime<Utc>,
}

async fn marks(tx: &Tx<'_>) -> Result<BTreeMap<WaitLength, DateTime<Utc>>> {
    let marks: Vec<Mark> = Query::new(
        "SELECT m.minutes, m.business_hours, m.reached FROM wait_mark m WHERE m.workspace_id = $1",
    )
    .bind(tx.workspace)
    .all(tx.connection())
    .await?;
    let marks = marks.into_iter().map(|mark| {
        let length = WaitLength {
            minutes: mark.minutes,
            business_hours: mark.business_hours,
        };
        (length, mark.reached)
    });
    Ok(marks.collect())
}

/// A mark goes back too, as where business hours have become fewer or a clock was ahead: what was told stays
/// told by its own row.
async fn set_mark(tx: &Tx<'_>, length: WaitLength, reached: DateTime<Utc>) -> Result<()> {
    Query::new(
        "INSERT INTO wait_mark (workspace_id, minutes, business_hours, reached)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (workspace_id, minutes, business_hours)
         DO UPDATE SET reached = excluded.reached",
    )
    .bind(tx.workspace)
    .bind(length.minutes)
    .bind(length.business_hours)
    .bind(reached)
    .execute(tx.connection())
    .await?;
    Ok(())
}
