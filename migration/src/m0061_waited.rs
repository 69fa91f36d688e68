//! For rules on conversations that wait for an answer.
//!
//! `wait_clock` has the workspaces with such a rule, and when they are looked at next; `wait_mark` up to which
//! beginning of a wait each length has been looked for; `wait_told` which conversations have been told of, so
//! that each wait is told once for each length. Workspaces without such a rule have no row in the first, and
//! programs that do not know the tables go on.

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
CREATE TABLE wait_clock (
    workspace_id UUID NOT NULL,
    look_at TIME NOT NULL,
    PRIMARY KEY (workspace_id)
) STRICT;
CREATE INDEX wait_clock_look ON wait_clock (look_at);
CREATE TABLE wait_mark (
    workspace_id UUID NOT NULL,
    minutes INT NOT NULL,
    business_hours BOOL NOT NULL,
    reached TIME NOT NULL,
    PRIMARY KEY (workspace_id, minutes, business_hours)
) STRICT;
CREATE TABLE wait_told (
    workspace_id UUID NOT NULL,
    conversation_id UUID NOT NULL,
    minutes INT NOT NULL,
    business_hours BOOL NOT NULL,
    waiting_since TIME NOT NULL,
    PRIMARY KEY (workspace_id, conversation_id, minutes, business_hours)
) STRICT;
";
