//! For tags that stay while their contact or account is in a segment.
//!
//! A row of `tagging_segment` says that a tagging stays for a segment, and since when its thing has left it. Programs
//! that do not know the table let such tags stay.

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
CREATE TABLE tagging_segment (
    workspace_id UUID NOT NULL,
    tagging_id UUID NOT NULL,
    segment_id UUID NOT NULL,
    left_at TIME,
    PRIMARY KEY (workspace_id, tagging_id, segment_id)
) STRICT;
";
