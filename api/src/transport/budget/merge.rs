//! Whether fields with the same name in the answer are one field there: GraphQL's rule "Field
//! Selection Merging".
//!
//! The library compares names and arguments within one selection set only. Generated clients refuse
//! what breaks the rule further down, such as one alias for fields of different types in two parts of
//! a union, so nobody should find that out after it has run. `plan` calls this once for each operation
//! of a document that is not remembered, after `walk` has found how large it is once expanded.
//!
//! Instead of comparing each pair of fields, all fields that would stand at one place of the answer are
//! put into one group and each is compared with the first of it; what they select is one group of
//! fields again. This is done twice, because the rule has two parts:
//!
//! - wherever they stand, values at one place have one shape, so that a client can declare a type for it;
//! - fields that may be asked of the same object are the same field with the same arguments. Fields of
//!   different object types never are, so a group falls into parts, one for each object type, each with
//!   the fields of interfaces and unions.
//!
//! The first part sees each selection once. In the second those of interfaces are seen once for each
//! object type beside them, at each level again; how often at most is limited.

use std::collections::HashSet;

use async_graphql::{
    Positioned, ServerError,
    parser::types::{
        BaseType, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
    },
};
use async_graphql_value::{Value, indexmap::IndexMap};

use super::{
    super::{code::Code, failure::Failure, limits::DocumentLimits},
    short,
    table::{CostTable, FieldInfo, TypeIndex},
};

/// How often the selections of the largest document that is allowed may be looked at.
const ROUNDS: u64 = 20;

/// The check of one document.
pub(super) struct Merge<'a> {
    table: &'a CostTable,
    document: &'a ExecutableDocument,
    /// Selections and arguments that may still be looked at.
    left: u64,
}

/// A field, and the type it is selected on.
#[derive(Clone, Copy)]
struct Selected<'a> {
    field: &'a Positioned<Field>,
    parent: TypeIndex,
    info: &'a FieldInfo,
}

/// Fields by their name in the answer.
type Groups<'a> = IndexMap<&'a str, Vec<Selected<'a>>>;

impl<'a> Merge<'a> {
    pub(super) fn new(
        table: &'a CostTable,
        document: &'a ExecutableDocument,
        limits: &DocumentLimits,
    ) -> Self {
        Self {
            table,
            document,
            left: limits.selections.saturating_mul(ROUNDS),
        }
    }

    /// Refuses an operation with fields that cannot be merged.
    pub(super) fn operation(&mut self, operation: &'a OperationDefinition) -> Result<(), Failure> {
        let root = self.table.root(operation.ty);
        let mut groups = Groups::new();
        let set = &operation.selection_set.node;
        self.collect(set, root, &mut HashSet::new(), &mut groups)?;
        self.check_shapes(&groups)?;
        self.check_sameness(&groups)
    }

    fn check_shapes(&mut self, groups: &Groups<'a>) -> Result<(), Failure> {
        for (key, group) in groups {
            let Some((first, rest)) = group.split_first() else {
                continue;
            };
            let differs = |one: &&Selected<'_>| !self.has_shape(&first.info.ty, &one.info.ty);
            if let Some(other) = rest.iter().find(differs) {
                let problem = format!(
                    "would be of type `{}` or of type `{}`",
                    first.info.ty, other.info.ty
                );
                return Err(conflict(key, &problem, first, other));
            }
            let inner = self.below(group)?;
            self.check_shapes(&inner)?;
        }
        Ok(())
    }

    /// Whether values of the two types look alike. What objects have in them is another question.
    fn has_shape(&self, one: &Type, other: &Type) -> bool {
        one.nullable == other.nullable
            && match (&one.base, &other.base) {
                (BaseType::List(one), BaseType::List(other)) => self.has_shape(one, other),
                (BaseType::Named(one), BaseType::Named(other)) => {
                    let has_fields = |name: &str| self.table.type_named(name).is_some();
                    one == other || (has_fields(one.as_str()) && has_fields(other.as_str()))
                }
                _ => false,
            }
    }

    fn check_sameness(&mut self, groups: &Groups<'a>) -> Result<(), Failure> {
        for (key, group) in groups {
            for part in self.parts(group) {
                let Some((first, rest)) = part.split_first() else {
                    continue;
                };
                for other in rest {
                    self.compare(key, first, other)?;
                }
                let inner = self.below(&part)?;
                self.check_sameness(&inner)?;
            }
        }
        Ok(())
    }

    /// The fields that may be asked of one object, for each type of object.
    fn parts(&self, group: &[Selected<'a>]) -> Vec<Vec<Selected<'a>>> {
        let mut objects: IndexMap<TypeIndex, Vec<Selected<'a>>> = IndexMap::new();
        let mut everywhere = Vec::new();
        for one in group {
            if self.table.is_object(one.parent) {
                objects.entry(one.parent).or_default().push(*one);
            } else {
                everywhere.push(*one);
            }
        }
        if objects.is_empty() {
            return vec![everywhere];
        }
        let mut parts: Vec<_> = objects.into_values().collect();
        for part in &mut parts {
            part.extend(&everywhere);
        }
        parts
    }

    fn compare(
        &mut self,
        key: &str,
        first: &Selected<'_>,
        other: &Selected<'_>,
    ) -> Result<(), Failure> {
        let (one, two) = (&first.field.node, &other.field.node);
        if one.name.node != two.name.node {
            let problem = format!(
                "would be the field `{}` and the field `{}`",
                one.name.node, two.name.node
            );
            return Err(conflict(key, &problem, first, other));
        }
        let arguments = &one.arguments;
        let sizes = arguments.iter().map(|(_, value)| size(&value.node));
        self.spend(sizes.sum::<u64>().saturating_add(1))?;
        let is_same = arguments.len() == two.arguments.len()
            && arguments
                .iter()
                .all(|(name, value)| two.get_argument(&name.node) == Some(value));
        if is_same {
            return Ok(());
        }
        Err(conflict(key, "has different arguments", first, other))
    }

    /// What the fields select, as one set.
    fn below(&mut self, group: &[Selected<'a>]) -> Result<Groups<'a>, Failure> {
        let mut groups = Groups::new();
        let mut seen = HashSet::new();
        for one in group {
            let set = &one.field.node.selection_set.node;
            self.collect(set, one.info.returns, &mut seen, &mut groups)?;
        }
        Ok(groups)
    }

    /// Adds the fields of `set` and of its fragments. What the schema does not have is left to the
    /// library.
    fn collect(
        &mut self,
        set: &'a SelectionSet,
        parent: Option<TypeIndex>,
        seen: &mut HashSet<&'a str>,
        groups: &mut Groups<'a>,
    ) -> Result<(), Failure> {
        let (table, document) = (self.table, self.document);
        for selection in &set.items {
            self.spend(1)?;
            match &selection.node {
                Selection::Field(field) => {
                    let Some(parent) = parent else { continue };
                    let info = match field.node.name.node.as_str() {
                        "__typename" => Some(table.typename()),
                        name => table.field(parent, name),
                    };
                    let Some(info) = info else { continue };
                    let key = field.node.response_key().node.as_str();
                    groups.entry(key).or_default().push(Selected {
                        field,
                        parent,
                        info,
                    });
                }
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    let on = match &inline.type_condition {
                        Some(condition) => table.type_named(&condition.node.on.node),
                        None => parent,
                    };
                    self.collect(&inline.selection_set.node, on, seen, groups)?;
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    let Some(fragment) = document.fragments.get(name) else {
                        continue;
                    };
                    if seen.insert(name) {
                        let fragment = &fragment.node;
                        let on = table.type_named(&fragment.type_condition.node.on.node);
                        self.collect(&fragment.selection_set.node, on, seen, groups)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn spend(&mut self, steps: u64) -> Result<(), Failure> {
        let Some(left) = self.left.checked_sub(steps) else {
            let message = "Too many fields of this document have the same name in the answer.";
            return Err(Failure::new(Code::GraphqlValidationFailed, message));
        };
        self.left = left;
        Ok(())
    }
}

fn size(value: &Value) -> u64 {
    match value {
        Value::List(items) => items.iter().map(size).sum::<u64>() + 1,
        Value::Object(fields) => fields.values().map(size).sum::<u64>() + 1,
        _ => 1,
    }
}

fn conflict(key: &str, problem: &str, one: &Selected<'_>, other: &Selected<'_>) -> Failure {
    let message = format!(
        "`{}` {problem}: give one of them an alias of its own.",
        short(key)
    );
    let mut error = ServerError::new(message, Some(one.field.pos));
    error.locations.push(other.field.pos);
    Failure::with_errors(Code::GraphqlValidationFailed, vec![error])
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;

    use super::*;

    const SDL: &str = "
        interface Node { id: ID! self(n: Int): Node text: String }
        type Dog implements Node { id: ID! self(n: Int): Node text: String
            name: String! weight: Int barks: Boolean! owner: Person! friends: [Dog!]! rest: [Cat]
            is(a: Int, b: In): Boolean kind: Kind! }
        type Cat implements Node { id: ID! self(n: Int): Node text: String
            name: String weight: Float owner: Cat! friends: [Dog]! size: Size! enemy: Person }
        type Person implements Node { id: ID! self(n: Int): Node text: String
            name: String! age: Int pet: Pet dog: Dog cat: Cat }
        enum Kind { A B }
        enum Size { A B }
        input In { x: Int y: [Int!] }
        union Pet = Dog | Cat
        type Query { dog: Dog! cat: Cat pet: Pet node: Node version: String! }
        schema { query: Query }
    ";

    fn check(document: &str) -> Result<(), Failure> {
        let table = CostTable::from_sdl(SDL).unwrap();
        let document = parse_query(document).unwrap();
        let mut merge = Merge::new(&table, &document, &DocumentLimits::default());
        for (_, operation) in document.operations.iter() {
            merge.operation(&operation.node)?;
        }
        Ok(())
    }

    #[test]
    fn fields_that_are_one_pass() {
        for document in [
            "{ version version v: version v: version }",
            "{ dog { name } dog { name weight } }",
            "{ dog { name ...F ... { name } ... on Dog { name } } } fragment F on Dog { name name }",
            "{ dog { is(a: 1, b: { x: 1, y: [2] }) is(b: { y: [2], x: 1 }, a: 1) } }",
            "query($a: Int) { dog { is(a: $a) is(a: $a) } }",
            // Of different objects, and of one shape.
            "{ pet { ... on Dog { x: is(a: 1) } ... on Dog { x: is(a: 1) } } }",
            "{ node { ... on Dog { v: name } ... on Person { v: name } } }",
            "{ node { ... on Cat { v: name } ... on Dog { v: text } ... on Person { v: text } } }",
            "{ pet { ... on Dog { o: owner { name } } ... on Cat { o: owner { id } } } }",
            "{ node { ... on Dog { o: self(n: 1) { id } } ... on Cat { o: self(n: 2) { id } } } }",
            "{ node { ... on Dog { o: owner { a: id } } ... on Cat { o: owner { a: id a: id } } } }",
            // The parents differ, so what is below them does.
            "{ pet { ... on Dog { o: self(n: 1) { x: text } } ... on Cat { o: self(n: 2) { ... on Dog { x: text } } } } }",
            "{ pet { __typename ... on Dog { __typename id } ... on Cat { t: __typename id } } }",
            "{ node { t: __typename ... on Dog { s: name } ... on Person { s: __typename } } }",
            "{ __schema { types { name fields { name } } } __schema { types { name } } }",
            "query A { x: version } query B { x: dog { id } }",
            // For the library to judge.
            "{ nope nope: version dog { a: nope a: id ... on Nope { a: name } ...Nope } }",
        ] {
            let result = check(document);
            assert!(result.is_ok(), "{document}: {result:?}");
        }
    }

    #[test]
    fn fields_that_are_not_one_are_refused() {
        for (document, problem) in [
            ("{ version: dog { id } version }", "type"),
            ("{ dog { text: name text } }", "type"),
            ("{ dog { a: id id: text } dog { a: kind } }", "type"),
            (
                "{ cat { text: name text } }",
                "the field `name` and the field `text`",
            ),
            ("{ dog { is(a: 1) is(a: 2) } }", "arguments"),
            ("{ dog { is(a: 1) is } }", "arguments"),
            ("{ dog { is is(b: {}) } }", "arguments"),
            ("{ dog { is(a: 1) is(b: { x: 1 }) } }", "arguments"),
            ("query($a: Int) { dog { is(a: $a) is(a: 1) } }", "arguments"),
            (
                "query($a: Int, $b: Int) { dog { is(a: $a) is(a: $b) } }",
                "arguments",
            ),
            (
                "{ dog { is(b: { y: [1, 2] }) is(b: { y: [2, 1] }) } }",
                "arguments",
            ),
            // Found in fragments, and below.
            (
                "{ dog { ...F ...G } } fragment F on Dog { is(a: 1) } fragment G on Dog { is(a: 2) }",
                "arguments",
            ),
            (
                "{ dog { is(a: 1) } ... { ... on Query { dog { is(a: 2) } } } }",
                "arguments",
            ),
            (
                "{ d: dog { owner { a: name } } d: dog { owner { a: id } } }",
                "type",
            ),
            (
                "{ dog { self { self { text } } self { self { text: id } } } }",
                "type",
            ),
            (
                "{ dog { x: self(n: 1) { id } } dog { x: self(n: 2) { id } } }",
                "arguments",
            ),
            // An interface's field may be that of the object.
            (
                "{ node { self(n: 1) { id } ... on Dog { self(n: 2) { id } } } }",
                "arguments",
            ),
            (
                "{ pet { ... on Node { self { text } } ... on Dog { self { ... on Cat { text: name } } } } }",
                "the field",
            ),
            ("{ node { text ... on Cat { text: name } } }", "the field"),
            (
                "{ node { ... on Node { x: self(n: 1) { id } } ... on Dog { id } ... on Node { x: self(n: 2) { id } } } }",
                "arguments",
            ),
            // Of different objects, but of different shapes.
            (
                "{ pet { ... on Dog { name } ... on Cat { name } } }",
                "`String!` or of type `String`",
            ),
            (
                "{ pet { ... on Dog { weight } ... on Cat { weight } } }",
                "`Int` or of type `Float`",
            ),
            (
                "{ pet { ... on Dog { v: kind } ... on Cat { v: size } } }",
                "`Kind!` or of type `Size!`",
            ),
            (
                "{ pet { ... on Dog { friends { id } } ... on Cat { friends { id } } } }",
                "type",
            ),
            (
                "{ pet { ... on Dog { x: friends { id } } ... on Cat { x: owner { id } } } }",
                "type",
            ),
            (
                "{ pet { ... on Dog { x: owner { id } } ... on Cat { x: enemy { id } } } }",
                "type",
            ),
            (
                "{ pet { ... on Dog { x: owner { id } } ... on Cat { x: size } } }",
                "type",
            ),
            (
                "{ pet { ... on Dog { o: owner { v: name } } ... on Cat { o: owner { v: name } } } }",
                "type",
            ),
            (
                "{ pet { ... on Dog { o: owner { v: age } } ...F } } fragment F on Cat { o: owner { v: weight } }",
                "type",
            ),
            (
                "{ pet { ... on Dog { s: weight } ... on Cat { s: __typename } } }",
                "type",
            ),
            (
                "query A { version } query B { dog { is is(a: 1) } }",
                "arguments",
            ),
        ] {
            let Err(failure) = check(document) else {
                panic!("passed: {document}");
            };
            assert_eq!(failure.code, Code::GraphqlValidationFailed);
            let [error] = failure.errors.as_slice() else {
                panic!("{document}: {failure:?}");
            };
            assert_eq!(error.locations.len(), 2, "{document}: {error:?}");
            assert!(error.message.contains(problem), "{document}: {error:?}");
        }
    }

    /// At each level a field of the interface beside one of each type, all of one name.
    #[test]
    fn documents_made_to_be_compared_for_ever_are_refused() {
        let mut bomb = "{ node { ...F0 } }".to_owned();
        let levels = 14;
        for level in 0..levels {
            let next = level + 1;
            write!(
                bomb,
                " fragment F{level} on Node {{ x: self {{ ...F{next} }} \
                 ... on Dog {{ x: self {{ id }} }} ... on Cat {{ x: self {{ text }} }} \
                 ... on Person {{ x: self {{ __typename }} }} }}"
            )
            .unwrap();
        }
        write!(bomb, " fragment F{levels} on Node {{ id }}").unwrap();
        let failure = check(&bomb).unwrap_err();
        assert!(
            failure.errors[0].message.contains("Too many fields"),
            "{failure:?}"
        );

        let items = "1, ".repeat(1_000);
        let long = format!("is(b: {{ y: [{items}] }}) ");
        assert!(check(&format!("{{ dog {{ {} }} }}", long.repeat(3))).is_ok());
        assert!(check(&format!("{{ dog {{ {} }} }}", long.repeat(300))).is_err());
    }

    #[test]
    fn a_large_honest_document_passes() {
        let fields = |of: &str| {
            let each = (0..200).map(|n| format!("{of}{n}: text self {{ {of}{n}: id }} "));
            each.collect::<String>()
        };
        let document = format!(
            "{{ node {{ {} ... on Dog {{ {} }} ... on Cat {{ {} }} ... on Person {{ {} }} }} }}",
            fields("n"),
            fields("d"),
            fields("c"),
            fields("p")
        );
        let result = check(&document);
        assert!(result.is_ok(), "{result:?}");
    }
}
