//! What to do about the rules that fired on one thing: which effects, in which order, and whose.

use std::collections::HashMap;

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
}

/// An effect and the rule that owns it: the first that asked.
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
}

/// A rule that asked for what another had already asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeated {
    /// The rule that came later, or the same rule again.
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
/// message once unless someone wrote different titles.
pub fn plan<'a>(firings: impl IntoIterator<Item = Firing<'a>>) -> Plan {
    let mut plan = Plan::default();
    let mut places: HashMap<Effect, usize> = HashMap::new();
    let mut wanted = Vec::new();
    for firing in firings {
        for (action, asks) in firing.actions.iter().enumerate() {
            asks.kind().effects(&mut wanted);
            for effect in wanted.drain(..) {
                if let Some(&place) = places.get(&effect) {
                    plan.repeated.push(Repeated {
                        rule_id: firing.rule_id,
                        action,
                        effect: place,
                    });
                    continue;
                }
                places.insert(effect.clone(), plan.effects.len());
                plan.effects.push(Planned {
                    rule_id: firing.rule_id,
                    rule_version: firing.rule_version,
                    action,
                    effect,
                });
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Notify, TagContact, TagConversation};

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn firing(rule: u128, actions: &[Action]) -> Firing<'_> {
        Firing {
            rule_id: id(rule),
            rule_version: 1,
            actions,
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
        })];
        let second = [
            slack(None),
            Action::TagConversation(TagConversation {
                tag_ids: vec![id(11), id(12)],
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
            }),
            Action::TagContact(TagContact {
                tag_ids: vec![id(10)],
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
}
