//! “Why did this rule not fire?”, and why it did, on one message of the past.
//!
//! First the logs are asked: what fired, and the sample of what did not. Where they say nothing the
//! rule is judged as it was when the message became known.

use chrono::{DateTime, Utc};
use entity::{
    id::{MessageId, RuleId, WorkspaceId},
    kind::{Direction, MissReason},
    rule_firing, rule_miss, rule_version,
};
use sea_orm::FromQueryResult;

use super::{definition::is_always, firing, miss, read::Rule, version::RuleVersion};
use crate::{
    condition::{Condition, explain::explain, matcher::Gate, trace::Trace},
    ctx::Ctx,
    error::Result,
    port::first_id_at,
    store::Query,
};

/// What became of a rule and a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "RuleReason")]
pub enum Reason {
    /// It fired: the log of firings says so.
    Fired,
    /// It was made after the message had come in.
    MadeLater,
    /// It is paused or deleted, and was when the message came in.
    Inactive,
    /// Its trigger did not let the message in: the inbox, the kind of author, or it waited for
    /// something else then.
    Trigger,
    /// Its condition did not hold.
    Condition,
    /// It had fired for this contact a moment before.
    CoolDown,
    /// It fires once for each, and had.
    Once,
    /// It had already fired on the same thing in this cascade.
    Loop,
    /// A rule before it ended the evaluation.
    Stopped,
    /// Rules and playbooks had led to each other in too many steps before.
    TooDeep,
    /// By trigger and condition it would have fired, and nothing that is kept says why it did not: it
    /// was paused for a while, its limits held it back longer than two weeks ago, or the message has
    /// not been looked at yet.
    Unknown,
}

impl From<MissReason> for Reason {
    fn from(reason: MissReason) -> Self {
        match reason {
            MissReason::Condition => Self::Condition,
            MissReason::Trigger => Self::Trigger,
            MissReason::CoolDown => Self::CoolDown,
            MissReason::Once => Self::Once,
            MissReason::Loop => Self::Loop,
            MissReason::Stopped => Self::Stopped,
            MissReason::TooDeep => Self::TooDeep,
        }
    }
}

/// Why a rule did or did not fire on a message.
#[derive(Debug, Clone)]
pub struct Why {
    /// What became of it.
    pub reason: Reason,
    /// The firing, if it fired.
    pub firing: Option<rule_firing::Model>,
    /// The version of the rule that was judged: the one that looked, or that would have.
    pub version: i64,
    /// The condition it had.
    pub condition: Condition,
    /// The verdict on each part of the condition.
    pub trace: Trace,
}

/// Finds out. Nothing if there is no such message, or if the rule waits for something else than messages
/// that go this way and did so then.
pub async fn why(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rule: &Rule,
    message: MessageId,
) -> Result<Option<Why>> {
    let Some(known) = known(ctx, workspace, message).await? else {
        return Ok(None);
    };
    let at = known.created_at;
    let firing = fired(ctx, workspace, rule.id, message).await?;
    let miss = match firing {
        Some(_) => None,
        None => missed(ctx, workspace, rule.id, message, at).await?,
    };
    let looked = firing.as_ref().map(|one| one.rule_version);
    let looked = looked.or(miss.as_ref().map(|one| one.rule_version));
    let then = as_it_was(ctx, workspace, rule.id, looked, at).await?;
    let (version, definition) = match then {
        Some(then) => (looked.unwrap_or(then.version), then.definition),
        None => (rule.version, rule.definition.clone()),
    };
    let triggers = [&definition.trigger, &rule.definition.trigger];
    let waits = triggers.map(|one| one.message_direction() == Some(known.direction));
    if waits == [false, false] {
        return Ok(None);
    }
    let gate = definition.trigger.gate();
    // A gate that nobody is let in by.
    let gate = gate.unwrap_or(Gate {
        inbox_ids: Vec::new(),
        channels: Vec::new(),
        authors: Vec::new(),
    });
    let condition = definition.condition;
    // What was seen then is better than what can be known of it now.
    let seen = match (&firing, &miss) {
        (Some(firing), _) => firing::trace(firing)?,
        (None, Some(miss)) => miss::trace(miss)?,
        (None, None) => None,
    };
    let is_whole =
        |trace: &Trace| is_always(&condition) || trace.nodes.len() == condition.nodes().len();
    let seen = seen.filter(|trace| is_whole(trace) && !trace.cut);
    let trace = match seen {
        Some(trace) => trace,
        None => match explain(ctx, workspace, &gate, &condition, message).await? {
            Some(trace) => trace,
            None => return Ok(None),
        },
    };
    let reason = match (&firing, &miss) {
        (Some(_), _) => Reason::Fired,
        (None, Some(miss)) => miss.reason.into(),
        (None, None) => unlogged(rule, &trace, at),
    };
    Ok(Some(Why {
        reason,
        firing,
        version,
        condition,
        trace,
    }))
}

/// The reason where no log says one.
fn unlogged(rule: &Rule, trace: &Trace, at: DateTime<Utc>) -> Reason {
    if rule.created_at > at {
        Reason::MadeLater
    } else if !rule.active && rule.updated_at <= at {
        Reason::Inactive
    } else if !trace.triggered {
        Reason::Trigger
    } else if !trace.fires {
        Reason::Condition
    } else {
        Reason::Unknown
    }
}

/// When a message became known, and which way it went.
#[derive(FromQueryResult)]
struct Known {
    created_at: DateTime<Utc>,
    direction: Direction,
}

async fn known(ctx: &Ctx, workspace: WorkspaceId, message: MessageId) -> Result<Option<Known>> {
    Ok(Query::new(
        "SELECT m.created_at, m.direction FROM message m WHERE m.workspace_id = $1 AND m.id = $2",
    )
    .bind(workspace)
    .bind(message)
    .one(ctx.reader())
    .await?)
}

async fn fired(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rule: RuleId,
    message: MessageId,
) -> Result<Option<rule_firing::Model>> {
    Ok(Query::new(
        "SELECT f.* FROM rule_firing f
         WHERE f.workspace_id = $1 AND f.message_id = $2 AND f.rule_id = $3",
    )
    .bind(workspace)
    .bind(message)
    .bind(rule)
    .one(ctx.reader())
    .await?)
}

/// The newest miss of the rule on the message: ids are in the order of time, and no miss is older
/// than its message.
async fn missed(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rule: RuleId,
    message: MessageId,
    since: DateTime<Utc>,
) -> Result<Option<rule_miss::Model>> {
    Ok(Query::new(
        "SELECT f.* FROM rule_miss f
         WHERE f.workspace_id = $1 AND f.rule_id = $2 AND f.id >= $3 AND f.subject_id = $4
         ORDER BY f.id DESC LIMIT 1",
    )
    .bind(workspace)
    .bind(rule)
    .bind(first_id_at(since))
    .bind(message)
    .one(ctx.reader())
    .await?)
}

/// The rule in the version that looked, or else the one of that time; the oldest one that is kept if
/// that is younger.
async fn as_it_was(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rule: RuleId,
    looked: Option<i64>,
    at: DateTime<Utc>,
) -> Result<Option<RuleVersion>> {
    if let Some(version) = looked {
        return super::version::find(ctx, workspace, rule, version).await;
    }
    let row: Option<rule_version::Model> = Query::new(
        "SELECT v.* FROM rule_version v WHERE v.workspace_id = $1 AND v.rule_id = $2
         ORDER BY CASE WHEN v.made_at <= $3 THEN v.version ELSE -v.version END DESC LIMIT 1",
    )
    .bind(workspace)
    .bind(rule)
    .bind(at)
    .one(ctx.reader())
    .await?;
    row.map(RuleVersion::try_from).transpose()
}
