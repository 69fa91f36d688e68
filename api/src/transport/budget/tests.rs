//! The budget against documents that mean harm, and against honest ones.

use std::{fmt::Write, sync::Arc};

use async_graphql::{Variables, value};

use super::*;

const SDL: &str = "
    interface Node { id: ID! }
    type Tag implements Node { id: ID! name: String! contacts(first: Int, last: Int): ContactConnection! }
    type Tagging { tag: Tag! }
    type Contact implements Node { id: ID! name: String! tags: [Tag!]! manager: Contact labels: [String!]!
        taggings: [Tagging!]! }
    type ContactEdge { cursor: String! node: Contact! }
    type PageInfo { hasNextPage: Boolean! }
    type ContactConnection { edges: [ContactEdge!]! nodes: [Contact!]! pageInfo: PageInfo! totalCount: Int! }
    type Query {
        contact(id: ID!): Contact
        contacts(first: Int, last: Int): ContactConnection!
        node(id: ID!): Node
        nodes(ids: [ID!]): [Node]!
        a: Query
        taggings: [Tagging!]!
        version: String!
        takes(id: ID, whole: Int, text: String, yes: Boolean, number: Float): String
    }
    type Mutation { rename(id: ID!, name: String!): Contact! }
    type Subscription { contactChanged: Contact! version: String! }
    directive @live on QUERY
    directive @note(text: String!) repeatable on FIELD
    schema { query: Query mutation: Mutation subscription: Subscription }
";

/// The introspection query of `GraphiQL`, by structure.
pub(crate) const INTROSPECTION: &str = "
    query IntrospectionQuery {
      __schema {
        description
        queryType { name kind } mutationType { name kind } subscriptionType { name kind }
        types { ...FullType }
        directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
      }
    }
    fragment FullType on __Type {
      kind name description specifiedByURL isOneOf
      fields(includeDeprecated: true) {
        name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef }
        isDeprecated deprecationReason
      }
      inputFields(includeDeprecated: true) { ...InputValue }
      interfaces { ...TypeRef }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
      possibleTypes { ...TypeRef }
    }
    fragment InputValue on __InputValue {
      name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
    }
    fragment TypeRef on __Type {
      kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
      ofType { kind name ofType { kind name ofType { kind name ofType { kind name
      ofType { kind name } } } } } } } } }
    }
";

fn budget() -> Budget {
    let table = CostTable::from_sdl(SDL)
        .unwrap()
        .weigh("ContactConnection", "totalCount", 7);
    Budget::new(Arc::new(table), DocumentLimits::default(), 8)
}

fn approve(document: &str) -> Result<Approved, Failure> {
    budget().approve(document, None, &mut Variables::default())
}

fn cost(document: &str) -> u64 {
    approve(document)
        .map_err(|failure| failure.errors)
        .unwrap()
        .cost
        .requested
}

/// `count` pieces of text in a row.
fn repeated(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

fn refusal(document: &str) -> Failure {
    match approve(document) {
        Ok(approved) => panic!("approved at {:?}: {document:.200}", approved.cost),
        Err(failure) => failure,
    }
}

/// `levels` fragments, each spreading the next `width` times.
fn fragment_bomb(levels: usize, width: usize) -> String {
    let mut text = "query { ...F0 }".to_owned();
    for level in 0..levels {
        let spreads = format!("...F{} ", level + 1).repeat(width);
        write!(text, " fragment F{level} on Query {{ {spreads} }}").unwrap();
    }
    write!(text, " fragment F{levels} on Query {{ version }}").unwrap();
    text
}

#[test]
fn the_estimate_follows_the_published_model() {
    for (document, points) in [
        ("{ version }", 1),
        ("{ __typename }", 1),
        ("{ contact(id: 1) { id name labels } }", 1),
        ("{ contact(id: 1) { manager { manager { id } } } }", 3),
        ("{ contacts(first: 10) { nodes { id } } }", 11),
        (
            "{ contacts(last: 10) { edges { cursor node { id } } pageInfo { hasNextPage } } }",
            11,
        ),
        ("{ contacts { nodes { id } } }", 21),
        ("{ contacts(first: 10) { totalCount } }", 8),
        ("{ contacts(first: 1000000000) { nodes { id } } }", 101),
        (
            "{ contacts(first: 10) { nodes { tags { id } } } }",
            1 + 10 * 21,
        ),
        // Few on each contact, many in a workspace.
        (
            "{ contacts(first: 10) { nodes { taggings { tag { id } } } } }",
            1 + 10 * (1 + 5 * 2),
        ),
        ("{ taggings { tag { id } } }", 20 * 2),
        (
            "{ contacts(first: 10) { ...C } } fragment C on ContactConnection { nodes { id } }",
            11,
        ),
        (
            "{ nodes(ids: [1, 2, 3]) { id ... on Contact { manager { id } } } }",
            6,
        ),
        ("mutation { rename(id: 1, name: \"a\") { id } }", 10),
        (
            "mutation { rename(id: 1, name: \"a\") { manager { id } } }",
            11,
        ),
        ("subscription { contactChanged { id } }", 1),
        ("{ __schema { queryType { name } } }", 1001),
        ("{ __type(name: \"Tag\") { name } }", 100),
    ] {
        assert_eq!(cost(document), points, "{document}");
    }
}

/// What screens ask for at once, against the schema that is served.
#[test]
fn lists_that_people_look_at_cost_a_fraction_of_the_budget() {
    let table = CostTable::from_sdl(include_str!("../../../schema.graphql")).unwrap();
    let budget = Budget::new(Arc::new(table), DocumentLimits::default(), 8);
    for (document, points) in [
        (
            "{ conversations(first: 50, filter: { status: [OPEN] }, orderBy: WAITING_LONGEST) { totalCount
               nodes { subject waitingSince assignee { name } taggings { tag { name } }
                 contact { name taggings { tag { name } } } lastMessage { subject sentAt } } } }",
            1 + 20 + 50 * (1 + 1 + 10 + 1 + 10 + 1),
        ),
        (
            "{ contacts(first: 100) { nodes { name healthScore owner { name } account { name }
                 taggings { tag { name color } addedBy { kind } } attributes { attribute { name } text }
                 lastMessage { subject sentAt } } } }",
            1 + 100 * (1 + 1 + 1 + 15 + 10 + 1),
        ),
    ] {
        let approved = budget.approve(document, None, &mut Variables::default());
        let cost = approved.map_err(|failure| failure.errors).unwrap().cost;
        assert_eq!(cost.requested, points, "{document}");
    }
}

#[test]
fn the_sizes_assumed_of_lists_are_documented() {
    let manual = include_str!("../../../../docs/api.md");
    for (field, items) in super::table::SHORT_LISTS {
        let is_said = manual.contains(&format!("`{field}` {items}"));
        assert!(is_said, "docs/api.md does not say: `{field}` {items}");
    }
}

#[test]
fn what_reads_far_more_than_it_shows_costs_more_and_is_documented() {
    let manual = include_str!("../../../../docs/api.md");
    let table = CostTable::from_sdl(&crate::graphql::sdl()).unwrap();
    let root = table.root(OperationType::Query).unwrap();
    for (field, points) in super::table::HEAVY_FIELDS {
        let info = table.field(root, field).expect(field);
        assert_eq!(info.weight, points, "{field}");
        let is_said = manual.contains(&format!("`{field}` {points}"));
        assert!(is_said, "docs/api.md does not say: `{field}` {points}");
    }
}

#[test]
fn what_tries_something_on_everybody_costs_more() {
    /// These look at what they are given, or at a few rows.
    const LIGHT: [&str; 3] = ["previewImport", "previewNotificationTemplate", "previewTag"];
    let sdl = crate::graphql::sdl();
    let (_, root) = sdl.split_once("\ntype Query {").unwrap();
    let (root, _) = root.split_once("\n}").unwrap();
    let heavy = super::table::HEAVY_FIELDS.map(|(field, _)| field);
    let names = root.lines().filter_map(|line| line.trim().split_once('('));
    let tries = names.filter(|(name, _)| name.starts_with("preview") || name.starts_with("try"));
    let tries: Vec<&str> = tries.map(|(name, _)| name).collect();
    assert!(tries.contains(&"tryRule"), "{tries:?}");
    for name in tries {
        assert!(heavy.contains(&name) || LIGHT.contains(&name), "{name}");
    }
}

#[test]
fn the_schema_says_what_fields_cost() {
    use super::table::{HEAVY_FIELDS, MUTATION_WEIGHT, SHORT_LISTS, TOTAL_WEIGHT};

    let sdl = crate::graphql::sdl();
    let (before, _) = sdl.split_once("type RateLimit ").unwrap();
    let (_, said) = before.rsplit_once("\n}\n").unwrap();
    let lists = DocumentLimits::default().list_default;
    let short = SHORT_LISTS.iter().find(|(name, _)| *name == "taggings");
    assert!(short.is_some_and(|&(_, items)| items < lists));
    for (field, points) in HEAVY_FIELDS {
        let part = format!("`{field}` {points}");
        assert!(said.contains(&part), "not said: {part}\n{said}");
    }
    for part in [
        format!("a `totalCount` {TOTAL_WEIGHT}"),
        format!("a mutation {MUTATION_WEIGHT}"),
        format!("the whole schema {SCHEMA_WEIGHT}"),
        format!("counts as {lists}"),
        "`first`, `last`, `limit` or `ids`".to_owned(),
    ] {
        assert!(said.contains(&part), "not said: {part}\n{said}");
    }
}

#[test]
fn sizes_in_variables_are_those_given_else_their_defaults() {
    let budget = budget();
    let document = "query($n: Int = 5, $ids: [ID!]) { \
        contacts(first: $n) { nodes { id } } nodes(ids: $ids) { id } }";
    for (variables, points) in [
        (value!({"ids": ["a", "b"]}), 1 + 5 + 2),
        (value!({"n": 50, "ids": ["a"]}), 1 + 50 + 1),
        (value!({"n": 1_000_000}), 1 + 100 + 20),
    ] {
        let mut variables = Variables::from_value(variables);
        let approved = budget.approve(document, None, &mut variables).unwrap();
        assert_eq!(approved.cost.requested, points);
    }
}

#[test]
fn fragment_bombs_are_refused_without_being_expanded() {
    for (levels, width) in [(4, 40), (5, 60), (3, 60), (30, 2), (90, 2)] {
        let failure = refusal(&fragment_bomb(levels, width));
        assert_eq!(failure.code, Code::GraphqlValidationFailed);
    }
    let mut nested = "{ ...F0 }".to_owned();
    for level in 0..30 {
        write!(
            nested,
            " fragment F{level} on Query {{ a {{ ...F{n} }} b: a {{ ...F{n} }} }}",
            n = level + 1
        )
        .unwrap();
    }
    refusal(&nested);
}

#[test]
fn fragments_that_spread_themselves_are_refused() {
    for document in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { a { ...B ...B } } fragment B on Query { ...A ...A }",
        "{ version } fragment A on Query { ...A ...A ...A }",
    ] {
        let failure = refusal(document);
        assert!(failure.errors[0].message.contains("spreads itself"));
    }
}

#[test]
fn expensive_documents_cost_too_much() {
    for document in [
        "{ contacts(first: 100) { nodes { tags { contacts(first: 100) { nodes { id } } } } } }",
        "{ contacts(first: 100) { nodes { tags { contacts { nodes { tags { name } } } } } } }",
    ] {
        let failure = refusal(document);
        assert_eq!(failure.code, Code::CostLimit);
        assert_eq!(failure.cost.unwrap().limit, 10_000);
    }
}

#[test]
fn aliases_count_wherever_they_stand() {
    let aliases = |count: usize, field: &str| {
        (0..count).fold("{".to_owned(), |text, n| format!("{text} a{n}: {field}")) + "}"
    };
    assert_eq!(cost(&aliases(30, "version")), 1);
    for field in [
        "version",
        "__typename",
        "__schema { queryType { name } }",
        "a { version }",
    ] {
        refusal(&aliases(31, field));
        refusal(&aliases(100, field));
    }
    refusal(&aliases(11, "__schema { queryType { name } }"));
}

#[test]
fn directives_are_checked_on_every_selection() {
    for document in [
        "{ __typename @nope }",
        "{ version @nope }",
        "query @nope { version }",
        "{ __typename @skip(if: false) @skip(if: false) }",
        "{ version @include(if: true) @include(if: true) }",
        "{ ... @skip(if: false) @skip(if: false) { version } }",
        "{ ...F @nope } fragment F on Query { version }",
        "{ version } fragment F on Query @nope { version }",
        "{ __typename @skip }",
        "{ __typename @skip(if: \"yes\") }",
        "{ __typename @skip(if: true, other: 1) }",
        "{ __typename @live }",
    ] {
        assert_eq!(
            refusal(document).code,
            Code::GraphqlValidationFailed,
            "{document}"
        );
    }
    cost("{ version @note(text: \"a\") @note(text: \"b\") }");
    refusal(&format!(
        "{{ version {} }}",
        "@note(text: \"a\") ".repeat(51)
    ));
}

#[test]
fn typename_has_neither_fields_nor_arguments() {
    refusal("{ __typename { x } }");
    refusal("{ __typename(x: 1) }");
    refusal("{ a { __typename { x } } }");
}

#[test]
fn a_variable_used_only_on_typename_is_a_used_variable() {
    let budget = budget();
    let document = "query($yes: Boolean! = true) { version __typename @include(if: $yes) }";
    let mut variables = Variables::default();
    let approved = budget.approve(document, None, &mut variables).unwrap();
    assert_eq!(variables.len(), 1);
    let (_, operation) = approved.document.operations.iter().next().unwrap();
    assert!(operation.node.variable_definitions.is_empty());

    refusal("query($yes: Boolean!) { __typename @include(if: $yes) }");
    refusal("query($yes: String!) { __typename @include(if: $yes) }");
    refusal("{ __typename @include(if: $undefined) }");
}

#[test]
fn variables_of_the_wrong_built_in_type_are_refused() {
    let budget = budget();
    for (argument, ty, given) in [
        ("id", "ID!", value!({ "v": null })),
        ("id", "ID!", value!({})),
        ("id", "ID!", value!({"v": true})),
        ("whole", "Int", value!({"v": "1"})),
        ("whole", "Int", value!({"v": 1.5})),
        ("text", "String", value!({"v": 1})),
        ("yes", "Boolean", value!({"v": "true"})),
        ("number", "Float", value!({"v": {}})),
    ] {
        let document = format!("query($v: {ty}) {{ takes({argument}: $v) }}");
        let mut variables = Variables::from_value(given);
        let failure = budget.approve(&document, None, &mut variables).unwrap_err();
        assert_eq!(failure.code, Code::BadUserInput, "{document}");
    }
}

/// The rules themselves have their tables in `usage` and `merge`.
#[test]
fn variables_have_to_fit_their_places_and_fields_to_merge_in_every_operation() {
    for document in [
        "query($id: String!) { contact(id: $id) { id } }",
        "query($n: Int!) { version ...F } fragment F on Query { contacts(first: $n) { nodes { id } } takes(text: $n) }",
        "query A { version } query B($ids: [ID]) { nodes(ids: $ids) { id } }",
        "{ contact(id: 1) { id } contact(id: 2) { id } }",
        "{ node(id: 1) { ... on Tag { label: name } ... on Contact { label: labels } } }",
        "query A { version } query B { a { ...F a: version } } fragment F on Query { a { version } }",
    ] {
        let failure = refusal(document);
        assert_eq!(failure.code, Code::GraphqlValidationFailed, "{document}");
        let inspected = CostTable::from_sdl(SDL).unwrap();
        let inspected = inspect(document, &inspected, &DocumentLimits::default());
        assert!(inspected.is_err(), "{document}");
    }
    cost("query($id: ID = 1) { contact(id: $id) { id } contact(id: $id) { name } }");
    cost("{ node(id: 1) { ... on Tag { label: name } ... on Contact { label: name } } }");
}

#[test]
fn the_introspection_query_of_graphiql_passes() {
    assert!(cost(INTROSPECTION) < 2_000);
}

#[test]
fn introspection_that_circles_through_the_schema_is_refused() {
    refusal("{ __schema { types { fields { type { fields { name } } } } } }");
    refusal("{ __type(name: \"A\") { possibleTypes { interfaces { fields { name } } } } }");
}

#[test]
fn deep_wide_and_long_documents_are_refused() {
    let deep = |levels: usize| {
        format!(
            "{}version{}",
            "{ a ".repeat(levels) + "{ ",
            " }".repeat(levels + 1)
        )
    };
    cost(&deep(14));
    refusal(&deep(15));
    refusal(&deep(5_000));
    refusal(&format!("{{ {} }}", "version ".repeat(31)));
    refusal(&format!("{{ {} }}", "version ".repeat(5_000)));
    refusal(&format!(
        "{{ contact(id: {}1{}) {{ id }} }}",
        "[".repeat(100),
        "]".repeat(100)
    ));
    refusal(&format!("{{ version }} #{}", "x".repeat(70_000)));
    refusal(&format!(
        "{{ {} }}",
        "... { ".repeat(60) + "version" + &" }".repeat(60)
    ));
    refusal(&format!(
        "{{ ...F {} }} fragment F on Query {{ version }}",
        "...F ".repeat(200)
    ));
    let variables = repeated(101, |n| format!("$v{n}: Int "));
    refusal(&format!("query({variables}) {{ version }}"));
}

#[test]
fn many_operations_are_refused_however_they_are_packed() {
    let rename = |n: usize| format!("m{n}: rename(id: 1, name: \"a\") {{ id }} ");
    let mutations = |count: usize| (0..count).map(rename).collect::<String>();
    assert_eq!(cost(&format!("mutation {{ {} }}", mutations(10))), 100);
    refusal(&format!("mutation {{ {} }}", mutations(11)));
    let two = format!(
        "mutation A {{ {} }} mutation B {{ {} }}",
        mutations(6),
        mutations(6)
    );
    refusal(&two);
    let many = repeated(21, |n| format!("query Q{n} {{ version }} "));
    refusal(&many);
    refusal("subscription { contactChanged { id } version }");
}

#[test]
fn a_flood_of_unknown_fields_or_arguments_is_answered_here() {
    let fields = repeated(25, |n| format!("x{n} "));
    let failure = refusal(&format!("{{ {fields} }}"));
    assert!((20..=25).contains(&failure.errors.len()));
    let arguments = repeated(25, |n| format!("x{n}: 1 "));
    refusal(&format!("{{ contact({arguments}) {{ id }} }}"));
    assert_eq!(cost("{ unknown { fields } }"), 1);
}

#[test]
fn syntax_errors_have_a_place_and_do_not_quote_the_document() {
    let failure = refusal("{ secret(");
    assert_eq!(failure.code, Code::GraphqlParseFailed);
    assert_eq!(failure.errors[0].locations.len(), 1);
    assert!(!failure.errors[0].message.contains("secret"));
    for document in [
        "",
        "   ",
        "fragment A on Query { version }",
        "{ version } { version }",
        "\u{0}",
    ] {
        assert_eq!(
            refusal(document).code,
            Code::GraphqlParseFailed,
            "{document:?}"
        );
    }
}

#[test]
fn the_operation_is_found_by_name() {
    let budget = budget();
    let document = "query A { version } mutation B { rename(id: 1, name: \"a\") { id } }";
    let mut none = Variables::default();
    let approved = budget.approve(document, Some("B"), &mut none).unwrap();
    assert_eq!(
        (approved.kind, approved.cost.requested),
        (OperationType::Mutation, 10)
    );
    for name in [None, Some(""), Some("C")] {
        assert!(budget.approve(document, name, &mut none).is_err());
    }
    assert!(budget.approve("{ version }", Some(""), &mut none).is_ok());
}

#[test]
fn plans_are_remembered_within_bounds() {
    let budget = budget();
    let mut none = Variables::default();
    for n in 0..100 {
        let document = format!("query Q{n} {{ version }}");
        budget.approve(&document, None, &mut none).unwrap();
        budget.approve("{ version }", None, &mut none).unwrap();
    }
    let mut plans = budget.plans.borrow_mut();
    assert!(plans.get("{ version }").is_some());
    assert!(plans.get("query Q1 { version }").is_none());
    assert!(plans.len() <= 8);
}
