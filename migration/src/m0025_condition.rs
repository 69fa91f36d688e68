//! What questions about one contact, about an hour of long ago, and about what failed need, so that none of
//! them reads a history.
//!
//! - A condition on a contact's events of some names reads those events alone, not everything the contact
//!   ever did: somebody with a million page views is asked about their one trial as quickly as anybody else.
//! - Of segments such as "nothing bought for 90 days", each hour concerns those who did something in one
//!   hour 90 days ago. Nothing asks for all events of a name any more.
//! - Failed deliveries are few: a list of them over all targets walks them alone.

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
CREATE INDEX event_contact_name ON event (workspace_id, contact_id, name, occurred_at);
CREATE INDEX event_time ON event (workspace_id, occurred_at, contact_id);
DROP INDEX event_name;
CREATE INDEX delivery_failures ON delivery (workspace_id, id) WHERE state = 'FAILED';
";
