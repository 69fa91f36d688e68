//! On SQLite, an index by which the change log is read on from any place in it.
//!
//! `seq` is the number of the row there, which every index has at its end. Named as a column of the index
//! it is another thing to SQLite than in a statement: `(tx, seq) > (1, 2)` found the entries of `tx`, which
//! are all that one process has written, and went through them.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The primary key of PostgreSQL does it.
        if manager.get_database_backend() == DatabaseBackend::Postgres {
            return Ok(());
        }
        sql::run(manager, SCRIPT).await
    }
}

const SCRIPT: &str = "
CREATE INDEX change_place ON change (workspace_id, tx);
DROP INDEX change_order;
";
