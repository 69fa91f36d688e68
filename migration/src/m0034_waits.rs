//! Since when a rule that waits for the clock waits, apart from when it was last changed: a new name or
//! another condition is no reason to leave out the time before.

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
ALTER TABLE rule ADD COLUMN waits_since TIME;
UPDATE rule SET waits_since = updated_at;
";
