//! Whether one change can make two rules look at once, as far as their triggers say: rules that wait for
//! different changes, such as that a tag is put on and that it is taken off, never act together.

use std::collections::HashMap;

use entity::kind::TagTarget;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    condition::{TextTest, contradict_properties},
    rule::trigger::{Cadence, Direction, OnSchedule, SurveyAnswered, Trigger},
};

/// Whether there can be a change that both wait for. `above` has the tags above each tag.
pub(super) fn coincide(one: &Trigger, other: &Trigger, above: &HashMap<Uuid, Vec<Uuid>>) -> bool {
    match (one, other) {
        (Trigger::MessageReceived(one), Trigger::MessageReceived(other)) => {
            meet(&one.inbox_ids, &other.inbox_ids)
                && meet(&one.channels, &other.channels)
                && share(&one.authors, &other.authors)
        }
        (Trigger::MessageSent(one), Trigger::MessageSent(other)) => {
            meet(&one.inbox_ids, &other.inbox_ids)
                && meet(&one.channels, &other.channels)
                && meet(&one.authors, &other.authors)
        }
        // A message may begin a conversation, or open one again.
        (Trigger::MessageReceived(message), Trigger::ConversationOpened(opened))
        | (Trigger::ConversationOpened(opened), Trigger::MessageReceived(message)) => {
            meet(&message.inbox_ids, &opened.inbox_ids) && meet(&message.channels, &opened.channels)
        }
        (Trigger::MessageSent(message), Trigger::ConversationOpened(opened))
        | (Trigger::ConversationOpened(opened), Trigger::MessageSent(message)) => {
            meet(&message.inbox_ids, &opened.inbox_ids) && meet(&message.channels, &opened.channels)
        }
        (Trigger::OnSchedule(one), Trigger::OnSchedule(other)) => at_once(one, other),
        _ => match (Tags::of(one), Tags::of(other)) {
            (Some(one), Some(other)) => one.meet(&other, above),
            _ => share(&one.kind().keys(), &other.kind().keys()) && let_the_same(one, other),
        },
    }
}

/// Of two triggers that wait for the same kind of change: whether they can let in the same one. What each
/// leads to is compared elsewhere, as what both imply.
fn let_the_same(one: &Trigger, other: &Trigger) -> bool {
    match (one, other) {
        (Trigger::ConversationOpened(one), Trigger::ConversationOpened(other)) => {
            meet(&one.inbox_ids, &other.inbox_ids)
                && meet(&one.channels, &other.channels)
                && meet(&one.from, &other.from)
        }
        (Trigger::ConversationClosed(one), Trigger::ConversationClosed(other)) => {
            meet(&one.inbox_ids, &other.inbox_ids)
                && meet(&one.channels, &other.channels)
                && meet(&one.from, &other.from)
        }
        (Trigger::ConversationAssigned(one), Trigger::ConversationAssigned(other)) => {
            meet(&one.inbox_ids, &other.inbox_ids)
                && meet(&one.channels, &other.channels)
                && meet(&one.from_member_ids, &other.from_member_ids)
        }
        (
            Trigger::ConversationPriorityChanged(one),
            Trigger::ConversationPriorityChanged(other),
        ) => {
            meet(&one.inbox_ids, &other.inbox_ids)
                && meet(&one.channels, &other.channels)
                && meet(&one.from, &other.from)
        }
        (Trigger::ConversationWaiting(one), Trigger::ConversationWaiting(other)) => {
            meet(&one.inbox_ids, &other.inbox_ids) && meet(&one.channels, &other.channels)
        }
        (Trigger::ContactStageChanged(one), Trigger::ContactStageChanged(other)) => {
            meet(&one.from, &other.from)
        }
        (Trigger::ContactOwnerChanged(one), Trigger::ContactOwnerChanged(other)) => {
            meet(&one.from_member_ids, &other.from_member_ids)
        }
        (Trigger::ContactAttributeChanged(one), Trigger::ContactAttributeChanged(other)) => {
            may_equal(one.from.as_ref(), other.from.as_ref())
                && may_equal(one.to.as_ref(), other.to.as_ref())
        }
        (Trigger::AccountAttributeChanged(one), Trigger::AccountAttributeChanged(other)) => {
            may_equal(one.from.as_ref(), other.from.as_ref())
                && may_equal(one.to.as_ref(), other.to.as_ref())
        }
        (
            Trigger::ConversationAttributeChanged(one),
            Trigger::ConversationAttributeChanged(other),
        ) => {
            may_equal(one.from.as_ref(), other.from.as_ref())
                && may_equal(one.to.as_ref(), other.to.as_ref())
        }
        (Trigger::EmailEventSeen(one), Trigger::EmailEventSeen(other)) => {
            meet(&one.campaign_ids, &other.campaign_ids)
                && meet(&one.bounce_kinds, &other.bounce_kinds)
                && may_be_both(one.url.as_ref(), other.url.as_ref())
                && one.meets(other)
        }
        (Trigger::EventTracked(one), Trigger::EventTracked(other)) => {
            let both = [one.properties.as_slice(), &other.properties].concat();
            contradict_properties(&both).is_none()
        }
        (Trigger::HealthScoreCrossed(one), Trigger::HealthScoreCrossed(other)) => {
            may_go_together(one.direction, other.direction)
        }
        (Trigger::AccountHealthScoreCrossed(one), Trigger::AccountHealthScoreCrossed(other)) => {
            may_go_together(one.direction, other.direction)
        }
        (Trigger::HealthBandChanged(one), Trigger::HealthBandChanged(other)) => {
            meet(&one.from, &other.from)
        }
        (Trigger::AccountHealthBandChanged(one), Trigger::AccountHealthBandChanged(other)) => {
            meet(&one.from, &other.from)
        }
        (Trigger::SurveyAnswered(one), Trigger::SurveyAnswered(other)) => answers(one, other),
        _ => true,
    }
}

/// Whether one step may cross marks in both directions.
fn may_go_together(one: Direction, other: Direction) -> bool {
    !matches!(
        (one, other),
        (Direction::Down, Direction::Up) | (Direction::Up, Direction::Down)
    )
}

/// What a trigger on tags waits for.
struct Tags<'t> {
    added: bool,
    target: TagTarget,
    ids: &'t [Uuid],
    direct_only: bool,
}

impl<'t> Tags<'t> {
    fn of(trigger: &'t Trigger) -> Option<Self> {
        let (added, target, ids, direct_only) = match trigger {
            Trigger::ContactTagAdded(of) => (true, TagTarget::Contact, &of.tag_ids, of.direct_only),
            Trigger::ContactTagRemoved(of) => {
                (false, TagTarget::Contact, &of.tag_ids, of.direct_only)
            }
            Trigger::AccountTagAdded(of) => (true, TagTarget::Account, &of.tag_ids, of.direct_only),
            Trigger::AccountTagRemoved(of) => {
                (false, TagTarget::Account, &of.tag_ids, of.direct_only)
            }
            Trigger::ConversationTagAdded(of) => {
                (true, TagTarget::Conversation, &of.tag_ids, of.direct_only)
            }
            Trigger::ConversationTagRemoved(of) => {
                (false, TagTarget::Conversation, &of.tag_ids, of.direct_only)
            }
            _ => return None,
        };
        Some(Self {
            added,
            target,
            ids,
            direct_only,
        })
    }

    fn meet(&self, other: &Self, above: &HashMap<Uuid, Vec<Uuid>>) -> bool {
        let is_above = |tag: Uuid, below: Uuid| {
            let above = above.get(&below);
            above.is_some_and(|above| above.contains(&tag))
        };
        let same = |one: Uuid, two: Uuid| {
            one == two
                || !self.direct_only && is_above(one, two)
                || !other.direct_only && is_above(two, one)
        };
        self.added == other.added
            && self.target == other.target
            && self
                .ids
                .iter()
                .any(|&one| other.ids.iter().any(|&two| same(one, two)))
    }
}

/// Whether two schedules can come round at the same time.
fn at_once(one: &OnSchedule, other: &OnSchedule) -> bool {
    // In a short month its last day stands for all that it does not have.
    let ends_months = |schedule: &OnSchedule| schedule.day.is_some_and(|day| day >= 28);
    let days_meet = match (one.every, other.every) {
        (Cadence::Week, Cadence::Week) => one.weekday == other.weekday,
        (Cadence::Month, Cadence::Month) => {
            one.day == other.day || ends_months(one) && ends_months(other)
        }
        _ => true,
    };
    (one.hour, one.minute) == (other.hour, other.minute) && days_meet
}

fn answers(one: &SurveyAnswered, other: &SurveyAnswered) -> bool {
    let reaches =
        |max: Option<i64>, min: Option<i64>| max.zip(min).is_none_or(|(max, min)| min <= max);
    meet(&one.kinds, &other.kinds)
        && meet(&one.survey_keys, &other.survey_keys)
        && reaches(one.max_score, other.min_score)
        && reaches(other.max_score, one.min_score)
        && may_be_both(one.comment.as_ref(), other.comment.as_ref())
}

/// Whether a text can pass both tests, as far as one of them lists those that it lets pass.
fn may_be_both(one: Option<&TextTest>, other: Option<&TextTest>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return true;
    };
    let passes = |listing: &TextTest, test: &TextTest| {
        let listed = listing.listed();
        listed.is_none_or(|texts| texts.iter().any(|text| test.holds(Some(text))))
    };
    passes(one, other) && passes(other, one)
}

/// Whether one value can be both. Choices of several are the same in any order, and not compared.
fn may_equal(one: Option<&Value>, other: Option<&Value>) -> bool {
    let is_choice = |value: &Value| {
        let fields = value.as_object();
        fields.is_some_and(|fields| fields.values().any(Value::is_array))
    };
    one.zip(other)
        .is_none_or(|(one, other)| one == other || is_choice(one))
}

fn share<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().any(|value| other.contains(value))
}

/// The same of lists that mean everything when they are empty.
fn meet<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.is_empty() || other.is_empty() || share(one, other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trigger(stored: &Value) -> Trigger {
        serde_json::from_value(stored.clone()).unwrap()
    }

    #[test]
    fn waits_of_another_length_come_due_at_another_time() {
        let wait = |minutes: i64, business: bool, inbox: u128| {
            json!({"conversationWaiting": {
                "minutes": minutes, "businessHoursOnly": business, "inboxIds": [Uuid::from_u128(inbox)],
            }})
        };
        let four_hours = wait(240, true, 1);
        for (other, expected) in [
            (wait(240, true, 1), true),
            (wait(210, true, 1), false),
            (wait(240, false, 1), false),
            (wait(240, true, 2), false),
        ] {
            let found = coincide(&trigger(&four_hours), &trigger(&other), &HashMap::new());
            assert_eq!(found, expected, "{other}");
        }
    }

    #[test]
    fn what_is_asked_of_the_very_occasion_tells_triggers_apart() {
        let form = |test: Value| json!({"eventTracked": {"names": ["sent"], "where": [test]}});
        let link = |test: Value| json!({"emailEvent": {"kinds": ["CLICKED"], "url": test}});
        let bounce =
            |why: &str| json!({"emailEvent": {"kinds": ["BOUNCED"], "bounceKinds": [why]}});
        let comment = |test: Value| json!({"surveyAnswered": {"comment": test}});
        for (one, other, expected) in [
            (
                form(json!({"property": "form", "anyOf": ["a"]})),
                form(json!({"property": "form", "anyOf": ["b"]})),
                false,
            ),
            (
                form(json!({"property": "form", "anyOf": ["a"]})),
                form(json!({"property": "page", "anyOf": ["b"]})),
                true,
            ),
            (
                form(json!({"property": "seats", "number": {"atLeast": 10.0}})),
                form(json!({"property": "seats", "number": {"lessThan": 10.0}})),
                false,
            ),
            (
                form(json!({"property": "path", "startsWith": ["/docs/"]})),
                form(json!({"property": "path", "startsWith": ["/pricing"]})),
                false,
            ),
            (
                link(json!({"anyOf": ["https://a.example/"]})),
                link(json!({"startsWith": ["https://b.example/"]})),
                false,
            ),
            (
                link(json!({"contains": ["a"]})),
                link(json!({"contains": ["b"]})),
                true,
            ),
            (bounce("HARD"), bounce("SOFT"), false),
            (
                comment(json!({"anyOf": ["good"]})),
                comment(json!({"noneOf": ["good"]})),
                false,
            ),
        ] {
            let found = coincide(&trigger(&one), &trigger(&other), &HashMap::new());
            assert_eq!(found, expected, "{one} {other}");
        }
    }
}
