//! What other systems need that tell of one another's changes late, or ask for them from time to time.
//!
//! `last_word` has for each contact and account that tracking told of when each thing about it was said, so
//! that what was said before and arrives later changes nothing: an object of moments (microseconds since
//! 1970), by a field's name or an attribute's id.
//!
//! `latest_change` has when each contact, account and conversation last changed in any way that is shown with
//! it, kept by a projection (`domain/src/latest.rs`). What is there begins with the latest moment that is
//! known of it.

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
CREATE TABLE last_word (
    workspace_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    moments TEXT NOT NULL,
    PRIMARY KEY (workspace_id, subject_id)
) STRICT;
CREATE TABLE latest_change (
    workspace_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    subject TEXT NOT NULL,
    changed_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, subject_id)
) STRICT;
INSERT INTO latest_change (workspace_id, subject_id, subject, changed_at)
SELECT t.workspace_id, t.id, 'CONTACT', t.updated_at FROM contact t;
INSERT INTO latest_change (workspace_id, subject_id, subject, changed_at)
SELECT t.workspace_id, t.id, 'ACCOUNT', t.updated_at FROM account t;
INSERT INTO latest_change (workspace_id, subject_id, subject, changed_at)
SELECT t.workspace_id, t.id, 'CONVERSATION',
       CASE WHEN t.last_message_at > t.created_at THEN t.last_message_at ELSE t.created_at END
FROM conversation t;
CREATE INDEX latest_change_order ON latest_change (workspace_id, subject, changed_at, subject_id);
";
