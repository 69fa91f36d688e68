//! Which rules fire on a number of occasions, and what is decided about their effects. Reads what
//! has to be known, writes nothing.
//!
//! - `evaluation`: the batch at work, occasion after occasion.
//! - `facts`: what is known about an occasion.
//! - `memory`: when rules fired before, as far as their limits ask.

mod evaluation;
mod facts;
mod memory;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{FiringId, RuleId},
    kind::MissReason,
};
use uuid::Uuid;

pub(crate) use self::facts::facts_with;

use self::evaluation::run;
use crate::{
    action::{
        Effect, Outcome, OutcomeResult,
        board::{Decision, Usable},
    },
    condition::{matcher::MatchedPart, trace::Trace},
    error::Result,
    rule::{
        cache::{Active, Compiled},
        occasion::Occasion,
    },
    store::Tx,
};

/// What came of a batch.
#[derive(Default)]
pub(crate) struct Evaluated<'a> {
    pub(crate) fired: Vec<Fired<'a>>,
    pub(crate) misses: Vec<Miss>,
    /// Rules whose conditions ask what the database could not answer, with on how many occasions.
    pub(crate) unanswered: BTreeMap<RuleId, i64>,
    pub(crate) usable: Usable,
}

/// A rule that fired on something, with everything that is to be written about it.
pub(crate) struct Fired<'a> {
    pub(crate) id: FiringId,
    pub(crate) occasion: Occasion<'a>,
    pub(crate) rule_id: RuleId,
    pub(crate) rule: &'a Active,
    pub(crate) matched: Vec<MatchedPart>,
    /// Every condition's verdict, with what was there.
    pub(crate) trace: Option<Trace>,
    pub(crate) wanted: Vec<Wanted>,
    /// Its notices set off no earlier.
    pub(crate) not_before: Option<DateTime<Utc>>,
}

/// An effect with what was decided about it.
pub(crate) struct Wanted {
    pub(crate) action: usize,
    pub(crate) effect: Effect,
    pub(crate) decision: Decision,
}

impl Wanted {
    /// The outcome to be logged, when what was written came out as `result`.
    pub(crate) fn outcome(self, result: OutcomeResult) -> Outcome {
        Outcome {
            action: self.action,
            effect: self.effect,
            result,
        }
    }
}

/// A rule that looked at something and did not fire.
pub(crate) struct Miss {
    pub(crate) rule_id: RuleId,
    pub(crate) rule_version: i64,
    pub(crate) subject: Uuid,
    pub(crate) case: crate::action::Case,
    pub(crate) reason: MissReason,
    pub(crate) trace: Option<Trace>,
}

/// Asks the rules about each occasion in turn.
pub(crate) async fn evaluate<'a>(
    tx: &Tx<'_>,
    rules: &'a Compiled,
    occasions: &[Occasion<'a>],
) -> Result<Evaluated<'a>> {
    run(tx, rules, None, occasions).await
}

/// Asks one rule, of this number among those that do not wait for messages, because the clock came
/// round.
pub(crate) async fn evaluate_tick<'a>(
    tx: &Tx<'_>,
    rules: &'a Compiled,
    number: u32,
    occasions: &[Occasion<'a>],
) -> Result<Evaluated<'a>> {
    run(tx, rules, Some(number), occasions).await
}
