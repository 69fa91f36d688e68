//! What triggers do for each row on PostgreSQL keeps its plan, whatever the statement that set them off does
//! with its own.
//!
//! A statement about many rows is planned anew each time it runs, and says so by a setting that holds for
//! everything below it: what a trigger then did for each of a hundred thousand rows was planned as often, which
//! took four times as long as doing it. Each of these functions looks rows up by their keys, for which there is
//! one plan.

use sea_orm_migration::prelude::*;

use crate::sql;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        sql::on_postgres(manager, &[KEEP_PLANS]).await
    }
}

/// The first bit of a trigger's type says that it is called for each row.
const KEEP_PLANS: &str = "
DO $$
DECLARE
    called regprocedure;
BEGIN
    FOR called IN
        SELECT DISTINCT t.tgfoid::regprocedure FROM pg_trigger t
        JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE NOT t.tgisinternal AND (t.tgtype & 1) = 1
          AND p.pronamespace = current_schema()::regnamespace
          AND (p.proname LIKE 'timeline\\_%' OR p.proname LIKE 'account\\_standing\\_%')
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET plan_cache_mode = force_generic_plan', called);
    END LOOP;
END $$";
