//! For emails whose opens are not tracked, which are left out of open rates, and for telling the clicks of a
//! scanner by the address they came from.
//!
//! What is there counts as tracked, and so does what programs write that do not know the columns.

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
ALTER TABLE campaign ADD COLUMN tracks_opens BOOL NOT NULL DEFAULT TRUE;
ALTER TABLE email_source ADD COLUMN tracks_opens BOOL NOT NULL DEFAULT TRUE;
ALTER TABLE email_event ADD COLUMN tracks_opens BOOL NOT NULL DEFAULT TRUE;
ALTER TABLE email_event ADD COLUMN ip_hash TEXT;
ALTER TABLE email_day ADD COLUMN untracked INT NOT NULL DEFAULT 0;
ALTER TABLE email_day ADD COLUMN untracked_delivered INT NOT NULL DEFAULT 0;
ALTER TABLE email_day ADD COLUMN untracked_human_openers INT NOT NULL DEFAULT 0;
ALTER TABLE email_day ADD COLUMN untracked_openers INT NOT NULL DEFAULT 0;
ALTER TABLE email_day ADD COLUMN untracked_human_clickers INT NOT NULL DEFAULT 0;
";
