//! Reading what set rules off: the causes of their firings, and the things that those name, in at most one
//! statement for each kind of thing. Nothing is written.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    id::{CampaignId, EmailEventId, FiringId, Id as _, MessageId, WorkspaceId},
    kind::{BounceKind, EmailEventKind},
};
use sea_orm::FromQueryResult;
use serde_json::Value;
use uuid::Uuid;

use super::{Answer, Campaign, EmailEvent, Event, Key, Known, Trigger};
use crate::{
    ctx::Ctx,
    error::Result,
    store::{Query, Rows},
    work::change::Fact,
};

/// What a rule for the clock was set off by.
const CLOCK: &str = "schedule";
/// What a firing of the first release, which kept no cause, was set off by.
const MESSAGE: &str = "message.received";

#[derive(FromQueryResult)]
struct Firing {
    workspace_id: WorkspaceId,
    id: FiringId,
    message_id: Option<MessageId>,
    cause: Option<Value>,
}

/// What set off each of `firings`. Those that are gone, or were written by a newer release, are left out.
pub(in crate::notification) async fn load(
    ctx: &Ctx,
    firings: &BTreeSet<(WorkspaceId, FiringId)>,
) -> Result<HashMap<(WorkspaceId, FiringId), Trigger>> {
    if firings.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Firing> = Query::new(
        "SELECT f.workspace_id, f.id, f.message_id, f.cause
         FROM {r} JOIN rule_firing f ON f.workspace_id = r.workspace_id AND f.id = r.id",
    )
    .rows(
        "r",
        Rows::new()
            .ids("workspace_id", firings.iter().map(|one| one.0))
            .ids("id", firings.iter().map(|one| one.1)),
    )
    .all(ctx.db.writer())
    .await?;
    let caused: Vec<((WorkspaceId, FiringId), Cause)> = rows
        .into_iter()
        .filter_map(|row| Some(((row.workspace_id, row.id), cause(row)?)))
        .collect();
    let mut wanted = Wanted::default();
    for ((workspace, _), cause) in &caused {
        if let Cause::Fact(fact) = cause {
            wanted.note(*workspace, fact);
        }
    }
    let known = wanted.load(ctx).await?;
    let told = caused.into_iter().map(|(key, cause)| {
        let trigger = match cause {
            Cause::Fact(fact) => known.tell(key.0, &fact),
            Cause::Untold(kind) => Trigger {
                kind: kind.to_owned(),
                ..Trigger::default()
            },
        };
        (key, trigger)
    });
    Ok(told.collect())
}

/// Why a rule fired.
enum Cause {
    /// Because of a change.
    Fact(Box<Fact>),
    /// Because of something that is no entry of the log, or was not kept.
    Untold(&'static str),
}

fn cause(row: Firing) -> Option<Cause> {
    match row.cause.filter(|cause| !cause.is_null()) {
        Some(cause) => serde_json::from_value(cause).ok().map(Cause::Fact),
        None if row.message_id.is_some() => Some(Cause::Untold(MESSAGE)),
        None => Some(Cause::Untold(CLOCK)),
    }
}

/// The things that changes name.
#[derive(Default)]
struct Wanted {
    tags: BTreeSet<Key>,
    segments: BTreeSet<Key>,
    attributes: BTreeSet<Key>,
    members: BTreeSet<Key>,
    events: BTreeSet<Key>,
    email_events: BTreeSet<Key>,
    answers: BTreeSet<Key>,
}

impl Wanted {
    fn note(&mut self, workspace: WorkspaceId, fact: &Fact) {
        match fact {
            Fact::TaggingAdded { tag_id, .. } | Fact::TaggingRemoved { tag_id, .. } => {
                self.tags.insert((workspace, tag_id.uuid()));
            }
            Fact::SegmentEntered { segment_id, .. } | Fact::SegmentLeft { segment_id, .. } => {
                self.segments.insert((workspace, segment_id.uuid()));
            }
            Fact::AttributeSet { attribute_id, .. } => {
                self.attributes.insert((workspace, attribute_id.uuid()));
            }
            Fact::ConversationAssigned { from, to, .. } | Fact::OwnerChanged { from, to, .. } => {
                let members = [from, to].into_iter().flatten();
                self.members
                    .extend(members.map(|member| (workspace, member.uuid())));
            }
            Fact::EventRecorded { event_id, .. } => {
                self.events.insert((workspace, event_id.uuid()));
            }
            Fact::EmailEventRecorded { email_event_id, .. } => {
                self.email_events.insert((workspace, email_event_id.uuid()));
            }
            Fact::SurveyAnswered { answer_id, .. } => {
                self.answers.insert((workspace, answer_id.uuid()));
            }
            _ => {}
        }
    }

    async fn load(&self, ctx: &Ctx) -> Result<Known> {
        Ok(Known {
            tags: words(ctx, "tag", "name", &self.tags).await?,
            segments: words(ctx, "segment", "name", &self.segments).await?,
            attributes: words(ctx, "attribute_definition", "key", &self.attributes).await?,
            members: words(ctx, "member", "name", &self.members).await?,
            events: events(ctx, &self.events).await?,
            email_events: email_events(ctx, &self.email_events).await?,
            answers: answers(ctx, &self.answers).await?,
        })
    }
}

/// The rows that `statement` finds for `keys`, which it has as `r`, by these.
async fn find<R: FromQueryResult>(
    ctx: &Ctx,
    keys: &BTreeSet<Key>,
    statement: &str,
    key: fn(&R) -> Key,
) -> Result<HashMap<Key, R>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = Rows::new()
        .ids("workspace_id", keys.iter().map(|key| key.0))
        .uuids("id", keys.iter().map(|key| key.1));
    let found: Vec<R> = Query::new(statement)
        .rows("r", rows)
        .all(ctx.db.writer())
        .await?;
    Ok(found.into_iter().map(|row| (key(&row), row)).collect())
}

#[derive(FromQueryResult)]
struct Word {
    workspace_id: WorkspaceId,
    id: Uuid,
    word: String,
}

/// One column of rows of a table.
async fn words(
    ctx: &Ctx,
    table: &str,
    column: &str,
    keys: &BTreeSet<Key>,
) -> Result<HashMap<Key, String>> {
    let statement = format!(
        "SELECT t.workspace_id, t.id, t.{column} AS word
         FROM {{r}} JOIN {table} t ON t.workspace_id = r.workspace_id AND t.id = r.id"
    );
    let key = |row: &Word| (row.workspace_id, row.id);
    let found = find(ctx, keys, &statement, key).await?.into_iter();
    Ok(found.map(|(key, row)| (key, row.word)).collect())
}

async fn events(ctx: &Ctx, keys: &BTreeSet<Key>) -> Result<HashMap<Key, Event>> {
    let statement =
        "SELECT e.workspace_id, e.id, e.external_id, e.name, e.properties, e.occurred_at
         FROM {r} JOIN event e ON e.workspace_id = r.workspace_id AND e.id = r.id";
    let key = |row: &Event| (row.workspace_id, row.id.uuid());
    find(ctx, keys, statement, key).await
}

#[derive(FromQueryResult)]
struct EmailEventRow {
    workspace_id: WorkspaceId,
    id: EmailEventId,
    kind: EmailEventKind,
    email_key: String,
    url: Option<String>,
    bounce: Option<BounceKind>,
    occurred_at: DateTime<Utc>,
    campaign_id: Option<CampaignId>,
    campaign_external_id: Option<String>,
    campaign_name: Option<String>,
}

async fn email_events(ctx: &Ctx, keys: &BTreeSet<Key>) -> Result<HashMap<Key, EmailEvent>> {
    let statement =
        "SELECT e.workspace_id, e.id, e.kind, e.email_key, e.url, e.bounce, e.occurred_at,
                e.campaign_id, c.external_id AS campaign_external_id, c.name AS campaign_name
         FROM {r} JOIN email_event e ON e.workspace_id = r.workspace_id AND e.id = r.id
         LEFT JOIN campaign c ON c.workspace_id = e.workspace_id AND c.id = e.campaign_id";
    let key = |row: &EmailEventRow| (row.workspace_id, row.id.uuid());
    let found = find(ctx, keys, statement, key).await?.into_iter();
    let told = found.map(|(key, row)| {
        let (external_id, name) = (row.campaign_external_id, row.campaign_name);
        let event = EmailEvent {
            id: row.id,
            kind: row.kind,
            email_key: row.email_key,
            url: row.url,
            bounce: row.bounce,
            campaign: row.campaign_id.map(|id| Campaign {
                id,
                external_id,
                name,
            }),
            occurred_at: row.occurred_at,
        };
        (key, event)
    });
    Ok(told.collect())
}

async fn answers(ctx: &Ctx, keys: &BTreeSet<Key>) -> Result<HashMap<Key, Answer>> {
    let statement =
        "SELECT a.workspace_id, a.id, a.survey_key, a.kind, a.score, a.comment, a.answered_at
         FROM {r} JOIN survey_answer a ON a.workspace_id = r.workspace_id AND a.id = r.id";
    let key = |row: &Answer| (row.workspace_id, row.id.uuid());
    find(ctx, keys, statement, key).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_firing_without_a_cause_was_on_a_message_or_for_the_clock() {
        let firing = |message_id, cause| Firing {
            workspace_id: WorkspaceId(Uuid::nil()),
            id: FiringId(Uuid::nil()),
            message_id,
            cause,
        };
        let message = Some(MessageId(Uuid::nil()));
        for (firing, kind) in [
            (firing(message, None), Some(MESSAGE)),
            (firing(None, None), Some(CLOCK)),
            (firing(None, Some(Value::Null)), Some(CLOCK)),
            (firing(None, Some(json!({ "kind": "of.tomorrow" }))), None),
        ] {
            let said = cause(firing).map(|cause| match cause {
                Cause::Untold(kind) => kind,
                Cause::Fact(_) => "a fact",
            });
            assert_eq!(said, kind);
        }
    }
}
