//! What changes an account's standing is noted once for each statement, on PostgreSQL.
//!
//! A function was called for each row, which cost more than what it wrote. SQLite has triggers for each row
//! only, and calls nothing for them.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::on_postgres(manager, SCRIPT).await
    }
}

/// Old and new rows are brought together by grouping: its plan, which sessions keep, is good for one row
/// and for thousands, unlike that of a join.
const SCRIPT: &[&str] = &[
    "DROP TRIGGER account_standing_active ON contact_activity",
    "DROP TRIGGER account_standing_scored ON contact_health",
    "DROP FUNCTION account_standing_changed()",
    "CREATE FUNCTION account_standing_active() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     SELECT x.workspace_id, x.contact_id
     FROM (SELECT o.workspace_id, o.contact_id, o.last_activity_at FROM old_rows o
           UNION ALL
           SELECT n.workspace_id, n.contact_id, n.last_activity_at FROM new_rows n) x
     GROUP BY x.workspace_id, x.contact_id
     HAVING MIN(x.last_activity_at) <> MAX(x.last_activity_at);
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_active AFTER UPDATE ON contact_activity
     REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
     EXECUTE FUNCTION account_standing_active()",
    "CREATE FUNCTION account_standing_scored() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     INSERT INTO account_standing_note (workspace_id, contact_id)
     SELECT x.workspace_id, x.contact_id
     FROM (SELECT o.workspace_id, o.contact_id, o.score FROM old_rows o
           UNION ALL
           SELECT n.workspace_id, n.contact_id, n.score FROM new_rows n) x
     GROUP BY x.workspace_id, x.contact_id
     HAVING MIN(x.score) <> MAX(x.score) OR COUNT(x.score) = 1;
     RETURN NULL; END $$",
    "CREATE TRIGGER account_standing_scored AFTER UPDATE ON contact_health
     REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
     EXECUTE FUNCTION account_standing_scored()",
];
