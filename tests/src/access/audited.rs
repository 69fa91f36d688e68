//! Every mutation leaves an entry in the audit log, or is named here with the reason why not.

use domain::store::Query;
use serde_json::{Value, json};

use super::{
    house::{Door, House, clear, settle},
    table::rows,
};
use crate::support::{
    World, on_both,
    sdl::{Root, Sdl},
};

/// Mutations that change neither the configuration nor what is known of a person by itself. A new
/// mutation that does must call `Tx::audit`; one that does not is named here.
const SILENT: &[(&str, &str)] = &[
    (
        "addTags",
        "taggings keep their own history with who, when and why",
    ),
    (
        "removeTags",
        "taggings keep their own history with who, when and why",
    ),
    (
        "addToSegment",
        "a segment's history says who put in whom, and when",
    ),
    (
        "removeFromSegment",
        "a segment's history says who took out whom, and when",
    ),
    (
        "tagByFilter",
        "an operation says who asked for what, and taggings keep their history",
    ),
    (
        "withdrawRuleTags",
        "an operation says who asked for what, and taggings keep their history",
    ),
    (
        "ingestMessages",
        "an entry only for the contacts it makes; see tests/src/audit.rs",
    ),
    ("ingestEvents", "an entry only for the contacts it makes"),
    (
        "ingestEmailEvents",
        "events of emails are facts of their own",
    ),
    (
        "ingestOrders",
        "facts of other systems; an entry only for the contacts it makes",
    ),
    (
        "ingestInvoices",
        "facts of other systems; an entry only for the contacts it makes",
    ),
    (
        "ingestTickets",
        "facts of other systems; an entry only for the contacts it makes",
    ),
    (
        "startTagQualityRun",
        "changes nothing but its own findings; the run is kept",
    ),
    (
        "ingestSurveyAnswers",
        "facts of other systems; an entry only for the contacts it makes",
    ),
    (
        "ingestOpportunities",
        "facts of other systems; an entry only for the contacts it makes",
    ),
    (
        "replayDelivery",
        "sends again what was sent; the attempts are kept",
    ),
    (
        "replayFailedDeliveries",
        "sends again what was sent; the attempts are kept",
    ),
    (
        "testNotificationTarget",
        "changes nothing; the delivery is kept",
    ),
    (
        "markNotificationsRead",
        "a member's own list; says nothing of the workspace",
    ),
    (
        "setConversationStatus",
        "daily work; facts in the change log",
    ),
    ("updateConversation", "daily work; facts in the change log"),
    ("updateConversations", "daily work; facts in the change log"),
    (
        "enrolContacts",
        "enrolments keep their own history with who, when and why",
    ),
    (
        "sendSurvey",
        "invitations keep their own history with who, when and what became of them",
    ),
    (
        "cancelOperation",
        "an operation keeps who asked for it and what became of it",
    ),
    (
        "replayQuarantined",
        "does again what was set aside; its effects are told as such",
    ),
];

/// What the table's row asks changes nothing when it is asked in a fresh house; this does.
fn instead(field: &str) -> Option<Value> {
    match field {
        "reorderRules" => Some(json!({ "input": { "ruleIds": ["@spare_rule", "@rule"] } })),
        "registerDocuments" => {
            Some(json!({ "input": { "documents": ["{ viewer { memberId } }"] } }))
        }
        "orderTagGroups" => Some(json!({ "input": { "groupIds": ["@second_group", "@group"] } })),
        "moveTag" => Some(json!({ "input": { "id": "@tag", "parentId": "@above" } })),
        _ => None,
    }
}

async fn entries(world: &World) -> i64 {
    let count = Query::new("SELECT COUNT(*) FROM audit_entry WHERE workspace_id = $1")
        .bind(world.owner.workspace)
        .scalar(world.ctx.reader())
        .await;
    count.expect("a count").unwrap_or_default()
}

#[test]
fn every_mutation_leaves_an_audit_entry_or_is_named_with_the_reason() {
    on_both(|world| async move {
        let sdl = Sdl::current();
        let door = Door::new(&world.ctx);
        let mut house = House::furnish(&world, &door, &world.owner, "a").await;
        let above = world
            .tag(entity::kind::TagKind::Contact, "Above", None)
            .await;
        house.ids.insert("above".to_owned(), above.to_string());
        let group = "mutation($input: CreateTagGroupInput!) { createTagGroup(input: $input) \
            { tagGroup { id } userErrors { message } } }";
        let input = json!({ "kind": "CONTACT", "name": "Second", "selection": "MULTI" });
        let made = door
            .must(&world.owner, group, json!({ "input": input }))
            .await;
        let second = made["tagGroup"]["id"].as_str().expect("an id");
        house
            .ids
            .insert("second_group".to_owned(), second.to_owned());
        let mut wrong = Vec::new();
        let mutations = rows().into_iter().filter(|row| row.root == Root::Mutation);
        for row in mutations {
            if SILENT.iter().any(|(field, _)| *field == row.field) {
                continue;
            }
            let variables = instead(row.field).unwrap_or_else(|| row.variables.clone());
            settle(&world).await;
            house.refresh_for(&door, &variables).await;
            for (restore, thing, word) in [
                ("restoreAccount", "Account", "company"),
                ("restoreInbox", "Inbox", "spare_inbox"),
                ("restoreTag", "Tag", "spare_tag"),
                ("restoreSurvey", "Survey", "spare_survey"),
                ("restoreTrackedLink", "TrackedLink", "tracked_link"),
            ] {
                if row.field == restore {
                    let archive = format!(
                        "mutation($input: Archive{thing}Input!) \
                         {{ archive{thing}(input: $input) {{ userErrors {{ message }} }} }}"
                    );
                    let input = json!({ "id": house.ids[word] });
                    door.must(&world.owner, &archive, json!({ "input": input }))
                        .await;
                }
            }
            let before = entries(&world).await;
            let variables = house.fill(&variables);
            let field = sdl.root(row.root, row.field).expect("a field");
            let document = sdl.operation(row.root, field, 1);
            let answer = door.ask(&world.owner, &document, &variables).await;
            let mistakes = answer["data"][row.field]["userErrors"].as_array();
            let worked = answer["errors"].is_null() && mistakes.is_none_or(Vec::is_empty);
            if !worked {
                wrong.push(format!("{} did not work: {answer}", row.name()));
            } else if entries(&world).await == before {
                wrong.push(format!(
                    "{} left no entry: call `Tx::audit`, or name it in SILENT",
                    row.name()
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        clear(&world).await;
        world
    });
}

#[test]
fn what_is_named_as_silent_exists() {
    let sdl = Sdl::current();
    for (field, _) in SILENT {
        assert!(sdl.root(Root::Mutation, field).is_some(), "{field}");
    }
}
