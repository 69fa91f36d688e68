//! What the effects of actions lead to: the rules whose triggers wait for what an effect changes, and the
//! conditions whose answers it can change.
//!
//! Asked by whoever looks at rules beside each other: `conflict`, for what rules do to tags, and `rehearse`, for what
//! would follow a rule. It says what may follow, by the effect alone: that a value was the same before, or that a
//! conversation is elsewhere, is not known. It reads and writes nothing.

use entity::kind::{ContactField, ConversationStatus, SubjectKind, TagTarget};
use uuid::Uuid;

use super::{
    definition::Definition,
    trigger::{Happened, Trigger},
};
use crate::{
    action::{Action, Effect},
    condition::Condition,
    work::change::FactKind,
};

/// What is done to a tag: to what kind of thing, which tag, and whether it is put on.
pub(super) type Act = (TagTarget, Uuid, bool);

/// The effects of a rule, each once, in the order of its actions.
pub(super) fn effects(definition: &Definition) -> Vec<Effect> {
    let mut effects: Vec<Effect> = Vec::new();
    for effect in definition.actions.iter().flat_map(Action::effects) {
        if !effects.contains(&effect) {
            effects.push(effect);
        }
    }
    effects
}

/// What an effect does to a tag, if it does anything to one.
pub(super) fn tag_act(effect: &Effect) -> Option<Act> {
    let tagging = effect.tagging()?;
    Some((tagging.target, tagging.tag_id, tagging.act.puts()))
}

/// Whether what an effect changes may make rules with this trigger look. `above` has the tags above the one it
/// is about.
pub(super) fn leads_to(effect: &Effect, trigger: &Trigger, above: &[Uuid]) -> bool {
    match (effect, trigger) {
        (_, Trigger::ContactChanged(waits)) => {
            field_of(effect).is_some_and(|field| lets(&waits.fields, Some(&field)))
        }
        (Effect::SetStatus { status, .. }, Trigger::ConversationOpened(_)) => {
            *status == ConversationStatus::Open
        }
        (Effect::SetStatus { status, .. }, Trigger::ConversationClosed(_)) => {
            *status == ConversationStatus::Closed
        }
        (
            Effect::Assign {
                member_id,
                to_owner,
            },
            Trigger::ConversationAssigned(waits),
        ) => {
            let to_nobody = member_id.is_none() && !to_owner;
            waits.to_nobody == to_nobody
                && (*to_owner || lets(&waits.to_member_ids, member_id.as_ref()))
        }
        (Effect::SetPriority { priority }, Trigger::ConversationPriorityChanged(waits)) => {
            lets(&waits.to, Some(priority))
        }
        (
            Effect::SetStage {
                of: SubjectKind::Contact,
                stage,
            },
            Trigger::ContactStageChanged(waits),
        ) => lets(&waits.to, stage.as_ref()),
        (
            Effect::SetOwner {
                of: SubjectKind::Contact,
                member_id,
            },
            Trigger::ContactOwnerChanged(waits),
        ) => lets(&waits.to_member_ids, member_id.as_ref()),
        // From what is not known.
        (
            Effect::SetAttribute {
                attribute_id,
                value,
                ..
            },
            trigger,
        ) => trigger.waits_for_value(*attribute_id, value.as_ref()),
        _ => tag_act(effect).is_some_and(|act| waits_for(act, trigger, above)),
    }
}

/// Whether rules with this trigger look when this is done to a tag. `above` has the tags above it.
pub(super) fn waits_for((target, tag, added): Act, trigger: &Trigger, above: &[Uuid]) -> bool {
    trigger.kind().accepts(&Happened::Tag {
        added,
        target,
        tag,
        above,
    })
}

/// Whether what an effect changes may change an answer of the condition. `related` has what else answers about a
/// tag may go by: those above the one the effect is about, its group, the values that give way to it.
pub(super) fn may_change(effect: &Effect, condition: &Condition, related: &[Uuid]) -> bool {
    let asks = fact_of(effect).is_some_and(|fact| condition.depends().contains(fact.name()));
    if !asks {
        return false;
    }
    let references = condition.all_references();
    let names = |id: Uuid| references.iter().any(|reference| reference.id == id);
    match (effect, tag_act(effect)) {
        (Effect::SetAttribute { attribute_id, .. }, _) => names(*attribute_id),
        (_, Some((_, tag, _))) => names(tag) || related.iter().any(|&id| names(id)),
        _ => true,
    }
}

/// The field of a contact's own data that an effect changes.
fn field_of(effect: &Effect) -> Option<ContactField> {
    match effect {
        Effect::SetStage {
            of: SubjectKind::Contact,
            ..
        } => Some(ContactField::Stage),
        Effect::SetOwner {
            of: SubjectKind::Contact,
            ..
        } => Some(ContactField::Owner),
        _ => None,
    }
}

/// What the change log tells of an effect that has changed something; nothing of one that changes nothing
/// that conditions ask for.
fn fact_of(effect: &Effect) -> Option<FactKind> {
    match effect {
        Effect::TagConversation { .. } | Effect::TagContact { .. } | Effect::TagAccount { .. } => {
            Some(FactKind::TaggingAdded)
        }
        Effect::UntagConversation { .. }
        | Effect::UntagContact { .. }
        | Effect::UntagAccount { .. } => Some(FactKind::TaggingRemoved),
        Effect::Assign { .. } => Some(FactKind::ConversationAssigned),
        Effect::SetStatus { .. } => Some(FactKind::ConversationStatusChanged),
        Effect::SetPriority { .. } => Some(FactKind::ConversationPriorityChanged),
        Effect::SetAttribute { .. } => Some(FactKind::AttributeSet),
        Effect::SetStage { .. } => Some(FactKind::StageChanged),
        Effect::SetOwner { .. } => Some(FactKind::OwnerChanged),
        Effect::Watch { .. }
        | Effect::Notify { .. }
        | Effect::CreateTask { .. }
        | Effect::StartPlaybook { .. }
        | Effect::StopPlaybook { .. }
        | Effect::SendSurvey { .. } => None,
    }
}

/// Whether a list lets a value in: an empty one means everything.
fn lets<T: PartialEq>(list: &[T], value: Option<&T>) -> bool {
    list.is_empty() || value.is_some_and(|value| list.contains(value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn effect(action: Value) -> Effect {
        let action: Action = serde_json::from_value(action).unwrap();
        action.effects().remove(0)
    }

    #[track_caller]
    fn leads(action: Value, trigger: Value, expected: bool) {
        let shown = format!("{action} to {trigger}");
        let trigger: Trigger = serde_json::from_value(trigger).unwrap();
        let found = leads_to(&effect(action), &trigger, &[id(9)]);
        assert_eq!(found, expected, "{shown}");
    }

    #[test]
    fn an_effect_leads_to_the_triggers_that_wait_for_what_it_changes() {
        let closes = json!({"setConversationStatus": {"status": "CLOSED"}});
        leads(closes.clone(), json!({"conversationClosed": {}}), true);
        leads(closes, json!({"conversationOpened": {}}), false);
        let opens = json!({"setConversationStatus": {"status": "OPEN"}});
        leads(opens, json!({"conversationOpened": {}}), true);

        let assigned = |who: Value| json!({"conversationAssigned": who});
        let assigns = |who: Value| json!({"assignConversation": who});
        let to = |member: u128| json!({"memberId": id(member)});
        leads(assigns(to(1)), assigned(json!({})), true);
        leads(
            assigns(to(1)),
            assigned(json!({"toMemberIds": [id(1)]})),
            true,
        );
        leads(
            assigns(to(1)),
            assigned(json!({"toMemberIds": [id(2)]})),
            false,
        );
        leads(
            assigns(json!({})),
            assigned(json!({"toNobody": true})),
            true,
        );
        leads(assigns(json!({})), assigned(json!({})), false);
        let owner = assigns(json!({"toOwner": true}));
        leads(owner, assigned(json!({"toMemberIds": [id(2)]})), true);

        let urgent = json!({"setConversationPriority": {"priority": "URGENT"}});
        let becomes = |to: Value| json!({"conversationPriorityChanged": {"to": to}});
        leads(urgent.clone(), becomes(json!([])), true);
        leads(urgent.clone(), becomes(json!(["HIGH", "URGENT"])), true);
        leads(urgent, becomes(json!(["LOW"])), false);

        let values = |action: &str, value: f64| json!({action: {"attributeId": id(3), "value": {"number": value}}});
        let comes_to =
            |trigger: &str| json!({trigger: {"attributeId": id(3), "to": {"number": 5.0}}});
        for (action, trigger) in [
            ("setContactAttribute", "contactAttributeChanged"),
            ("setAccountAttribute", "accountAttributeChanged"),
            ("setConversationAttribute", "conversationAttributeChanged"),
        ] {
            leads(values(action, 5.0), comes_to(trigger), true);
            leads(values(action, 6.0), comes_to(trigger), false);
        }

        let stage = json!({"setContactStage": {"stage": "CUSTOMER"}});
        let reaches = |stage: &str| json!({"contactStageChanged": {"to": [stage]}});
        leads(stage.clone(), reaches("CUSTOMER"), true);
        leads(stage.clone(), reaches("LEAD"), false);
        leads(
            stage.clone(),
            json!({"contactChanged": {"fields": ["STAGE"]}}),
            true,
        );
        leads(
            stage,
            json!({"contactChanged": {"fields": ["OWNER"]}}),
            false,
        );
    }

    #[test]
    fn a_tag_leads_to_those_who_wait_for_it_or_for_one_above() {
        let puts = json!({"tagContact": {"tagIds": [id(1)]}});
        let added = |tag: u128, direct: bool| json!({"contactTagAdded": {"tagIds": [id(tag)], "directOnly": direct}});
        leads(puts.clone(), added(1, true), true);
        leads(puts.clone(), added(9, false), true);
        leads(puts.clone(), added(9, true), false);
        leads(puts.clone(), added(2, false), false);
        let removed = json!({"contactTagRemoved": {"tagIds": [id(1)]}});
        leads(puts, removed, false);
    }

    #[test]
    fn an_effect_changes_the_answers_to_what_it_is_about() {
        let asks = |action: Value, condition: Value| {
            let condition: Condition = serde_json::from_value(condition).unwrap();
            may_change(&effect(action), &condition, &[id(9)])
        };
        let has = |tag: u128| json!({"contactTags": {"mode": "ANY", "tagIds": [id(tag)]}});
        let puts = json!({"tagContact": {"tagIds": [id(1)]}});
        assert!(asks(puts.clone(), has(1)));
        assert!(asks(puts.clone(), has(9)));
        assert!(!asks(puts.clone(), has(2)));
        let customers = json!({"contact": {"stages": ["CUSTOMER"]}});
        assert!(!asks(puts, customers.clone()));
        let stage = json!({"setContactStage": {"stage": "CUSTOMER"}});
        assert!(asks(stage.clone(), customers));
        assert!(!asks(stage, has(1)));
    }
}
