//! Finding contacts and accounts who seem to be one before somebody stumbles over them.
//!
//! `duplicate_key` has what a contact or an account is compared by, as hashes: two with one hash may be one. A
//! projection keeps it up, and notes suspicions in `duplicate_suspect` and `account_suspect`. What was there
//! before has no keys yet: `duplicate_look` has one row for each kind of each workspace until all of it was
//! looked at. Programs that do not know the new columns note suspicions as they did: their defaults stand for
//! identities of both that were given for one person.

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
ALTER TABLE duplicate_suspect ADD COLUMN evidence INT NOT NULL DEFAULT 1;
ALTER TABLE duplicate_suspect ADD COLUMN strength INT NOT NULL DEFAULT 95;
CREATE INDEX duplicate_suspect_strength ON duplicate_suspect (workspace_id, strength, id) WHERE settled_at IS NULL;
CREATE TABLE account_suspect (
    workspace_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    other_account_id UUID NOT NULL,
    reason TEXT NOT NULL,
    evidence INT NOT NULL,
    strength INT NOT NULL,
    created_at TIME NOT NULL,
    settled_at TIME,
    settlement TEXT,
    PRIMARY KEY (workspace_id, id),
    FOREIGN KEY (workspace_id, account_id) REFERENCES account (workspace_id, id),
    FOREIGN KEY (workspace_id, other_account_id) REFERENCES account (workspace_id, id)
) STRICT;
CREATE UNIQUE INDEX account_suspect_pair ON account_suspect (workspace_id, account_id, other_account_id);
CREATE INDEX account_suspect_other ON account_suspect (workspace_id, other_account_id);
CREATE INDEX account_suspect_open ON account_suspect (workspace_id, id) WHERE settled_at IS NULL;
CREATE INDEX account_suspect_strength ON account_suspect (workspace_id, strength, id) WHERE settled_at IS NULL;
CREATE TABLE duplicate_key (
    workspace_id UUID NOT NULL,
    key_hash UUID NOT NULL,
    subject_id UUID NOT NULL,
    evidence INT NOT NULL,
    side INT NOT NULL,
    PRIMARY KEY (workspace_id, key_hash, subject_id)
) STRICT;
CREATE INDEX duplicate_key_subject ON duplicate_key (workspace_id, subject_id);
CREATE TABLE duplicate_look (
    workspace_id UUID NOT NULL,
    subject TEXT NOT NULL,
    last_id UUID,
    PRIMARY KEY (workspace_id, subject)
) STRICT;
INSERT INTO duplicate_look (workspace_id, subject)
SELECT w.id, 'CONTACT' FROM workspace w;
INSERT INTO duplicate_look (workspace_id, subject)
SELECT w.id, 'ACCOUNT' FROM workspace w;
";
