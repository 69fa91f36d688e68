//! How a batch of enrolments on one version goes through its steps.
//!
//! First everybody's goals and exits are judged, then the waits of those who wait; then the steps are
//! visited once each, in an order in which whatever follows in the same moment comes later, and
//! everybody who stands at a step is dealt with together.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::ContactId,
    kind::{EnrolmentState, StepOutcome},
};
use serde_json::json;

use super::{
    scene::Scene,
    way::{Stand, Way},
};
use crate::{
    action::{
        Action, Case, Performed,
        perform::{By, perform_counting},
    },
    condition::Condition,
    ctx::Ctx,
    error::{Error, Result},
    playbook::{
        count::{Counts, What},
        definition::{Arm, Definition, StepKind, WaitFor},
        failing::Streaks,
        flow, judge, moment,
    },
    store::Tx,
    work::change::Entry,
};

/// How often conditions are judged anew that time alone can make true, where it is not known when.
const POLL: TimeDelta = TimeDelta::hours(1);

/// What the enrolments of a batch that are on one version share.
pub(super) struct Walk<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) scene: &'a Scene,
    pub(super) definition: &'a Definition,
    pub(super) now: DateTime<Utc>,
}

/// What is counted on the way, to be written at the end.
#[derive(Debug, Default)]
pub(super) struct Noted {
    pub(super) counts: Counts,
    pub(super) streaks: Streaks,
}

impl Walk<'_> {
    /// Takes them on as far as they go now.
    pub(super) async fn take_on(
        &self,
        tx: &mut Tx<'_>,
        ways: &mut [Way],
        noted: &mut Noted,
    ) -> Result<()> {
        // Whoever was merged into somebody else waits until they are taken apart again: merges end what would
        // be double, but those of earlier releases did not.
        let (mut active, merged): (Vec<&mut Way>, Vec<&mut Way>) = ways
            .iter_mut()
            .partition(|way| !self.scene.merged.contains(&way.row.contact_id));
        for way in merged {
            let until = way.row.wait_until;
            way.stand = Stand::Parked { until, due: None };
        }
        self.end_early(tx, &mut active).await?;
        self.resume(tx, &mut active).await?;
        let order = flow::order(self.definition)
            .map_err(|_| Error::Internal("a playbook with a circle in it".to_owned()))?;
        for place in order {
            let mut here: Vec<&mut Way> = active
                .iter_mut()
                .filter(|way| way.place == place && way.stand == Stand::Arrived)
                .map(|way| &mut **way)
                .collect();
            if !here.is_empty() {
                self.arrive(tx, place, &mut here, noted).await?;
            }
        }
        Ok(())
    }

    /// Whose contacts a condition holds for.
    async fn holds(
        &self,
        tx: &Tx<'_>,
        condition: &Condition,
        ways: &[&mut Way],
    ) -> Result<HashSet<ContactId>> {
        let contacts: Vec<ContactId> = ways.iter().map(|way| way.row.contact_id).collect();
        judge::holding(tx, condition, &contacts, &self.scene.moment).await
    }

    /// Goals first, then exits. A goal that holds when somebody has just been enrolled was not reached
    /// by this playbook: they leave without it being counted as reached.
    async fn end_early(&self, tx: &Tx<'_>, ways: &mut [&mut Way]) -> Result<()> {
        let goals = self.definition.goals.iter();
        let exits = self.definition.exits.iter();
        let endings = goals
            .map(|goal| (EnrolmentState::Goal, goal))
            .chain(exits.map(|exit| (EnrolmentState::Exited, exit)));
        for (state, ending) in endings {
            if ways.iter().all(|way| way.is_over()) {
                break;
            }
            let holding = self.holds(tx, &ending.condition, ways).await?;
            for way in ways.iter_mut().filter(|way| !way.is_over()) {
                if holding.contains(&way.row.contact_id) {
                    let state = if way.is_new() {
                        EnrolmentState::Exited
                    } else {
                        state
                    };
                    way.leave(self.definition, state, &ending.name);
                }
            }
        }
        Ok(())
    }

    /// Those who wait since before: on when their wait is over.
    async fn resume(&self, tx: &Tx<'_>, ways: &mut [&mut Way]) -> Result<()> {
        let definition = self.definition;
        for (place, step) in definition.steps.iter().enumerate() {
            let mut here: Vec<&mut Way> = ways
                .iter_mut()
                .filter(|way| way.place == place && matches!(way.stand, Stand::Parked { .. }))
                .map(|way| &mut **way)
                .collect();
            if here.is_empty() {
                continue;
            }
            let look = self.look(place);
            match &step.kind {
                StepKind::Wait(_) => {
                    for way in here {
                        match way.waits_until() {
                            Some(until) if until > self.now => park(way, until, look),
                            _ => way.pass(definition, StepOutcome::Waited, json!({}), self.now),
                        }
                    }
                }
                StepKind::WaitFor(wait) => {
                    let holding = self.holds(tx, &wait.condition, &here).await?;
                    for way in here {
                        let until = way.waits_until();
                        self.wait_for(wait, way, &holding, until, look);
                    }
                }
                // The step was another kind of step when the wait began: come to it anew.
                StepKind::Actions(_) | StepKind::Branch(_) | StepKind::End => {
                    for way in &mut here {
                        way.stand = Stand::Arrived;
                    }
                }
            }
        }
        Ok(())
    }

    /// Deals with everybody who has come to one step.
    async fn arrive(
        &self,
        tx: &mut Tx<'_>,
        place: usize,
        here: &mut [&mut Way],
        noted: &mut Noted,
    ) -> Result<()> {
        let definition = self.definition;
        match &definition.steps[place].kind {
            StepKind::Actions(actions) => self.act(tx, actions, here, noted).await,
            StepKind::Wait(wait) => {
                let until = moment::end_of_wait(wait, self.now, self.scene.moment.zone);
                let look = self.look(place);
                for way in here {
                    park(way, until, look);
                }
                Ok(())
            }
            StepKind::WaitFor(wait) => {
                let holding = self.holds(tx, &wait.condition, here).await?;
                let look = self.look(place);
                for way in here {
                    self.wait_for(wait, way, &holding, None, look);
                }
                Ok(())
            }
            StepKind::Branch(arms) => self.branch(tx, place, arms, here).await,
            StepKind::End => {
                for way in here {
                    way.go(definition, None, StepOutcome::Ended, json!({}), self.now);
                }
                Ok(())
            }
        }
    }

    /// On, where what it waits for holds or its time is over; `until` is the end of a wait that began before.
    fn wait_for(
        &self,
        wait: &WaitFor,
        way: &mut Way,
        holding: &HashSet<ContactId>,
        until: Option<DateTime<Utc>>,
        look: Option<DateTime<Utc>>,
    ) {
        let definition = self.definition;
        if holding.contains(&way.row.contact_id) {
            return way.pass(definition, StepOutcome::Met, json!({}), self.now);
        }
        let timeout = TimeDelta::try_seconds(wait.timeout_seconds).unwrap_or_default();
        let until = until.unwrap_or(self.now + timeout);
        if until > self.now {
            return park(way, until, look);
        }
        let next = flow::after_timeout(definition, way.place);
        way.go(definition, next, StepOutcome::TimedOut, json!({}), self.now);
    }

    /// When those who wait at a step are looked at again although nothing happened to them, if time alone can
    /// move them before their timers do: at the moment the clocks turn, or else now and then.
    fn look(&self, place: usize) -> Option<DateTime<Utc>> {
        let endings = self.definition.goals.iter().chain(&self.definition.exits);
        let waited = match &self.definition.steps[place].kind {
            StepKind::WaitFor(wait) => Some(&wait.condition),
            _ => None,
        };
        let conditions = endings.map(|ending| &ending.condition).chain(waited);
        let looks = conditions
            .filter(|condition| judge::timed(condition))
            .map(|condition| {
                let later = self.now + POLL;
                let turns = condition.turns(&self.scene.moment);
                turns.map_or(later, |turns| turns.min(later))
            });
        looks.min()
    }

    async fn branch(
        &self,
        tx: &Tx<'_>,
        place: usize,
        arms: &[Arm],
        here: &mut [&mut Way],
    ) -> Result<()> {
        let definition = self.definition;
        let mut taken: HashMap<ContactId, usize> = HashMap::new();
        for (index, arm) in arms.iter().enumerate() {
            if taken.len() == here.len() {
                break;
            }
            for contact in self.holds(tx, &arm.condition, here).await? {
                taken.entry(contact).or_insert(index);
            }
        }
        for way in here {
            let arm = taken.get(&way.row.contact_id).copied();
            let next = match arm {
                Some(index) => definition.place(&arms[index].next),
                None => flow::after(definition, place),
            };
            let detail = json!({ "arm": arm });
            way.go(definition, next, StepOutcome::Branched, detail, self.now);
        }
        Ok(())
    }

    async fn act(
        &self,
        tx: &mut Tx<'_>,
        actions: &[Action],
        here: &mut [&mut Way],
        noted: &mut Noted,
    ) -> Result<()> {
        let not_before = self.definition.limits.notices_from(&self.scene.moment);
        let causes: Vec<Entry> = here.iter().map(|way| way.cause()).collect();
        let mut performed = Vec::with_capacity(here.len() * actions.len());
        for (way, cause) in here.iter().zip(&causes) {
            let contact = way.row.contact_id;
            let case = Case {
                contact: Some(contact),
                account: self.scene.accounts.get(&contact).copied().flatten(),
                conversation: None,
                message: None,
            };
            let by = By {
                origin: way.origin(),
                name: &self.scene.name,
                cause: Some(cause),
                firing: None,
                not_before,
            };
            performed.extend(actions.iter().map(|action| Performed { action, case, by }));
        }
        let outcomes = perform_counting(self.ctx, tx, &performed, &mut noted.counts).await?;
        let mut outcomes = outcomes.into_iter();
        for way in here {
            let mut told = Vec::new();
            for index in 0..actions.len() {
                for mut outcome in outcomes.next().unwrap_or_default() {
                    outcome.action = index;
                    told.push(outcome);
                }
            }
            let failed = told.iter().any(|outcome| outcome.result.failed());
            self.note(way, failed, noted);
            let detail = json!({ "outcomes": told });
            way.pass(self.definition, StepOutcome::Acted, detail, self.now);
        }
        Ok(())
    }

    /// Counts what came of the actions of the step an enrolment is at.
    fn note(&self, way: &Way, failed: bool, noted: &mut Noted) {
        let step = &self.definition.steps[way.place].id;
        let key = (way.row.playbook_id, way.row.version);
        noted.streaks.note(way.row.version, step, failed);
        if failed {
            noted.counts.at(key, step, What::NotDone, 1);
            noted.counts.whole(key, What::NotDone, 1);
        }
    }
}

/// Lets an enrolment wait, to be looked at when its timer runs out, or at `look` if that comes first.
fn park(way: &mut Way, until: DateTime<Utc>, look: Option<DateTime<Utc>>) {
    way.stand = Stand::Parked {
        until: Some(until),
        due: Some(look.map_or(until, |look| look.min(until))),
    };
}
