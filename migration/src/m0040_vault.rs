//! The one secret of an installation that outlives its master keys, sealed: made by the program at its
//! first start, because only that has a key.

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
CREATE TABLE vault_secret (
    one INT NOT NULL PRIMARY KEY CHECK (one = 1),
    sealed TEXT NOT NULL,
    created_at TIME NOT NULL
) STRICT;
";
