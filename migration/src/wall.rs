//! The second wall between workspaces: PostgreSQL itself shows a session only the rows of the workspace
//! it was set to (`enishi.workspace`, an id; `all` for what goes through all of them; without it
//! nothing is seen).
//!
//! The programs work under a role of their own that owns nothing, `enishi_app_` and the name of the
//! database, where it may be made. Each database has its own: a role that several had in common would
//! let whoever may use one of them into the others.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DatabaseBackend},
};

/// Puts the wall up wherever it is missing, and gives the role what it lacks: for new tables, and for a
/// database that was restored without its privileges. Asks the catalogue first, so that where
/// everything stands nothing is locked or written.
pub(crate) async fn build(connection: &impl ConnectionTrait) -> Result<(), DbErr> {
    if connection.get_database_backend() == DatabaseBackend::Postgres {
        for statement in [POLICIES, ROLE, GRANTS] {
            connection.execute_unprepared(statement).await?;
        }
    }
    Ok(())
}

/// The workspace stands in a sub-select, so that it is read once for each statement and not for each row;
/// `all` does not: a session of one workspace, whose rows pass the first test, never comes to it. The test
/// is about numbers because of what the planner makes of it: that it holds for nearly every row. Of the
/// plain comparisons it believes the opposite, and then takes every table for an empty one. A row without
/// a workspace, of which there are none today, would be seen by nobody but `all`.
const POLICIES: &str = r"
DO $do$
DECLARE bare record; test text;
BEGIN
    FOR bare IN
        SELECT c.oid::regclass AS name, k.attname AS key
        FROM pg_class c
        JOIN pg_attribute k ON k.attrelid = c.oid AND NOT k.attisdropped
         AND k.attname = CASE WHEN c.relname = 'workspace' THEN 'id' ELSE 'workspace_id' END
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                   AND EXISTS (SELECT 1 FROM pg_policy p
                               WHERE p.polrelid = c.oid AND p.polname = 'workspace_wall'))
        ORDER BY c.relname
    LOOP
        test := format($test$(
            CASE WHEN %I = (SELECT NULLIF(NULLIF(current_setting('enishi.workspace', true),
                                                 'all'), '')::uuid)
                 THEN 1 ELSE 0 END <> 0
            OR CASE WHEN current_setting('enishi.workspace', true) = 'all'
                    THEN 1 ELSE 0 END <> 0)$test$, bare.key);
        IF EXISTS (SELECT 1 FROM pg_policy p
                   WHERE p.polrelid = bare.name AND p.polname = 'workspace_wall') THEN
            EXECUTE format('DROP POLICY workspace_wall ON %s', bare.name);
        END IF;
        EXECUTE format('CREATE POLICY workspace_wall ON %s USING %s WITH CHECK %s',
                       bare.name, test, test);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
                       bare.name);
    END LOOP;
END $do$";

/// Whoever may not make a role, or not join it, goes on without: the policies bind the owner too.
const ROLE: &str = r"
DO $do$
DECLARE
    app name := 'enishi_app_' || current_database();
    is_in text := CASE WHEN current_setting('server_version_num')::int >= 160000
                       THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = app) THEN
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', app);
        EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
            NULL;
        END;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = app AND NOT pg_has_role(oid, is_in)) THEN
        BEGIN
            EXECUTE format('GRANT %I TO CURRENT_USER', app);
        EXCEPTION WHEN insufficient_privilege OR unique_violation OR internal_error THEN
            NULL;
        END;
    END IF;
END $do$";

const GRANTS: &str = r"
DO $do$
DECLARE
    app name := 'enishi_app_' || current_database();
    here text := quote_ident(current_schema());
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = app) THEN
        RETURN;
    END IF;
    IF NOT has_schema_privilege(app, current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', here, app);
    END IF;
    IF EXISTS (
        SELECT 1 FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT (has_table_privilege(app, c.oid, 'SELECT')
                   AND has_table_privilege(app, c.oid, 'INSERT')
                   AND has_table_privilege(app, c.oid, 'UPDATE')
                   AND has_table_privilege(app, c.oid, 'DELETE'))
    ) THEN
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %I',
                       here, app);
        EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %s TO %I', here, app);
    END IF;
END $do$";
