//! The second wall between workspaces, on PostgreSQL: see the module `wall`. Tables of later steps get
//! theirs at the end of every [`crate::apply`].
//!
//! Behind it PostgreSQL cannot find rows by `COALESCE`, but by `CASE`: the indexes say that now, on both
//! databases, because the statements are the same.

use sea_orm_migration::{prelude::*, sea_orm::DatabaseBackend};

use crate::{sql, wall};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let nobody = match manager.get_database_backend() {
            DatabaseBackend::Postgres => "'00000000-0000-0000-0000-000000000000'::uuid",
            _ => "x'00000000000000000000000000000000'",
        };
        sql::run(manager, &INDEXES.replace("$nobody", nobody)).await?;
        wall::build(manager.get_connection()).await
    }
}

const INDEXES: &str = "
DROP INDEX contact_owner;
DROP INDEX contact_source;
DROP INDEX contact_kana;
DROP INDEX account_owner;
CREATE INDEX contact_owner ON contact (workspace_id, (CASE WHEN owner_id IS NULL THEN $nobody ELSE owner_id END), id);
CREATE INDEX contact_source ON contact (workspace_id, (CASE WHEN source_channel IS NULL THEN '' ELSE source_channel END), id);
CREATE INDEX contact_kana ON contact (workspace_id, (CASE WHEN kana_key IS NULL THEN name_key ELSE kana_key END), id);
CREATE INDEX account_owner ON account (workspace_id, (CASE WHEN owner_id IS NULL THEN $nobody ELSE owner_id END), id);
";
