//! A row for every field of the roots: how to ask for it, and who may.
//!
//! In the variables `@tag` stands for the id of the house's tag and `#` for a fresh number. A new
//! field without a row fails [`the_table_has_every_root_field_and_nothing_else`].

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::sdl::{
    Root::{self, Mutation, Query, Subscription},
    Sdl,
};

/// What a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Allowed,
    Forbidden,
    Unauthenticated,
}

use Outcome::{Allowed as A, Forbidden as F, Unauthenticated as U};

/// The outcome for nobody, a viewer, an agent, an admin and an owner.
pub(super) type Outcomes = [Outcome; 5];

const READ: Outcomes = [U, A, A, A, A];
const WRITE: Outcomes = [U, F, A, A, A];
const CONFIGURE: Outcomes = [U, F, F, A, A];
const ADMINISTER: Outcomes = [U, F, F, A, A];
const OWNERS: Outcomes = [U, F, F, F, A];

/// One way to ask for a root field. Several rows may name the same field.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) root: Root,
    pub(super) field: &'static str,
    pub(super) variables: Value,
    pub(super) outcomes: Outcomes,
}

impl Row {
    pub(super) fn name(&self) -> String {
        format!("{}.{} {}", self.root.name(), self.field, self.variables)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the rows below read better without a borrow each"
)]
fn ask(field: &'static str, variables: Value, outcomes: Outcomes) -> Row {
    Row {
        root: Query,
        field,
        variables: variables.clone(),
        outcomes,
    }
}

fn change(field: &'static str, input: &Value, outcomes: Outcomes) -> Row {
    Row {
        root: Mutation,
        field,
        variables: json!({ "input": input }),
        outcomes,
    }
}

fn watch(field: &'static str) -> Row {
    Row {
        root: Subscription,
        field,
        variables: json!({}),
        outcomes: READ,
    }
}

/// The table.
pub(super) fn rows() -> Vec<Row> {
    let at = "2026-03-01T00:00:00Z";
    let mut rows = vec![
        ask("viewer", json!({}), READ),
        ask("workspace", json!({}), READ),
        ask("members", json!({}), READ),
        ask("accessTokens", json!({}), ADMINISTER),
        ask("auditLog", json!({}), ADMINISTER),
        ask("changeKinds", json!({}), READ),
        ask("account", json!({ "id": "@account" }), READ),
        ask(
            "accountBy",
            json!({ "reference": { "id": "@account" } }),
            READ,
        ),
        ask("accounts", json!({}), READ),
        ask("accountUsage", json!({ "id": "@account" }), READ),
        ask(
            "previewAccountMerge",
            json!({ "survivorId": "@account", "mergedId": "@company" }),
            READ,
        ),
        ask("attribute", json!({ "id": "@attribute" }), READ),
        ask("attributes", json!({}), READ),
        ask("contact", json!({ "id": "@contact" }), READ),
        ask("duplicateSuspects", json!({}), READ),
        ask("exportContactData", json!({ "id": "@contact" }), WRITE),
        ask(
            "previewMerge",
            json!({ "survivorId": "@contact", "mergedId": "@double" }),
            READ,
        ),
        ask("contactByEmail", json!({ "email": "taro@a.example" }), READ),
        ask(
            "contactByIdentity",
            json!({ "kind": "EMAIL", "value": "taro@a.example" }),
            READ,
        ),
        ask("contacts", json!({}), READ),
        ask("conversation", json!({ "id": "@conversation" }), READ),
        ask("conversations", json!({}), READ),
        ask("messages", json!({}), READ),
        ask("events", json!({}), READ),
        ask("emailEvents", json!({}), READ),
        ask("campaign", json!({ "id": "@campaign" }), READ),
        ask(
            "campaignByExternalId",
            json!({ "externalId": "spring" }),
            READ,
        ),
        ask("campaigns", json!({}), READ),
        ask("emailSources", json!({}), READ),
        ask("invoice", json!({ "id": "@invoice" }), READ),
        ask(
            "invoices",
            json!({ "filter": { "accountId": "@account" } }),
            READ,
        ),
        ask("opportunity", json!({ "id": "@opportunity" }), READ),
        ask(
            "opportunities",
            json!({ "filter": { "contactId": "@contact" } }),
            READ,
        ),
        ask("playbook", json!({ "id": "@playbook" }), READ),
        ask("playbooks", json!({}), READ),
        ask("playbookTemplates", json!({}), READ),
        ask("enrolment", json!({ "id": "@enrolment" }), READ),
        ask(
            "engagementDays",
            json!({ "from": "2026-02-01", "to": "2026-03-01" }),
            READ,
        ),
        ask("task", json!({ "id": "@task" }), READ),
        ask(
            "tasks",
            json!({ "filter": { "mine": true, "unassigned": true, "contactId": "@contact" } }),
            READ,
        ),
        ask("order", json!({ "id": "@order" }), READ),
        ask("orders", json!({}), READ),
        ask("leadJudgement", json!({}), READ),
        ask(
            "leadPurity",
            json!({ "from": "2026-01-01", "to": "2026-03-31", "by": "CHANNEL" }),
            READ,
        ),
        ask(
            "tagGroupDistribution",
            json!({ "groupId": "@group", "from": "2026-01-01", "to": "2026-03-31" }),
            READ,
        ),
        ask("tagQualityRun", json!({ "id": "@run" }), READ),
        ask("tagQualityRun", json!({}), READ),
        ask("tagQualityRuns", json!({}), READ),
        ask("survey", json!({ "id": "@survey" }), READ),
        ask("surveys", json!({}), READ),
        ask("surveyAnswer", json!({ "id": "@surveyAnswer" }), READ),
        ask("surveyAnswers", json!({}), READ),
        ask("ticket", json!({ "id": "@ticket" }), READ),
        ask("tickets", json!({}), READ),
        ask("healthModel", json!({}), READ),
        ask("healthSignals", json!({}), READ),
        ask("notificationTargets", json!({}), READ),
        ask("delivery", json!({ "id": "@delivery" }), READ),
        ask("inAppNotifications", json!({}), READ),
        ask("unreadNotificationCount", json!({}), READ),
        ask(
            "previewNotificationTemplate",
            json!({ "input": {
                "template": "{{ contact.name }}", "kind": "SLACK", "messageId": "@message",
            } }),
            READ,
        ),
        ask("teams", json!({}), READ),
        ask("deliveries", json!({}), READ),
        ask("importLines", json!({ "operationId": "@import" }), READ),
        ask(
            "previewImport",
            json!({ "uploadId": "@upload", "subject": "CONTACTS" }),
            READ,
        ),
        ask("operation", json!({ "id": "@operation" }), READ),
        ask("operations", json!({}), READ),
        ask("quarantine", json!({}), READ),
        ask("rateLimit", json!({}), READ),
        ask("rfmReport", json!({ "of": "ACCOUNT" }), READ),
        ask("registeredDocuments", json!({}), READ),
        ask("rule", json!({ "id": "@rule" }), READ),
        ask(
            "webTraffic",
            json!({ "from": "2026-02-01", "to": "2026-03-01", "period": "WEEK" }),
            READ,
        ),
        ask("rules", json!({}), READ),
        ask("ruleTemplates", json!({}), READ),
        ask(
            "tryRule",
            json!({ "input": { "ruleId": "@rule", "days": 30 } }),
            READ,
        ),
        ask("segment", json!({ "id": "@segment" }), READ),
        ask("segments", json!({}), READ),
        ask(
            "previewSegment",
            json!({
                "subject": "CONTACT",
                "condition": { "contactTags": { "mode": "ANY", "tagIds": ["@tag"] } },
            }),
            READ,
        ),
        ask("inboxes", json!({}), READ),
        ask("search", json!({ "query": "canary" }), READ),
        ask("node", json!({ "id": "@contact" }), READ),
        ask("nodes", json!({ "ids": ["@contact", "@tag"] }), READ),
        ask("tag", json!({ "id": "@tag" }), READ),
        ask(
            "previewTag",
            json!({ "input": { "name": "New #", "parentId": "@tag" } }),
            READ,
        ),
        ask("tagGroups", json!({}), READ),
        ask("tagUsage", json!({ "id": "@tag" }), READ),
        ask("tags", json!({}), READ),
        watch("changes"),
        watch("messageReceived"),
        watch("messageAdded"),
        watch("inAppNotificationReceived"),
        watch("conversationChanged"),
        watch("taggingChanged"),
        watch("healthChanged"),
        watch("operationChanged"),
        watch("ruleFired"),
        watch("segmentMembersChanged"),
        watch("taskChanged"),
    ];
    rows.extend([
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
        change(
            "ingestMessages",
            &json!({ "inboxId": "@inbox", "messages": [{
                "externalId": "new #", "contact": { "email": "hanako@new.example" },
                "body": "Hello", "sentAt": at,
            }] }),
            WRITE,
        ),
        change(
            "setConversationStatus",
            &json!({ "id": "@conversation", "status": "CLOSED" }),
            WRITE,
        ),
        change(
            "updateConversation",
            &json!({ "id": "@conversation", "priority": "HIGH", "assigneeId": "@member" }),
            WRITE,
        ),
        change(
            "updateConversations",
            &json!({ "ids": ["@conversation"], "status": "PENDING", "addWatcherIds": ["@boss"] }),
            WRITE,
        ),
        change(
            "createCampaign",
            &json!({ "externalId": "made #", "name": "Made" }),
            WRITE,
        ),
        change(
            "updateCampaign",
            &json!({ "id": "@campaign", "name": "Spring #" }),
            WRITE,
        ),
        change(
            "createEmailSource",
            &json!({ "name": "New #", "provider": "ELASTIC_EMAIL" }),
            CONFIGURE,
        ),
        change(
            "updateEmailSource",
            &json!({ "id": "@email_source", "name": "Changed #" }),
            CONFIGURE,
        ),
        change(
            "rotateEmailSourceUrl",
            &json!({ "id": "@email_source" }),
            CONFIGURE,
        ),
        change(
            "deleteEmailSource",
            &json!({ "id": "@spare_email_source" }),
            CONFIGURE,
        ),
        change(
            "ingestEmailEvents",
            &json!({ "events": [{
                "externalId": "new #", "emailKey": "k", "recipient": "hanako@new.example",
                "kind": "SENT", "occurredAt": at,
            }] }),
            WRITE,
        ),
        change(
            "ingestEvents",
            &json!({ "events": [{
                "externalId": "new #", "contact": { "email": "hanako@new.example" },
                "name": "login", "occurredAt": at,
            }] }),
            WRITE,
        ),
        change(
            "ingestOrders",
            &json!({ "orders": [{
                "externalId": "new #", "contact": { "id": "@contact" }, "status": "PLACED",
                "amount": 1, "currency": "JPY", "placedAt": at,
                "lines": [{ "productId": "p", "productName": "P", "unitPrice": 1 }],
            }] }),
            WRITE,
        ),
        change(
            "ingestInvoices",
            &json!({ "invoices": [{
                "externalId": "new #", "account": { "id": "@account" }, "status": "OPEN",
                "amount": 1, "currency": "JPY", "issuedAt": at,
            }] }),
            WRITE,
        ),
        change(
            "ingestTickets",
            &json!({ "tickets": [{
                "externalId": "new #", "contact": { "email": "hanako@new.example" },
                "subject": "Help", "status": "OPEN", "openedAt": at,
            }] }),
            WRITE,
        ),
        change(
            "ingestSurveyAnswers",
            &json!({ "answers": [{
                "externalId": "new #", "contact": { "id": "@contact" },
                "account": { "id": "@account" }, "surveyKey": "onboarding", "kind": "NPS",
                "score": 9, "answeredAt": at,
            }] }),
            WRITE,
        ),
        change(
            "ingestOpportunities",
            &json!({ "opportunities": [{
                "externalId": "new #", "contact": { "id": "@contact" },
                "account": { "id": "@account" }, "name": "New", "status": "OPEN", "openedAt": at,
            }] }),
            WRITE,
        ),
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
        change("withdrawRuleTags", &json!({ "ruleId": "@rule" }), CONFIGURE),
        change(
            "removeTags",
            &json!({ "tagIds": ["@tag"], "contactIds": ["@contact"] }),
            WRITE,
        ),
    ]);
    rows
}

#[test]
fn the_table_has_every_root_field_and_nothing_else() {
    let sdl = Sdl::current();
    let in_schema: BTreeSet<(Root, String)> = Root::ALL
        .into_iter()
        .flat_map(|root| {
            let fields = sdl.fields(root.name()).into_iter();
            fields.map(move |field| (root, field.name.node.to_string()))
        })
        .collect();
    let in_table: BTreeSet<(Root, String)> = rows()
        .into_iter()
        .map(|row| (row.root, row.field.to_owned()))
        .collect();
    let unlisted: Vec<_> = in_schema.difference(&in_table).collect();
    let unknown: Vec<_> = in_table.difference(&in_schema).collect();
    assert!(unlisted.is_empty(), "add a row for each of {unlisted:?}");
    assert!(unknown.is_empty(), "the schema has none of {unknown:?}");
}

#[test]
fn what_not_everybody_may_ask_leaves_the_rest_of_an_answer_whole() {
    let sdl = Sdl::current();
    let rows = rows().into_iter().filter(|row| row.root == Query);
    for row in rows.filter(|row| row.outcomes != READ) {
        let field = sdl.root(row.root, row.field).expect("a field");
        assert!(
            field.ty.node.nullable,
            "{}: return `Option<Result<T>>`",
            row.field
        );
    }
}
