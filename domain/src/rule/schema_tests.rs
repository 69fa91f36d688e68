//! The rule types as GraphQL clients meet them.
#![expect(
    clippy::unused_async,
    reason = "a resolver is asynchronous whatever it does"
)]

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, SchemaBuilder};
use serde_json::{Value, json};

use super::{
    samples::SAMPLES,
    trigger::{RuleTrigger, RuleTriggerInput},
};
use crate::condition::{ConditionInput, ConditionOutput, reference::TypedIds};
use crate::{
    action::{ActionInput, ActionOutput},
    error::UserError,
};

struct Echo;

/// Gives back what it is given.
#[Object]
impl Echo {
    /// A condition.
    async fn condition(&self, condition: ConditionInput) -> async_graphql::Result<ConditionOutput> {
        let condition = condition
            .into_condition(&TypedIds)
            .map_err(|found| refused(&found))?;
        Ok(condition.to_output(&TypedIds))
    }

    /// A trigger.
    async fn trigger(&self, trigger: RuleTriggerInput) -> async_graphql::Result<RuleTrigger> {
        let trigger = trigger
            .into_trigger(&TypedIds)
            .map_err(|found| refused(&found))?;
        Ok(trigger.to_output(&TypedIds))
    }

    /// An action.
    async fn action(&self, action: ActionInput) -> async_graphql::Result<ActionOutput> {
        let action = action
            .into_action(&TypedIds, 0)
            .map_err(|found| refused(&found))?;
        Ok(action.to_output(&TypedIds))
    }
}

fn refused(found: &[UserError]) -> async_graphql::Error {
    let places: Vec<String> = found.iter().map(|error| error.path.join(".")).collect();
    async_graphql::Error::new(places.join(" "))
}

fn schema() -> SchemaBuilder<Echo, EmptyMutation, EmptySubscription> {
    Schema::build(Echo, EmptyMutation, EmptySubscription)
}

fn ask(query: &str) -> (Value, Vec<String>) {
    let schema = schema().finish();
    let answer = futures::executor::block_on(schema.execute(query));
    let errors = answer.errors.into_iter().map(|error| error.message);
    (answer.data.into_json().unwrap(), errors.collect())
}

const TAG: &str = "tag_01900000000070008000000000000001";

#[test]
fn a_condition_comes_back_as_it_was_sent() {
    let (data, errors) = ask(&format!(
        r#"{{
            condition(condition: {{all: [
                {{keywords: {{mode: ANY_OF, words: ["提携\u0000", "IT"]}}}},
                {{not: {{contactTags: {{mode: ALL, tagIds: ["{TAG}"]}}}}}},
                {{fromAutomatic: false}}
            ]}}) {{
                ... on AllCondition {{ conditions {{
                    __typename
                    ... on KeywordsCondition {{ fields mode match words }}
                    ... on NotCondition {{ condition {{
                        ... on ContactTagsCondition {{ mode tagIds withDescendants }}
                    }} }}
                    ... on FromAutomaticCondition {{ automatic }}
                }} }}
            }}
        }}"#
    ));
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(
        data["condition"]["conditions"],
        json!([
            {
                "__typename": "KeywordsCondition",
                "fields": ["SUBJECT", "BODY"],
                "mode": "ANY_OF",
                "match": "SUBSTRING",
                "words": ["提携", "IT"],
            },
            {
                "__typename": "NotCondition",
                "condition": {"mode": "ALL", "tagIds": [TAG], "withDescendants": true},
            },
            {"__typename": "FromAutomaticCondition", "automatic": false},
        ])
    );
}

#[test]
fn a_trigger_and_an_action_come_back_as_they_were_sent() {
    let target = TAG.replace("tag", "target");
    let (data, errors) = ask(&format!(
        r#"{{
            trigger(trigger: {{messageReceived: {{}}}}) {{
                ... on RuleMessageReceivedTrigger {{ inboxIds channels authors }}
            }}
            action(action: {{notify: {{targetId: "{target}", title: "VIP"}}}}) {{
                ... on NotifyAction {{ targetId title }}
            }}
        }}"#
    ));
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(
        data["trigger"],
        json!({"inboxIds": [], "channels": [], "authors": ["CONTACT"]})
    );
    assert_eq!(data["action"], json!({"targetId": target, "title": "VIP"}));
}

#[test]
fn an_id_of_another_kind_is_refused_where_it_stands() {
    let inbox = TAG.replace("tag", "inbox");
    let (_, errors) = ask(&format!(
        r#"{{ condition(condition: {{any: [
            {{fromAutomatic: true}},
            {{contactTags: {{mode: ANY, tagIds: ["{TAG}", "{inbox}"]}}}},
            {{conversationTags: {{mode: ANY, tagIds: ["no"]}}}}
        ]}}) {{ __typename }} }}"#
    ));
    let expected = "condition.any.1.contactTags.tagIds.1 condition.any.2.conversationTags.tagIds.0";
    assert_eq!(errors, [expected]);

    let (_, errors) = ask(&format!(
        r#"{{ action(action: {{notify: {{targetId: "{TAG}"}}}}) {{ __typename }} }}"#
    ));
    assert_eq!(errors, ["actions.0.notify.targetId"]);
}

#[test]
fn nesting_is_cut_before_it_costs_anything() {
    let nested = (0..12).fold("{fromAutomatic: true}".to_owned(), |inner, _| {
        format!("{{not: {inner}}}")
    });
    let (_, errors) = ask(&format!(
        "{{ condition(condition: {nested}) {{ __typename }} }}"
    ));
    assert_eq!(errors, [format!("condition{}", ".not".repeat(8))]);
}

#[test]
fn exactly_one_kind_must_be_given() {
    for input in ["{}", "{fromAutomatic: true, channel: {anyOf: [EMAIL]}}"] {
        let (_, errors) = ask(&format!(
            "{{ condition(condition: {input}) {{ __typename }} }}"
        ));
        assert_eq!(errors.len(), 1, "{input}");
    }
}

#[test]
fn every_type_field_and_value_is_described() {
    let (data, errors) = ask("{ __schema { types {
            name description
            fields { name description }
            inputFields { name description }
            enumValues { name description }
        } } }");
    assert_eq!(errors, Vec::<String>::new());
    let types = data["__schema"]["types"].as_array().unwrap();
    let ours = types.iter().filter(|kind| {
        let name = kind["name"].as_str().unwrap();
        !name.starts_with("__") && name != "ID"
    });
    let mut undescribed = Vec::new();
    let mut count = 0;
    for kind in ours {
        let members = ["fields", "inputFields", "enumValues"]
            .into_iter()
            .filter_map(|list| kind[list].as_array())
            .flatten();
        for member in std::iter::once(kind).chain(members) {
            count += 1;
            if member["description"].as_str().is_none_or(str::is_empty) {
                undescribed.push(format!("{}.{}", kind["name"], member["name"]));
            }
        }
    }
    assert!(count > 80, "only {count} were looked at");
    assert_eq!(undescribed, Vec::<String>::new());
}

#[test]
fn every_kind_that_can_be_given_has_a_stored_sample() {
    for (part, input) in [
        ("trigger", "RuleTriggerInput"),
        ("condition", "ConditionInput"),
        ("action", "ActionInput"),
    ] {
        let (data, errors) = ask(&format!(
            r#"{{ __type(name: "{input}") {{ inputFields {{ name }} }} }}"#
        ));
        assert_eq!(errors, Vec::<String>::new());
        for kind in data["__type"]["inputFields"].as_array().unwrap() {
            let kind = kind["name"].as_str().unwrap().to_lowercase();
            let file = format!("{part}{kind}");
            let mut files = SAMPLES.iter().map(|(file, _)| file.replace('_', ""));
            assert!(files.any(|one| one == file), "no sample of {part} {kind}");
        }
    }
}
