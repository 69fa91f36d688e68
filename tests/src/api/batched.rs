//! What the rows of a list have is fetched for all of them together: a dozen rows cost as many statements as two,
//! also where each of them has pages of its own.

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
/// What SQLite is asked for row by row all the same: timelines, and what is read of them, are made of a part for each
/// kind of thing, and all of a dozen in one statement are slower than each by itself.
const EACH_ON_SQLITE: [(&str, &str); 4] = [
    ("Contact", "timeline"),
    ("Account", "timeline"),
    ("Account", "ruleFirings"),
    ("Account", "healthHistory"),
];
const FEW: usize = 2;
const MANY: usize = 12;
/// How long other work of the process may be in the way on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// The fields of a type, each with what is chosen of it. Of pages it is also how much there is in all.
fn fields(sdl: &Sdl, name: &str, is_alone: bool) -> Vec<String> {
    let fields = sdl.fields(name).into_iter();
    let fields = fields.filter(|field| !field.arguments.iter().any(|one| is_required(&one.node)));
    let fields = fields
        .filter(|field| !is_alone || !EACH_ON_SQLITE.contains(&(name, field.name.node.as_str())));
    fields
        .map(|field| {
            let of = named(&field.ty.node);
            let kind = sdl.types.get(of).map(|one| &one.kind);
            let is_plain = matches!(kind, None | Some(TypeKind::Scalar | TypeKind::Enum(_)));
            let is_page = of.ends_with("Connection");
            let below = match (is_page, is_plain) {
                (true, _) => "(first: 2) { totalCount nodes { __typename } }",
                (_, true) => "",
                (_, false) => " { __typename }",
            };
            format!("{}{below}", field.name.node)
        })
        .collect()
}

/// How often a connection was taken so far, which each statement does.
pub(super) async fn statements(installation: &Installation) -> f64 {
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

/// Compares each field of the lists in the sample.
async fn compare_all(mut installation: Installation) {
    let (status, said) = installation.command(&["demo"]).await;
    assert!(status.success(), "{said}");
    let sdl = Sdl::current();
    for (list, name) in LISTS {
        let fields = fields(&sdl, name, installation.is_alone());
        assert!(fields.len() > 3, "{fields:?}");
        for field in fields {
            let what = format!("{name}.{field}");
            let query =
                |first: usize| format!("{{ {list}(first: {first}) {{ nodes {{ {field} }} }} }}");
            compare(&installation, &what, query).await;
        }
    }
    installation
        .left_undone("the steps of a playbook wait for days")
        .await;
}

#[test]
fn a_dozen_rows_are_read_by_as_many_statements_as_two() {
    block_on(async {
        compare_all(Installation::alone().await).await;
        match Installation::cluster(1, 1).await {
            Some(cluster) => compare_all(cluster).await,
            None => println!("TEST_DATABASE_URL or TEST_REDIS_URL is not set: SQLite only"),
        }
    });
}

#[test]
fn pages_below_pages_are_read_together_too() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let (status, said) = installation.command(&["demo"]).await;
        assert!(status.success(), "{said}");
        let query = |first: usize| {
            format!(
                "{{ contacts(first: {first}) {{ nodes {{ name conversations(first: 2) {{ nodes {{
                   subject messages(first: 2) {{ totalCount nodes {{ id sentAt }} }} }} }} }} }} }}"
            )
        };
        compare(
            &installation,
            "messages of conversations of contacts",
            query,
        )
        .await;
        // Together or alone, each has its own.
        let owner = installation.owner();
        let all = owner
            .must(
                "{ contacts(first: 12) { nodes { id notes(first: 2) { totalCount nodes { id } }
                   conversations(first: 2) { totalCount nodes { id } } } } }",
                json!({}),
            )
            .await;
        let alone = "query($id: ID!) { contact(id: $id) { id
            notes(first: 2) { totalCount nodes { id } }
            conversations(first: 2) { totalCount nodes { id } } } }";
        for row in all["nodes"].as_array().expect("rows") {
            let own = owner.must(alone, json!({ "id": row["id"] })).await;
            assert_eq!(own, *row);
        }
        installation
            .left_undone("the steps of a playbook wait for days")
            .await;
    });
}

#[test]
fn what_names_segments_is_looked_up_for_all_of_them_together() {
    block_on(async {
        let installation = Installation::alone().await;
        let owner = installation.owner();
        for number in 0..MANY {
            let name = format!("List {number:02}");
            let input = json!({ "name": name, "subject": "CONTACT" });
            let made = owner.change("createSegment", input, "segment { id }").await;
            let id = made["segment"]["id"].as_str().expect("an id");
            let condition = json!({ "segments": { "segmentIds": [id] } });
            let action = json!({ "setConversationPriority": { "priority": "LOW" } });
            owner
                .rule(&format!("Rule of {name}"), &condition, &action)
                .await;
        }
        let query = |first: usize| {
            format!("{{ segments(first: {first}) {{ nodes {{ name uses {{ name }} }} }} }}")
        };
        compare(&installation, "Segment.uses", query).await;
        let said = owner.must(&query(MANY), json!({})).await;
        for segment in said["nodes"].as_array().expect("rows") {
            let name = segment["name"].as_str().expect("a name");
            assert_eq!(
                segment["uses"],
                json!([{ "name": format!("Rule of {name}") }])
            );
        }
        installation.end().await;
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
