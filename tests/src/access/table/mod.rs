//! A row for every field of the roots: how to ask for it, and who may.
//!
//! In the variables `@tag` stands for the id of the house's tag and `#` for a fresh number. A new
//! field without a row fails [`the_table_has_every_root_field_and_nothing_else`].
//!
//! - `query` has the queries and subscriptions;
//! - `people`, `told` and `configuration` have the mutations.

mod configuration;
mod people;
mod query;
mod told;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::sdl::{
    Root::{self, Mutation, Query, Subscription},
    Sdl,
};

/// What a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Allowed,
    Forbidden,
}

use Outcome::{Allowed as A, Forbidden as F};

/// The outcome for a viewer, an agent, an admin and an owner. Nobody without a good token gets in anywhere, which
/// `api::protocol` tries; what other workspaces get, `strangers` does.
pub(super) type Outcomes = [Outcome; 4];

const READ: Outcomes = [A, A, A, A];
const WRITE: Outcomes = [F, A, A, A];
const CONFIGURE: Outcomes = [F, F, A, A];
const ADMINISTER: Outcomes = [F, F, A, A];
const OWNERS: Outcomes = [F, F, F, A];

/// One way to ask for a root field. Several rows may name the same field.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) root: Root,
    pub(super) field: &'static str,
    pub(super) variables: Value,
    pub(super) outcomes: Outcomes,
}

impl Row {
    pub(super) fn name(&self) -> String {
        format!("{}.{} {}", self.root.name(), self.field, self.variables)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the rows below read better without a borrow each"
)]
fn ask(field: &'static str, variables: Value, outcomes: Outcomes) -> Row {
    Row {
        root: Query,
        field,
        variables: variables.clone(),
        outcomes,
    }
}

fn change(field: &'static str, input: &Value, outcomes: Outcomes) -> Row {
    Row {
        root: Mutation,
        field,
        variables: json!({ "input": input }),
        outcomes,
    }
}

fn watch(field: &'static str) -> Row {
    Row {
        root: Subscription,
        field,
        variables: json!({}),
        outcomes: READ,
    }
}

/// The table.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = query::rows();
    rows.extend(people::rows());
    rows.extend(told::rows());
    rows.extend(configuration::rows());
    rows
}

#[test]
fn the_table_has_every_root_field_and_nothing_else() {
    let sdl = Sdl::current();
    let in_schema: BTreeSet<(Root, String)> = Root::ALL
        .into_iter()
        .flat_map(|root| {
            let fields = sdl.fields(root.name()).into_iter();
            fields.map(move |field| (root, field.name.node.to_string()))
        })
        .collect();
    let in_table: BTreeSet<(Root, String)> = rows()
        .into_iter()
        .map(|row| (row.root, row.field.to_owned()))
        .collect();
    let unlisted: Vec<_> = in_schema.difference(&in_table).collect();
    let unknown: Vec<_> = in_table.difference(&in_schema).collect();
    assert!(unlisted.is_empty(), "add a row for each of {unlisted:?}");
    assert!(unknown.is_empty(), "the schema has none of {unknown:?}");
}

#[test]
fn what_not_everybody_may_ask_leaves_the_rest_of_an_answer_whole() {
    let sdl = Sdl::current();
    let rows = rows().into_iter().filter(|row| row.root == Query);
    for row in rows.filter(|row| row.outcomes != READ) {
        let field = sdl.root(row.root, row.field).expect("a field");
        assert!(
            field.ty.node.nullable,
            "{}: return `Option<Result<T>>`",
            row.field
        );
    }
}
