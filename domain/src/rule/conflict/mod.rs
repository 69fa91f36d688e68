//! Rules that get in each other's way, told when one is saved. Told, not refused: two rules that
//! undo each other may be just what somebody wants.
//!
//! Only what can be seen from the rules themselves is found, and only with the rule at hand: that it
//! puts on what another takes off, or sets what another sets to a different value, while both may fire on the
//! same change, that a circle leads from its tags through other rules back to itself, that an earlier rule ends
//! the evaluation whenever it could fire, or it that of a later one.
//!
//! - `book`: rules with what leads from one to the other, and the conflicts found in it.
//! - `listening`: the tags that lead to a rule.
//! - `coincide`: whether one change can make two rules look.
//! - `overlap`: whether two rules can fire together, and whether one leaves the other nothing.

mod book;
mod coincide;
mod listening;
mod overlap;

use std::collections::{BTreeSet, HashMap};

use entity::id::{RuleId, TagId, WorkspaceId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use self::{
    book::{Book, tag_acts},
    listening::awaited,
};
use crate::{
    ctx::Ctx,
    error::Result,
    rule::{cache::Stored, definition::Definition},
    store::{Query, Rows},
};

/// How rules get in each other's way.
#[derive(async_graphql::Enum, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[graphql(name = "RuleConflictKind")]
pub enum ConflictKind {
    /// One puts on a tag that the other takes off, and both may fire on the same change.
    OpposedTags,
    /// Both set a status, a priority, an assignee, a stage, an owner or a custom attribute to different values,
    /// and both may fire on the same change.
    OpposedValues,
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

/// The tags above those that the rules put on, take off or wait for.
async fn above(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rules: &[Stored],
) -> Result<HashMap<Uuid, Vec<Uuid>>> {
    let done = rules.iter().flat_map(tag_acts);
    let acts = done.chain(rules.iter().flat_map(awaited));
    let tags: BTreeSet<Uuid> = acts.map(|act| act.1).collect();
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
    fn a_field_set_to_different_values_is_told_unless_the_first_ends_the_evaluation() {
        let sets = |text: &str, stage: &str| json!({"condition": word(text), "actions": [{"setContactStage": {"stage": stage}}]});
        let kind = ConflictKind::OpposedValues;
        let (lead, customer) = (sets("a", "LEAD"), sets("b", "CUSTOMER"));
        check(&[lead.clone(), customer.clone()], 0, &[(kind, &[2])]);
        check(&[lead.clone(), customer.clone()], 1, &[(kind, &[1])]);
        check(&[lead.clone(), sets("b", "LEAD")], 0, &[]);
        let mut ends = lead.clone();
        ends["limits"] = json!({"stopAfterMatch": true});
        check(&[ends.clone(), customer.clone()], 1, &[]);
        check(&[customer, ends], 0, &[(kind, &[2])]);
        let priority = json!({"condition": word("b"),
            "actions": [{"setConversationPriority": {"priority": "HIGH"}}]});
        check(&[lead, priority], 0, &[]);
    }

    #[test]
    fn only_rules_that_one_change_can_set_off_are_opposed() {
        let all = json!({"all": []});
        let opposed = |puts_on: &Value, takes_off: &Value| {
            let one = json!({"trigger": puts_on, "condition": all, "actions": [puts(9)]});
            let other = json!({"trigger": takes_off, "condition": all, "actions": [takes(9)]});
            let rules = [rule(1, &one), rule(2, &other)];
            // The tag 2 is below the tag 1.
            let above = HashMap::from([(id(2), vec![id(1)])]);
            let book = Book::new(&rules, vec![true; 2], above);
            let found = [book.conflicts(0), book.conflicts(1)].concat();
            let opposed = |one: &Conflict| one.kind == ConflictKind::OpposedTags;
            assert_eq!(found.len() % 2, 0, "{found:?}");
            found.iter().all(opposed) && !found.is_empty()
        };
        let on = |tag: u128| json!({"contactTagAdded": {"tagIds": [id(tag)]}});
        let off = |tag: u128| json!({"contactTagRemoved": {"tagIds": [id(tag)]}});
        let only =
            |tag: u128| json!({"contactTagAdded": {"tagIds": [id(tag)], "directOnly": true}});
        let stage = |to: &str| json!({"contactStageChanged": {"to": [to]}});
        let crossed =
            |direction: &str| json!({"healthScoreCrossed": {"score": 40, "direction": direction}});
        let band = |to: &str| json!({"healthBandChanged": {"to": [to]}});
        let inbox = |inbox: u128| json!({"messageReceived": {"inboxIds": [id(inbox)]}});
        let sent = |channel: &str| json!({"messageSent": {"channels": [channel]}});
        let opened = |inbox: u128| json!({"conversationOpened": {"inboxIds": [id(inbox)]}});
        let weekly = |day: i64| json!({"schedule": {"every": "WEEK", "hour": 9, "weekday": day}});
        for (puts_on, takes_off, expected) in [
            (on(3), on(3), true),
            (on(3), off(3), false),
            (on(3), on(4), false),
            (on(1), on(2), true),
            (only(1), on(2), false),
            (stage("LEAD"), stage("LEAD"), true),
            (stage("LEAD"), stage("CUSTOMER"), false),
            (crossed("UP"), crossed("DOWN"), false),
            (crossed("UP"), crossed("EITHER"), true),
            (crossed("DOWN"), band("AT_RISK"), true),
            (band("HEALTHY"), band("AT_RISK"), false),
            (inbox(1), inbox(1), true),
            (inbox(1), inbox(2), false),
            (inbox(1), opened(1), true),
            (inbox(1), opened(2), false),
            (inbox(1), on(3), false),
            (sent("EMAIL"), sent("EMAIL"), true),
            (sent("EMAIL"), sent("LINE"), false),
            (sent("EMAIL"), opened(1), true),
            (sent("EMAIL"), inbox(1), false),
            (weekly(1), weekly(1), true),
            (weekly(1), weekly(2), false),
        ] {
            assert_eq!(
                opposed(&puts_on, &takes_off),
                expected,
                "{puts_on} {takes_off}"
            );
        }
    }

    #[test]
    fn a_circle_leads_through_a_tag_above_the_one_that_is_set() {
        let asked = |kind: &str| json!({kind: {"mode": "ANY", "tagIds": [id(1)]}});
        let acted = |kind: &str, tag: u128| json!({kind: {"tagIds": [id(tag)]}});
        for (condition, puts, takes) in [
            ("contactTags", "tagContact", "untagContact"),
            ("accountTags", "tagAccount", "untagAccount"),
            ("conversationTags", "tagConversation", "untagConversation"),
        ] {
            // What the one puts on, below the tag that both ask about, the other takes off.
            let flip = json!({"condition": {"not": asked(condition)}, "actions": [acted(puts, 2)]});
            let flop = json!({"condition": asked(condition), "actions": [acted(takes, 2)]});
            let rules = [rule(1, &flip), rule(2, &flop)];
            let above = HashMap::from([(id(2), vec![id(1)])]);
            let book = Book::new(&rules, vec![true; 2], above);
            let found: Vec<ConflictKind> = book.conflicts(0).iter().map(|one| one.kind).collect();
            assert_eq!(found, [ConflictKind::TagCycle], "{condition}");
        }
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
