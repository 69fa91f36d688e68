//! Who may do what: workspaces, members, access tokens, idempotency keys.

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
CREATE TABLE workspace (
    id UUID NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    locale TEXT NOT NULL,
    own_addresses JSON NOT NULL,
    rules_version INT NOT NULL,
    created_at TIME NOT NULL
) STRICT;
CREATE TABLE member (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    id UUID NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at TIME NOT NULL,
    removed_at TIME,
    PRIMARY KEY (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX member_email ON member (workspace_id, email) WHERE removed_at IS NULL;
CREATE TABLE access_token (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    member_id UUID NOT NULL,
    name TEXT NOT NULL,
    hash BYTES NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes JSON NOT NULL,
    created_at TIME NOT NULL,
    expires_at TIME,
    revoked_at TIME,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, member_id) REFERENCES member (workspace_id, id)
) STRICT;
CREATE TABLE idempotency_key (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    name TEXT NOT NULL,
    fingerprint BYTES NOT NULL,
    result TEXT,
    created_at TIME NOT NULL,
    PRIMARY KEY (workspace_id, name)
) STRICT;
";
