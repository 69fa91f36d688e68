//! Rules that get in each other's way, told when one is saved. Told, not refused: two rules that undo
//! each other may be just what somebody wants.
//!
//! Only what can be seen from the rules themselves is found, and only with the rule at hand: that it
//! puts on what another takes off while both may hold, that a circle leads from its tags through other
//! rules back to itself, that an earlier rule ends the evaluation whenever it could fire, or it that of
//! a later one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    id::{RuleId, TagId, WorkspaceId},
    kind::TagTarget,
};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::{
    cache::Stored,
    definition::{Definition, is_always},
    trigger::{Key, Trigger},
};
use crate::{
    action::{Action, effect::TagAct},
    condition::{self, Condition, Use, reference::IdKind},
    ctx::Ctx,
    error::{Result, UserErrorCode},
    store::{Query, Rows},
};

/// Conflicts told at most.
const MAX_CONFLICTS: usize = 20;
/// Rules compared at most for what they do to the same tags.
const MAX_PAIRS: usize = 200;
/// How many rules a circle may lead through to be found.
const MAX_CIRCLE: usize = 5;

/// How rules get in each other's way.
#[derive(async_graphql::Enum, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[graphql(name = "RuleConflictKind")]
pub enum ConflictKind {
    /// One puts on a tag that the other takes off, and both may hold at once.
    OpposedTags,
    /// What one does to tags leads to the other, and back.
    TagCycle,
    /// The other comes first and ends the evaluation whenever this one could fire.
    Shadowed,
    /// This one comes first and ends the evaluation whenever the other could fire.
    Shadows,
}

/// Two or more rules that get in each other's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// How.
    pub kind: ConflictKind,
    /// The other rules; in a circle, in the order in which it leads through them.
    pub others: Vec<RuleId>,
    /// The tag it is about, if it is about one.
    pub tag: Option<TagId>,
    /// What is the matter and what to do, for people.
    pub message: String,
}

/// The conflicts of a rule with all active ones.
pub async fn of(ctx: &Ctx, workspace: WorkspaceId, id: RuleId) -> Result<Vec<Conflict>> {
    let mut found = of_each(ctx, workspace, &[id]).await?;
    Ok(found.remove(&id).unwrap_or_default())
}

/// The conflicts of some rules, each with all active ones. The rules are read once.
pub async fn of_each(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[RuleId],
) -> Result<HashMap<RuleId, Vec<Conflict>>> {
    let (rules, active) = load(ctx, workspace, ids).await?;
    let above = above(ctx, workspace, &rules).await?;
    let book = Book::new(&rules, active, above);
    let places: HashMap<Uuid, usize> = (0..).zip(&rules).map(|(at, rule)| (rule.id, at)).collect();
    let mut found = HashMap::new();
    for &id in ids {
        if let Some(&at) = places.get(&id.0) {
            found.insert(id, book.conflicts(at));
            // A page of them is work: others have their turn in between.
            tokio::task::yield_now().await;
        }
    }
    Ok(found)
}

/// The active rules and those asked about, in their order, and which are active. Those that cannot be
/// read are left out.
async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    ids: &[RuleId],
) -> Result<(Vec<Stored>, Vec<bool>)> {
    let rows: Vec<entity::rule::Model> = Query::new(
        "SELECT u.* FROM rule u
         WHERE u.workspace_id = $1 AND u.deleted_at IS NULL
           AND (u.active = $2 OR u.id IN (SELECT r.id FROM {r}))
         ORDER BY u.position, u.id",
    )
    .bind(workspace)
    .bind(true)
    .rows("r", Rows::new().ids("id", ids.iter().copied()))
    .all(ctx.reader())
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let rule = Stored {
                id: row.id.0,
                name: row.name,
                version: row.version,
                position: row.position,
                definition: Definition::from_stored(row.definition).ok()?,
            };
            Some((rule, row.active))
        })
        .unzip())
}

#[derive(FromQueryResult)]
struct Above {
    tag_id: Uuid,
    ancestor_id: Uuid,
}

/// The tags above those that the rules put on or take off.
async fn above(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rules: &[Stored],
) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    let tags: BTreeSet<Uuid> = rules.iter().flat_map(tag_acts).map(|act| act.1).collect();
    let mut found: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    if tags.is_empty() {
        return Ok(found);
    }
    let rows: Vec<Above> = Query::new(
        "SELECT l.tag_id, l.ancestor_id FROM {r} JOIN tag_closure l
           ON l.workspace_id = $1 AND l.tag_id = r.id",
    )
    .bind(workspace)
    .rows("r", Rows::new().uuids("id", tags))
    .all(ctx.reader())
    .await?;
    for row in rows {
        found.entry(row.tag_id).or_default().push(row.ancestor_id);
    }
    Ok(found)
}

/// What a rule does to a tag: to what kind of thing, which tag, and whether it puts it on.
type Act = (TagTarget, Uuid, bool);

/// Rules with what leads from one to the other.
struct Book<'r> {
    rules: &'r [Stored],
    active: Vec<bool>,
    acts: Vec<Vec<Act>>,
    /// Which rules do something to a tag.
    doers: HashMap<Act, Vec<usize>>,
    /// Which rules what is done to a tag itself leads to.
    listeners: HashMap<Act, Vec<usize>>,
    askers: HashMap<Uuid, Vec<usize>>,
    /// The same of what is done to a tag below.
    listeners_above: HashMap<Act, Vec<usize>>,
    askers_above: HashMap<Uuid, Vec<usize>>,
    above: HashMap<Uuid, Vec<Uuid>>,
}

impl<'r> Book<'r> {
    fn new(rules: &'r [Stored], active: Vec<bool>, above: HashMap<Uuid, Vec<Uuid>>) -> Self {
        let mut book = Self {
            rules,
            active,
            acts: rules.iter().map(tag_acts).collect(),
            doers: HashMap::new(),
            listeners: HashMap::new(),
            askers: HashMap::new(),
            listeners_above: HashMap::new(),
            askers_above: HashMap::new(),
            above,
        };
        for (place, rule) in rules.iter().enumerate() {
            for &act in &book.acts[place] {
                book.doers.entry(act).or_default().push(place);
            }
            let listening = Listening::of(rule);
            for act in listening.triggers {
                book.listeners.entry(act).or_default().push(place);
                if listening.with_descendants {
                    book.listeners_above.entry(act).or_default().push(place);
                }
            }
            for tag in listening.conditions {
                book.askers.entry(tag).or_default().push(place);
            }
            for tag in listening.conditions_above {
                book.askers_above.entry(tag).or_default().push(place);
            }
        }
        book
    }

    /// The conflicts of the rule at `at`.
    fn conflicts(&self, at: usize) -> Vec<Conflict> {
        let mut found = self.opposed(at);
        found.extend(self.circle(at));
        found.extend(self.shadowing(at));
        found.sort_by_key(|conflict| conflict.kind);
        found.truncate(MAX_CONFLICTS);
        found
    }

    fn opposed(&self, at: usize) -> Vec<Conflict> {
        let rule = &self.rules[at];
        // Of each other rule the first tag it is about, in the order of the rules.
        let mut others: BTreeMap<usize, (Uuid, bool)> = BTreeMap::new();
        for &(target, tag, puts) in &self.acts[at] {
            let doers = self.doers.get(&(target, tag, !puts));
            for &place in doers.into_iter().flatten() {
                if place != at && self.active[place] {
                    others.entry(place).or_insert((tag, puts));
                }
            }
        }
        let told = others.into_iter().take(MAX_PAIRS);
        let told = told.filter_map(|(place, (tag, puts))| {
            let other = &self.rules[place];
            may_hold_together(&rule.definition, &other.definition)
                .then(|| opposed(other, tag, puts))
        });
        told.take(MAX_CONFLICTS).collect()
    }

    fn shadowing(&self, at: usize) -> Vec<Conflict> {
        let rule = &self.rules[at];
        let active = |place: &usize| self.active[*place];
        let before = (0..at).filter(active).filter_map(|place| {
            let other = &self.rules[place];
            shadowed(other, rule, ConflictKind::Shadowed, other)
        });
        let mut found: Vec<Conflict> = before.take(MAX_CONFLICTS).collect();
        if always_ends(rule) {
            let behind = (at + 1..self.rules.len()).filter(active);
            let behind = behind.filter_map(|place| {
                let other = &self.rules[place];
                shadowed(rule, other, ConflictKind::Shadows, other)
            });
            found.extend(behind.take(MAX_CONFLICTS));
        }
        found
    }

    /// The rules that what a rule does leads to, in their order, each with the first tag that does.
    fn follow(&self, from: usize) -> BTreeMap<usize, Uuid> {
        let mut next = BTreeMap::new();
        for act in &self.acts[from] {
            let &(target, tag, puts) = act;
            let mut led: Vec<&[usize]> = Vec::new();
            led.extend(self.listeners.get(act).map(Vec::as_slice));
            led.extend(self.askers.get(&tag).map(Vec::as_slice));
            for &above in self.above.get(&tag).into_iter().flatten() {
                let act = (target, above, puts);
                led.extend(self.listeners_above.get(&act).map(Vec::as_slice));
                led.extend(self.askers_above.get(&above).map(Vec::as_slice));
            }
            for &place in led.into_iter().flatten() {
                // What a rule has done once it does not do again: none leads to itself.
                if place != from {
                    next.entry(place).or_insert(tag);
                }
            }
        }
        next
    }

    /// The shortest circle that leads from the rule's tags through other rules back to it.
    fn circle(&self, at: usize) -> Option<Conflict> {
        // Breadth first: the first way back is the shortest.
        let mut came_from: HashMap<usize, usize> = HashMap::new();
        let mut frontier = vec![at];
        let mut seen: BTreeSet<usize> = BTreeSet::from([at]);
        for _ in 0..MAX_CIRCLE {
            let mut next = Vec::new();
            for &from in &frontier {
                for (to, tag) in self.follow(from) {
                    if to == at {
                        return Some(told(self.rules, at, from, &came_from, tag));
                    }
                    if self.active[to] && seen.insert(to) {
                        came_from.insert(to, from);
                        next.push(to);
                    }
                }
            }
            frontier = next;
        }
        None
    }
}

/// What a rule does to tags.
fn tag_acts(rule: &Stored) -> Vec<Act> {
    let effects = rule.definition.actions.iter().flat_map(Action::effects);
    effects
        .filter_map(|effect| effect.tagging())
        .map(|one| (one.target, one.tag_id, one.act == TagAct::Put))
        .collect()
}

fn opposed(other: &Stored, tag: Uuid, puts: bool) -> Conflict {
    let (verb, back) = if puts {
        ("puts on", "takes off")
    } else {
        ("takes off", "puts on")
    };
    Conflict {
        kind: ConflictKind::OpposedTags,
        others: vec![RuleId(other.id)],
        tag: Some(TagId(tag)),
        message: format!(
            "This rule {verb} a tag that “{}” {back}, and both may hold at once. Narrow the \
             condition of one of the two.",
            other.name
        ),
    }
}

/// Whether it cannot be seen that the two conditions exclude each other.
fn may_hold_together(one: &Definition, other: &Definition) -> bool {
    if is_always(&one.condition) || is_always(&other.condition) {
        return true;
    }
    let (context, other_context) = (one.trigger.context(), other.trigger.context());
    if context != other_context {
        return true;
    }
    let both = Condition::All(vec![one.condition.clone(), other.condition.clone()]);
    let refusals = condition::check(&both, context, Use::Rule);
    !refusals
        .iter()
        .any(|refusal| refusal.code == UserErrorCode::Contradictory)
}

/// Whether no later rule has its turn when it holds. One that does not always fire then lets them.
fn always_ends(rule: &Stored) -> bool {
    let limits = &rule.definition.limits;
    limits.stop_after_match && !limits.remember()
}

fn shadowed(
    first: &Stored,
    second: &Stored,
    kind: ConflictKind,
    other: &Stored,
) -> Option<Conflict> {
    let (early, late) = (&first.definition, &second.definition);
    if !always_ends(first)
        || !covers(&early.trigger, &late.trigger)
        || !implies(&late.condition, &early.condition)
    {
        return None;
    }
    let message = if kind == ConflictKind::Shadowed {
        format!(
            "“{}” comes first and ends the evaluation whenever this rule could fire. Move this rule \
             before it, or let the other not end the evaluation.",
            other.name
        )
    } else {
        format!(
            "This rule ends the evaluation whenever “{}”, which comes later, could fire. Move it \
             behind, or let this one not end the evaluation.",
            other.name
        )
    };
    Some(Conflict {
        kind,
        others: vec![RuleId(other.id)],
        tag: None,
        message,
    })
}

/// Whether whatever makes `late` look makes `early` look.
fn covers(early: &Trigger, late: &Trigger) -> bool {
    match (early, late) {
        (Trigger::MessageReceived(early), Trigger::MessageReceived(late)) => {
            let inboxes = early.inbox_ids.is_empty()
                || !late.inbox_ids.is_empty()
                    && late.inbox_ids.iter().all(|id| early.inbox_ids.contains(id));
            inboxes && late.authors.iter().all(|one| early.authors.contains(one))
        }
        _ => early == late,
    }
}

/// Whether it can be seen that `broad` holds whenever `narrow` does.
fn implies(narrow: &Condition, broad: &Condition) -> bool {
    if is_always(broad) || narrow == broad {
        return true;
    }
    match (narrow, broad) {
        (_, Condition::All(parts)) => parts.iter().all(|part| implies(narrow, part)),
        (Condition::Any(parts), _) if !parts.is_empty() => {
            parts.iter().all(|part| implies(part, broad))
        }
        (_, Condition::Any(parts)) if parts.iter().any(|part| implies(narrow, part)) => true,
        (Condition::All(parts), _) => parts.iter().any(|part| implies(part, broad)),
        _ => false,
    }
}

fn told(
    rules: &[Stored],
    at: usize,
    last: usize,
    came_from: &HashMap<usize, usize>,
    tag: Uuid,
) -> Conflict {
    let mut way = Vec::new();
    let mut place = last;
    while place != at {
        way.push(place);
        place = came_from.get(&place).copied().unwrap_or(at);
    }
    way.reverse();
    let names: Vec<String> = way
        .iter()
        .map(|&place| format!("“{}”", rules[place].name))
        .collect();
    let message = format!(
        "What this rule does to tags leads to {} and back to it. Each fires once in a cascade; change \
         one of them if that is not meant.",
        names.join(", then ")
    );
    Conflict {
        kind: ConflictKind::TagCycle,
        others: way.iter().map(|&place| RuleId(rules[place].id)).collect(),
        tag: Some(TagId(tag)),
        message,
    }
}

/// The tags that lead to a rule.
struct Listening {
    triggers: HashSet<Act>,
    /// Whether its trigger waits for the tags below as well.
    with_descendants: bool,
    conditions: HashSet<Uuid>,
    /// Those of the conditions that ask for the tags below as well.
    conditions_above: HashSet<Uuid>,
}

impl Listening {
    fn of(rule: &Stored) -> Self {
        let definition = &rule.definition;
        let keys = definition.trigger.kind().keys().into_iter();
        let triggers = keys.filter_map(|key| match key {
            Key::Tag { added, target, tag } => Some((target, tag, added)),
            _ => None,
        });
        let references = definition.references().into_iter();
        let conditions = references.filter(|one| {
            one.path.first().is_some_and(|step| step == "condition")
                && matches!(one.kind, IdKind::ContactTag | IdKind::ConversationTag)
        });
        let mut conditions_above = HashSet::new();
        for node in definition.condition.nodes() {
            let test = match node {
                Condition::ContactTags(leaf) => &leaf.0,
                Condition::ConversationTags(leaf) => &leaf.0,
                _ => continue,
            };
            if test.with_descendants {
                conditions_above.extend(&test.tag_ids);
            }
        }
        Self {
            triggers: triggers.collect(),
            with_descendants: !direct_only(&definition.trigger),
            conditions: conditions.map(|one| one.id).collect(),
            conditions_above,
        }
    }
}

/// Whether a trigger waits for tags themselves, not for those below.
fn direct_only(trigger: &Trigger) -> bool {
    match trigger {
        Trigger::ContactTagAdded(trigger) => trigger.direct_only,
        Trigger::ContactTagRemoved(trigger) => trigger.direct_only,
        Trigger::AccountTagAdded(trigger) => trigger.direct_only,
        Trigger::AccountTagRemoved(trigger) => trigger.direct_only,
        Trigger::ConversationTagAdded(trigger) => trigger.direct_only,
        Trigger::ConversationTagRemoved(trigger) => trigger.direct_only,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn rule(number: u128, definition: &Value) -> Stored {
        let mut stored = definition.clone();
        stored["version"] = json!(1);
        Stored {
            id: id(number),
            name: format!("rule {number}"),
            version: 1,
            position: number as i64,
            definition: Definition::from_stored(stored).unwrap(),
        }
    }

    fn word(text: &str) -> Value {
        json!({"keywords": {"fields": ["BODY"], "mode": "ANY_OF", "match": "SUBSTRING",
            "words": [text]}})
    }

    fn tagged(tag: u128) -> Value {
        json!({"contactTags": {"mode": "ANY", "tagIds": [id(tag)]}})
    }

    fn puts(tag: u128) -> Value {
        json!({"tagContact": {"tagIds": [id(tag)]}})
    }

    fn takes(tag: u128) -> Value {
        json!({"untagContact": {"tagIds": [id(tag)]}})
    }

    #[track_caller]
    fn check(rules: &[Value], at: usize, expected: &[(ConflictKind, &[u128])]) {
        let rules: Vec<Stored> = (1..)
            .zip(rules)
            .map(|(number, definition)| rule(number, definition))
            .collect();
        let book = Book::new(&rules, vec![true; rules.len()], HashMap::new());
        let found: Vec<(ConflictKind, Vec<u128>)> = book
            .conflicts(at)
            .into_iter()
            .map(|one| {
                let others = one.others.iter().map(|id| id.0.as_u128());
                (one.kind, others.collect())
            })
            .collect();
        let expected: Vec<(ConflictKind, Vec<u128>)> = expected
            .iter()
            .map(|(kind, others)| (*kind, others.to_vec()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_tag_put_on_by_one_and_taken_off_by_another_is_told_unless_they_exclude_each_other() {
        let one = json!({"condition": word("a"), "actions": [puts(1)]});
        let other = json!({"condition": word("b"), "actions": [takes(1)]});
        check(
            &[one.clone(), other],
            0,
            &[(ConflictKind::OpposedTags, &[2])],
        );
        let not_a = json!({"condition": {"not": word("a")}, "actions": [takes(1)]});
        check(&[one.clone(), not_a], 0, &[]);
        let another_tag = json!({"condition": word("b"), "actions": [takes(2)]});
        check(&[one, another_tag], 0, &[]);
    }

    #[test]
    fn a_rule_behind_one_that_always_ends_first_is_shadowed() {
        let broad = json!({"condition": word("a"), "actions": [puts(1)],
            "limits": {"stopAfterMatch": true}});
        let narrow = json!({"condition": {"all": [word("a"), word("b")]}, "actions": [puts(2)]});
        check(
            &[broad.clone(), narrow.clone()],
            1,
            &[(ConflictKind::Shadowed, &[1])],
        );
        check(
            &[broad.clone(), narrow.clone()],
            0,
            &[(ConflictKind::Shadows, &[2])],
        );
        check(&[narrow.clone(), broad.clone()], 0, &[]);
        let mut cooling = broad;
        cooling["limits"]["coolDownMinutes"] = json!(10);
        check(&[cooling, narrow], 1, &[]);
    }

    #[test]
    fn a_circle_through_tags_is_told_with_its_way() {
        let on = |tag: u128| json!({"contactTagAdded": {"tagIds": [id(tag)]}});
        let all = json!({"all": []});
        let one = json!({"trigger": on(1), "condition": all, "actions": [puts(2)]});
        let two = json!({"trigger": on(2), "condition": all, "actions": [puts(3)]});
        let three = json!({"trigger": on(3), "condition": all, "actions": [puts(1)]});
        check(
            &[one.clone(), two.clone(), three],
            0,
            &[(ConflictKind::TagCycle, &[2, 3])],
        );
        check(&[one, two], 0, &[]);
        let flip = json!({"condition": {"not": tagged(1)}, "actions": [puts(1)]});
        let flop = json!({"condition": tagged(1), "actions": [takes(1)]});
        check(&[flip.clone(), flop], 0, &[(ConflictKind::TagCycle, &[2])]);
        check(&[flip], 0, &[]);
        let again = json!({"trigger": {"contactTagRemoved": {"tagIds": [id(1)]}},
            "condition": all, "actions": [takes(1)]});
        check(&[again], 0, &[]);
    }
}
