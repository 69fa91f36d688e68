//! Whether everything fits where it stands: GraphQL's rules "All Variable Usages Are Allowed" and
//! "Values of Correct Type".
//!
//! The library has the first, but never shows it a value; of the second it leaves out that words are no
//! strings, and finds out about most scalars only while it executes. `plan` calls this once for each
//! operation of a document that is not remembered; what is known of neither the schema nor the operation
//! is left to the library, which says so.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Pos, Positioned, ServerError,
    parser::types::{
        BaseType, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet,
        Type, VariableDefinition,
    },
};
use async_graphql_value::{ConstValue, Value};

use super::{
    super::{code::Code, failure::Failure},
    input::{Check, Input},
    short,
    table::{CostTable, TypeIndex},
};

/// Mistakes told at once.
const MISTAKES_MAX: usize = 20;

/// Refuses an operation some variable of which does not fit where it, or a fragment, uses it; then one in
/// which a value is written that does not fit.
pub(super) fn check_usages(
    table: &CostTable,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
) -> Result<(), Failure> {
    let definitions = &operation.variable_definitions;
    let mut usages = Usages {
        table,
        document,
        definitions: definitions
            .iter()
            .map(|definition| (definition.node.name.node.as_str(), definition))
            .collect(),
        seen: HashSet::new(),
        mistakes: Vec::new(),
        written: Check::of_document(table.inputs()),
    };
    for definition in definitions {
        usages.default_value(&definition.node);
    }
    usages.directives(&operation.directives);
    usages.selection_set(&operation.selection_set.node, table.root(operation.ty));
    let mistakes = usages.mistakes;
    if mistakes.is_empty() {
        return usages.written.end();
    }
    Err(Failure::with_errors(
        Code::GraphqlValidationFailed,
        mistakes,
    ))
}

/// What stands at a place may be.
#[derive(Clone, Copy)]
struct Place<'a> {
    ty: &'a Type,
    has_default: bool,
    /// Whether this is a field of an object that takes exactly one, which then has a value.
    is_one_of: bool,
}

impl<'a> From<&'a Input> for Place<'a> {
    fn from(input: &'a Input) -> Self {
        Self {
            ty: &input.ty,
            has_default: input.has_default,
            is_one_of: false,
        }
    }
}

impl Place<'_> {
    fn takes(&self, definition: &VariableDefinition) -> bool {
        let given = &definition.var_type.node;
        let must_be_given = !self.ty.nullable || self.is_one_of;
        if must_be_given && given.nullable {
            let default = definition.default_value.as_ref();
            let has_default = default.is_some_and(|value| value.node != ConstValue::Null);
            return (has_default || self.has_default) && base_fits(&given.base, &self.ty.base);
        }
        fits(given, self.ty)
    }

    fn needs(&self) -> String {
        if self.is_one_of && self.ty.nullable {
            format!("{}!", self.ty)
        } else {
            self.ty.to_string()
        }
    }
}

fn fits(given: &Type, needed: &Type) -> bool {
    (needed.nullable || !given.nullable) && base_fits(&given.base, &needed.base)
}

fn base_fits(given: &BaseType, needed: &BaseType) -> bool {
    match (given, needed) {
        (BaseType::List(given), BaseType::List(needed)) => fits(given, needed),
        (BaseType::Named(given), BaseType::Named(needed)) => given == needed,
        _ => false,
    }
}

/// The walk through one operation and the fragments it spreads, each once.
struct Usages<'a> {
    table: &'a CostTable,
    document: &'a ExecutableDocument,
    definitions: HashMap<&'a str, &'a Positioned<VariableDefinition>>,
    seen: HashSet<&'a str>,
    mistakes: Vec<ServerError>,
    /// What is written in the document.
    written: Check<'a>,
}

impl<'a> Usages<'a> {
    fn default_value(&mut self, definition: &VariableDefinition) {
        if let Some(value) = &definition.default_value {
            let (name, ty) = (&definition.name.node, &definition.var_type.node);
            let written = &mut self.written;
            written.variable(name, value.pos, Some(&value.node), ty);
        }
    }

    fn selection_set(&mut self, set: &'a SelectionSet, parent: Option<TypeIndex>) {
        let table = self.table;
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.directives(&field.directives);
                    let info = parent.and_then(|parent| table.field(parent, &field.name.node));
                    let Some(info) = info else { continue };
                    for (name, value) in &field.arguments {
                        if let Some(input) = info.argument(&name.node) {
                            self.argument(&name.node, value, input);
                        }
                    }
                    self.selection_set(&field.selection_set.node, info.returns);
                }
                Selection::InlineFragment(inline) => {
                    let inline = &inline.node;
                    self.directives(&inline.directives);
                    let on = match &inline.type_condition {
                        Some(condition) => table.type_named(&condition.node.on.node),
                        None => parent,
                    };
                    self.selection_set(&inline.selection_set.node, on);
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives);
                    self.fragment(&spread.node.fragment_name.node);
                }
            }
        }
    }

    fn fragment(&mut self, name: &'a str) {
        let Some(fragment) = self.document.fragments.get(name) else {
            return;
        };
        if self.seen.insert(name) {
            let fragment = &fragment.node;
            self.directives(&fragment.directives);
            let on = self.table.type_named(&fragment.type_condition.node.on.node);
            self.selection_set(&fragment.selection_set.node, on);
        }
    }

    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        let table = self.table;
        for directive in directives {
            let directive = &directive.node;
            let Some(info) = table.directive(&directive.name.node) else {
                continue;
            };
            for (name, value) in &directive.arguments {
                if let Some(input) = info.argument(&name.node) {
                    self.argument(&name.node, value, input);
                }
            }
        }
    }

    fn argument(&mut self, name: &Name, value: &Positioned<Value>, input: &Input) {
        let (pos, value) = (value.pos, &value.node);
        self.written.argument(name, pos, value, &input.ty);
        self.value(pos, value, input.into());
    }

    /// Looks for variables in a value; whether its other parts fit is not asked here.
    fn value(&mut self, pos: Pos, value: &Value, place: Place<'_>) {
        match (value, &place.ty.base) {
            (Value::Variable(name), _) => self.variable(pos, name, place),
            (Value::List(items), BaseType::List(inner)) => {
                for item in items {
                    self.value(pos, item, item_of(inner));
                }
            }
            // One value stands for a list of it.
            (Value::Object(_), BaseType::List(inner)) => self.value(pos, value, item_of(inner)),
            (Value::Object(fields), BaseType::Named(of)) => {
                let table = self.table;
                for (name, value) in fields {
                    if let Some((input, is_one_of)) = table.inputs().field(of, name) {
                        let place = Place {
                            is_one_of,
                            ..Place::from(input)
                        };
                        self.value(pos, value, place);
                    }
                }
            }
            _ => {}
        }
    }

    fn variable(&mut self, pos: Pos, name: &str, place: Place<'_>) {
        let Some(definition) = self.definitions.get(name) else {
            return;
        };
        if self.mistakes.len() >= MISTAKES_MAX || place.takes(&definition.node) {
            return;
        }
        let message = format!(
            "The variable `${}` is of type `{}`, and `{}` is needed here.",
            short(name),
            short(&definition.node.var_type.node.to_string()),
            place.needs()
        );
        let mut mistake = ServerError::new(message, Some(pos));
        mistake.locations.push(definition.pos);
        self.mistakes.push(mistake);
    }
}

fn item_of(ty: &Type) -> Place<'_> {
    Place {
        ty,
        has_default: false,
        is_one_of: false,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const SDL: &str = "
        enum Size { SMALL LARGE }
        input Pick @oneOf { id: ID name: String pick: Pick }
        input Filter { text: String! sizes: [Size!] limit: Int! = 5 pick: Pick any: [Filter!] }
        type Dog {
            name: String
            is(yes: Boolean, sure: Boolean!, much: Boolean! = false): Boolean
            sizes(in: [Size], all: [Size!]!, deep: [[Int!]!]): Boolean
            find(filter: Filter!, filters: [Filter!], pick: Pick, id: ID): Dog
        }
        type Query { dog(id: ID!): Dog any: Dog }
        directive @note(text: String!, loud: Boolean! = false) on FIELD | QUERY
        schema { query: Query }
    ";

    /// What is told of a document.
    fn told(document: &str) -> Vec<String> {
        let table = CostTable::from_sdl(SDL).unwrap();
        let document = parse_query(document).unwrap();
        let mut told = Vec::new();
        for (_, operation) in document.operations.iter() {
            if let Err(failure) = check_usages(&table, &document, &operation.node) {
                assert_eq!(failure.code, Code::GraphqlValidationFailed);
                told.extend(failure.errors.into_iter().map(|error| {
                    assert_eq!(error.locations.len(), 2, "{error:?}");
                    error.message
                }));
            }
        }
        told
    }

    #[test]
    fn variables_that_fit_pass() {
        for document in [
            "query($id: ID!) { dog(id: $id) { name } }",
            "query($id: ID = 1) { dog(id: $id) { name } }",
            "query($id: ID! = 1) { dog(id: $id) { name } }",
            "query($yes: Boolean) { any { is(yes: $yes, sure: true, much: $yes) } }",
            "query($yes: Boolean!) { any { is(yes: $yes, sure: $yes, much: $yes) } }",
            "query($yes: Boolean = true) { any { is(sure: $yes) } }",
            "query($in: [Size!]!) { any { sizes(in: $in, all: $in) } }",
            "query($one: Size!, $may: Size) { any { sizes(in: [$may, $one], all: [SMALL, $one]) } }",
            "query($deep: [[Int!]!]!, $flat: [Int!]!, $n: Int!) {
                any { sizes(all: [], deep: $deep) more: sizes(all: [], deep: [$flat, [$n]]) } }",
            "query($text: String!, $limit: Int, $size: Size!, $id: ID!) {
                any { find(filter: { text: $text, limit: $limit, sizes: [$size], pick: { id: $id } }) { name } } }",
            "query($id: ID = 1) { any { find(filter: { text: \"\" }, pick: { pick: { id: $id } }) { name } } }",
            "query($text: String!) { any { find(filter: { text: $text }, filters: { text: $text }) { name } } }",
            "query($filters: [Filter!]) { any { find(filter: { text: \"\", any: $filters }) { name } } }",
            "query($yes: Boolean!, $text: String!) @note(text: $text) {
                any @include(if: $yes) { name @note(text: $text) __typename @skip(if: $yes) } }",
            "query($loud: Boolean) { any { name @note(text: \"\", loud: $loud) } }",
            "query($kind: String!) { __type(name: $kind) { fields(includeDeprecated: true) { name } } }",
            "query($old: Boolean) { __type(name: \"Dog\") { fields(includeDeprecated: $old) { name } } }",
            "query A($id: ID!) { ...F } query B($id: ID! = 2) { ...F } fragment F on Query { dog(id: $id) { name } }",
            // For the library to judge.
            "query($id: ID!) { dog(id: $other) { nope(id: $id) } }",
            "query($id: ID!) { any { nope(filter: { nope: $id }, id: [$id]) is(sure: true, nope: 1) } }",
            "query($id: Nope = {}) { any { name @nope(text: 1) } }",
        ] {
            assert!(told(document).is_empty(), "{document}: {:?}", told(document));
        }
    }

    #[test]
    fn variables_that_do_not_fit_are_refused() {
        for (document, given, needed) in [
            ("query($id: ID) { dog(id: $id) { name } }", "ID", "ID!"),
            (
                "query($id: ID = null) { dog(id: $id) { name } }",
                "ID",
                "ID!",
            ),
            (
                "query($id: String!) { dog(id: $id) { name } }",
                "String!",
                "ID!",
            ),
            (
                "query($id: String = \"1\") { dog(id: $id) { name } }",
                "String",
                "ID!",
            ),
            (
                "query($id: [ID!]!) { dog(id: $id) { name } }",
                "[ID!]!",
                "ID!",
            ),
            (
                "query($yes: Int) { any { is(yes: $yes, sure: true) } }",
                "Int",
                "Boolean",
            ),
            (
                "query($yes: Int) { any { is(sure: true, much: $yes) } }",
                "Int",
                "Boolean!",
            ),
            // No value stands for a list of it here.
            (
                "query($one: Size!) { any { sizes(in: $one, all: []) } }",
                "Size!",
                "[Size]",
            ),
            (
                "query($in: [Size]!) { any { sizes(all: $in) } }",
                "[Size]!",
                "[Size!]!",
            ),
            (
                "query($one: Size) { any { sizes(all: [$one]) } }",
                "Size",
                "Size!",
            ),
            (
                "query($in: [Int]) { any { sizes(all: [], deep: [$in]) } }",
                "[Int]",
                "[Int!]!",
            ),
            (
                "query($in: [[Int]!]) { any { sizes(all: [], deep: $in) } }",
                "[[Int]!]",
                "[[Int!]!]",
            ),
            (
                "query($size: String!) { any { sizes(all: [$size]) } }",
                "String!",
                "Size!",
            ),
            (
                "query($text: String) { any { find(filter: { text: $text }) { name } } }",
                "String",
                "String!",
            ),
            (
                "query($text: String) { any { find(filter: { text: \"\", any: [{ any: { text: $text } }] }) { name } } }",
                "String",
                "String!",
            ),
            (
                "query($limit: Float) { any { find(filter: { text: \"\", limit: $limit }) { name } } }",
                "Float",
                "Int!",
            ),
            // Exactly one is to be given, so what is given has a value.
            (
                "query($id: ID) { any { find(filter: { text: \"\" }, pick: { id: $id }) { name } } }",
                "ID",
                "ID!",
            ),
            (
                "query($id: ID) { any { find(filter: { text: \"\", pick: { pick: { id: $id } } }) { name } } }",
                "ID",
                "ID!",
            ),
            (
                "query($yes: Boolean) { any @skip(if: $yes) { name } }",
                "Boolean",
                "Boolean!",
            ),
            (
                "query($yes: Boolean) { any { __typename @skip(if: $yes) } }",
                "Boolean",
                "Boolean!",
            ),
            (
                "query($text: ID!) @note(text: $text) { any { name } }",
                "ID!",
                "String!",
            ),
            (
                "query($kind: ID!) { __type(name: $kind) { name } }",
                "ID!",
                "String!",
            ),
            (
                "query A { any { name } } query B($id: Int!) { ...F }
                 fragment F on Query { ...G } fragment G on Query { dog(id: $id) { name } }",
                "Int!",
                "ID!",
            ),
            (
                "query($id: Int!) { any { ... { ... on Dog { find(filter: { text: \"\" }, id: $id) { name } } } } }",
                "Int!",
                "ID",
            ),
        ] {
            let told = told(document);
            let [message] = told.as_slice() else {
                panic!("{document}: {told:?}");
            };
            let problem = format!("is of type `{given}`, and `{needed}` is needed here.");
            assert!(message.ends_with(&problem), "{document}: {message}");
        }
    }

    #[test]
    fn few_mistakes_are_told_and_long_names_are_cut() {
        let name = "x".repeat(1_000);
        let uses = (0..50).map(|n| format!("a{n}: dog(id: $v) {{ name }} "));
        let uses: String = uses.collect();
        let told = told(&format!("query($v: {name}) {{ {uses} }}"));
        assert_eq!(told.len(), MISTAKES_MAX);
        assert!(told.iter().all(|message| message.len() < 300), "{told:?}");
    }
}
