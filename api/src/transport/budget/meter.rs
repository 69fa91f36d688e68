//! What an operation turned out to cost: the estimate's rules, applied to what came back.
//!
//! The estimate assumes that every list is as long as was asked for and everything optional is
//! there. This counts the objects of the answer instead. It keeps, of the document, only the
//! fields that cost something, so that the count touches a few values of each object.

use async_graphql::{
    Name, Value,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

use super::table::{CostTable, TypeIndex};

/// The fields of an operation that cost something.
#[derive(Debug, Default)]
pub(crate) struct Meter(Vec<Counted>);

/// A field by its key in the answer.
#[derive(Debug)]
struct Counted {
    key: Name,
    /// Points of each object (or value) that came back.
    weight: u64,
    inner: Vec<Counted>,
}

impl Meter {
    /// Of an operation on `root`. Fragments are put in the place of their spreads; the budget has
    /// judged how much that may be.
    pub(super) fn new(
        table: &CostTable,
        document: &ExecutableDocument,
        set: &SelectionSet,
        root: Option<TypeIndex>,
    ) -> Self {
        Self(counted(table, document, set, root))
    }

    /// The points of `data`, the answer to the operation; at least 1.
    pub(crate) fn points(&self, data: &Value) -> u64 {
        points(&self.0, data).max(1)
    }
}

fn counted(
    table: &CostTable,
    document: &ExecutableDocument,
    set: &SelectionSet,
    parent: Option<TypeIndex>,
) -> Vec<Counted> {
    let mut all = Vec::new();
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let node = &field.node;
                let info = parent.and_then(|parent| table.field(parent, &node.name.node));
                let Some(info) = info else { continue };
                // Introspection costs its own field, however much of the schema is asked for.
                let inner = if node.name.node.starts_with("__") {
                    Vec::new()
                } else {
                    counted(table, document, &node.selection_set.node, info.returns)
                };
                if info.weight > 0 || !inner.is_empty() {
                    all.push(Counted {
                        key: node.response_key().node.clone(),
                        weight: info.weight,
                        inner,
                    });
                }
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let fragment = &fragment.node;
                    let on = table.type_named(&fragment.type_condition.node.on.node);
                    all.extend(counted(table, document, &fragment.selection_set.node, on));
                }
            }
            Selection::InlineFragment(inline) => {
                let inline = &inline.node;
                let on = match &inline.type_condition {
                    Some(condition) => table.type_named(&condition.node.on.node),
                    None => parent,
                };
                all.extend(counted(table, document, &inline.selection_set.node, on));
            }
        }
    }
    all
}

fn points(fields: &[Counted], value: &Value) -> u64 {
    let Value::Object(object) = value else {
        return 0;
    };
    let each = fields.iter().map(|field| {
        let value = object.get(&field.key);
        value.map_or(0, |value| field.points(value))
    });
    each.fold(0, u64::saturating_add)
}

impl Counted {
    fn points(&self, value: &Value) -> u64 {
        match value {
            Value::Null => 0,
            Value::List(items) => items
                .iter()
                .map(|item| self.points(item))
                .fold(0, u64::saturating_add),
            one => self.weight.saturating_add(points(&self.inner, one)),
        }
    }
}
