//! When contacts came in, and what became of conversations.
//!
//! When somebody came in is there where it is told: those of a former system came long before their rows were
//! made. Nothing stands for the moment the row was made, so nothing is moved, and programs that do not
//! know the column go on. It has no index: whoever asks for a range asks for both kinds, and reports read all
//! contacts of a workspace once. Steps of conversations before this one are in the audit log only.

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
ALTER TABLE contact ADD COLUMN arrived_at TIME;
CREATE TABLE conversation_step (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    kind TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    from_assignee_id UUID,
    to_assignee_id UUID,
    from_priority INT,
    to_priority INT,
    at TIME NOT NULL,
    by_origin JSON NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX conversation_step_conversation ON conversation_step (workspace_id, conversation_id, id);
";
