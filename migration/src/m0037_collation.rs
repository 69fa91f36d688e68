//! Texts compared by their bytes on PostgreSQL, as SQLite does, whatever the locale of the database.
//!
//! A locale's order is many times the work, for every step down an index, and nobody sees it: what people
//! sort by are keys that were folded before they were stored. It would also make of one list two, in
//! another order on each database, and upset indexes when the system's locale data change. The word `TEXT`
//! of [`crate::sql::run`] says so for new columns; this is for those made before it did.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::on_postgres(manager, &[COLUMNS]).await
    }
}

/// Rows stay as they are; only the indexes over the columns are made anew.
const COLUMNS: &str = r#"
DO $do$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name,
               string_agg(format('ALTER COLUMN %I TYPE text COLLATE "C"', a.attname), ', '
                          ORDER BY a.attnum) AS changes
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
          AND a.atttypid = 'text'::regtype AND a.attcollation <> '"C"'::regcollation
        GROUP BY c.oid, c.relname
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s %s', one.name, one.changes);
    END LOOP;
END $do$"#;
