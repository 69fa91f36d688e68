//! What conditions over everybody need: the events of a name, without reading those of all others.
//!
//! A condition on one contact reads that contact's events through `event_contact`; one on everybody
//! reads the events of its names in its window through this index, once. New entries of a name stand
//! behind its old ones, so that writing it costs little.

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
CREATE INDEX event_name ON event (workspace_id, name, occurred_at, contact_id);
";
