//! Tasks of members.
//!
//! `sort_at` is the due moment, or the end of time where there is none, so that lists in the order of
//! what is due next need no sort key that may be missing.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await
    }
}

const SCRIPT: &str = "
CREATE TABLE task (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    priority TEXT NOT NULL,
    due_at TIME,
    sort_at TIME NOT NULL,
    overdue_at TIME,
    assignee_id UUID,
    contact_id UUID,
    account_id UUID,
    conversation_id UUID,
    made_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    ended_at TIME,
    ended_by JSON,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, assignee_id) REFERENCES member (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id),
    FOREIGN KEY (workspace_id, conversation_id) REFERENCES conversation (workspace_id, id)
) STRICT;
CREATE INDEX task_sort ON task (workspace_id, status, sort_at, id);
CREATE INDEX task_assignee ON task (workspace_id, assignee_id, status, sort_at, id);
CREATE INDEX task_contact ON task (workspace_id, contact_id, sort_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX task_account ON task (workspace_id, account_id, sort_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX task_conversation ON task (workspace_id, conversation_id, sort_at, id) WHERE conversation_id IS NOT NULL;
CREATE INDEX task_due ON task (due_at) WHERE status = 'OPEN' AND overdue_at IS NULL AND due_at IS NOT NULL;
";
