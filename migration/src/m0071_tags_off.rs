//! On PostgreSQL, tags that come off enter timelines by one statement for all of them, as those put on do.
//!
//! A trigger entered them row by row, which cost more than taking the tags off: starting a statement for each,
//! not what it wrote. It is left with taggings that had ended before and are moved or hold again, which are few.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::on_postgres(manager, STATEMENTS).await
    }
}

/// A trigger that sees all rows cannot be bound to columns: every update of taggings sets the new one off, so it
/// first asks whether any of the rows has ended. It keeps the plan it made for the first rows it saw: a nested
/// loop, good for one row, would compare each of a hundred thousand with each, so there are none; hashing, which
/// the programs' connections switch off, is the way that remains.
const STATEMENTS: &[&str] = &[
    "CREATE OR REPLACE TRIGGER timeline_tag_removed_changed AFTER UPDATE OF target_id, removed_at ON tagging
     FOR EACH ROW WHEN (OLD.removed_at IS NOT NULL
         AND (OLD.target_id IS DISTINCT FROM NEW.target_id
              OR OLD.removed_at IS DISTINCT FROM NEW.removed_at))
     EXECUTE FUNCTION timeline_tag_removed_changed()",
    "CREATE FUNCTION timeline_tag_removed_came() RETURNS trigger LANGUAGE plpgsql
     SET enable_nestloop = off SET enable_hashjoin = on AS $$ BEGIN
     IF EXISTS (SELECT 1 FROM new_rows n WHERE n.removed_at IS NOT NULL) THEN
         INSERT INTO timeline_entry (workspace_id, kind, subject_id, contact_id, account_id, at)
         SELECT n.workspace_id, 'TAG_REMOVED', n.id,
             CASE n.target
                 WHEN 'CONTACT' THEN n.target_id
                 WHEN 'CONVERSATION' THEN (SELECT v.contact_id FROM conversation v
                     WHERE v.workspace_id = n.workspace_id AND v.id = n.target_id) END,
             CASE n.target
                 WHEN 'ACCOUNT' THEN n.target_id
                 WHEN 'CONTACT' THEN (SELECT c.account_id FROM contact c
                     WHERE c.workspace_id = n.workspace_id AND c.id = n.target_id)
                 ELSE (SELECT c.account_id FROM contact c
                     WHERE c.workspace_id = n.workspace_id
                       AND c.id = (SELECT v.contact_id FROM conversation v
                           WHERE v.workspace_id = n.workspace_id AND v.id = n.target_id)) END,
             n.removed_at
         FROM new_rows n
         WHERE n.removed_at IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM old_rows o
             WHERE o.workspace_id = n.workspace_id AND o.id = n.id AND o.removed_at IS NOT NULL)
         ON CONFLICT (workspace_id, kind, subject_id) DO UPDATE SET
             contact_id = excluded.contact_id, account_id = excluded.account_id,
             at = excluded.at;
     END IF;
     RETURN NULL; END $$",
    "CREATE TRIGGER timeline_tag_removed_came AFTER UPDATE ON tagging
     REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
     FOR EACH STATEMENT EXECUTE FUNCTION timeline_tag_removed_came()",
];
