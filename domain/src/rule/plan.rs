//! What to do about the rules that fired on one thing: which effects, in which order, and whose.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::kind::{SubjectKind, TagTarget};
use uuid::Uuid;

use crate::action::{Action, Effect};

/// A rule that fired, with what it wants.
#[derive(Debug, Clone, Copy)]
pub struct Firing<'a> {
    /// The rule.
    pub rule_id: Uuid,
    /// The version of it that fired.
    pub rule_version: i64,
    /// Its actions.
    pub actions: &'a [Action],
    /// When its notices set off, if its hours hold them.
    pub not_before: Option<DateTime<Utc>>,
}

/// An effect and the rule that owns it: the first that asked, or the first of those whose notice sets off
/// the earliest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The owning rule.
    pub rule_id: Uuid,
    /// The version of it that fired.
    pub rule_version: i64,
    /// Which of its actions asked, counted from 0.
    pub action: usize,
    /// What to carry out.
    pub effect: Effect,
    /// When it sets off, if it is a notice and the hours of the owning rule hold it.
    pub not_before: Option<DateTime<Utc>>,
}

impl Planned {
    /// Makes another rule that asks for the same the owner, if the notice sets off earlier that way: a rule
    /// without hours is not to wait for those of a rule before it. Says who asked without owning it.
    fn shared(&mut self, place: usize, firing: &Firing<'_>, action: usize) -> Repeated {
        let mut other = Repeated {
            rule_id: firing.rule_id,
            action,
            effect: place,
        };
        // Nothing is earlier than any moment.
        if self.effect.is_held() && firing.not_before < self.not_before {
            (other.rule_id, other.action) = (self.rule_id, self.action);
            self.rule_id = firing.rule_id;
            self.rule_version = firing.rule_version;
            self.action = action;
            self.not_before = firing.not_before;
        }
        other
    }
}

/// A rule that asked for what another had already asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    /// The rule that came later, whose notice would have set off later, or the same rule again.
    pub rule_id: Uuid,
    /// Which of its actions asked, counted from 0.
    pub action: usize,
    /// The place in [`Plan::effects`] of what it asked for.
    pub effect: usize,
}

/// Everything to do about one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each effect once, in the order of the rules and of their actions.
    pub effects: Vec<Planned>,
    /// Who else asked, so that each firing's log can say what became of its actions.
    pub repeated: Vec<Repeated>,
}

/// Plans the effects of the rules that fired, given in the order of their positions.
///
/// A Slack notice without a title is headed with its rule's name, so two rules that notify the
/// same channel without one are still one notice, headed by the first: a channel hears of a
/// message once unless someone wrote different titles. It hears of it as early as one of the rules
/// lets it, and that rule heads the notice.
///
/// What is asked for again after something else was asked for in the same place, such as a tag that
/// a rule in between takes off, is no repetition: the last word counts. `slot_of` says in which place
/// a tag is: in its group, if that takes one value, or by itself.
pub fn plan<'a>(
    firings: impl IntoIterator<Item = Firing<'a>>,
    slot_of: impl Fn(Uuid) -> Uuid,
) -> Plan {
    let mut plan = Plan::default();
    let mut places: HashMap<Effect, usize> = HashMap::new();
    let mut latest: HashMap<Slot, usize> = HashMap::new();
    let mut wanted = Vec::new();
    for firing in firings {
        for (action, asks) in firing.actions.iter().enumerate() {
            asks.kind().effects(&mut wanted);
            for effect in wanted.drain(..) {
                let slot = Slot::of(&effect, &slot_of);
                let stands = |place: &usize| match &slot {
                    Some(slot) => latest.get(slot) == Some(place),
                    None => true,
                };
                if let Some(&place) = places.get(&effect).filter(|place| stands(place)) {
                    let repeated = plan.effects[place].shared(place, &firing, action);
                    plan.repeated.push(repeated);
                    continue;
                }
                places.insert(effect.clone(), plan.effects.len());
                latest.extend(slot.map(|slot| (slot, plan.effects.len())));
                plan.effects.push(Planned {
                    rule_id: firing.rule_id,
                    rule_version: firing.rule_version,
                    action,
                    effect,
                    not_before: firing.not_before,
                });
            }
        }
    }
    plan
}

/// A place that holds one value, so that effects on it undo each other.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Slot {
    Tag(TagTarget, Uuid),
    Assignee,
    Status,
    Priority,
    Attribute(Uuid),
    Stage(SubjectKind),
    Owner(SubjectKind),
    Playbook(Uuid),
}

impl Slot {
    /// The place of an effect; none for what is told or made.
    pub(super) fn of(effect: &Effect, slot_of: impl Fn(Uuid) -> Uuid) -> Option<Self> {
        if let Some(tagging) = effect.tagging() {
            return Some(Self::Tag(tagging.target, slot_of(tagging.tag_id)));
        }
        match *effect {
            Effect::Assign { .. } => Some(Self::Assignee),
            Effect::SetStatus { .. } => Some(Self::Status),
            Effect::SetPriority { .. } => Some(Self::Priority),
            Effect::SetAttribute { attribute_id, .. } => Some(Self::Attribute(attribute_id)),
            Effect::SetStage { of, .. } => Some(Self::Stage(of)),
            Effect::SetOwner { of, .. } => Some(Self::Owner(of)),
            Effect::StartPlaybook { playbook_id } | Effect::StopPlaybook { playbook_id } => {
                Some(Self::Playbook(playbook_id))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::kind::Priority;

    use super::*;
    use crate::action::{
        Notify, SetConversationPriority, TagContact, TagConversation, UntagContact,
    };

    /// With tags that are each in a place of their own.
    fn plan<'a>(firings: impl IntoIterator<Item = Firing<'a>>) -> Plan {
        super::plan(firings, |tag| tag)
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn firing(rule: u128, actions: &[Action]) -> Firing<'_> {
        Firing {
            rule_id: id(rule),
            rule_version: 1,
            actions,
            not_before: None,
        }
    }

    fn slack(title: Option<&str>) -> Action {
        Action::Notify(Notify {
            target_id: id(50),
            title: title.map(str::to_owned),
            text: None,
        })
    }

    #[test]
    fn the_first_rule_that_asks_for_a_tag_owns_it() {
        let first = [Action::TagConversation(TagConversation {
            tag_ids: vec![id(10), id(11)],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })];
        let second = [
            slack(None),
            Action::TagConversation(TagConversation {
                tag_ids: vec![id(11), id(12)],
                expires_in_seconds: None,
                while_in_segment_id: None,
            }),
        ];
        let plan = plan([firing(1, &first), firing(2, &second)]);
        let owners: Vec<(u128, usize)> = plan
            .effects
            .iter()
            .map(|planned| (planned.rule_id.as_u128(), planned.action))
            .collect();
        assert_eq!(owners, [(1, 0), (1, 0), (2, 0), (2, 1)]);
        let repeated = Repeated {
            rule_id: id(2),
            action: 1,
            effect: 1,
        };
        assert_eq!(plan.repeated, [repeated]);
    }

    #[test]
    fn the_same_tag_on_contact_and_conversation_is_two_effects() {
        let actions = [
            Action::TagConversation(TagConversation {
                tag_ids: vec![id(10)],
                expires_in_seconds: None,
                while_in_segment_id: None,
            }),
            Action::TagContact(TagContact {
                tag_ids: vec![id(10)],
                expires_in_seconds: None,
                while_in_segment_id: None,
            }),
        ];
        assert_eq!(plan([firing(1, &actions)]).effects.len(), 2);
    }

    #[test]
    fn a_channel_hears_of_a_message_once_for_each_title() {
        let untitled = [slack(None)];
        let titled = [slack(Some("VIP"))];
        let plan = plan([
            firing(1, &untitled),
            firing(2, &untitled),
            firing(3, &titled),
        ]);
        assert_eq!(plan.effects.len(), 2);
        assert_eq!(plan.effects[0].rule_id, id(1));
        assert_eq!(plan.repeated.len(), 1);
    }

    #[test]
    fn a_notice_that_rules_share_does_not_wait_for_the_hours_of_one_of_them() {
        let notice = [slack(None)];
        let held = |rule, hours: Option<i64>| Firing {
            not_before: hours.map(|hours| DateTime::UNIX_EPOCH + chrono::Duration::hours(hours)),
            ..firing(rule, &notice)
        };
        let owner = |firings: &[Firing<'_>]| {
            let plan = plan(firings.iter().copied());
            let [planned] = plan.effects.as_slice() else {
                panic!("{:?}", plan.effects);
            };
            let others = plan.repeated.iter().map(|one| one.rule_id.as_u128());
            (planned.rule_id.as_u128(), others.collect::<Vec<_>>())
        };
        // At night the rule without hours notifies, wherever it stands.
        let (quiet, urgent) = (held(1, Some(9)), held(2, None));
        assert_eq!(owner(&[quiet, urgent]), (2, vec![1]));
        assert_eq!(owner(&[urgent, quiet]), (2, vec![1]));
        // Of several that wait, the one that waits the shortest does; of equal ones the first.
        assert_eq!(
            owner(&[quiet, held(2, Some(7)), held(3, Some(8))]),
            (2, vec![1, 3])
        );
        assert_eq!(owner(&[quiet, held(2, Some(9))]), (1, vec![2]));
        // What is no notice stays with the first.
        let tags = [Action::TagContact(TagContact {
            tag_ids: vec![id(10)],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })];
        let tagging = [quiet, urgent].map(|firing| Firing {
            actions: &tags,
            ..firing
        });
        assert_eq!(owner(&tagging), (1, vec![2]));
    }

    #[test]
    fn the_last_word_counts_where_effects_undo_each_other() {
        let puts = |tag| {
            [Action::TagContact(TagContact {
                tag_ids: vec![id(tag)],
                expires_in_seconds: None,
                while_in_segment_id: None,
            })]
        };
        let takes = [Action::UntagContact(UntagContact {
            tag_ids: vec![id(10)],
            even_if_set_by_member: false,
        })];
        let (put, other) = (puts(10), puts(11));
        let found = plan([firing(1, &put), firing(2, &takes), firing(3, &put)]);
        assert_eq!((found.effects.len(), found.repeated.len()), (3, 0));
        // Two values of a group that takes one undo each other as well; two tags do not.
        let firings = || [firing(1, &put), firing(2, &other), firing(3, &put)];
        assert_eq!(plan(firings()).effects.len(), 2);
        let grouped = super::plan(firings(), |_| id(50));
        assert_eq!(grouped.effects.len(), 3);
        // Also within the actions of one rule.
        let priority =
            |priority| Action::SetConversationPriority(SetConversationPriority { priority });
        let actions = [Priority::High, Priority::Low, Priority::High].map(priority);
        assert_eq!(plan([firing(1, &actions)]).effects.len(), 3);
        let actions = [Priority::High, Priority::High].map(priority);
        assert_eq!(plan([firing(1, &actions)]).effects.len(), 1);
    }
}
