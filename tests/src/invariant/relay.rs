//! The rules of Relay, and what all lists have besides: the schema is read, nothing is asked. That ids and pages
//! do what they say is tried in `access::nodes` and `access::totals`.

use async_graphql::parser::types::FieldDefinition;

use crate::support::sdl::{Sdl, named};

/// Types with an `id` that is no key to them: `node` does not know them.
const NOT_NODES: [(&str, &str); 14] = [
    (
        "AccessToken",
        "listed in `accessTokens`, for administrators",
    ),
    ("AccountMerge", "read as part of the account that is left"),
    ("AccountUse", "the id is that of what uses the account"),
    ("ContactMerge", "read as part of the contact who is left"),
    ("DeliveryAttempt", "read as part of its delivery"),
    ("HealthEntry", "read as part of a history"),
    (
        "NotificationTargetUse",
        "the id is that of what uses the target",
    ),
    (
        "QuarantinedItem",
        "listed in `quarantine`, for those who run it",
    ),
    ("SegmentMove", "read as part of a history"),
    ("SegmentUse", "the id is that of what uses the segment"),
    ("SurveyUse", "the id is that of what uses the survey"),
    ("TagUse", "the id is that of what uses the tag"),
    ("WebhookKey", "read as part of its target"),
    ("Workspace", "there is one, `workspace`"),
];

/// Lists in the order of what fits best, of which no number is known and that are read forwards only.
const FORWARDS: [&str; 1] = ["SearchHitConnection"];

/// What a field is of, as it is written.
fn type_of(fields: &[&FieldDefinition], name: &str) -> Option<String> {
    let mut fields = fields.iter();
    let field = fields.find(|field| field.name.node == name)?;
    Some(field.ty.node.to_string())
}

/// Notes each field that is not of the type it should be.
fn compare(sdl: &Sdl, name: &str, expected: &[(&str, String)], wrong: &mut Vec<String>) {
    let fields = sdl.fields(name);
    for (field, expected) in expected {
        let found = type_of(&fields, field);
        if found.as_ref() != Some(expected) {
            wrong.push(format!("{name}.{field} is {found:?}, not {expected}"));
        }
    }
}

#[test]
fn lists_pages_and_edges_have_the_fields_of_relay() {
    let sdl = Sdl::current();
    let mut wrong = Vec::new();
    let page = [
        ("hasNextPage", "Boolean!"),
        ("hasPreviousPage", "Boolean!"),
        ("startCursor", "String"),
        ("endCursor", "String"),
    ];
    let page = page.map(|(field, ty)| (field, ty.to_owned()));
    compare(&sdl, "PageInfo", &page, &mut wrong);
    let lists = sdl.types.keys();
    let lists: Vec<_> = lists
        .filter_map(|name| name.strip_suffix("Connection"))
        .collect();
    assert!(lists.len() > 40, "{lists:?}");
    for item in lists {
        let (list, edge) = (format!("{item}Connection"), format!("{item}Edge"));
        let mut expected = vec![
            ("pageInfo", "PageInfo!".to_owned()),
            ("edges", format!("[{edge}!]!")),
            ("nodes", format!("[{item}!]!")),
        ];
        if !FORWARDS.contains(&list.as_str()) {
            expected.push(("totalCount", "Int!".to_owned()));
        }
        compare(&sdl, &list, &expected, &mut wrong);
        let expected = [
            ("node", format!("{item}!")),
            ("cursor", "String!".to_owned()),
        ];
        compare(&sdl, &edge, &expected, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_list_is_asked_for_by_the_arguments_of_relay() {
    let sdl = Sdl::current();
    let mut wrong = Vec::new();
    for name in sdl.types.keys() {
        for field in sdl.fields(name) {
            let place = format!("{name}.{}", field.name.node);
            let list = named(&field.ty.node);
            let wanted: &[(&str, &str)] = match list {
                list if FORWARDS.contains(&list) => &[("first", "Int"), ("after", "String")],
                list if list.ends_with("Connection") => &[
                    ("first", "Int"),
                    ("after", "String"),
                    ("last", "Int"),
                    ("before", "String"),
                ],
                _ => &[],
            };
            for (argument, ty) in wanted {
                let mut arguments = field.arguments.iter().map(|one| &one.node);
                let found = arguments.find(|one| one.name.node == *argument);
                let found = found.map(|one| one.ty.node.to_string());
                if found.as_deref() != Some(*ty) {
                    wrong.push(format!("{place}({argument}) is {found:?}, not {ty}"));
                }
            }
            let is_paged = field
                .arguments
                .iter()
                .any(|one| one.node.name.node == "first");
            if is_paged && wanted.is_empty() {
                wrong.push(format!("{place} takes `first` and gives no connection"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_has_a_global_id_is_found_by_it() {
    let sdl = Sdl::current();
    let mut wrong = Vec::new();
    let query = [("node", "Node".to_owned()), ("nodes", "[Node]!".to_owned())];
    compare(&sdl, "Query", &query, &mut wrong);
    compare(&sdl, "Node", &[("id", "ID!".to_owned())], &mut wrong);
    for name in sdl.types.keys().filter(|name| *name != "Node") {
        let has_id = type_of(&sdl.fields(name), "id").is_some_and(|ty| ty == "ID!");
        let is_listed = NOT_NODES.iter().any(|(listed, _)| listed == name);
        if has_id != (sdl.is_node(name) || is_listed) {
            wrong.push(format!(
                "{name}: `id: ID!` {has_id}, in NOT_NODES {is_listed}"
            ));
        } else if is_listed && sdl.is_node(name) {
            wrong.push(format!("{name} is a node: take it out of NOT_NODES"));
        }
    }
    let unknown = NOT_NODES
        .iter()
        .filter(|(name, _)| !sdl.types.contains_key(*name));
    wrong.extend(unknown.map(|(name, why)| format!("there is no {name} ({why})")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
