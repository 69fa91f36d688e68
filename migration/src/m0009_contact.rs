//! What a workspace knows about its people and companies beyond a name: owner, stage, source, phone,
//! custom attributes, notes.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Lists sort "nobody" like an owner who came before everybody.
        let nobody = match manager.get_database_backend() {
            DatabaseBackend::Postgres => "'00000000-0000-0000-0000-000000000000'::uuid",
            _ => "x'00000000000000000000000000000000'",
        };
        sql::run(manager, &SCRIPT.replace("$nobody", nobody)).await
    }
}

const SCRIPT: &str = "
ALTER TABLE contact ADD COLUMN owner_id UUID;
ALTER TABLE contact ADD COLUMN stage TEXT;
ALTER TABLE contact ADD COLUMN stage_rank INT NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN source_channel TEXT;
ALTER TABLE contact ADD COLUMN source_campaign_id UUID;
ALTER TABLE contact ADD COLUMN brought_by_id UUID;
ALTER TABLE contact ADD COLUMN phone TEXT;
ALTER TABLE contact ADD COLUMN kana TEXT;
ALTER TABLE contact ADD COLUMN kana_key TEXT;
CREATE INDEX contact_stage ON contact (workspace_id, stage_rank, id);
CREATE INDEX contact_owner ON contact (workspace_id, COALESCE(owner_id, $nobody), id);
CREATE INDEX contact_source ON contact (workspace_id, COALESCE(source_channel, ''), id);
CREATE INDEX contact_kana ON contact (workspace_id, COALESCE(kana_key, name_key), id);
CREATE INDEX contact_campaign ON contact (workspace_id, source_campaign_id, id) WHERE source_campaign_id IS NOT NULL;
CREATE INDEX contact_brought_by ON contact (workspace_id, brought_by_id, id) WHERE brought_by_id IS NOT NULL;
ALTER TABLE account ADD COLUMN owner_id UUID;
ALTER TABLE account ADD COLUMN stage TEXT;
ALTER TABLE account ADD COLUMN stage_rank INT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN website TEXT;
ALTER TABLE account ADD COLUMN phone TEXT;
ALTER TABLE account ADD COLUMN description TEXT;
CREATE INDEX account_stage ON account (workspace_id, stage_rank, id);
CREATE INDEX account_owner ON account (workspace_id, COALESCE(owner_id, $nobody), id);
CREATE TABLE stage_change (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    subject TEXT NOT NULL,
    subject_id UUID NOT NULL,
    from_stage TEXT,
    to_stage TEXT,
    at TIME NOT NULL,
    by_origin JSON NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX stage_change_subject ON stage_change (workspace_id, subject_id, id);
CREATE TABLE note (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    subject TEXT NOT NULL,
    subject_id UUID NOT NULL,
    author JSON NOT NULL,
    body TEXT NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    deleted_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE INDEX note_subject ON note (workspace_id, subject_id, id) WHERE deleted_at IS NULL;
CREATE TABLE attribute_definition (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    value_type TEXT NOT NULL,
    options JSON NOT NULL,
    position INT NOT NULL,
    created_at TIME NOT NULL,
    updated_at TIME NOT NULL,
    archived_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX attribute_definition_key ON attribute_definition (workspace_id, subject, key);
CREATE TABLE attribute_value (
    workspace_id UUID NOT NULL,
    attribute_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    sort_key TEXT NOT NULL,
    text TEXT,
    number REAL,
    at TIME,
    options JSON NOT NULL,
    updated_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, subject_id, attribute_id),
    FOREIGN KEY (workspace_id, attribute_id) REFERENCES attribute_definition (workspace_id, id)
) STRICT;
CREATE INDEX attribute_value_sort ON attribute_value (workspace_id, attribute_id, sort_key, subject_id);
";
