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
pub(crate) struct Meter(Fields);

/// Those of a selection set, by what they are selected on. A value is of one type: of what fragments ask of
/// several, only one is in the answer, under keys that others may ask for too.
#[derive(Debug, Default)]
struct Fields {
    /// On interfaces: whatever the value is.
    always: Vec<Counted>,
    /// On each type of object.
    of_type: Vec<(TypeIndex, Vec<Counted>)>,
}

/// A field by its key in the answer.
#[derive(Debug)]
struct Counted {
    key: Name,
    /// Points of each object (or value) that came back.
    weight: u64,
    inner: Fields,
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
        let mut fields = Fields::default();
        fields.collect(table, document, set, root);
        Self(fields)
    }

    /// The points of `data`, the answer to the operation; at least 1.
    pub(crate) fn points(&self, data: &Value) -> u64 {
        self.0.points(data).max(1)
    }
}

impl Fields {
    fn collect(
        &mut self,
        table: &CostTable,
        document: &ExecutableDocument,
        set: &SelectionSet,
        parent: Option<TypeIndex>,
    ) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let node = &field.node;
                    let Some(parent) = parent else { continue };
                    let Some(info) = table.field(parent, &node.name.node) else {
                        continue;
                    };
                    let mut inner = Self::default();
                    // Introspection costs its own field, however much of the schema is asked for.
                    if !node.name.node.starts_with("__") {
                        inner.collect(table, document, &node.selection_set.node, info.returns);
                    }
                    if info.weight > 0 || !inner.is_empty() {
                        let fields = self.on(table, parent);
                        fields.push(Counted {
                            key: node.response_key().node.clone(),
                            weight: info.weight,
                            inner,
                        });
                    }
                }
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node)
                    {
                        let fragment = &fragment.node;
                        let on = table.type_named(&fragment.type_condition.node.on.node);
                        self.collect(table, document, &fragment.selection_set.node, on);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    let on = match &inline.type_condition {
                        Some(condition) => table.type_named(&condition.node.on.node),
                        None => parent,
                    };
                    self.collect(table, document, &inline.selection_set.node, on);
                }
            }
        }
    }

    /// The fields on a type.
    fn on(&mut self, table: &CostTable, parent: TypeIndex) -> &mut Vec<Counted> {
        if !table.is_object(parent) {
            return &mut self.always;
        }
        let known = self.of_type.iter().position(|(on, _)| *on == parent);
        let place = known.unwrap_or_else(|| {
            self.of_type.push((parent, Vec::new()));
            self.of_type.len() - 1
        });
        &mut self.of_type[place].1
    }

    fn is_empty(&self) -> bool {
        self.always.is_empty() && self.of_type.is_empty()
    }

    fn points(&self, value: &Value) -> u64 {
        let Value::Object(object) = value else {
            return 0;
        };
        let sum = |fields: &[Counted]| {
            let each = fields.iter().map(|field| {
                let value = object.get(&field.key);
                value.map_or(0, |value| field.points(value))
            });
            each.fold(0, u64::saturating_add)
        };
        let of_types = self.of_type.iter().map(|(_, fields)| sum(fields));
        sum(&self.always).saturating_add(of_types.max().unwrap_or(0))
    }
}

impl Counted {
    fn points(&self, value: &Value) -> u64 {
        match value {
            Value::Null => 0,
            Value::List(items) => items
                .iter()
                .map(|item| self.points(item))
                .fold(0, u64::saturating_add),
            one => self.weight.saturating_add(self.inner.points(one)),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{
        parser::{parse_query, types::OperationType},
        value,
    };

    use super::*;

    const SDL: &str = "
        interface Node { id: ID! account: Account }
        type Account { name: String! }
        type Contact implements Node { id: ID! account: Account manager: Contact }
        type Task implements Node { id: ID! account: Account contact: Contact }
        union Subject = Contact | Task
        type Query { node: Node subjects: [Subject!]! }
        schema { query: Query }
    ";

    fn points(query: &str, data: &Value) -> u64 {
        let table = CostTable::from_sdl(SDL).unwrap();
        let document = parse_query(query).unwrap();
        let (_, operation) = document.operations.iter().next().unwrap();
        let set = &operation.node.selection_set.node;
        let root = table.root(OperationType::Query);
        Meter::new(&table, &document, set, root).points(data)
    }

    #[test]
    fn of_what_is_asked_of_several_types_that_of_one_is_counted() {
        let query = "
            { subjects { ... on Contact { account { name } manager { id } } ...Todo } }
            fragment Todo on Task { account { name } contact { account { name } } }";
        let data = value!({ "subjects": [
            { "account": { "name": "a" }, "manager": { "id": "b" } },
            { "account": { "name": "a" }, "contact": { "account": { "name": "b" } } }
        ] });
        assert_eq!(points(query, &data), 3 + 4);
    }

    #[test]
    fn what_is_asked_of_all_types_counts_beside_it_and_what_is_asked_twice_twice() {
        let query = "{ node { again: account { name } ... on Contact { account { name } } } }";
        let data = value!({ "node": { "again": { "name": "a" }, "account": { "name": "a" } } });
        assert_eq!(points(query, &data), 3);
        let query = "{ node { ...A ...A } } fragment A on Contact { account { name } }";
        let data = value!({ "node": { "account": { "name": "a" } } });
        assert_eq!(points(query, &data), 3);
    }
}
