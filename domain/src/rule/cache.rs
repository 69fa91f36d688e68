//! The compiled rules of each workspace, kept in the process until they change.
//!
//! A workspace's `rules_version` is read in the transaction that evaluates; only when it differs
//! from the version compiled last are the rules read and compiled again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use entity::{
    id::{RuleId, WorkspaceId},
    kind::{Author, Direction},
};
use sea_orm::{ConnectionTrait, FromQueryResult, Iterable as _};
use uuid::Uuid;

use super::{
    definition::Definition,
    limits::{Limits, OncePer},
    trigger::{Asked, Happened, Key, OnSchedule, Trigger, WaitLength},
};
use crate::{
    action::{Action, board::Wanted},
    condition::{
        matcher::{Gate, Matcher, RuleSource},
        trace::TraceNode,
    },
    ctx::Ctx,
    error::{Error, Result},
    store::{Kept, Query},
    work::change::Fact,
};

/// The active rules of a workspace, ready to be asked and carried out.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Those that wait for messages.
    pub(crate) matcher: Matcher,
    /// Those that wait for anything else, in the order of their numbers.
    pub(crate) others: Matcher,
    /// The numbers of the others that a key leads to.
    listeners: HashMap<Key, Vec<u32>>,
    numbered: Vec<Uuid>,
    rules: HashMap<Uuid, Active>,
    /// What all their effects name.
    pub(crate) wanted: Wanted,
    facts: HashSet<&'static str>,
    /// Whether a conversation that begins is waited for.
    pub(crate) waits_for_opening: bool,
    /// Which way the messages go that are waited for.
    pub(crate) directions: HashSet<Direction>,
    /// Whether some rule acts on accounts or asks about them.
    pub(crate) asks_for_accounts: bool,
    /// Whether some rule has to know when it fired before.
    pub(crate) remembers: bool,
    /// What some trigger asks that the change log does not tell.
    pub(crate) asked: Asked,
    /// The rules that wait for contacts to have waited, each with for how long.
    pub(crate) waits: Vec<(Uuid, WaitLength)>,
}

/// What is needed of a rule once it fired.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) trigger: Trigger,
    pub(crate) actions: Vec<Action>,
    pub(crate) limits: Limits,
}

impl Compiled {
    pub(crate) fn rule(&self, id: Uuid) -> Option<&Active> {
        self.rules.get(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether some rule may look at what this fact tells.
    pub(crate) fn waits_for(&self, fact: &Fact) -> bool {
        self.facts.contains(fact.name())
    }

    /// The numbers among `others` of the rules that what happened makes look, in their order.
    pub(crate) fn listening(&self, happened: &Happened<'_>) -> Vec<u32> {
        let mut numbers = self.waiting(happened);
        numbers.retain(|&number| {
            let rule = self.number(number).and_then(|id| self.rules.get(&id));
            rule.is_some_and(|rule| rule.trigger.kind().accepts(happened))
        });
        numbers
    }

    /// The rules that wait for what happened, but whose triggers turn it away for what it has with it, such as
    /// the properties of an event; each with its verdicts.
    pub(crate) fn turned_away(
        &self,
        happened: &Happened<'_>,
    ) -> impl Iterator<Item = (Uuid, &Active, Vec<TraceNode>)> {
        let waiting = self.waiting(happened).into_iter();
        let rules = waiting.filter_map(move |number| {
            let id = self.number(number)?;
            Some((id, self.rules.get(&id)?))
        });
        rules.filter_map(move |(id, rule)| {
            let verdicts = rule.trigger.kind().judge(happened);
            let is_away = verdicts.iter().any(|one| !one.holds);
            is_away.then_some((id, rule, verdicts))
        })
    }

    /// The numbers of those that the keys of what happened lead to, in their order.
    fn waiting(&self, happened: &Happened<'_>) -> Vec<u32> {
        let keys = happened.keys();
        let lists = keys.iter().filter_map(|key| self.listeners.get(key));
        let mut numbers: Vec<u32> = lists.flatten().copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The rule of a number among `others`.
    pub(crate) fn number(&self, number: u32) -> Option<Uuid> {
        self.numbered.get(number as usize).copied()
    }

    /// The active rules that wait for the clock.
    pub(crate) fn scheduled(&self) -> impl Iterator<Item = (u32, Uuid, &OnSchedule)> {
        let numbered = self.numbered.iter().zip(0..);
        numbered.filter_map(|(&id, number)| match &self.rules.get(&id)?.trigger {
            Trigger::OnSchedule(schedule) => Some((number, id, schedule)),
            _ => None,
        })
    }
}

/// Workspaces whose rules are kept.
type Cache = Kept<Compiled, 256>;

/// The active rules of the workspace as `connection` sees them. One statement, unless they changed.
pub(crate) async fn current(
    ctx: &Ctx,
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<Arc<Compiled>> {
    let version: i64 = Query::new("SELECT rules_version FROM workspace WHERE id = $1")
        .bind(workspace)
        .scalar(connection)
        .await?
        .ok_or_else(|| Error::Internal("a projection of no workspace".to_owned()))?;
    let cache = ctx.db.remembered::<Cache>();
    if let Some(compiled) = cache.get(workspace, version) {
        return Ok(compiled);
    }
    let (version, compiled) = load(connection, workspace).await?;
    let compiled = Arc::new(compiled);
    cache.put(workspace, version, compiled.clone());
    Ok(compiled)
}

#[derive(FromQueryResult)]
struct Row {
    rules_version: i64,
    id: Option<RuleId>,
    name: Option<String>,
    position: Option<i64>,
    version: Option<i64>,
    definition: Option<serde_json::Value>,
}

/// Reads version and rules in one statement, so that they belong together.
async fn load(
    connection: &impl ConnectionTrait,
    workspace: WorkspaceId,
) -> Result<(i64, Compiled)> {
    let rows: Vec<Row> = Query::new(
        "SELECT w.rules_version, u.id, u.name, u.position, u.version, u.definition
         FROM workspace w LEFT JOIN rule u
           ON u.workspace_id = w.id AND u.active = $2 AND u.deleted_at IS NULL
         WHERE w.id = $1",
    )
    .bind(workspace)
    .bind(true)
    .all(connection)
    .await?;
    let version = rows.first().map_or(0, |row| row.rules_version);
    let mut rules = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(id), Some(stored)) = (row.id, row.definition) else {
            continue;
        };
        match Definition::from_stored(stored) {
            Ok(definition) => rules.push(Stored {
                id: id.0,
                name: row.name.unwrap_or_default(),
                version: row.version.unwrap_or_default(),
                position: row.position.unwrap_or_default(),
                definition,
            }),
            Err(error) => {
                // One rule that cannot be read must not stop all others.
                tracing::error!(workspace.id = %workspace, rule.id = %id,
                    error = &error as &dyn std::error::Error, "left out a rule that cannot be read");
            }
        }
    }
    Ok((version, compile(rules)?))
}

/// A rule to be compiled.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) position: i64,
    pub(crate) definition: Definition,
}

/// Makes rules ready to be asked and carried out.
pub(crate) fn compile(mut stored: Vec<Stored>) -> Result<Compiled> {
    // The order in which a matcher numbers its rules.
    stored.sort_by_key(|rule| (rule.position, rule.id));
    let (mut of_messages, mut of_others) = (Vec::new(), Vec::new());
    let (mut listeners, mut numbered): (HashMap<Key, Vec<u32>>, _) = (HashMap::new(), Vec::new());
    let (mut wanted, mut facts) = (Wanted::default(), HashSet::new());
    let mut rules = HashMap::with_capacity(stored.len());
    let (mut waits_for_opening, mut asks_for_accounts, mut remembers) = (false, false, false);
    let mut directions = HashSet::new();
    let (mut asked, mut waits) = (Asked::default(), Vec::new());
    for rule in stored {
        let Definition {
            trigger,
            condition,
            actions,
            limits,
        } = rule.definition;
        facts.extend(facts_of(&trigger));
        trigger.kind().note_asked(&mut asked);
        waits_for_opening |= matches!(trigger, Trigger::ConversationOpened(_));
        directions.extend(trigger.message_direction());
        if let Trigger::ConversationWaiting(trigger) = &trigger {
            waits.push((rule.id, trigger.length()));
        }
        remembers |= limits.remember();
        for effect in actions.iter().flat_map(Action::effects) {
            asks_for_accounts |= effect.is_of_account();
            wanted.note(&effect);
        }
        asks_for_accounts |= limits.once_per == Some(OncePer::Account);
        let gate = trigger.gate();
        let is_of_messages = gate.is_some();
        if !is_of_messages {
            let number = numbered.len() as u32;
            for key in trigger.kind().keys() {
                listeners.entry(key).or_default().push(number);
            }
            numbered.push(rule.id);
        }
        let source = RuleSource {
            id: rule.id,
            version: rule.version,
            position: rule.position,
            gate: gate.unwrap_or_else(anything),
            condition,
        };
        if is_of_messages {
            of_messages.push(source);
        } else {
            of_others.push(source);
        }
        let active = Active {
            name: rule.name,
            version: rule.version,
            trigger,
            actions,
            limits,
        };
        rules.insert(rule.id, active);
    }
    let matcher = |sources: Vec<RuleSource>| {
        Matcher::compile(sources)
            .map_err(|error| Error::Internal(format!("cannot compile the rules: {error}")))
    };
    let (matcher, others) = (matcher(of_messages)?, matcher(of_others)?);
    asks_for_accounts |= matcher.asks_the_database() || others.asks_the_database();
    Ok(Compiled {
        matcher,
        others,
        listeners,
        numbered,
        rules,
        wanted,
        facts,
        waits_for_opening,
        directions,
        asks_for_accounts,
        remembers,
        asked,
        waits,
    })
}

/// The gate of what is no message.
fn anything() -> Gate {
    Gate {
        inbox_ids: Vec::new(),
        channels: Vec::new(),
        authors: Author::iter().collect(),
    }
}

/// The facts that a trigger waits for.
pub(crate) fn facts_of(trigger: &Trigger) -> &'static [&'static str] {
    match trigger {
        Trigger::MessageReceived(_) => &["message.received"],
        Trigger::MessageSent(_) => &["message.sent"],
        Trigger::ConversationOpened(_) => &[
            "message.received",
            "message.sent",
            "conversation.status_changed",
        ],
        Trigger::ConversationClosed(_) => &["conversation.status_changed"],
        Trigger::ConversationAssigned(_) => &["conversation.assigned"],
        Trigger::ConversationPriorityChanged(_) => &["conversation.priority_changed"],
        Trigger::ConversationWaiting(_) => &["conversation.waited"],
        Trigger::ContactTagAdded(_)
        | Trigger::AccountTagAdded(_)
        | Trigger::ConversationTagAdded(_) => &["tagging.added"],
        Trigger::ContactTagRemoved(_)
        | Trigger::AccountTagRemoved(_)
        | Trigger::ConversationTagRemoved(_) => &["tagging.removed"],
        Trigger::ContactCreated(_) => &["contact.created"],
        Trigger::ContactChanged(_) => &["contact.changed"],
        Trigger::ContactStageChanged(_) => &["stage.changed"],
        Trigger::ContactOwnerChanged(_) => &["owner.changed"],
        Trigger::ContactAttributeChanged(_)
        | Trigger::AccountAttributeChanged(_)
        | Trigger::ConversationAttributeChanged(_) => &["attribute.set"],
        Trigger::EventTracked(_) => &["event.recorded"],
        Trigger::EmailEventSeen(_) => &["email_event.recorded"],
        Trigger::HealthScoreCrossed(_) | Trigger::HealthBandChanged(_) => &["health.changed"],
        Trigger::AccountHealthScoreCrossed(_) | Trigger::AccountHealthBandChanged(_) => {
            &["account_health.changed"]
        }
        Trigger::SurveyAnswered(_) => &["survey.answered"],
        Trigger::ContactEnteredSegment(_) | Trigger::AccountEnteredSegment(_) => {
            &["segment.entered"]
        }
        Trigger::ContactLeftSegment(_) | Trigger::AccountLeftSegment(_) => &["segment.left"],
        Trigger::OnSchedule(_) => &[],
    }
}

/// Every fact that some trigger waits for.
pub(crate) const FACTS: &[&str] = &[
    "message.received",
    "message.sent",
    "conversation.status_changed",
    "conversation.assigned",
    "conversation.priority_changed",
    "conversation.waited",
    "tagging.added",
    "tagging.removed",
    "contact.created",
    "contact.changed",
    "stage.changed",
    "owner.changed",
    "attribute.set",
    "event.recorded",
    "email_event.recorded",
    "health.changed",
    "account_health.changed",
    "survey.answered",
    "segment.entered",
    "segment.left",
];
