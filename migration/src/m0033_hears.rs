//! What may wake an enrolment, one bit for each kind of fact (`domain/src/playbook/hear.rs`). Those that
//! wait already are woken by anything until they are looked at again.

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
ALTER TABLE enrolment ADD COLUMN hears INT NOT NULL DEFAULT 9223372036854775807;
";
