//! The second wall between workspaces, which PostgreSQL keeps: whatever a statement says, a session that
//! works for one workspace sees and writes nothing of another.

use std::future::Future;

use domain::{
    access::Actor,
    ctx::Ctx,
    store::{Db, Location, Query},
};
use entity::id::WorkspaceId;
use futures::future::join_all;
use sea_orm::{ConnectionTrait as _, DatabaseBackend, TransactionTrait as _};
use sqlx::{Connection as _, Executor as _};

use crate::support::{World, database::TestDatabase, on_both, runtime::block_on};

/// Runs `test` where there is a second wall.
fn on_postgres<F, T>(test: T)
where
    T: Fn(World, Actor) -> F,
    F: Future<Output = World>,
{
    let test = &test;
    on_both(|world| async move {
        if world.ctx.db.backend() != DatabaseBackend::Postgres {
            return world;
        }
        let other = World::workspace(&world.ctx, "Elsewhere", "elsewhere.example").await;
        test(world, other).await
    });
}

/// The tables with rows of workspaces, which are all but three.
async fn tables(db: &Db) -> Vec<String> {
    Query::new(
        "SELECT CAST(c.relname AS text) FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname NOT IN ('seaql_migrations', 'log_epoch', 'vault_secret') ORDER BY 1",
    )
    .column(db.reader())
    .await
    .unwrap()
}

/// Those of them that have no wall, or one with a gap.
async fn bare(db: &Db) -> Vec<String> {
    Query::new(
        "SELECT CAST(c.relname AS text) FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND c.relname NOT IN ('seaql_migrations', 'log_epoch', 'vault_secret')
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                    AND (SELECT COUNT(*) FROM pg_policy p WHERE p.polrelid = c.oid
                           AND p.polname = 'workspace_wall' AND p.polcmd = '*'
                           AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL) = 1
                    AND (SELECT COUNT(*) FROM pg_policy p WHERE p.polrelid = c.oid) = 1)
         ORDER BY 1",
    )
    .column(db.reader())
    .await
    .unwrap()
}

/// The names of the workspaces that are seen.
async fn names(db: &Db) -> Vec<String> {
    let query = Query::new("SELECT name FROM workspace ORDER BY name");
    query.column(db.reader()).await.unwrap()
}

async fn count(ctx: &Ctx, table: &str, workspace: WorkspaceId) -> i64 {
    let key = if table == "workspace" {
        "id"
    } else {
        "workspace_id"
    };
    let query = Query::new(format!("SELECT COUNT(*) FROM \"{table}\" WHERE {key} = $1"));
    let count: Option<i64> = query.bind(workspace).scalar(ctx.reader()).await.unwrap();
    count.unwrap()
}

#[test]
fn every_table_of_workspaces_has_its_wall_and_a_later_one_gets_it() {
    on_postgres(|world, _| async move {
        let db = &world.ctx.db;
        assert!(tables(db).await.len() > 90);
        assert_eq!(bare(db).await, [""; 0]);
        let owner = db.owner();
        for statement in [
            "CREATE TABLE later (workspace_id uuid NOT NULL, n bigint NOT NULL)",
            "ALTER TABLE contact DISABLE ROW LEVEL SECURITY",
        ] {
            owner.execute_unprepared(statement).await.unwrap();
        }
        assert_eq!(bare(db).await, ["contact", "later"]);
        migration::apply(owner).await.unwrap();
        assert_eq!(bare(db).await, [""; 0]);
        let mine = db.walled_to(world.owner.workspace);
        let insert = "INSERT INTO later (workspace_id, n) VALUES ($1, 1)";
        let put = Query::new(insert).bind(world.owner.workspace);
        assert_eq!(put.execute(mine.writer()).await.unwrap(), 1);
        world
    });
}

#[test]
fn behind_its_wall_a_workspace_sees_nothing_of_another_whatever_is_asked() {
    on_postgres(|world, other| async move {
        let ours = world.owner.workspace;
        let theirs = world.ctx.walled_to(other.workspace);
        let mut filled = 0;
        for table in tables(&world.ctx.db).await {
            filled += i32::from(count(&world.ctx, &table, ours).await > 0);
            assert_eq!(count(&theirs, &table, ours).await, 0, "{table}");
        }
        assert!(filled >= 4, "{filled}");
        assert_eq!(names(&theirs.db).await, ["Elsewhere"]);
        // Not widened by who asks for another.
        assert_eq!(names(&theirs.walled_to(ours).db).await, ["Elsewhere"]);
        assert_eq!(names(&world.ctx.db).await, ["Elsewhere", "Enishi Shokai"]);
        let tx = theirs.begin(ours).await.unwrap();
        let seen: Vec<String> = Query::new("SELECT email FROM member")
            .column(tx.connection())
            .await
            .unwrap();
        assert_eq!(seen, ["owner@elsewhere.example"]);
        tx.rollback().await.unwrap();
        world
    });
}

#[test]
fn behind_its_wall_a_workspace_writes_nothing_into_another() {
    on_postgres(|world, other| async move {
        let ours = world.owner.workspace;
        let theirs = world.ctx.walled_to(other.workspace);
        let insert = Query::new(
            "INSERT INTO member (workspace_id, id, email, name, role, created_at)
             VALUES ($1, $2, 'spy@elsewhere.example', 'Spy', 'ADMIN', now())",
        )
        .bind(ours)
        .bind(other.member);
        let moved = Query::new("UPDATE member SET workspace_id = $1").bind(ours);
        for query in [insert, moved] {
            let refused = query.execute(theirs.db.writer()).await.unwrap_err();
            let refused = refused.to_string();
            assert!(refused.contains("row-level security"), "{refused}");
        }
        let renamed = Query::new("UPDATE member SET name = 'Mine'");
        assert_eq!(renamed.execute(theirs.db.writer()).await.unwrap(), 1);
        let gone = Query::new("DELETE FROM access_token WHERE workspace_id = $1").bind(ours);
        assert_eq!(gone.execute(theirs.db.writer()).await.unwrap(), 0);
        let name: Option<String> = Query::new("SELECT name FROM member WHERE workspace_id = $1")
            .bind(ours)
            .scalar(world.ctx.reader())
            .await
            .unwrap();
        assert_eq!(name.as_deref(), Some("Owner"));
        world
    });
}

#[test]
fn one_connection_works_for_one_after_the_other_and_for_each_alone() {
    on_postgres(|world, other| async move {
        let db = world.database.location.open(1, None);
        let all = ["Elsewhere", "Enishi Shokai"];
        let (ours, theirs) = (
            db.walled_to(world.owner.workspace),
            db.walled_to(other.workspace),
        );
        for _ in 0..3 {
            assert_eq!(names(&ours).await, [all[1]]);
            assert_eq!(names(&theirs).await, [all[0]]);
            assert_eq!(names(&theirs).await, [all[0]]);
            assert_eq!(names(&db).await, all);
        }
        // However a transaction ends: undone, failed, dropped, or kept.
        let undone = ours.begin().await.unwrap();
        undone.rollback().await.unwrap();
        assert_eq!(names(&theirs).await, [all[0]]);
        let failed = ours.begin().await.unwrap();
        assert!(failed.execute_unprepared("SELECT 1 / 0").await.is_err());
        drop(failed);
        assert_eq!(names(&theirs).await, [all[0]]);
        let kept = ours.begin().await.unwrap();
        kept.commit().await.unwrap();
        assert_eq!(names(&theirs).await, [all[0]]);
        // The server may end a session; the next one is set before it is used.
        let pid: Option<i32> = Query::new("SELECT pg_backend_pid()")
            .scalar(ours.reader())
            .await
            .unwrap();
        let end = format!("SELECT pg_terminate_backend({})", pid.unwrap());
        let owner = world.ctx.db.owner();
        owner.execute_unprepared(&end).await.unwrap();
        let _ = ours.reader().execute_unprepared("SELECT 1").await;
        assert_eq!(names(&ours).await, [all[1]]);
        assert_eq!(names(&theirs).await, [all[0]]);
        world
    });
}

#[test]
fn many_at_once_see_each_only_their_own() {
    on_postgres(|world, other| async move {
        let db = world.database.location.open(3, None);
        let (db, ours, theirs) = (&db, world.owner.workspace, other.workspace);
        let one = |n: usize| async move {
            let (db, expected) = match n % 3 {
                0 => (db.walled_to(ours), &["Enishi Shokai"][..]),
                1 => (db.walled_to(theirs), &["Elsewhere"][..]),
                _ => (db.clone(), &["Elsewhere", "Enishi Shokai"][..]),
            };
            if n.is_multiple_of(5) {
                let tx = db.snapshot().await.unwrap();
                let query = Query::new("SELECT name FROM workspace ORDER BY name");
                let seen: Vec<String> = query.column(&tx).await.unwrap();
                assert_eq!(seen, expected);
            } else {
                assert_eq!(names(&db).await, expected);
            }
        };
        join_all((0..300).map(one)).await;
        world
    });
}

#[test]
fn when_the_server_has_ended_all_connections_one_statement_finds_out_for_the_others() {
    on_postgres(|world, _| async move {
        let (db, owner) = (world.database.location.open(3, None), world.ctx.db.owner());
        let reader = db.reader();
        let at_work = || async move {
            let query = Query::new("SELECT pg_backend_pid(), pg_sleep(0.3)");
            query.scalar::<i32>(reader).await.unwrap().unwrap()
        };
        let mut backends = join_all((0..3).map(|_| at_work())).await;
        backends.dedup();
        assert_eq!(backends.len(), 3);
        let list = format!("{backends:?}").replace(['[', ']'], "");
        let end = format!("SELECT pg_terminate_backend(pid, 5000) FROM unnest(ARRAY[{list}]) pid");
        owner.execute_unprepared(&end).await.unwrap();
        let mut failed = 0;
        for _ in 0..5 {
            failed += usize::from(reader.execute_unprepared("SELECT 1").await.is_err());
        }
        assert_eq!(failed, 1);
        world
    });
}

#[test]
fn the_programs_work_under_a_role_that_owns_nothing() {
    on_postgres(|world, _| async move {
        let role: Option<String> = Query::new(
            "SELECT CAST(r.rolname AS text) FROM pg_roles r
             WHERE r.rolname = current_user AND NOT r.rolsuper AND NOT r.rolbypassrls
               AND NOT EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid)",
        )
        .scalar(world.ctx.reader())
        .await
        .unwrap();
        let name = world.database.url.rsplit('/').next().unwrap();
        assert_eq!(role, Some(format!("enishi_app_{name}")));
        let lifted = "ALTER TABLE contact NO FORCE ROW LEVEL SECURITY";
        let refused = world.ctx.db.writer().execute_unprepared(lifted).await;
        assert!(refused.is_err());
        // Who does not say for whom sees nothing.
        let tx = world.ctx.db.owner().begin().await.unwrap();
        for statement in [
            format!("SET LOCAL ROLE enishi_app_{name}"),
            "SET LOCAL enishi.workspace = ''".to_owned(),
        ] {
            tx.execute_unprepared(&statement).await.unwrap();
        }
        let query = Query::new("SELECT COUNT(*) FROM workspace");
        assert_eq!(query.scalar(&tx).await.unwrap(), Some(0_i64));
        tx.rollback().await.unwrap();
        world
    });
}

/// Gives the database to a user who may make no roles, and names it as that user would.
async fn give_away(database: &mut TestDatabase, user: &str) {
    let mut url = url::Url::parse(&database.url).unwrap();
    let name = url.path().trim_start_matches('/').to_owned();
    let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
    for statement in [
        format!("CREATE ROLE {user} LOGIN PASSWORD 'of the house'"),
        format!("ALTER DATABASE {name} OWNER TO {user}"),
        format!("ALTER SCHEMA public OWNER TO {user}"),
    ] {
        let statement = sqlx::AssertSqlSafe(statement);
        connection.execute(statement).await.unwrap();
    }
    url.set_username(user).unwrap();
    url.set_password(Some("of the house")).unwrap();
    database.url = url.to_string();
    database.location = Location::parse(&database.url).unwrap();
}

#[test]
fn without_a_role_of_their_own_the_wall_binds_the_owner_of_the_tables() {
    block_on(async {
        let Some(mut database) = TestDatabase::postgres().await else {
            println!("TEST_DATABASE_URL is not set");
            return;
        };
        let server = database.url.clone();
        let user = format!("enishi_house_{}", std::process::id());
        give_away(&mut database, &user).await;
        let world = World::new(database).await;
        let other = World::workspace(&world.ctx, "Elsewhere", "elsewhere.example").await;
        let role: Option<String> = Query::new("SELECT CAST(current_user AS text)")
            .scalar(world.ctx.reader())
            .await
            .unwrap();
        assert_eq!(role.as_ref(), Some(&user));
        assert_eq!(bare(&world.ctx.db).await, [""; 0]);
        let theirs = world.ctx.walled_to(other.workspace);
        assert_eq!(names(&theirs.db).await, ["Elsewhere"]);
        assert_eq!(names(&world.ctx.db).await, ["Elsewhere", "Enishi Shokai"]);
        migration::apply(world.ctx.db.owner()).await.unwrap();
        world.end().await;
        let mut server = url::Url::parse(&server).unwrap();
        server.set_path("postgres");
        let mut connection = sqlx::PgConnection::connect(server.as_str()).await.unwrap();
        let drop = sqlx::AssertSqlSafe(format!("DROP ROLE {user}"));
        connection.execute(drop).await.unwrap();
    });
}
