//! What is read over the API as an input is stored as it was when it is given back: every kind of trigger,
//! condition and action.

use async_graphql::{InputType, Value as Given};
use chrono::{DateTime, NaiveDate, Utc};
use entity::kind::TaskPriority;
use serde_json::json;
use uuid::Uuid;

use super::SAMPLES;
use crate::{
    action::{Action, CreateTask, SetContactAttribute, TaskAssignee},
    attribute,
    condition::reference::TypedIds,
    rule::{
        definition::{Definition, always, is_always},
        trigger::Trigger,
    },
    scalar::AsInput,
};

/// The input as a client gives it back that has read it as JSON.
fn given_back<T: InputType>(input: T) -> T {
    let json = AsInput(input).value().into_json().unwrap().to_string();
    let given = Given::from_json(serde_json::from_str(&json).unwrap()).unwrap();
    T::parse(Some(given)).unwrap_or_else(|_| panic!("{json} is not read"))
}

fn read_again(action: &Action) -> Action {
    let input = given_back(action.to_input(&TypedIds));
    input.into_action(&TypedIds, 0).unwrap()
}

#[test]
fn every_stored_kind_is_given_back_as_it_was_read() {
    let limits = ("limits", include_str!("limits.json"));
    for (file, text) in SAMPLES.iter().copied().chain([limits]) {
        let stored = Definition::from_stored(serde_json::from_str(text).unwrap()).unwrap();
        let trigger = given_back(stored.trigger.to_input(&TypedIds));
        // A condition that asks nothing is given as none.
        let condition = if is_always(&stored.condition) {
            always()
        } else {
            let condition = given_back(stored.condition.to_input(&TypedIds));
            condition.into_condition(&TypedIds).unwrap()
        };
        let read = Definition {
            trigger: trigger.into_trigger(&TypedIds).unwrap(),
            condition,
            actions: stored.actions.iter().map(read_again).collect(),
            limits: given_back(stored.limits.clone()),
        };
        assert_eq!(read, stored, "{file}");
        let (again, before) = (read.to_stored().unwrap(), stored.to_stored().unwrap());
        assert_eq!(again, before, "{file}");
    }
}

#[test]
fn what_triggers_ask_of_the_very_occasion_is_given_back() {
    for stored in [
        json!({"messageReceived": {
            "inboxIds": [], "channels": ["EMAIL"], "authors": ["CONTACT"],
        }}),
        json!({"eventTracked": {
            "names": ["form_sent"],
            "where": [{"property": "form", "anyOf": ["pricing"]}],
        }}),
        json!({"emailEvent": {
            "kinds": ["CLICKED"], "campaignIds": [], "url": {"contains": ["/pricing"]},
        }}),
        json!({"emailEvent": {
            "kinds": ["BOUNCED"], "campaignIds": [], "bounceKinds": ["HARD"],
        }}),
        json!({"surveyAnswered": {
            "kinds": [], "surveyKeys": [], "minScore": null, "maxScore": null,
            "comment": {"isSet": true},
        }}),
    ] {
        let trigger: Trigger = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(json!(trigger), stored);
        let given = given_back(trigger.to_input(&TypedIds));
        assert_eq!(given.into_trigger(&TypedIds).unwrap(), trigger);
    }
}

#[test]
fn every_assignee_and_due_moment_of_a_task_is_given_back() {
    for assignee in [
        TaskAssignee::Nobody,
        TaskAssignee::Owner,
        TaskAssignee::Member(Uuid::from_u128(1)),
        TaskAssignee::Team(Uuid::from_u128(2)),
    ] {
        for due_in_minutes in [
            None,
            Some(0),
            Some(59),
            Some(60),
            Some(1_441),
            Some(527_040),
        ] {
            let action = Action::CreateTask(CreateTask {
                title: "Call".to_owned(),
                description: "Two\nlines".to_owned(),
                priority: TaskPriority::Urgent,
                due_in_minutes,
                assignee,
            });
            assert_eq!(read_again(&action), action);
        }
    }
}

#[test]
fn every_value_of_an_attribute_is_given_back() {
    let at = DateTime::<Utc>::from_timestamp(1_772_323_200, 123_456_000).unwrap();
    for value in [
        attribute::Value::Text("gold".to_owned()),
        attribute::Value::Number(2.5),
        attribute::Value::Boolean(false),
        attribute::Value::Date(NaiveDate::from_ymd_opt(2026, 3, 1).unwrap()),
        attribute::Value::DateTime(at),
        attribute::Value::Select("a".to_owned()),
        attribute::Value::MultiSelect(vec!["a".to_owned(), "b".to_owned()]),
        attribute::Value::Url("https://example.com/".to_owned()),
    ] {
        let action = Action::SetContactAttribute(SetContactAttribute {
            attribute_id: Uuid::from_u128(6),
            value: Some(json!(value)),
        });
        assert_eq!(read_again(&action), action);
    }
}
