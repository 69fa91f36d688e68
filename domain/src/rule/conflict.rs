//! Rules that get in each other's way, told when one is saved. Told, not refused: two rules that undo
//! each other may be just what somebody wants.
//!
//! Only what can be seen from the rules themselves is found, and only with the rule at hand: that it
//! puts on what another takes off while both may hold, that a circle leads from its tags through other
//! rules back to itself, that an earlier rule ends the evaluation whenever it could fire, or it that of
//! a later one.

use std::collections::{BTreeSet, HashMap, HashSet};

use entity::{
    id::{RuleId, TagId, WorkspaceId},
    kind::TagTarget,
};
use uuid::Uuid;

use super::{
    cache::Stored,
    definition::{Definition, is_always},
    trigger::{Key, Trigger},
};
use crate::{
    action::{Action, effect::TagAct},
    condition::{self, Condition, reference::IdKind},
    ctx::Ctx,
    error::{Result, UserErrorCode},
    store::Query,
};

/// Conflicts told at most.
const MAX_CONFLICTS: usize = 20;
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
    let rules = load(ctx, workspace, id).await?;
    let Some(at) = rules.iter().position(|rule| rule.id == id.0) else {
        return Ok(Vec::new());
    };
    Ok(conflicts(&rules, at))
}

/// The active rules and the one asked about, in their order. Those that cannot be read are left out.
async fn load(ctx: &Ctx, workspace: WorkspaceId, id: RuleId) -> Result<Vec<Stored>> {
    let rows: Vec<entity::rule::Model> = Query::new(
        "SELECT u.* FROM rule u
         WHERE u.workspace_id = $1 AND u.deleted_at IS NULL AND (u.active = $2 OR u.id = $3)
         ORDER BY u.position, u.id",
    )
    .bind(workspace)
    .bind(true)
    .bind(id)
    .all(ctx.reader())
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Stored {
                id: row.id.0,
                name: row.name,
                version: row.version,
                position: row.position,
                definition: Definition::from_stored(row.definition).ok()?,
            })
        })
        .collect())
}

/// The conflicts of the rule at `at` among `rules`, which are in their order.
pub(crate) fn conflicts(rules: &[Stored], at: usize) -> Vec<Conflict> {
    let Some(rule) = rules.get(at) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (place, other) in rules.iter().enumerate() {
        if place == at {
            continue;
        }
        found.extend(opposed(rule, other));
        let (first, second, kind) = if place < at {
            (other, rule, ConflictKind::Shadowed)
        } else {
            (rule, other, ConflictKind::Shadows)
        };
        found.extend(shadowed(first, second, kind, other));
    }
    found.extend(circle(rules, at));
    found.sort_by_key(|conflict| conflict.kind);
    found.truncate(MAX_CONFLICTS);
    found
}

/// What a rule does to tags.
fn tag_acts(rule: &Stored) -> Vec<(TagTarget, Uuid, bool)> {
    let effects = rule.definition.actions.iter().flat_map(Action::effects);
    effects
        .filter_map(|effect| effect.tagging())
        .map(|one| (one.target, one.tag_id, one.act == TagAct::Put))
        .collect()
}

fn opposed(rule: &Stored, other: &Stored) -> Option<Conflict> {
    let theirs: HashSet<_> = tag_acts(other).into_iter().collect();
    let mut ours = tag_acts(rule).into_iter();
    let (_, tag, puts) =
        ours.find(|(target, tag, puts)| theirs.contains(&(*target, *tag, !puts)))?;
    if !may_hold_together(&rule.definition, &other.definition) {
        return None;
    }
    let (verb, back) = if puts {
        ("puts on", "takes off")
    } else {
        ("takes off", "puts on")
    };
    Some(Conflict {
        kind: ConflictKind::OpposedTags,
        others: vec![RuleId(other.id)],
        tag: Some(TagId(tag)),
        message: format!(
            "This rule {verb} a tag that “{}” {back}, and both may hold at once. Narrow the \
             condition of one of the two.",
            other.name
        ),
    })
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
    let refusals = condition::check(&both, context);
    !refusals
        .iter()
        .any(|refusal| refusal.code == UserErrorCode::Contradictory)
}

fn shadowed(
    first: &Stored,
    second: &Stored,
    kind: ConflictKind,
    other: &Stored,
) -> Option<Conflict> {
    let (early, late) = (&first.definition, &second.definition);
    let limits = &early.limits;
    // A rule that does not always fire when it holds lets later ones have their turn.
    let always_ends = limits.stop_after_match && !limits.remember();
    if !always_ends
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

/// The shortest circle that leads from the rule's tags through other rules back to it.
fn circle(rules: &[Stored], at: usize) -> Option<Conflict> {
    let listening: Vec<Listening> = rules.iter().map(Listening::of).collect();
    let follow = |from: usize| -> Vec<(usize, Uuid)> {
        let acts = tag_acts(&rules[from]);
        let mut next = Vec::new();
        // What a rule has done once it does not do again: none leads to itself.
        for (place, one) in listening.iter().enumerate().filter(|one| one.0 != from) {
            let led = acts.iter().find(|act| one.hears(act));
            next.extend(led.map(|(_, tag, _)| (place, *tag)));
        }
        next
    };
    // Breadth first: the first way back is the shortest.
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut frontier = vec![at];
    let mut seen: BTreeSet<usize> = BTreeSet::from([at]);
    for _ in 0..MAX_CIRCLE {
        let mut next = Vec::new();
        for &from in &frontier {
            for (to, tag) in follow(from) {
                if to == at {
                    return Some(told(rules, at, from, &came_from, tag));
                }
                if seen.insert(to) {
                    came_from.insert(to, from);
                    next.push(to);
                }
            }
        }
        frontier = next;
    }
    None
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
    triggers: HashSet<(TagTarget, Uuid, bool)>,
    conditions: HashSet<Uuid>,
}

impl Listening {
    fn of(rule: &Stored) -> Self {
        let keys = rule.definition.trigger.kind().keys().into_iter();
        let triggers = keys.filter_map(|key| match key {
            Key::Tag { added, target, tag } => Some((target, tag, added)),
            _ => None,
        });
        let references = rule.definition.references().into_iter();
        let conditions = references.filter(|one| {
            one.path.first().is_some_and(|step| step == "condition")
                && matches!(one.kind, IdKind::ContactTag | IdKind::ConversationTag)
        });
        Self {
            triggers: triggers.collect(),
            conditions: conditions.map(|one| one.id).collect(),
        }
    }

    /// Whether what is done to a tag leads here.
    fn hears(&self, act: &(TagTarget, Uuid, bool)) -> bool {
        self.triggers.contains(act) || self.conditions.contains(&act.1)
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
        let found: Vec<(ConflictKind, Vec<u128>)> = conflicts(&rules, at)
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
