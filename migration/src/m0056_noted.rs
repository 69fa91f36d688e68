//! Notes about the standing of accounts are read within seconds, in the order of their numbers. Their index by
//! contact was for the erasing of people alone, which can look at what few notes there are: each message paid
//! for two entries in it.

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
DROP INDEX account_standing_note_contact;
";
