//! One enrolment on its way through a batch. Pure: what it leaves behind, where it stops, how it ends.

use chrono::{DateTime, Utc};
use entity::{
    enrolment,
    id::Id as _,
    kind::{EnrolmentState, StepOutcome},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    access::Origin,
    playbook::{
        count::{Counts, What},
        definition::Definition,
        flow, hear,
    },
    work::change::{Entry, Fact, Position},
};

/// An enrolment and what has become of it in this batch.
#[derive(Debug)]
pub(super) struct Way {
    /// As it was when the batch began.
    pub(super) row: enrolment::Model,
    /// The step it is at.
    pub(super) place: usize,
    /// When it came to that step.
    pub(super) since: DateTime<Utc>,
    /// The steps it left behind.
    pub(super) left: Vec<Left>,
    /// Where it stands.
    pub(super) stand: Stand,
}

/// Where an enrolment stands in the course of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    /// It has just come to its step.
    Arrived,
    /// It waits at its step.
    Parked {
        /// Until when; nothing to come to the step anew.
        until: Option<DateTime<Utc>>,
        /// When to look at it again; nothing for never by itself.
        due: Option<DateTime<Utc>>,
    },
    /// It has ended.
    Over {
        /// How.
        state: EnrolmentState,
        /// The goal or exit.
        ending: Option<String>,
    },
}

/// A step left behind.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) step: String,
    pub(super) outcome: StepOutcome,
    pub(super) next: Option<String>,
    pub(super) detail: Value,
    pub(super) entered_at: DateTime<Utc>,
}

impl Way {
    /// An enrolment as it is; nothing if its step is not in the definition.
    pub(super) fn of(row: enrolment::Model, definition: &Definition) -> Option<Self> {
        Some(Self {
            place: definition.place(&row.step)?,
            since: row.step_at,
            left: Vec::new(),
            stand: match row.wait_until {
                None => Stand::Arrived,
                until => Stand::Parked { until, due: until },
            },
            row,
        })
    }

    /// Leaves the step for `next`, or comes to the end.
    pub(super) fn go(
        &mut self,
        definition: &Definition,
        next: Option<usize>,
        outcome: StepOutcome,
        detail: Value,
        now: DateTime<Utc>,
    ) {
        let step = |place: usize| definition.steps[place].id.clone();
        self.left.push(Left {
            step: step(self.place),
            outcome,
            next: next.map(step),
            detail,
            entered_at: self.since,
        });
        if let Some(next) = next {
            (self.place, self.since) = (next, now);
            self.stand = Stand::Arrived;
        } else {
            self.stand = Stand::Over {
                state: EnrolmentState::Done,
                ending: None,
            };
        }
    }

    /// Ends before the last step: because of a goal or an exit of this name.
    pub(super) fn leave(&mut self, definition: &Definition, state: EnrolmentState, name: &str) {
        let outcome = if state == EnrolmentState::Goal {
            StepOutcome::Goal
        } else {
            StepOutcome::Exited
        };
        self.left.push(Left {
            step: definition.steps[self.place].id.clone(),
            outcome,
            next: None,
            detail: json!({ "ending": name }),
            entered_at: self.since,
        });
        self.stand = Stand::Over {
            state,
            ending: Some(name.to_owned()),
        };
    }

    /// Whether it may still move in this batch.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.stand, Stand::Over { .. })
    }

    /// The moment its wait is over, if it waits at its step since before this batch or in it.
    pub(super) fn waits_until(&self) -> Option<DateTime<Utc>> {
        match self.stand {
            Stand::Parked { until, .. } => until,
            _ => None,
        }
    }

    /// Whether it has seen no step but its first, and that only now.
    pub(super) fn is_new(&self) -> bool {
        self.row.passed == 0 && self.row.wait_until.is_none()
    }

    /// How often it has left a step behind.
    pub(super) fn passed(&self) -> i64 {
        self.row.passed + self.left.len() as i64
    }

    /// The stored state.
    pub(super) fn state(&self) -> EnrolmentState {
        match &self.stand {
            Stand::Over { state, .. } => *state,
            Stand::Arrived | Stand::Parked { .. } => EnrolmentState::Waiting,
        }
    }

    /// What the counts of its version gain and lose by it.
    pub(super) fn count(&self, definition: &Definition, counts: &mut Counts) {
        let key = (self.row.playbook_id, self.row.version);
        let here = &definition.steps[self.place].id;
        for left in &self.left {
            let what = match left.outcome {
                StepOutcome::Goal => What::Goal,
                StepOutcome::Exited => What::Exited,
                _ => What::Passed,
            };
            counts.at(key, &left.step, what, 1);
        }
        counts.at(key, &self.row.step, What::Here, -1);
        let Stand::Over { state, .. } = &self.stand else {
            counts.at(key, here, What::Here, 1);
            return;
        };
        counts.whole(key, What::Here, -1);
        let what = match state {
            EnrolmentState::Goal => What::Goal,
            EnrolmentState::Exited => What::Exited,
            _ => What::Passed,
        };
        counts.whole(key, what, 1);
    }

    /// What may move or end it where it stands, of what may do so at each step.
    pub(super) fn hears(&self, at_steps: &[i64]) -> i64 {
        if self.is_over() {
            return 0;
        }
        at_steps.get(self.place).copied().unwrap_or(hear::ALL)
    }

    /// Who does what its steps do.
    pub(super) fn origin(&self) -> Origin {
        Origin::Playbook {
            playbook_id: self.row.playbook_id,
            version: self.row.version,
        }
    }

    /// Where the cascade it belongs to began.
    pub(super) fn root(&self) -> Option<Position> {
        let (tx, seq) = self.row.root_tx.zip(self.row.root_seq)?;
        Some(Position { tx, seq })
    }

    /// What the doings of an enrolment follow from. As long as it has not waited, they belong to the
    /// cascade that enrolled; later they begin one of their own, but are as far from the outside.
    pub(super) fn cause(&self) -> Entry {
        let root = self.root().filter(|_| self.is_new());
        let root = root.unwrap_or_else(|| own_root(self.row.id.uuid(), self.row.passed));
        Entry {
            position: root,
            fact: Fact::EnrolmentStarted {
                enrolment_id: self.row.id,
                playbook_id: self.row.playbook_id,
            },
            contact: Some(self.row.contact_id),
            origin: self.origin(),
            depth: self.row.depth,
            root,
            at: self.row.entered_at,
        }
    }

    /// Passes the step the usual way.
    pub(super) fn pass(
        &mut self,
        definition: &Definition,
        outcome: StepOutcome,
        detail: Value,
        now: DateTime<Utc>,
    ) {
        let next = flow::after(definition, self.place);
        self.go(definition, next, outcome, detail, now);
    }
}

/// A place in no log, where only what this enrolment does from this step on began.
fn own_root(id: Uuid, passed: i64) -> Position {
    let (high, low) = id.as_u64_pair();
    let mixed = (high ^ low)
        .rotate_left(17)
        .wrapping_add(passed.unsigned_abs());
    Position {
        tx: -1,
        seq: mixed.cast_signed(),
    }
}
