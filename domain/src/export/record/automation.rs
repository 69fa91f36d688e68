//! What rules and notifications did, what health has been, and the audit log.

use serde_json::json;

use super::super::table::{Columns, fields};

pub(super) const FIRING: Columns<'static, entity::rule_firing::Model> = fields!(
    id: "Firing",
    rule_id: "Rule",
    rule_version: "Rule version",
    message_id: "Message",
    conversation_id: "Conversation",
    contact_id: "Contact",
    account_id: "Account",
    matched: "Matched",
    outcomes: "Outcomes",
    fired_at: "Fired at",
);

pub(super) const DELIVERY: Columns<'static, entity::delivery::Model> = fields!(
    id: "Delivery",
    target_id: "Target",
    rule_id: "Rule",
    firing_id: "Firing",
    contact_id: "Contact",
    playbook_id: "Playbook",
    account_id: "Account",
    state: "State",
    attempts as "attemptCount": "Attempts",
    folded_into as "foldedIntoId": "Told in",
    last_error: "Last error",
    created_at: "Created at",
    next_attempt_at: "Next attempt at",
    sent_at: "Sent at",
    finished_at: "Finished at",
);

pub(super) const HEALTH: Columns<'static, entity::health_history::Model> = fields!(
    id: "Entry",
    contact_id: "Contact",
    as_of: "At",
    score: "Health score",
    band: "Health band",
    coverage: "Coverage",
    model_version: "Model version",
    inputs: "Inputs",
    cause: "Cause",
);

pub(super) const AUDIT: Columns<'static, entity::audit_entry::Model> = fields!(
    number: "Number",
    id: "Entry",
    at: "At",
    actor: "Actor",
    token_id: "Token",
    action: "Action",
    subject: "Subject",
    contact_id: "Contact",
    before: "Before",
    after: "After",
    hash: "Hash" => |one| json!(one.hash.as_ref().map(hex::encode)),
);
