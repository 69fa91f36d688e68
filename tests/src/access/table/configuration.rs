//! How the workspace is set up: notifications, files, rules, segments, surveys, inboxes and tags.

use serde_json::json;

use super::{ADMINISTER, CONFIGURE, READ, Row, WRITE, change};

pub(super) fn rows() -> Vec<Row> {
    vec![
        change(
            "createNotificationTarget",
            &json!({ "name": "New #", "url": "https://hooks.slack.com/services/T/B/#" }),
            CONFIGURE,
        ),
        change(
            "updateNotificationTarget",
            &json!({ "id": "@target", "name": "Changed #" }),
            CONFIGURE,
        ),
        change(
            "deleteNotificationTarget",
            &json!({ "id": "@spare_target" }),
            CONFIGURE,
        ),
        change("replayDelivery", &json!({ "id": "@delivery" }), CONFIGURE),
        change(
            "replayFailedDeliveries",
            &json!({ "targetId": "@target" }),
            CONFIGURE,
        ),
        change(
            "testNotificationTarget",
            &json!({ "id": "@list" }),
            CONFIGURE,
        ),
        change(
            "rotateWebhookSecret",
            &json!({ "id": "@webhook" }),
            CONFIGURE,
        ),
        change("markNotificationsRead", &json!({}), READ),
        change(
            "createTeam",
            &json!({ "name": "New #", "memberIds": ["@member"] }),
            CONFIGURE,
        ),
        change(
            "renameTeam",
            &json!({ "id": "@team", "name": "Changed #" }),
            CONFIGURE,
        ),
        change(
            "setTeamMembers",
            &json!({ "id": "@team", "memberIds": ["@member"] }),
            CONFIGURE,
        ),
        change("deleteTeam", &json!({ "id": "@spare_team" }), CONFIGURE),
        change("exportContacts", &json!({}), READ),
        change("exportAccounts", &json!({}), READ),
        change("exportConversations", &json!({}), READ),
        change("exportList", &json!({ "list": "TAGS" }), READ),
        change("exportList", &json!({ "list": "AUDIT_LOG" }), ADMINISTER),
        change(
            "exportRecords",
            &json!({ "records": { "orders": {} } }),
            READ,
        ),
        change(
            "exportRecords",
            &json!({ "records": { "auditLog": {} } }),
            ADMINISTER,
        ),
        change("exportPerson", &json!({ "id": "@contact" }), WRITE),
        change("importContacts", &json!({ "uploadId": "@upload" }), WRITE),
        change(
            "importAccounts",
            &json!({ "uploadId": "@upload", "columns": [{ "column": 1, "field": "NAME" }] }),
            WRITE,
        ),
        change("cancelOperation", &json!({ "id": "@operation" }), WRITE),
        change(
            "replayQuarantined",
            &json!({ "ids": ["@quarantined"] }),
            CONFIGURE,
        ),
        change(
            "createRule",
            &json!({
                "name": "New #", "trigger": { "messageReceived": { "inboxIds": ["@inbox"] } },
                "condition": { "all": [
                    { "keywords": { "mode": "ANY_OF", "words": ["goodbye"] } },
                    { "not": { "contactTags": { "mode": "ANY", "tagIds": ["@tag"] } } },
                ] },
                "actions": [
                    { "tagContact": { "tagIds": ["@tag"] } },
                    { "notify": { "targetId": "@target" } },
                ],
            }),
            CONFIGURE,
        ),
        change(
            "updateRule",
            &json!({ "id": "@rule", "name": "Changed #" }),
            CONFIGURE,
        ),
        change("duplicateRule", &json!({ "id": "@rule" }), CONFIGURE),
        change(
            "rollbackRule",
            &json!({ "id": "@rule", "version": 1 }),
            CONFIGURE,
        ),
        change(
            "createRuleFromTemplate",
            &json!({
                "key": "complaint", "name": "From a template #", "conversationTagId": "@topic",
                "targetId": "@target",
            }),
            CONFIGURE,
        ),
        change(
            "setRuleActive",
            &json!({ "id": "@rule", "active": false }),
            CONFIGURE,
        ),
        change("reorderRules", &json!({ "ruleIds": ["@rule"] }), CONFIGURE),
        change("deleteRule", &json!({ "id": "@spare_rule" }), CONFIGURE),
        change(
            "createSegment",
            &json!({
                "name": "New #", "subject": "CONTACT",
                "condition": { "contactTags": { "mode": "ANY", "tagIds": ["@tag"] } },
            }),
            CONFIGURE,
        ),
        change(
            "updateSegment",
            &json!({ "id": "@segment", "description": "Changed #" }),
            CONFIGURE,
        ),
        change("duplicateSegment", &json!({ "id": "@segment" }), CONFIGURE),
        change(
            "rebuildSegment",
            &json!({ "id": "@live_segment" }),
            CONFIGURE,
        ),
        change(
            "deleteSegment",
            &json!({ "id": "@spare_segment" }),
            CONFIGURE,
        ),
        change(
            "removeFromSegment",
            &json!({ "id": "@segment", "members": { "contactIds": ["@contact"] } }),
            WRITE,
        ),
        change(
            "addToSegment",
            &json!({ "id": "@segment", "members": { "contactIds": ["@contact"] } }),
            WRITE,
        ),
        change(
            "createSurvey",
            &json!({
                "key": "new #", "kind": "NPS", "name": "New",
                "texts": [{ "locale": "EN", "question": "How?" }],
            }),
            CONFIGURE,
        ),
        change(
            "updateSurvey",
            &json!({ "id": "@survey", "name": "Changed #" }),
            CONFIGURE,
        ),
        change(
            "archiveSurvey",
            &json!({ "id": "@spare_survey" }),
            CONFIGURE,
        ),
        change(
            "restoreSurvey",
            &json!({ "id": "@spare_survey" }),
            CONFIGURE,
        ),
        change(
            "sendSurvey",
            &json!({ "surveyId": "@survey", "contactId": "@spare_contact", "medium": "LINK" }),
            WRITE,
        ),
        change(
            "saveHealthModel",
            &json!({ "signals": [{
                "signal": "email.active_days", "weight": 1, "windowDays": 28,
                "curve": { "linear": { "bad": 0, "good": 12 } },
            }] }),
            CONFIGURE,
        ),
        change(
            "registerDocuments",
            &json!({ "documents": ["{ viewer { role } }"] }),
            CONFIGURE,
        ),
        change("removeDocument", &json!({ "id": "@document" }), CONFIGURE),
        change(
            "createInbox",
            &json!({ "name": "New #", "channel": "CHAT" }),
            CONFIGURE,
        ),
        change(
            "updateInbox",
            &json!({ "id": "@inbox", "name": "Changed #" }),
            CONFIGURE,
        ),
        change("archiveInbox", &json!({ "id": "@spare_inbox" }), CONFIGURE),
        change("restoreInbox", &json!({ "id": "@spare_inbox" }), CONFIGURE),
        change(
            "createTag",
            &json!({ "name": "New #", "kind": "CONTACT" }),
            CONFIGURE,
        ),
        change(
            "updateTag",
            &json!({ "id": "@tag", "name": "Changed #" }),
            CONFIGURE,
        ),
        change(
            "moveTag",
            &json!({ "id": "@tag", "groupId": "@group" }),
            CONFIGURE,
        ),
        change("orderTags", &json!({ "tagIds": ["@spare_tag"] }), CONFIGURE),
        change(
            "mergeTags",
            &json!({ "sourceIds": ["@spare_tag"], "targetId": "@tag" }),
            CONFIGURE,
        ),
        change("unmergeTags", &json!({ "id": "@tag_merge" }), CONFIGURE),
        change(
            "deleteTag",
            &json!({ "id": "@spare_tag", "usageToken": "@#spare_token" }),
            CONFIGURE,
        ),
        change(
            "applyStarterPack",
            &json!({ "pack": "ENGAGEMENT", "locale": "JA" }),
            CONFIGURE,
        ),
        change("archiveTag", &json!({ "id": "@spare_tag" }), CONFIGURE),
        change("restoreTag", &json!({ "id": "@spare_tag" }), CONFIGURE),
        change(
            "createTagGroup",
            &json!({ "kind": "CONTACT", "name": "New #", "selection": "SINGLE" }),
            CONFIGURE,
        ),
        change(
            "updateTagGroup",
            &json!({ "id": "@group", "name": "Changed #", "stage": "BASIC" }),
            CONFIGURE,
        ),
        change(
            "orderTagGroups",
            &json!({ "groupIds": ["@group"] }),
            CONFIGURE,
        ),
        change(
            "setLeadJudgement",
            &json!({ "groupId": "@group", "targetTagIds": ["@value", "@other_value"] }),
            CONFIGURE,
        ),
        change("startTagQualityRun", &json!({}), CONFIGURE),
        change("applyTagPlan", &json!({ "runId": "@run" }), CONFIGURE),
        change("archiveTagGroup", &json!({ "id": "@group" }), CONFIGURE),
        change("restoreTagGroup", &json!({ "id": "@group" }), CONFIGURE),
        change(
            "deleteTagGroup",
            &json!({ "id": "@spare_group", "usageToken": "@#spare_group_token" }),
            CONFIGURE,
        ),
        change(
            "addTags",
            &json!({ "tagIds": ["@tag"], "contactIds": ["@contact"] }),
            WRITE,
        ),
        change(
            "tagByFilter",
            &json!({
                "things": { "contacts": { "tags": { "any": ["@tag"] } } }, "addTagIds": ["@tag"],
                "dryRun": true,
            }),
            WRITE,
        ),
        change(
            "updateByFilter",
            &json!({
                "things": { "contacts": { "tags": { "any": ["@tag"] } } }, "ownerId": null,
            }),
            WRITE,
        ),
        change("withdrawRuleTags", &json!({ "ruleId": "@rule" }), CONFIGURE),
        change(
            "removeTags",
            &json!({ "tagIds": ["@tag"], "contactIds": ["@contact"] }),
            WRITE,
        ),
    ]
}
