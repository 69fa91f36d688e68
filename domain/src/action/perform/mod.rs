//! Carrying actions out, any number at once, in the caller's transaction.
//!
//! Called by `rule` and by the steps of playbooks. This file has effects decided and says what became of each;
//! the writing is in a file for each group of actions, named as in `kind`:
//!
//! - what is written to things: `tag`, `conversation`, `profile`;
//! - what is asked for because of them: `task`, `survey`, `playbook`, `notify`.
//!
//! The number of statements depends on the kinds of effects, not on how many there are, except that a
//! tag which is put on and taken off the same thing in turns takes a round of statements for each turn.

mod conversation;
mod notify;
mod playbook;
mod profile;
mod survey;
mod tag;
mod task;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    id::{EnrolmentId, FiringId},
    kind::SubjectKind,
};
use uuid::Uuid;

use self::{
    conversation::write_conversations,
    notify::send,
    playbook::write_enrolments,
    profile::{write_attributes, write_owners, write_stages},
    survey::write_invitations,
    tag::write_tags,
    task::write_tasks,
};
use super::{
    Action, Case, Effect, Outcome, OutcomeResult,
    board::{Decision, Tags, Usable, Wanted, decide},
};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::Result,
    playbook::Counts,
    store::Tx,
    subject::Subject,
    work::change::{Entry, Fact},
};

/// Who has actions carried out, and why.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// Who: a rule or a playbook.
    pub origin: Origin,
    /// What it is called, for histories and notices.
    pub name: &'a str,
    /// The log entry it follows from, if it follows from one.
    pub cause: Option<&'a Entry>,
    /// The firing it belongs to, if it is a rule's.
    pub firing: Option<FiringId>,
    /// Notices set off no earlier.
    pub not_before: Option<DateTime<Utc>>,
}

impl By<'_> {
    /// The enrolment whose step it is, if it is a playbook's: all that an enrolment does follows from its beginning.
    fn enrolment(&self) -> Option<EnrolmentId> {
        self.origin.playbook()?;
        match self.cause?.fact {
            Fact::EnrolmentStarted { enrolment_id, .. } => Some(enrolment_id),
            _ => None,
        }
    }
}

/// An action to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct Performed<'a> {
    /// What is wanted.
    pub action: &'a Action,
    /// What it is about.
    pub case: Case,
    /// Who wants it.
    pub by: By<'a>,
}

/// Carries actions out in their order and says for each what became of its effects.
pub async fn perform(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    performed: &[Performed<'_>],
) -> Result<Vec<Vec<Outcome>>> {
    let mut counts = Counts::default();
    let outcomes = perform_counting(ctx, tx, performed, &mut counts).await?;
    counts.write(tx).await?;
    Ok(outcomes)
}

/// Like [`perform`]; the caller writes the counts of playbooks, as the last of what is locked.
pub(crate) async fn perform_counting(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    performed: &[Performed<'_>],
    counts: &mut Counts,
) -> Result<Vec<Vec<Outcome>>> {
    let mut wanted = Wanted::default();
    let mut things = HashSet::new();
    let effects: Vec<Vec<Effect>> = performed.iter().map(|one| one.action.effects()).collect();
    for (one, effects) in performed.iter().zip(&effects) {
        for effect in effects {
            wanted.note(effect);
            if effect.tagging().is_some() {
                things.extend(one.case.things());
            }
        }
    }
    let usable = Usable::load(tx, &wanted).await?;
    let mut tags = Tags::load(tx, things, &wanted).await?;
    let mut steps = Vec::new();
    for (one, effects) in performed.iter().zip(&effects) {
        for effect in effects {
            steps.push(Step {
                decision: decide(effect, &one.case, &mut tags, &usable),
                case: one.case,
                by: one.by,
            });
        }
    }
    let mut results = carry_out(ctx, tx, &usable, &steps, counts)
        .await?
        .into_iter();
    Ok(effects
        .into_iter()
        .map(|effects| {
            let with_results = effects.into_iter().zip(results.by_ref());
            with_results
                .map(|(effect, result)| Outcome {
                    action: 0,
                    effect,
                    result,
                })
                .collect()
        })
        .collect())
}

impl Case {
    /// The thing of a kind that it is about.
    pub(crate) fn subject(&self, of: SubjectKind) -> Option<Subject> {
        match of {
            SubjectKind::Contact => self.contact.map(Subject::from),
            SubjectKind::Account => self.account.map(Subject::from),
            SubjectKind::Conversation => self.conversation.map(Subject::from),
        }
    }

    /// The ids of what it is about that can carry tags.
    pub(crate) fn things(&self) -> impl Iterator<Item = Uuid> {
        let contact = self.contact.map(|id| id.0);
        let account = self.account.map(|id| id.0);
        let conversation = self.conversation.map(|id| id.0);
        [contact, account, conversation].into_iter().flatten()
    }
}

/// Something decided that is to be written.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) decision: Decision,
    pub(crate) case: Case,
    pub(crate) by: By<'a>,
}

/// Writes what was decided, and says what became of each. The caller writes the counts of playbooks when
/// everything else is: contacts that are held after them would wait for who holds these and wants those.
pub(crate) async fn carry_out(
    ctx: &Ctx,
    tx: &mut Tx<'_>,
    usable: &Usable,
    steps: &[Step<'_>],
    counts: &mut Counts,
) -> Result<Vec<OutcomeResult>> {
    let mut results: Vec<OutcomeResult> = steps.iter().map(|step| expected(tx, step)).collect();
    let outside = write_tags(ctx, tx, usable, steps).await?;
    if !outside.is_empty() {
        // They have left the segment since it was decided.
        for (step, result) in steps.iter().zip(&mut results) {
            if step.is_among(&outside) {
                *result = OutcomeResult::NotInSegment;
            }
        }
    }
    // Before conversations are given to them.
    for (place, changed) in write_owners(tx, steps).await? {
        results[place] = changed_or_not(changed);
    }
    for (place, changed) in write_conversations(ctx, tx, steps).await? {
        results[place] = changed.map_or(OutcomeResult::NoOwner, changed_or_not);
    }
    for (place, changed) in write_stages(tx, steps).await? {
        results[place] = changed_or_not(changed);
    }
    for (place, changed) in write_attributes(tx, steps).await? {
        results[place] = changed_or_not(changed);
    }
    for (place, made) in write_tasks(tx, steps).await? {
        results[place] = OutcomeResult::TaskCreated {
            task_id: made.id,
            unassigned: made.unassigned,
        };
    }
    // Contacts are held for these: before anybody's enrolments.
    for (place, result) in write_invitations(tx, steps).await? {
        results[place] = result;
    }
    for (place, result) in write_enrolments(tx, steps, counts).await? {
        results[place] = result;
    }
    send(ctx, tx, steps, &results).await?;
    Ok(results)
}

fn changed_or_not(changed: bool) -> OutcomeResult {
    if changed {
        OutcomeResult::Changed
    } else {
        OutcomeResult::Unchanged
    }
}

/// What is known to become of a step before it is written.
fn expected(tx: &Tx<'_>, step: &Step<'_>) -> OutcomeResult {
    match &step.decision {
        Decision::Nothing(result) => result.clone(),
        Decision::Put(..) => OutcomeResult::Tagged,
        Decision::Renew(..) => OutcomeResult::TaggingRenewed,
        Decision::Take(..) => OutcomeResult::Untagged,
        Decision::Notify { .. } => OutcomeResult::Queued {
            delivery_id: tx.id(),
            until: step.by.not_before,
        },
        Decision::Conversation(..)
        | Decision::AssignToOwner(..)
        | Decision::Attribute(..)
        | Decision::Stage(..)
        | Decision::Owner(..)
        | Decision::Task { .. }
        | Decision::Start(..)
        | Decision::Stop(..)
        | Decision::Ask(..) => OutcomeResult::Unchanged,
    }
}

/// The steps that are of a kind, with their places among all.
fn of<'s, 'a, T>(
    steps: &'s [Step<'a>],
    pick: impl Fn(&'s Step<'a>) -> Option<T>,
) -> (Vec<usize>, Vec<T>) {
    let picked = steps.iter().enumerate();
    picked
        .filter_map(|(place, step)| Some((place, pick(step)?)))
        .unzip()
}
