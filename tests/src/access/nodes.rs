//! Relay's object identification: what has a global id is found by it, as what it is; and no list of it gives
//! more than a page.

use std::collections::BTreeMap;

use domain::access::Actor;
use serde_json::{Value, json};

use super::house::Door;
use crate::support::sdl::{Sdl, is_required};

/// One row more than a page may have.
const TOO_MANY: usize = 101;

/// An id of each type, as answers named them.
#[derive(Default)]
pub(super) struct Nodes(BTreeMap<String, String>);

impl Nodes {
    /// Notes what is in an answer.
    pub(super) fn note(&mut self, sdl: &Sdl, answer: &Value) {
        match answer {
            Value::Array(items) => items.iter().for_each(|item| self.note(sdl, item)),
            Value::Object(members) => {
                let word = |name: &str| members.get(name).and_then(Value::as_str);
                if let (Some(kind), Some(id)) = (word("__typename"), word("id"))
                    && sdl.is_node(kind)
                {
                    let first = self.0.entry(kind.to_owned());
                    first.or_insert_with(|| id.to_owned());
                }
                members.values().for_each(|value| self.note(sdl, value));
            }
            _ => {}
        }
    }

    /// Fetches one of each type by its id, and asks each of its lists for too much.
    pub(super) async fn check(&self, door: &Door, actor: &Actor, sdl: &Sdl) {
        let nodes = sdl.types.keys().filter(|name| sdl.is_node(name));
        let unseen: Vec<_> = nodes.filter(|name| !self.0.contains_key(*name)).collect();
        assert!(unseen.is_empty(), "no answer has one of {unseen:?}");
        let ids: Vec<_> = self.0.values().collect();
        let query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
        let all = door.must(actor, query, json!({ "ids": ids })).await;
        let many = vec![ids[0]; TOO_MANY];
        let answer = door.ask(actor, query, &json!({ "ids": many })).await;
        refused(&answer, "ids", query);
        for (index, (kind, id)) in self.0.iter().enumerate() {
            let query = "query($id: ID!) { node(id: $id) { __typename id } }";
            let found = door.must(actor, query, json!({ "id": id })).await;
            assert_eq!(found, json!({ "__typename": kind, "id": id }));
            assert_eq!(all[index], found);
            for field in sdl.fields(kind) {
                let mut arguments = field.arguments.iter().map(|one| &one.node);
                let is_list = arguments.clone().any(|one| one.name.node == "first");
                if !is_list || arguments.any(is_required) {
                    continue;
                }
                let list = format!(
                    "query($id: ID!) {{ node(id: $id) {{ ... on {kind} {{
                       {}(first: {TOO_MANY}) {{ __typename }} }} }} }}",
                    field.name.node
                );
                let answer = door.ask(actor, &list, &json!({ "id": id })).await;
                refused(&answer, "first", &list);
            }
        }
    }
}

/// Asks a list of the root for too much; `document` has all its arguments as variables.
pub(super) async fn ask_too_much(door: &Door, actor: &Actor, document: &str, variables: &Value) {
    let mut variables = variables.clone();
    variables["first"] = json!(TOO_MANY);
    let answer = door.ask(actor, document, &variables).await;
    refused(&answer, "first", document);
}

fn refused(answer: &Value, argument: &str, document: &str) {
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "BAD_USER_INPUT", "{document}: {answer}");
    assert_eq!(extensions["argument"], argument, "{document}: {answer}");
}
