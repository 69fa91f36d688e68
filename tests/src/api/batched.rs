//! What the rows of a list have is fetched for all of them together: a dozen rows cost as many statements as two.
//!
//! Lists inside of rows, of which each is a page of its own, are not meant.

use std::time::Duration;

use async_graphql::parser::types::TypeKind;
use serde_json::json;

use crate::{
    gauge::{figures, value},
    support::{
        client::Client,
        installation::Installation,
        process::until,
        runtime::block_on,
        sdl::{Sdl, is_required, named},
    },
};

/// The lists that are tried, and what their rows are.
const LISTS: [(&str, &str); 5] = [
    ("contacts", "Contact"),
    ("accounts", "Account"),
    ("conversations", "Conversation"),
    ("messages", "Message"),
    ("campaigns", "Campaign"),
];
/// What is asked for row by row all the same: the newest hundred of each, as in a list.
const EACH: [(&str, &str); 2] = [("Contact", "merges"), ("Account", "merges")];
const FEW: usize = 2;
const MANY: usize = 12;
/// How long other work of the process may be in the way on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// The fields of a type that are not pages, each with what is chosen of it.
fn fields(sdl: &Sdl, name: &str) -> Vec<String> {
    let fields = sdl.fields(name).into_iter();
    let fields = fields.filter(|field| !field.arguments.iter().any(|one| is_required(&one.node)));
    let fields = fields.filter(|field| !named(&field.ty.node).ends_with("Connection"));
    let fields = fields.filter(|field| !EACH.contains(&(name, field.name.node.as_str())));
    fields
        .map(|field| {
            let kind = sdl.types.get(named(&field.ty.node)).map(|one| &one.kind);
            let is_plain = matches!(kind, None | Some(TypeKind::Scalar | TypeKind::Enum(_)));
            let below = if is_plain { "" } else { " { __typename }" };
            format!("{}{below}", field.name.node)
        })
        .collect()
}

/// How often a connection was taken so far, which each statement does.
async fn statements(installation: &Installation) -> f64 {
    let told = figures(installation).await;
    value(&told, "enishi_database_wait_seconds_count").unwrap_or_default()
}

/// How many rows came, and by how many statements, with those of other work that was done meanwhile.
async fn ask(installation: &Installation, owner: &Client, query: &str) -> (usize, f64) {
    let before = statements(installation).await;
    let found = owner.must(query, json!({})).await;
    let taken = statements(installation).await - before;
    (found["nodes"].as_array().expect("rows").len(), taken)
}

/// Fails unless the many rows of a query are read by about as many statements as a few.
async fn compare(installation: &Installation, what: &str, query: impl Fn(usize) -> String) {
    let owner = installation.owner();
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let (rows, taken) = ask(installation, &owner, &query(FEW)).await;
        assert_eq!(rows, FEW, "{what}");
        least = least.min(taken);
    }
    // The first two may lack what others have, so a statement or two come on top; one for each row is more than
    // half of them.
    until(&format!("{what} to be read together"), LIMIT, async || {
        let (rows, taken) = ask(installation, &owner, &query(MANY)).await;
        assert!(rows > 2 * FEW + 2, "{what}: {rows}");
        (taken - least < (rows - FEW) as f64 / 2.0).then_some(())
    })
    .await;
}

#[test]
fn a_dozen_rows_are_read_by_as_many_statements_as_two() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let (status, said) = installation.command(&["demo"]).await;
        assert!(status.success(), "{said}");
        let sdl = Sdl::current();
        for (list, name) in LISTS {
            let fields = fields(&sdl, name);
            assert!(fields.len() > 3, "{fields:?}");
            for field in fields {
                let what = format!("{name}.{field}");
                let query = |first: usize| {
                    format!("{{ {list}(first: {first}) {{ nodes {{ {field} }} }} }}")
                };
                compare(&installation, &what, query).await;
            }
        }
        installation
            .left_undone("the steps of a playbook wait for days")
            .await;
    });
}

#[test]
fn what_rules_name_is_looked_up_for_all_of_them_together() {
    block_on(async {
        let installation = Installation::alone().await;
        let owner = installation.owner();
        for number in 0..MANY {
            let tag = owner.tag("CONTACT", &format!("Tag {number}")).await;
            let condition = json!({ "contactTags": { "mode": "ANY", "tagIds": [tag] } });
            let action = json!({ "setConversationPriority": { "priority": "LOW" } });
            let name = format!("Rule {number}");
            owner.rule(&name, &condition, &action).await;
        }
        let query =
            |first: usize| format!("{{ rules(first: {first}) {{ nodes {{ sentence }} }} }}");
        compare(&installation, "Rule.sentence", query).await;
        let said = owner
            .must("{ rules { nodes { sentence } } }", json!({}))
            .await;
        for number in 0..MANY {
            let name = format!("Tag {number}");
            assert!(said.to_string().contains(&name), "{name}: {said}");
        }
        installation.end().await;
    });
}
