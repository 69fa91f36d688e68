//! Each try to send the mail of an invitation, as deliveries have them: what was sent, but for the link,
//! what the mail server said, and the time it took.

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
CREATE TABLE survey_attempt (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    invitation_id UUID NOT NULL,
    attempt INT NOT NULL,
    started_at TIME NOT NULL,
    duration_ms INT NOT NULL,
    status INT,
    error TEXT,
    response TEXT NOT NULL,
    request_headers JSON,
    request_body TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, invitation_id) REFERENCES survey_invitation (workspace_id, id)
) STRICT;
CREATE INDEX survey_attempt_invitation ON survey_attempt (workspace_id, invitation_id, id);
CREATE INDEX survey_attempt_answered ON survey_attempt (workspace_id, id) WHERE response <> '';
CREATE INDEX survey_attempt_requested ON survey_attempt (workspace_id, id)
    WHERE request_body IS NOT NULL;
";
