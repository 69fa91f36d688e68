//! Trying a rule on what happened before: what it would have done, without doing any of it.
//!
//! A rule on messages is shown those of the last days that go its way, in the order in which they came in, one that waits
//! for the clock the contacts of today, any other but one that waits for contacts to have waited what the change
//! log tells of these days. It sees the tags the contact and the conversation had at the time and those the rule itself would have set since;
//! what the database is asked for besides is answered as of now. Limits are kept as they would have been. Each message counts as if it had
//! come in when it was sent, also those of an archive: what is brought in late says what a rule would do from now
//! on, though nobody was told of it then. The answer says how many these are. At most [`MAX_MESSAGES`], or
//! [`MAX_CHANGES`], are read, the newest, and the answer says how far back they reach. Other rules are not run;
//! those that wait for what the rule would change are named, with playbooks and segments.
//!
//! - `run`: the messages, page after page.
//! - `changes`: the change log, page after page; `window` says how much of it.
//! - `clock`: the contacts of today, for a rule that waits for the clock.
//! - `trial`: the rule at work on what it is shown.
//! - `past`: what was there then.
//! - `stage`: what the rule would have changed since.
//! - `notice`: what it would tell of the samples.
//! - `follower`: what waits for what it would change.

mod changes;
mod clock;
mod follower;
mod notice;
mod past;
mod run;
mod stage;
mod trial;
mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use entity::id::{RuleId, SurveyId, TagId, TargetId};

pub use self::follower::{Follower, Following};
use self::run::run;
use crate::{
    access::{Actor, Scope},
    action::{Case, Effect},
    condition::matcher::MatchedPart,
    ctx::Ctx,
    error::{Error, Result, UserErrorCode},
    rule::{definition::Definition, trigger::Trigger, write},
    store::Tx,
};

/// Days a rule may be tried on.
pub const MAX_DAYS: i64 = 90;

/// Messages read at most.
pub const MAX_MESSAGES: i64 = 20_000;

/// Entries of the change log read at most.
pub const MAX_CHANGES: i64 = 20_000;

/// What a rule would have done.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// From when on it was shown what happened.
    pub since: DateTime<Utc>,
    /// Whether that is as far back as was asked for.
    pub complete: bool,
    /// How many messages were read; none for a rule on anything else.
    pub messages: i64,
    /// How many entries of the change log were read; none for a rule on messages.
    pub changes: i64,
    /// How many contacts were looked at; none for a rule that does not wait for the clock.
    pub contacts: i64,
    /// When it looks next, if it waits for the clock.
    pub next_at: Option<DateTime<Utc>>,
    /// How often it would have fired; at its next time, if it waits for the clock.
    pub matches: i64,
    /// How many of these are on what came in long after it was sent, as the messages of an archive do.
    pub late_matches: i64,
    /// How often on each day in the workspace's time zone, without days on which it would not.
    pub days: BTreeMap<NaiveDate, i64>,
    /// The newest of what it would have fired on.
    pub samples: Vec<Sample>,
    /// What it would have done, and how often.
    pub effects: Vec<Expected>,
    /// How many notices it would send in a week.
    pub notices_per_week: f64,
    /// What waits for what it would change.
    pub followers: Vec<Follower>,
}

/// Something the rule would have fired on.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it is about; the message, if it is one.
    pub case: Case,
    /// When it happened; when a message was sent.
    pub at: DateTime<Utc>,
    /// What made the condition hold.
    pub matched: Vec<MatchedPart>,
    /// What would be sent about it.
    pub notices: Vec<SampleNotice>,
}

/// A notice the rule would have sent, with what is known today of whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleNotice {
    /// Where to.
    pub target: TargetId,
    /// The headline; nothing where that is the name of a rule that is not saved.
    pub title: Option<String>,
    /// What is said below it, before it is made safe for the target.
    pub text: String,
}

/// Something the rule would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// What.
    pub effect: Effect,
    /// How often it would have changed or sent something.
    pub times: i64,
}

/// What is to be tried.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A rule that is there.
    Saved(RuleId),
    /// One that is not saved.
    Draft(Box<Definition>),
}

/// Tries a rule on what happened in the last `days`.
pub async fn rehearse(ctx: &Ctx, actor: &Actor, subject: Subject, days: i64) -> Result<Rehearsal> {
    actor.require(Scope::Read)?;
    if !(1..=MAX_DAYS).contains(&days) {
        let message = format!("Choose from 1 to {MAX_DAYS} days.");
        return Err(Error::refused(&["days"], UserErrorCode::Invalid, message));
    }
    let tx = Tx::reading(ctx, actor.workspace).await?;
    let (definition, saved) = match subject {
        Subject::Saved(id) => {
            let rule = crate::rule::find(ctx, actor.workspace, id).await?;
            let rule = rule.filter(|rule| rule.deleted_at.is_none());
            let rule = rule.ok_or_else(|| Error::not_found(&["ruleId"], "rule"))?;
            (rule.definition.clone(), Some(rule))
        }
        Subject::Draft(definition) => {
            let mut errors = Vec::new();
            write::check(&tx, &definition, None, &mut errors).await?;
            if !errors.is_empty() {
                return Err(Error::Refused(errors));
            }
            (*definition, None)
        }
    };
    let own = saved.as_ref().map(|rule| rule.id);
    let mut rehearsal = match &definition.trigger {
        Trigger::MessageReceived(_) | Trigger::MessageSent(_) => {
            run(&tx, &definition, own, days).await?
        }
        Trigger::OnSchedule(schedule) => clock::run(&tx, &definition, schedule, own).await?,
        Trigger::ConversationWaiting(_) => {
            let message = "A rule that waits for contacts to have waited cannot be tried on what happened \
                           before: it is not kept until when each of them waited.";
            let code = UserErrorCode::KindMismatch;
            return Err(Error::refused(&["trigger"], code, message));
        }
        _ => changes::run(&tx, &definition, own, days).await?,
    };
    let Rehearsal {
        effects, samples, ..
    } = &mut rehearsal;
    notice::write(ctx, &tx, saved.as_ref(), effects, samples).await?;
    tx.rollback().await?;
    Ok(rehearsal)
}

impl Expected {
    /// The tag, if it is about one.
    pub fn tag(&self) -> Option<TagId> {
        self.effect.tagging().map(|one| TagId(one.tag_id))
    }

    /// The survey, if it is one that is sent.
    pub fn survey(&self) -> Option<SurveyId> {
        match self.effect {
            Effect::SendSurvey { survey_id } => Some(SurveyId(survey_id)),
            _ => None,
        }
    }

    /// The target, if it is a notice.
    pub fn target(&self) -> Option<TargetId> {
        match self.effect {
            Effect::Notify { target_id, .. } => Some(TargetId(target_id)),
            _ => None,
        }
    }
}
