//! What other systems need that tell of one another's changes late, or ask for them from time to time.
//!
//! `last_word` has for each contact and account that tracking told of when each thing about it was said, so
//! that what was said before and arrives later changes nothing: an object of moments (microseconds since
//! 1970), by a field's name or an attribute's id.

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
CREATE TABLE last_word (
    workspace_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    moments TEXT NOT NULL,
    PRIMARY KEY (workspace_id, subject_id)
) STRICT;
";
