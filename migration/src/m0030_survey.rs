//! Surveys of our own, and whom they were sent to.
//!
//! An invitation has a link that is all it takes to answer, so only a hash of what is in the link is
//! kept; sealed beside it, for as long as a mail with it is on its way, what the mail will say. Where an
//! invitation stands follows from its moments.

use sea_orm_migration::prelude::*;

use crate::{
    m0010_timeline::{self, Source},
    sql,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::run(manager, SCRIPT).await?;
        m0010_timeline::watch(manager, INVITATIONS).await
    }
}

const SCRIPT: &str = "
CREATE TABLE survey (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    texts JSON NOT NULL,
    wave_days INT NOT NULL,
    valid_days INT NOT NULL,
    created_by JSON NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    archived_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX survey_key ON survey (workspace_id, key);
CREATE INDEX survey_name ON survey (workspace_id, name_key, id);
CREATE TABLE survey_invitation (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    survey_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    medium TEXT NOT NULL,
    locale TEXT NOT NULL,
    token_hash BYTES NOT NULL,
    sealed_token TEXT,
    made_by JSON NOT NULL,
    created_at TIME NOT NULL,
    expires_at TIME NOT NULL,
    attempts INT NOT NULL,
    next_attempt_at TIME,
    last_error TEXT,
    sent_at TIME,
    failed_at TIME,
    answered_at TIME,
    answer_id UUID,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, survey_id) REFERENCES survey (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX survey_invitation_token ON survey_invitation (token_hash);
CREATE INDEX survey_invitation_contact ON survey_invitation (workspace_id, contact_id, survey_id, created_at);
CREATE INDEX survey_invitation_survey ON survey_invitation (workspace_id, survey_id, id);
CREATE INDEX survey_invitation_sent ON survey_invitation (workspace_id, survey_id, sent_at) WHERE sent_at IS NOT NULL;
";

const INVITATIONS: &Source = &m0010_timeline::of_contact(
    "survey_invitation",
    "SURVEY_INVITED",
    "{n}.created_at",
    &["contact_id", "created_at"],
);
