//! What triggers ask of what a contact did and the change log does not tell, read for a whole batch at once
//! by `Lore`, and only of the kinds of things that some rule asks about.

use std::collections::{BTreeSet, HashMap};

use entity::{
    id::{EmailEventId, EventId, Id as _, SurveyAnswerId},
    kind::BounceKind,
};
use sea_orm::FromQueryResult;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    action::board::ids_here,
    error::Result,
    rule::trigger::Asked,
    store::{Query, Tx},
    work::change::{Entry, Fact},
};

/// What is known of things that contacts did.
#[derive(Default)]
pub(super) struct Details {
    /// The properties of events.
    pub(super) properties: HashMap<EventId, Value>,
    pub(super) emails: HashMap<EmailEventId, Told>,
    /// What was written with answers, where something was.
    pub(super) comments: HashMap<SurveyAnswerId, String>,
}

/// What a provider told of something that happened to an email.
#[derive(FromQueryResult)]
pub(super) struct Told {
    id: EmailEventId,
    pub(super) url: Option<String>,
    pub(super) bounce: Option<BounceKind>,
}

#[derive(FromQueryResult)]
struct Event {
    id: EventId,
    properties: Value,
}

#[derive(FromQueryResult)]
struct Answer {
    id: SurveyAnswerId,
    comment: String,
}

impl Details {
    /// Reads them in a statement for each kind of thing that is asked about.
    pub(super) async fn load(tx: &Tx<'_>, asked: Asked, entries: &[&Entry]) -> Result<Self> {
        let mut details = Self::default();
        let of = |id: fn(&Fact) -> Option<Uuid>| -> BTreeSet<Uuid> {
            entries.iter().filter_map(|entry| id(&entry.fact)).collect()
        };
        if asked.properties {
            let sql = "SELECT x.id, x.properties FROM {r} CROSS JOIN event x
                       WHERE x.workspace_id = r.workspace_id AND x.id = r.id";
            let found: Vec<Event> = among(tx, sql, of(event)).await?;
            details.properties = found
                .into_iter()
                .map(|one| (one.id, one.properties))
                .collect();
        }
        if asked.emails {
            let sql = "SELECT e.id, e.url, e.bounce FROM {r} CROSS JOIN email_event e
                       WHERE e.workspace_id = r.workspace_id AND e.id = r.id";
            let found: Vec<Told> = among(tx, sql, of(email)).await?;
            details.emails = found.into_iter().map(|one| (one.id, one)).collect();
        }
        if asked.comments {
            let sql = "SELECT a.id, a.comment FROM {r} CROSS JOIN survey_answer a
                       WHERE a.workspace_id = r.workspace_id AND a.id = r.id AND a.comment IS NOT NULL";
            let found: Vec<Answer> = among(tx, sql, of(answer)).await?;
            details.comments = found.into_iter().map(|one| (one.id, one.comment)).collect();
        }
        Ok(details)
    }
}

fn event(fact: &Fact) -> Option<Uuid> {
    match fact {
        Fact::EventRecorded { event_id, .. } => Some(event_id.uuid()),
        _ => None,
    }
}

fn email(fact: &Fact) -> Option<Uuid> {
    match fact {
        Fact::EmailEventRecorded { email_event_id, .. } => Some(email_event_id.uuid()),
        _ => None,
    }
}

fn answer(fact: &Fact) -> Option<Uuid> {
    match fact {
        Fact::SurveyAnswered { answer_id, .. } => Some(answer_id.uuid()),
        _ => None,
    }
}

/// The rows of these ids, which the statement takes from `r`.
async fn among<T: FromQueryResult>(
    tx: &Tx<'_>,
    sql: &'static str,
    ids: BTreeSet<Uuid>,
) -> Result<Vec<T>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(Query::new(sql)
        .rows("r", ids_here(tx.workspace, ids.into_iter()))
        .all(tx.connection())
        .await?)
}
