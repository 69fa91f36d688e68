//! Members, accounts, contacts, and the work with them.

use serde_json::json;

use super::{ADMINISTER, CONFIGURE, OWNERS, Row, WRITE, change};

pub(super) fn rows() -> Vec<Row> {
    let at = "2026-03-01T00:00:00Z";
    vec![
        change(
            "updateWorkspace",
            &json!({ "name": "Enishi #" }),
            ADMINISTER,
        ),
        change(
            "addMember",
            &json!({ "email": "new#@staff.example", "name": "New", "role": "AGENT" }),
            ADMINISTER,
        ),
        change(
            "addMember",
            &json!({ "email": "new#@staff.example", "name": "New", "role": "OWNER" }),
            OWNERS,
        ),
        change(
            "updateMember",
            &json!({ "id": "@member", "name": "Changed #", "email": "changed#@staff.example" }),
            ADMINISTER,
        ),
        change(
            "updateMember",
            &json!({ "id": "@boss", "name": "Changed #" }),
            OWNERS,
        ),
        change("updateMember", &json!({ "name": "Changed #" }), WRITE),
        change(
            "updateMember",
            &json!({ "email": "own#@staff.example" }),
            ADMINISTER,
        ),
        change(
            "setMemberRole",
            &json!({ "id": "@member", "role": "VIEWER" }),
            ADMINISTER,
        ),
        change(
            "setMemberRole",
            &json!({ "id": "@member", "role": "OWNER" }),
            OWNERS,
        ),
        change(
            "createAccessToken",
            &json!({ "name": "New", "scopes": ["READ"] }),
            ADMINISTER,
        ),
        change(
            "createAccessToken",
            &json!({ "name": "New", "scopes": ["READ"], "memberId": "@boss" }),
            OWNERS,
        ),
        change("revokeAccessToken", &json!({ "id": "@token" }), ADMINISTER),
        change("revokeAccessToken", &json!({ "id": "@boss_token" }), OWNERS),
        change("removeMember", &json!({ "id": "@member" }), ADMINISTER),
        change("createAccount", &json!({ "name": "New #" }), WRITE),
        change(
            "updateAccount",
            &json!({ "id": "@account", "name": "Changed #" }),
            WRITE,
        ),
        change(
            "deleteAccount",
            &json!({ "id": "@company", "usageToken": "@#company_token" }),
            CONFIGURE,
        ),
        change("archiveAccount", &json!({ "id": "@company" }), WRITE),
        change("restoreAccount", &json!({ "id": "@company" }), WRITE),
        change(
            "mergeAccounts",
            &json!({ "survivorId": "@account", "mergedId": "@company" }),
            WRITE,
        ),
        change("unmergeAccounts", &json!({ "id": "@company_merge" }), WRITE),
        change(
            "createAttribute",
            &json!({ "subject": "CONTACT", "key": "new_#", "name": "New", "valueType": "TEXT" }),
            CONFIGURE,
        ),
        change(
            "updateAttribute",
            &json!({ "id": "@attribute", "name": "Changed #" }),
            CONFIGURE,
        ),
        change(
            "deleteAttribute",
            &json!({ "id": "@spare_attribute" }),
            CONFIGURE,
        ),
        change(
            "setAttributes",
            &json!({
                "on": { "contactId": "@contact" },
                "values": [{ "attributeId": "@attribute", "value": { "text": "Value #" } }],
            }),
            WRITE,
        ),
        change(
            "addNote",
            &json!({ "on": { "accountId": "@account" }, "body": "New #" }),
            WRITE,
        ),
        change(
            "updateNote",
            &json!({ "id": "@note", "body": "Changed #" }),
            WRITE,
        ),
        change("deleteNote", &json!({ "id": "@spare_note" }), WRITE),
        change(
            "savePlaybook",
            &json!({ "name": "New #", "definition": { "steps": [
                { "stepId": "act", "kind": { "actions": [
                    { "tagContact": { "tagIds": ["@tag"] } },
                ] } },
            ] } }),
            CONFIGURE,
        ),
        change(
            "publishPlaybookVersion",
            &json!({ "id": "@spare_playbook", "version": 1 }),
            CONFIGURE,
        ),
        change(
            "setPlaybookState",
            &json!({ "id": "@spare_playbook", "state": "PAUSED" }),
            CONFIGURE,
        ),
        change(
            "createPlaybookFromTemplate",
            &json!({ "template": "CHURN_RESCUE", "name": "Template #" }),
            CONFIGURE,
        ),
        change(
            "duplicatePlaybook",
            &json!({ "id": "@playbook" }),
            CONFIGURE,
        ),
        change(
            "enrolContacts",
            &json!({ "playbookId": "@playbook", "contacts": { "ids": ["@double"] } }),
            WRITE,
        ),
        change(
            "cancelEnrolment",
            &json!({ "id": "@spare_enrolment" }),
            WRITE,
        ),
        change(
            "moveEnrolment",
            &json!({ "id": "@spare_enrolment", "step": "rest" }),
            WRITE,
        ),
        change(
            "moveEnrolmentsToVersion",
            &json!({ "playbookId": "@playbook", "version": 1 }),
            CONFIGURE,
        ),
        change(
            "retryEnrolment",
            &json!({ "id": "@failed_enrolment" }),
            WRITE,
        ),
        change(
            "createTask",
            &json!({
                "title": "New #", "assigneeId": "@member", "contactId": "@contact",
                "accountId": "@account", "conversationId": "@conversation", "dueAt": at,
            }),
            WRITE,
        ),
        change(
            "updateTask",
            &json!({ "id": "@task", "title": "Changed #", "assigneeId": "@member" }),
            WRITE,
        ),
        change("completeTask", &json!({ "id": "@spare_task" }), WRITE),
        change("cancelTask", &json!({ "id": "@spare_task" }), WRITE),
        change("reopenTask", &json!({ "id": "@done_task" }), WRITE),
        change(
            "attachIdentity",
            &json!({ "contactId": "@contact", "kind": "HANDLE", "value": "x:new#" }),
            WRITE,
        ),
        change(
            "detachIdentity",
            &json!({ "contactId": "@spare_contact", "kind": "EXTERNAL_ID", "value": "@spare_key" }),
            WRITE,
        ),
        change(
            "identifyContact",
            &json!({ "identities": [{ "kind": "ANONYMOUS_ID", "value": "cookie #" }] }),
            WRITE,
        ),
        change(
            "upsertContacts",
            &json!({ "contacts": [{ "externalId": "crm #", "name": "Upserted" }] }),
            WRITE,
        ),
        change(
            "upsertAccounts",
            &json!({ "accounts": [{ "externalId": "crm #", "name": "Upserted" }] }),
            WRITE,
        ),
        change(
            "dismissDuplicateSuspect",
            &json!({ "id": "@suspect" }),
            WRITE,
        ),
        change(
            "dismissAccountDuplicateSuspect",
            &json!({ "id": "@company_suspect" }),
            WRITE,
        ),
        change(
            "mergeContacts",
            &json!({ "survivorId": "@contact", "mergedId": "@double" }),
            WRITE,
        ),
        change("unmergeContacts", &json!({ "id": "@merge" }), WRITE),
        change(
            "setSubscription",
            &json!({ "contactId": "@contact", "channel": "EMAIL", "state": "SUBSCRIBED" }),
            WRITE,
        ),
        change(
            "eraseContact",
            &json!({ "id": "@spare_contact" }),
            ADMINISTER,
        ),
        change("createContact", &json!({ "name": "New #" }), WRITE),
        change(
            "updateContact",
            &json!({ "id": "@contact", "name": "Changed #" }),
            WRITE,
        ),
    ]
}
