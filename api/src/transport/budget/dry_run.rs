//! `rateLimit(dryRun: true)`: saying what an operation would cost without running it.
//!
//! The operation is costed as it is; what is executed is only its `rateLimit` field.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned, Variables,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        OperationDefinition, OperationType, Selection, SelectionSet,
    },
};
use async_graphql_value::{ConstValue, Value};

const FIELD: &str = "rateLimit";
const ARGUMENT: &str = "dryRun";

/// Whether the operation only wants to know its cost. The field must stand at the root of the
/// operation itself, not in a fragment.
pub(super) fn is_wanted(operation: &OperationDefinition, variables: &Variables) -> bool {
    operation.ty == OperationType::Query
        && fields(&operation.selection_set.node)
            .filter(|field| field.name.node == FIELD)
            .filter_map(|field| field.get_argument(ARGUMENT))
            .any(|value| is_true(&value.node, operation, variables))
}

/// The document with nothing in it but the `rateLimit` fields of the operation called `name`, and
/// the fragments and variables that those use.
pub(super) fn reduce(mut document: ExecutableDocument, name: Option<&Name>) -> ExecutableDocument {
    let mut used = Used::default();
    let fragments = &document.fragments;
    match &mut document.operations {
        DocumentOperations::Single(operation) => {
            keep_rate_limit(&mut operation.node, fragments, &mut used);
        }
        DocumentOperations::Multiple(all) => {
            all.retain(|one, _| Some(one) == name);
            for operation in all.values_mut() {
                keep_rate_limit(&mut operation.node, fragments, &mut used);
            }
        }
    }
    document
        .fragments
        .retain(|name, _| used.fragments.contains(name));
    document
}

fn keep_rate_limit(operation: &mut OperationDefinition, fragments: &Fragments, used: &mut Used) {
    operation.selection_set.node.items.retain(
        |selection| matches!(&selection.node, Selection::Field(field) if field.node.name.node == FIELD),
    );
    used.note_directives(&operation.directives);
    used.note_selections(&operation.selection_set.node, fragments);
    operation
        .variable_definitions
        .retain(|definition| used.variables.contains(&definition.node.name.node));
}

fn fields(set: &SelectionSet) -> impl Iterator<Item = &Field> {
    set.items
        .iter()
        .filter_map(|selection| match &selection.node {
            Selection::Field(field) => Some(&field.node),
            _ => None,
        })
}

fn is_true(value: &Value, operation: &OperationDefinition, variables: &Variables) -> bool {
    match value {
        Value::Boolean(given) => *given,
        Value::Variable(name) => {
            let default = || {
                let mut definitions = operation.variable_definitions.iter();
                let definition = definitions.find(|one| one.node.name.node == *name)?;
                definition
                    .node
                    .default_value
                    .as_ref()
                    .map(|value| &value.node)
            };
            let value = variables.get(name).or_else(default);
            value == Some(&ConstValue::Boolean(true))
        }
        _ => false,
    }
}

type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// What a piece of a document refers to. What is not used must go as well: it would not be valid.
#[derive(Default)]
struct Used {
    variables: HashSet<Name>,
    fragments: HashSet<Name>,
}

impl Used {
    fn note_selections(&mut self, set: &SelectionSet, fragments: &Fragments) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    field
                        .arguments
                        .iter()
                        .for_each(|(_, value)| self.note_value(&value.node));
                    self.note_directives(&field.directives);
                    self.note_selections(&field.selection_set.node, fragments);
                }
                Selection::InlineFragment(inline) => {
                    self.note_directives(&inline.node.directives);
                    self.note_selections(&inline.node.selection_set.node, fragments);
                }
                Selection::FragmentSpread(spread) => {
                    self.note_directives(&spread.node.directives);
                    let name = &spread.node.fragment_name.node;
                    let Some(fragment) = fragments.get(name) else {
                        continue;
                    };
                    if self.fragments.insert(name.clone()) {
                        self.note_directives(&fragment.node.directives);
                        self.note_selections(&fragment.node.selection_set.node, fragments);
                    }
                }
            }
        }
    }

    fn note_directives(&mut self, directives: &[Positioned<Directive>]) {
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                self.note_value(&value.node);
            }
        }
    }

    fn note_value(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => {
                self.variables.insert(name.clone());
            }
            Value::List(items) => items.iter().for_each(|item| self.note_value(item)),
            Value::Object(fields) => fields.values().for_each(|value| self.note_value(value)),
            _ => {}
        }
    }
}
