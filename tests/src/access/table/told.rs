//! What is told from outside: messages, emails, and the facts of other systems.

use serde_json::json;

use super::{CONFIGURE, Row, WRITE, change};

pub(super) fn rows() -> Vec<Row> {
    let at = "2026-03-01T00:00:00Z";
    vec![
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
            "createTrackedLink",
            &json!({ "name": "Link #", "targetUrl": "https://shop.example/spring" }),
            WRITE,
        ),
        change(
            "updateTrackedLink",
            &json!({ "id": "@tracked_link", "name": "Link #" }),
            WRITE,
        ),
        change(
            "archiveTrackedLink",
            &json!({ "id": "@tracked_link" }),
            WRITE,
        ),
        change(
            "restoreTrackedLink",
            &json!({ "id": "@tracked_link" }),
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
            "deleteFacts",
            &json!({ "kind": "ORDER", "externalIds": ["@#spare_fact"] }),
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
    ]
}
