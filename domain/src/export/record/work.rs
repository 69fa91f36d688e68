//! What members have to do, and what they wrote down.

use serde_json::json;

use super::super::table::{Columns, fields};
use crate::subject::Subject;

pub(super) const TASK: Columns<'static, entity::task::Model> = fields!(
    id: "Task",
    title: "Title",
    description: "Description",
    status: "Status",
    priority: "Priority",
    due_at: "Due at",
    assignee_id: "Assignee",
    team_id: "Team",
    contact_id: "Contact",
    account_id: "Account",
    conversation_id: "Conversation",
    made_by: "Made by",
    created_at: "Created at",
    updated_at: "Updated at",
    ended_at: "Ended at",
    ended_by: "Ended by",
);

pub(super) const NOTE: Columns<'static, entity::note::Model> = fields!(
    id: "Note",
    subject as "subjectId": "About" => |one| {
        json!(Subject::new(one.subject, one.subject_id).to_string())
    },
    author: "Author",
    body: "Text",
    created_at: "Created at",
    updated_at: "Updated at",
    deleted_at: "Deleted at",
);
