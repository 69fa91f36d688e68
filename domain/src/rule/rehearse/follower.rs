//! What waits for what the rule would change: other rules, playbooks that enrol by it, and segments whose
//! members may be others then, with the rules and playbooks that wait for those.
//!
//! What an effect leads to is said by `rule::lead`. A tag that is put on takes off the other values of a SINGLE
//! group: what waits for one of those to go follows too, by the effect that puts the tag on. Nothing here is
//! evaluated: each of these may follow, and by which effects is told with it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    id::{Id as _, PlaybookId, RuleId, SegmentId},
    kind::TagTarget,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::{
    action::Effect,
    condition::{Condition, reference::IdKind},
    error::Result,
    playbook::{self, definition::Source},
    rule::{
        definition::Definition,
        lead::{effects, leads_to, may_change, tag_act, waits_for},
        trigger::{Key, Trigger},
    },
    segment::uses,
    store::{Query, Rows, Tx},
};

/// Something that may follow when a rule has fired.
#[derive(Debug, Clone, PartialEq)]
pub struct Follower {
    /// What.
    pub what: Following,
    /// The effects that lead to it, in the order of the rule's actions.
    pub effects: Vec<Effect>,
    /// The segment by whose members it follows, if it does not wait for the effects themselves.
    pub segment: Option<SegmentId>,
}

/// What may follow when a rule has fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Following {
    /// A rule looks.
    Rule(RuleId),
    /// A playbook enrols.
    Playbook(PlaybookId),
    /// Somebody may come into a segment or go out of it.
    Segment(SegmentId),
}

/// The segments whose members may change, each with the effects that lead to that.
type Moved = BTreeMap<SegmentId, Vec<Effect>>;

#[derive(FromQueryResult)]
struct Related {
    tag_id: Uuid,
    related_id: Uuid,
}

/// What the rule would do, with what follows from its tags.
struct Lead {
    effects: Vec<Effect>,
    /// The tags above each tag.
    above: HashMap<Uuid, Vec<Uuid>>,
    /// The same, and the group of the tag.
    related: HashMap<Uuid, Vec<Uuid>>,
    /// The other values of the SINGLE group of each tag: what a thing carries of them gives way to the tag.
    others: HashMap<Uuid, Vec<Uuid>>,
}

/// What waits for what the rule would change: active rules in their order, then playbooks at work, then
/// segments.
pub(super) async fn followers(
    tx: &Tx<'_>,
    definition: &Definition,
    own: Option<RuleId>,
) -> Result<Vec<Follower>> {
    let lead = Lead::load(tx, effects(definition)).await?;
    let moved = lead.segments(tx).await?;
    let mut found = lead.rules(tx, own, &moved).await?;
    found.extend(lead.playbooks(tx, &moved).await?);
    found.extend(moved.into_iter().map(|(id, effects)| Follower {
        what: Following::Segment(id),
        effects,
        segment: None,
    }));
    Ok(found)
}

impl Lead {
    async fn load(tx: &Tx<'_>, effects: Vec<Effect>) -> Result<Self> {
        let tags = effects.iter().filter_map(tag_act).map(|(_, tag, _)| tag);
        let tags: BTreeSet<Uuid> = tags.collect();
        // Also those that are archived: things may still carry them.
        let others = related(
            tx,
            "SELECT t.id AS tag_id, o.id AS related_id FROM {r}
             JOIN tag t ON t.workspace_id = $1 AND t.id = r.id
             JOIN tag_group g ON g.workspace_id = $1 AND g.id = t.group_id
               AND g.selection = 'SINGLE'
             JOIN tag o ON o.workspace_id = $1 AND o.group_id = g.id AND o.id <> t.id
               AND o.deleted_at IS NULL",
            &tags,
        )
        .await?;
        let all = tags.iter().chain(others.values().flatten());
        let all: BTreeSet<Uuid> = all.copied().collect();
        let above = related(
            tx,
            "SELECT l.tag_id, l.ancestor_id AS related_id FROM {r} JOIN tag_closure l
               ON l.workspace_id = $1 AND l.tag_id = r.id",
            &all,
        )
        .await?;
        let groups = related(
            tx,
            "SELECT t.id AS tag_id, t.group_id AS related_id FROM {r} JOIN tag t
               ON t.workspace_id = $1 AND t.id = r.id WHERE t.group_id IS NOT NULL",
            &tags,
        )
        .await?;
        let mut both = above.clone();
        for (tag, groups) in groups {
            both.entry(tag).or_default().extend(groups);
        }
        Ok(Self {
            effects,
            above,
            related: both,
            others,
        })
    }

    /// The tags that may give way to the one that an effect puts on.
    fn giving_way(&self, effect: &Effect) -> &[Uuid] {
        match tag_act(effect) {
            Some((_, tag, true)) => of_tag(&self.others, tag),
            _ => &[],
        }
    }

    /// Whether rules with this trigger look when an effect has changed something.
    fn sets_off(&self, effect: &Effect, trigger: &Trigger) -> bool {
        if leads_to(effect, trigger, of(&self.above, effect)) {
            return true;
        }
        let Some((target, ..)) = tag_act(effect) else {
            return false;
        };
        let mut goes = self.giving_way(effect).iter();
        goes.any(|&tag| waits_for((target, tag, false), trigger, of_tag(&self.above, tag)))
    }

    /// Whether what an effect changes may change an answer of the condition.
    fn moves(&self, effect: &Effect, condition: &Condition) -> bool {
        may_change(effect, condition, of(&self.related, effect))
            || may_change(effect, condition, self.giving_way(effect))
    }

    /// The segments made by conditions whose answers may change, and those that are made of such.
    async fn segments(&self, tx: &Tx<'_>) -> Result<Moved> {
        let asked = uses::conditions(tx.connection(), tx.workspace).await?;
        let mut moved = Moved::new();
        for (id, condition) in &asked {
            let effects = self.those(|effect| self.moves(effect, condition));
            if !effects.is_empty() {
                moved.insert(*id, effects);
            }
        }
        loop {
            let open = asked.iter().filter(|(id, _)| !moved.contains_key(id));
            let next = open.filter_map(|(id, condition)| {
                let references = condition.all_references().into_iter();
                let mut named = references.filter(|one| matches!(one.kind, IdKind::Segment(_)));
                let effects = named.find_map(|one| moved.get(&SegmentId(one.id)))?;
                Some((*id, effects.clone()))
            });
            let next: Vec<(SegmentId, Vec<Effect>)> = next.collect();
            if next.is_empty() {
                return Ok(moved);
            }
            moved.extend(next);
        }
    }

    async fn rules(
        &self,
        tx: &Tx<'_>,
        own: Option<RuleId>,
        moved: &Moved,
    ) -> Result<Vec<Follower>> {
        let rows: Vec<entity::rule::Model> = Query::new(
            "SELECT u.* FROM rule u
             WHERE u.workspace_id = $1 AND u.deleted_at IS NULL AND u.active = $2
             ORDER BY u.position, u.id",
        )
        .bind(tx.workspace)
        .bind(true)
        .all(tx.connection())
        .await?;
        let others = rows.into_iter().filter(|row| Some(row.id) != own);
        let found = others.filter_map(|row| {
            // One that cannot be read does nothing.
            let trigger = Definition::from_stored(row.definition).ok()?.trigger;
            let direct = self.those(|effect| self.sets_off(effect, &trigger));
            follower(Following::Rule(row.id), direct, &awaited(&trigger), moved)
        });
        Ok(found.collect())
    }

    async fn playbooks(&self, tx: &Tx<'_>, moved: &Moved) -> Result<Vec<Follower>> {
        let books = playbook::sources(tx).await?;
        let found = books.into_iter().filter_map(|(id, sources)| {
            let direct = self.those(|effect| match effect {
                Effect::StartPlaybook { playbook_id } => *playbook_id == id.uuid(),
                _ => sources.iter().any(|source| self.enrols(effect, source)),
            });
            let entered = sources.iter().flat_map(|source| match source {
                Source::SegmentEntered { segment_ids } => segment_ids.clone(),
                Source::HealthBand { .. } | Source::TagAdded { .. } => Vec::new(),
            });
            let entered: Vec<Uuid> = entered.collect();
            follower(Following::Playbook(id), direct, &entered, moved)
        });
        Ok(found.collect())
    }

    /// Whether a source of a playbook names the tag that an effect puts on a contact.
    fn enrols(&self, effect: &Effect, source: &Source) -> bool {
        let Source::TagAdded {
            tag_ids,
            with_descendants,
        } = source
        else {
            return false;
        };
        let Some((TagTarget::Contact, tag, true)) = tag_act(effect) else {
            return false;
        };
        let mut above = of(&self.above, effect).iter();
        tag_ids.contains(&tag) || *with_descendants && above.any(|id| tag_ids.contains(id))
    }

    fn those(&self, wanted: impl Fn(&Effect) -> bool) -> Vec<Effect> {
        let effects = self.effects.iter().filter(|effect| wanted(effect));
        effects.cloned().collect()
    }
}

/// Something that waits for effects, or for one of the segments it names to change by them.
fn follower(
    what: Following,
    direct: Vec<Effect>,
    named: &[Uuid],
    moved: &Moved,
) -> Option<Follower> {
    if !direct.is_empty() {
        return Some(Follower {
            what,
            effects: direct,
            segment: None,
        });
    }
    named.iter().find_map(|&id| {
        let segment = SegmentId(id);
        let effects = moved.get(&segment)?.clone();
        Some(Follower {
            what,
            effects,
            segment: Some(segment),
        })
    })
}

/// The segments a trigger waits for.
fn awaited(trigger: &Trigger) -> Vec<Uuid> {
    let keys = trigger.kind().keys().into_iter();
    let segments = keys.filter_map(|key| match key {
        Key::Segment { segment, .. } => Some(segment),
        _ => None,
    });
    segments.collect()
}

/// What is known of the tag that an effect is about.
fn of<'l>(known: &'l HashMap<Uuid, Vec<Uuid>>, effect: &Effect) -> &'l [Uuid] {
    tag_act(effect).map_or(&[], |(_, tag, _)| of_tag(known, tag))
}

fn of_tag(known: &HashMap<Uuid, Vec<Uuid>>, tag: Uuid) -> &[Uuid] {
    known.get(&tag).map_or(&[], Vec::as_slice)
}

/// What a statement finds for each of some tags.
async fn related(
    tx: &Tx<'_>,
    sql: &'static str,
    tags: &BTreeSet<Uuid>,
) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    let mut found: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    if tags.is_empty() {
        return Ok(found);
    }
    let rows: Vec<Related> = Query::new(sql)
        .bind(tx.workspace)
        .rows("r", Rows::new().uuids("id", tags.iter().copied()))
        .all(tx.connection())
        .await?;
    for row in rows {
        found.entry(row.tag_id).or_default().push(row.related_id);
    }
    Ok(found)
}
