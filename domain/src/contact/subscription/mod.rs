//! Whether a contact wants to hear from us, by channel and topic.
//!
//! The topic `*` stands for everything of a channel. Every change keeps its reason and its source in
//! a history. A hard bounce, a complaint and an unsubscription told by an email provider set it;
//! nobody but a person of the company, with a reason, sets it back, one contact at a time ([`set`]).
//! Everything a filter finds is set by `edit`, and what another system tells in bulk by `upsert` and `import`; all
//! leave those as they are (`many`).

mod many;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{ContactId, SubscriptionChangeId, WorkspaceId},
    kind::{Channel, SubscriptionSource, SubscriptionState},
};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Actor, Origin, Scope},
    audit::Record,
    ctx::Ctx,
    error::{Error, Result, UserError},
    page::{Keyset, Page, PageRequest},
    store::{Query, Rows, Tx},
    subject::Subject,
    text,
    work::change::{Change, Fact},
};

pub(crate) use many::{Said, Weighed, hold, set_each, set_those, weigh};

/// Everything of a channel.
pub const EVERYTHING: &str = "*";

/// Where a contact stands with one topic of one channel.
#[derive(Debug, Clone, PartialEq, FromQueryResult, Serialize, Deserialize)]
pub struct Row {
    /// Who.
    pub contact_id: ContactId,
    /// By which medium.
    pub channel: Channel,
    /// About what; `*` for everything.
    pub topic: String,
    /// Whether they want it.
    pub state: SubscriptionState,
    /// What made it so.
    pub source: SubscriptionSource,
    /// Why, in words.
    pub reason: String,
    /// Since when.
    pub changed_at: DateTime<Utc>,
    /// By whom.
    pub changed_by: serde_json::Value,
}

/// One change of a subscription.
#[derive(Debug, Clone, PartialEq, FromQueryResult)]
pub struct HistoryRow {
    /// The id.
    pub id: SubscriptionChangeId,
    /// By which medium.
    pub channel: Channel,
    /// About what.
    pub topic: String,
    /// Whether they wanted it from then on.
    pub state: SubscriptionState,
    /// What made it so.
    pub source: SubscriptionSource,
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by_origin: serde_json::Value,
}

/// A state to be set. Stored as JSON with operations: fields are added, never renamed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewState {
    /// By which medium.
    pub channel: Channel,
    /// About what; `*` for everything.
    pub topic: String,
    /// Whether they want it.
    pub state: SubscriptionState,
    /// Why, in words.
    pub reason: String,
}

impl NewState {
    /// Cleans the texts; says what is wrong with them. `path` is where it stands in the input.
    pub(crate) fn check(&mut self, path: &[&str]) -> Vec<UserError> {
        let at = |field: &'static str| [path, &[field]].concat();
        let mut errors = Vec::new();
        match text::name(&self.topic, &at("topic"), 64) {
            Ok(topic) => self.topic = topic,
            Err(error) => errors.push(error),
        }
        match text::short_text(&self.reason, &at("reason"), 255) {
            Ok(reason) => self.reason = reason,
            Err(error) => errors.push(error),
        }
        errors
    }

    /// The row that says so of a contact, as a member has it.
    fn row(&self, contact: ContactId, at: DateTime<Utc>, by: Origin) -> Row {
        Row {
            contact_id: contact,
            channel: self.channel,
            topic: self.topic.clone(),
            state: self.state,
            source: SubscriptionSource::Member,
            reason: self.reason.clone(),
            changed_at: at,
            changed_by: by.json(),
        }
    }
}

impl Row {
    /// What the audit log says of it.
    fn record(&self) -> Record {
        let said = serde_json::json!({
            "channel": self.channel, "topic": self.topic, "state": self.state,
            "reason": self.reason,
        });
        Record::made("subscription.set", self.contact_id, said).of(self.contact_id)
    }
}

/// Sets where a contact stands, on a member's behalf.
pub async fn set(ctx: &Ctx, actor: &Actor, id: ContactId, mut new: NewState) -> Result<Vec<Row>> {
    actor.require(Scope::Write)?;
    let errors = new.check(&[]);
    if !errors.is_empty() {
        return Err(Error::Refused(errors));
    }
    let mut tx = ctx.begin(actor.workspace).await?;
    Subject::from(id).check(&tx, &["contactId"]).await?;
    let row = new.row(id, tx.now, actor.origin());
    tx.audit(actor, row.record());
    put(&mut tx, actor.origin(), &[row]).await?;
    tx.commit().await?;
    load(ctx, actor.workspace, &[id]).await
}

/// Writes rows and their history, and notes those that changed something: the state, or that it is not only
/// people of the company who ended it, or that it would be ended without a merge. Three statements.
pub(crate) async fn put(tx: &mut Tx<'_>, origin: Origin, rows: &[Row]) -> Result<()> {
    let differs = "subscription.state <> excluded.state
         OR (subscription.source = 'MEMBER' AND excluded.source <> 'MEMBER')
         OR (subscription.source = 'MERGE' AND excluded.source NOT IN ('MEMBER', 'MERGE'))";
    write(tx, origin, rows, differs).await.map(drop)
}

/// Writes rows and their history, over those that are there already only where `test` holds, and notes and
/// returns what changed.
async fn write(tx: &mut Tx<'_>, origin: Origin, rows: &[Row], test: &str) -> Result<Vec<Row>> {
    // One of a kind, the last one told.
    let rows: BTreeMap<_, &Row> = rows
        .iter()
        .map(|row| ((row.contact_id, row.channel, row.topic.as_str()), row))
        .collect();
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<&Row> = rows.into_values().collect();
    let given = Rows::new()
        .ids("contact_id", rows.iter().map(|row| row.contact_id))
        .texts("channel", rows.iter().map(|row| row.channel.word()))
        .texts("topic", rows.iter().map(|row| row.topic.as_str()))
        .texts("state", rows.iter().map(|row| row.state.word()))
        .texts("source", rows.iter().map(|row| row.source.word()))
        .texts("reason", rows.iter().map(|row| row.reason.as_str()));
    let changed: Vec<Row> = Query::new(format!(
        "INSERT INTO subscription (workspace_id, contact_id, channel, topic, state, source, reason,
                                   changed_at, changed_by)
         SELECT $1, r.contact_id, r.channel, r.topic, r.state, r.source, r.reason, $2, $3
         FROM {{r}} WHERE true
         ON CONFLICT (workspace_id, contact_id, channel, topic)
         DO UPDATE SET state = excluded.state, source = excluded.source,
                       reason = excluded.reason, changed_at = excluded.changed_at,
                       changed_by = excluded.changed_by
         WHERE {test}
         RETURNING contact_id, channel, topic, state, source, reason, changed_at, changed_by"
    ))
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(origin.json())
    .rows("r", given)
    .all(tx.connection())
    .await?;
    note(tx, origin, &changed).await?;
    for row in &changed {
        let fact = Fact::SubscriptionChanged {
            contact_id: row.contact_id,
            channel: row.channel,
            topic: row.topic.clone(),
            state: row.state,
        };
        tx.record(Change::new(origin, Some(row.contact_id), fact));
    }
    Ok(changed)
}

/// Appends to the history.
async fn note(tx: &Tx<'_>, origin: Origin, rows: &[Row]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let given = Rows::new()
        .ids("id", rows.iter().map(|_| tx.id::<SubscriptionChangeId>()))
        .ids("contact_id", rows.iter().map(|row| row.contact_id))
        .texts("channel", rows.iter().map(|row| row.channel.word()))
        .texts("topic", rows.iter().map(|row| row.topic.as_str()))
        .texts("state", rows.iter().map(|row| row.state.word()))
        .texts("source", rows.iter().map(|row| row.source.word()))
        .texts("reason", rows.iter().map(|row| row.reason.as_str()));
    Query::new(
        "INSERT INTO subscription_change (workspace_id, id, contact_id, channel, topic, state,
                                          source, reason, at, by_origin)
         SELECT $1, r.id, r.contact_id, r.channel, r.topic, r.state, r.source, r.reason, $2, $3
         FROM {r}",
    )
    .bind(tx.workspace)
    .bind(tx.now)
    .bind(origin.json())
    .rows("r", given)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What an email provider told: these contacts get no more email.
pub(crate) async fn end_email(
    tx: &mut Tx<'_>,
    origin: Origin,
    told: &[(ContactId, SubscriptionSource)],
) -> Result<()> {
    let rows: Vec<Row> = told
        .iter()
        .map(|(contact, source)| Row {
            contact_id: *contact,
            channel: Channel::Email,
            topic: EVERYTHING.to_owned(),
            state: SubscriptionState::Unsubscribed,
            source: *source,
            reason: String::new(),
            changed_at: tx.now,
            changed_by: origin.json(),
        })
        .collect();
    put(tx, origin, &rows).await
}

/// Where one of two contacts who become one has said no, the survivor says no, for the reason the other
/// gave; also where only people of the company had ended it for the survivor. Returns the survivor's rows as
/// they were.
pub(super) async fn tighten(
    tx: &mut Tx<'_>,
    origin: Origin,
    survivor: ContactId,
    loser: ContactId,
) -> Result<Vec<Row>> {
    let workspace = tx.workspace;
    // The rows of one of the two, `s` the survivor's and `l` the other's, in the same order.
    let rows_of = |whose: &str| {
        Query::new(format!(
            "SELECT {whose}.contact_id, {whose}.channel, {whose}.topic, {whose}.state,
                    {whose}.source, {whose}.reason, {whose}.changed_at, {whose}.changed_by
             FROM subscription s JOIN subscription l ON l.workspace_id = $1 AND l.contact_id = $3
              AND l.channel = s.channel AND l.topic = s.topic AND l.state = 'UNSUBSCRIBED'
             WHERE s.workspace_id = $1 AND s.contact_id = $2
               AND (s.state <> 'UNSUBSCRIBED' OR (s.source = 'MEMBER' AND l.source <> 'MEMBER'))
             ORDER BY s.channel, s.topic"
        ))
        .bind(workspace)
        .bind(survivor)
        .bind(loser)
    };
    let mine: Vec<Row> = rows_of("s").all(tx.connection()).await?;
    let theirs: Vec<Row> = rows_of("l").all(tx.connection()).await?;
    let tightened: Vec<Row> = mine
        .iter()
        .zip(theirs)
        .map(|(row, other)| Row {
            state: SubscriptionState::Unsubscribed,
            source: SubscriptionSource::Merge,
            reason: other.reason,
            ..row.clone()
        })
        .collect();
    put(tx, origin, &tightened).await?;
    Ok(mine)
}

/// Gives the survivor back what [`tighten`] took at `at`, unless somebody has changed it since.
pub(super) async fn loosen(
    tx: &mut Tx<'_>,
    origin: Origin,
    before: &[Row],
    at: DateTime<Utc>,
) -> Result<()> {
    for row in before {
        let restored = Query::new(
            "UPDATE subscription SET state = $6, source = $7, reason = $8, changed_at = $9,
                                     changed_by = $10
             WHERE workspace_id = $1 AND contact_id = $2 AND channel = $3 AND topic = $4
               AND source = 'MERGE' AND changed_at = $5",
        )
        .bind(tx.workspace)
        .bind(row.contact_id)
        .bind(row.channel.word())
        .bind(row.topic.clone())
        .bind(at)
        .bind(row.state.word())
        .bind(row.source.word())
        .bind(row.reason.clone())
        .bind(row.changed_at)
        .bind(row.changed_by.clone())
        .execute(tx.connection())
        .await?;
        if restored > 0 {
            // The entry the merge wrote is not part of what was.
            Query::new(
                "DELETE FROM subscription_change WHERE workspace_id = $1 AND contact_id = $2
                   AND channel = $3 AND topic = $4 AND source = 'MERGE' AND at = $5",
            )
            .bind(tx.workspace)
            .bind(row.contact_id)
            .bind(row.channel.word())
            .bind(row.topic.clone())
            .bind(at)
            .execute(tx.connection())
            .await?;
            let fact = Fact::SubscriptionChanged {
                contact_id: row.contact_id,
                channel: row.channel,
                topic: row.topic.clone(),
                state: row.state,
            };
            tx.record(Change::new(origin, Some(row.contact_id), fact));
        }
    }
    Ok(())
}

/// Where the contacts among `ids` stand, by contact, channel and topic; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[ContactId]) -> Result<Vec<Row>> {
    Ok(Query::new(
        "SELECT s.contact_id, s.channel, s.topic, s.state, s.source, s.reason, s.changed_at,
                s.changed_by
         FROM subscription s WHERE s.workspace_id = $1 AND {people}
         ORDER BY s.contact_id, s.channel, s.topic",
    )
    .bind(workspace)
    .among("people", "s.contact_id", ids.iter().map(|id| id.0))
    .all(ctx.reader())
    .await?)
}

/// The changes among `ids`, in no particular order; for loaders.
pub async fn load_changes(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[SubscriptionChangeId],
) -> Result<Vec<HistoryRow>> {
    Ok(Query::new(
        "SELECT s.id, s.channel, s.topic, s.state, s.source, s.reason, s.at, s.by_origin
         FROM {r} CROSS JOIN subscription_change AS s
         WHERE s.workspace_id = $1 AND s.id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?)
}

/// A page of the changes of a contact's subscriptions, newest first.
pub async fn history(
    ctx: &Ctx,
    workspace: WorkspaceId,
    contact: ContactId,
    page: &PageRequest,
) -> Result<Page<(String, HistoryRow)>> {
    let keyset = Keyset {
        order: "subscription",
        key: None,
        id: "s.id",
        descending: true,
    };
    let query = Query::new(
        "SELECT s.id, s.channel, s.topic, s.state, s.source, s.reason, s.at, s.by_origin
         FROM subscription_change s WHERE s.workspace_id = $1 AND s.contact_id = $2",
    )
    .bind(workspace)
    .bind(contact);
    keyset
        .list_by_id(ctx, query, page, |row: &HistoryRow| row.id)
        .await
}
