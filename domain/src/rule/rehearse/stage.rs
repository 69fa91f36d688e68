//! What the rule would have changed so far: tags, marks of its limits, who was asked.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    id::{ContactId, TagId},
    kind::TagTarget,
};
use uuid::Uuid;

use super::{Expected, past::Past, trial::Look};
use crate::{
    action::{
        Action, Effect,
        board::{self, Usable},
        effect::{TagAct, Tagging},
    },
    condition::facts::TagSet,
    error::Result,
    rule::definition::Definition,
    store::Tx,
};

/// Until when a thing would carry a tag that the rule has put on or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Not any more.
    Gone,
    Then(DateTime<Utc>),
    Ever,
}

impl Until {
    /// As long as `span` from `at` on, or for good.
    fn after(span: Option<TimeDelta>, at: DateTime<Utc>) -> Self {
        span.map_or(Self::Ever, |span| Self::Then(at + span))
    }

    fn holds(self, at: DateTime<Utc>) -> bool {
        match self {
            Self::Gone => false,
            Self::Then(end) => end > at,
            Self::Ever => true,
        }
    }

    /// Whichever ends later; what is gone has ended.
    fn later(self, other: Self) -> Self {
        match (self, other) {
            (Self::Gone, one) | (one, Self::Gone) => one,
            (Self::Then(one), Self::Then(other)) => Self::Then(one.max(other)),
            (Self::Ever, _) | (_, Self::Ever) => Self::Ever,
        }
    }
}

/// What the rule would have changed so far.
pub(super) struct Stage<'d> {
    pub(super) definition: &'d Definition,
    pub(super) effects: Vec<Effect>,
    pub(super) usable: Usable,
    /// Of each thing: until when it would carry tags, whatever it really did.
    pub(super) tags: HashMap<Uuid, HashMap<Uuid, Until>>,
    pub(super) marks: HashMap<Uuid, DateTime<Utc>>,
    pub(super) once: HashSet<Uuid>,
    /// When each contact would last have been asked by each survey.
    pub(super) asked: HashMap<(Uuid, ContactId), DateTime<Utc>>,
    pub(super) done: Vec<Expected>,
}

impl<'d> Stage<'d> {
    pub(super) async fn load(tx: &Tx<'_>, definition: &'d Definition) -> Result<Self> {
        let mut effects: Vec<Effect> = Vec::new();
        let mut wanted = board::Wanted::default();
        for effect in definition.actions.iter().flat_map(Action::effects) {
            if !effects.contains(&effect) {
                wanted.note(&effect);
                effects.push(effect);
            }
        }
        let done = effects.iter().cloned();
        Ok(Self {
            definition,
            done: done.map(|effect| Expected { effect, times: 0 }).collect(),
            effects,
            usable: Usable::load(tx, &wanted).await?,
            tags: HashMap::new(),
            marks: HashMap::new(),
            once: HashSet::new(),
            asked: HashMap::new(),
        })
    }

    /// The tags a thing would itself carry at a time.
    fn direct(&self, past: &Past, thing: Uuid, at: DateTime<Utc>) -> BTreeSet<Uuid> {
        let mut direct: BTreeSet<Uuid> = past.carried(thing, at).map(|one| one.tag_id).collect();
        for (&tag, until) in self.tags.get(&thing).into_iter().flatten() {
            if until.holds(at) {
                direct.insert(tag);
            } else {
                direct.remove(&tag);
            }
        }
        direct
    }

    /// The tags of the contact and the conversation of what is looked at, as they would be then.
    pub(super) fn tags(&self, past: &Past, look: &Look) -> (TagSet, TagSet) {
        let of = |thing: Option<Uuid>| {
            let Some(thing) = thing else {
                return TagSet::default();
            };
            let direct = self.direct(past, thing, look.at);
            let above = direct.iter().filter_map(|tag| past.above.get(tag));
            let above: Vec<Uuid> = above.flatten().copied().collect();
            TagSet::new(direct.into_iter().collect(), above)
        };
        (
            of(look.case.contact.map(|id| id.0)),
            of(look.case.conversation.map(|id| id.0)),
        )
    }

    /// Notes when the rule really fired for a thing, as its limits remember it.
    pub(super) fn remember(&mut self, thing: Uuid, fired_at: DateTime<Utc>) {
        self.once.insert(thing);
        let mark = self.marks.entry(thing).or_insert(fired_at);
        *mark = fired_at.max(*mark);
    }

    /// Takes the rule's actions on what is looked at; says whether its limits let it fire.
    pub(super) fn act(&mut self, past: &Past, look: &Look) -> bool {
        let case = look.case;
        let (limits, at) = (&self.definition.limits, look.at);
        let (once, cools) = (limits.once_for(&case), limits.cools_for(&case));
        if once.is_some_and(|thing| self.once.contains(&thing)) {
            return false;
        }
        let last = cools.and_then(|thing| self.marks.get(&thing).copied());
        if last.is_some_and(|last| limits.cools(last, at)) {
            return false;
        }
        self.once.extend(once);
        self.marks.extend(cools.map(|thing| (thing, at)));
        for place in 0..self.effects.len() {
            let changes = match (self.effects[place].tagging(), &self.effects[place]) {
                (Some(tagging), _) => self.tag(past, look, tagging),
                (None, &Effect::SendSurvey { survey_id }) => self.ask(survey_id, look),
                (None, _) => true,
            };
            self.done[place].times += i64::from(changes);
        }
        true
    }

    /// Whether the contact would be asked: once in each wave, as far as the rule goes.
    fn ask(&mut self, survey: Uuid, look: &Look) -> bool {
        let (Some(wave), Some(contact)) = (self.usable.wave(survey), look.case.contact) else {
            return false;
        };
        let (key, at) = ((survey, contact), look.at);
        let last = self.asked.get(&key);
        if last.is_some_and(|&last| at - last < TimeDelta::days(wave)) {
            return false;
        }
        self.asked.insert(key, at);
        true
    }

    fn tag(&mut self, past: &Past, look: &Look, tagging: Tagging) -> bool {
        let thing = match tagging.target {
            TagTarget::Contact => look.case.contact.map(|id| id.0),
            TagTarget::Conversation => look.case.conversation.map(|id| id.0),
            TagTarget::Account => look.case.account.map(|id| id.0),
        };
        let Some(thing) = thing else { return false };
        let (tag, at) = (tagging.tag_id, look.at);
        let direct = self.direct(past, thing, at);
        let there = direct.contains(&tag);
        // What members, programs and imports have set gives way to no rule.
        let simulated = |tag: Uuid| {
            let overlay = self.tags.get(&thing);
            overlay.is_some_and(|tags| tags.contains_key(&tag))
        };
        let is_kept = |tag: Uuid| {
            let mut real = past.carried(thing, at);
            !simulated(tag) && real.any(|one| one.tag_id == tag && !one.automatic)
        };
        let slot = |tag: Uuid| self.usable.slot(TagId(tag));
        let mut gives_way = None;
        let changes = match tagging.act {
            TagAct::Put(_) if there || !self.usable.has_tag(tag) => false,
            TagAct::Put(_) => {
                gives_way = direct.iter().copied().find(|&one| slot(one) == slot(tag));
                !gives_way.is_some_and(is_kept)
            }
            TagAct::Take => there && !is_kept(tag),
            TagAct::TakeAnyway => there,
        };
        let until = match tagging.act {
            TagAct::Put(span) => Until::after(span, at),
            TagAct::Take | TagAct::TakeAnyway => Until::Gone,
        };
        let overlay = self.tags.entry(thing).or_default();
        if changes {
            overlay.insert(tag, until);
            overlay.extend(gives_way.map(|other| (other, Until::Gone)));
        } else if there && let Some(stays) = overlay.get_mut(&tag) {
            // What the rule would have put on itself stays longer.
            *stays = stays.later(until);
        }
        changes
    }
}
