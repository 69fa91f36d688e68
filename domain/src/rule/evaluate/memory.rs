//! When rules fired before, as far as their limits ask: for things, and in cascades. It is kept up
//! to date while a batch is evaluated, and written by `settle`.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, RuleId},
    kind::MissReason,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    action::board::ids_here,
    error::Result,
    rule::{
        cache::{Active, Compiled},
        occasion::{Occasion, What, things},
    },
    store::{Query, Rows, Tx},
};

/// When rules fired before, as far as their limits ask.
#[derive(Default)]
pub(super) struct Memory {
    /// The things rules with limits fired for, and when last.
    pub(super) marks: HashMap<(Uuid, Uuid), DateTime<Utc>>,
    /// The rules that fired on a thing in a cascade.
    pub(super) cascades: HashSet<(Uuid, Uuid, String)>,
}

#[derive(FromQueryResult)]
struct Mark {
    target_id: Uuid,
    rule_id: Uuid,
    fired_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Earlier {
    rule_id: Uuid,
    subject_id: Uuid,
    root: String,
}

impl Memory {
    /// Reads it in two statements at most.
    pub(super) async fn load(
        tx: &Tx<'_>,
        rules: &Compiled,
        occasions: &[Occasion<'_>],
    ) -> Result<Self> {
        let mut memory = Self::default();
        if rules.remembers {
            let marks: Vec<Mark> = Query::new(
                "SELECT m.target_id, m.rule_id, m.fired_at FROM {r} CROSS JOIN rule_mark m
                 WHERE m.workspace_id = r.workspace_id AND m.target_id = r.id",
            )
            .rows("r", ids_here(tx.workspace, things(occasions).into_iter()))
            .all(tx.connection())
            .await?;
            let marks = marks.into_iter();
            memory.marks = marks
                .map(|mark| ((mark.target_id, mark.rule_id), mark.fired_at))
                .collect();
        }
        // What came from outside begins a cascade of its own: nothing fired in that before.
        let mut triples = BTreeSet::new();
        for occasion in occasions.iter().filter(|one| one.depth() > 0) {
            if let What::Other(happened) = &occasion.what {
                let numbers = rules.listening(happened).into_iter();
                let rules = numbers.filter_map(|number| rules.number(number));
                triples.extend(rules.map(|rule| (rule, occasion.subject, occasion.root())));
            }
        }
        if !triples.is_empty() {
            let earlier: Vec<Earlier> = Query::new(
                "SELECT f.rule_id, f.subject_id, f.root FROM {r} JOIN rule_firing f
                   ON f.workspace_id = $1 AND f.rule_id = r.rule_id
                  AND f.subject_id = r.subject_id AND f.root = r.root",
            )
            .bind(tx.workspace)
            .rows(
                "r",
                Rows::new()
                    .uuids("rule_id", triples.iter().map(|one| one.0))
                    .uuids("subject_id", triples.iter().map(|one| one.1))
                    .texts("root", triples.iter().map(|one| one.2.as_str())),
            )
            .all(tx.connection())
            .await?;
            let earlier = earlier.into_iter();
            memory.cascades = earlier
                .map(|one| (one.rule_id, one.subject_id, one.root))
                .collect();
        }
        Ok(memory)
    }

    /// Why the rule may not fire, if it may not.
    pub(super) fn refuses(
        &self,
        occasion: &Occasion<'_>,
        rule_id: RuleId,
        rule: &Active,
    ) -> Option<MissReason> {
        let id = rule_id.uuid();
        if self
            .cascades
            .contains(&(id, occasion.subject, occasion.root()))
        {
            return Some(MissReason::Loop);
        }
        let fired_at = |target: Option<Uuid>| self.marks.get(&(target?, id)).copied();
        if fired_at(rule.limits.once_for(&occasion.case)).is_some() {
            return Some(MissReason::Once);
        }
        let last = fired_at(rule.limits.cools_for(&occasion.case));
        last.filter(|last| rule.limits.cools(*last, occasion.at))
            .map(|_| MissReason::CoolDown)
    }

    /// Notes that the rule fires.
    pub(super) fn note(&mut self, occasion: &Occasion<'_>, rule_id: RuleId, rule: &Active) {
        let id = rule_id.uuid();
        if !matches!(occasion.what, What::Message(_)) {
            self.cascades
                .insert((id, occasion.subject, occasion.root()));
        }
        let targets = [
            rule.limits.once_for(&occasion.case),
            rule.limits.cools_for(&occasion.case),
        ];
        for target in targets.into_iter().flatten() {
            self.marks.insert((target, id), occasion.at);
        }
    }
}
