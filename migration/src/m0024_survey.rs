//! Answers to surveys, as whoever asked tells them. The columns all facts share are explained in
//! `m0010_fact`.

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
        m0010_timeline::watch(manager, ANSWERS).await
    }
}

const SCRIPT: &str = "
CREATE TABLE survey_answer (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    external_id TEXT NOT NULL,
    contact_id UUID,
    account_id UUID,
    account_told BOOL NOT NULL,
    digest TEXT NOT NULL,
    survey_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    score INT NOT NULL,
    comment TEXT,
    answered_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    created_at TIME NOT NULL,
    recorded_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX survey_answer_external_id ON survey_answer (workspace_id, external_id);
CREATE INDEX survey_answer_contact ON survey_answer (workspace_id, contact_id, answered_at, id) WHERE contact_id IS NOT NULL;
CREATE INDEX survey_answer_account ON survey_answer (workspace_id, account_id, answered_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX survey_answer_answered ON survey_answer (workspace_id, answered_at, id);
CREATE INDEX survey_answer_survey ON survey_answer (workspace_id, survey_key, answered_at, id);
";

const ANSWERS: &Source = &m0010_timeline::of_either(
    "survey_answer",
    "SURVEY_ANSWER",
    "{n}.answered_at",
    &["contact_id", "account_id", "answered_at"],
);
