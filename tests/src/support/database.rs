//! A fresh database for each test, on both kinds.

use std::{
    future::Future,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use domain::store::{Db, Location};
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{World, runtime::block_on};

/// A database that exists as long as this value.
#[derive(Debug)]
pub struct TestDatabase {
    /// Its URL, as `DATABASE_URL` takes it.
    pub url: String,
    /// Where it is.
    pub location: Location,
    /// The server's URL and the database's name, for dropping it; SQLite's folder.
    cleanup: Cleanup,
}

#[derive(Debug)]
enum Cleanup {
    Postgres { server: String, name: String },
    Sqlite { folder: TempDir },
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A SQLite file, and a PostgreSQL database, whose tables are there: bringing the schema about takes
/// longer than most tests. They go with the machine's temporary folder and the test server.
static SQLITE_MODEL: OnceCell<PathBuf> = OnceCell::const_new();
static POSTGRES_MODEL: OnceCell<String> = OnceCell::const_new();

async fn sqlite_model() -> PathBuf {
    let model = TestDatabase::sqlite();
    model.make().await;
    let Cleanup::Sqlite { folder } = model.cleanup else {
        unreachable!("it is a file");
    };
    folder.keep().join("enishi.db")
}

async fn postgres_model(server: &str) -> String {
    let model = TestDatabase::postgres_on(server).await;
    model.make().await;
    let Cleanup::Postgres { name, .. } = model.cleanup else {
        unreachable!("it is on a server");
    };
    name
}

impl TestDatabase {
    /// An empty SQLite file.
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("enishi.db").display());
        let location = Location::parse(&url).expect("a URL");
        Self {
            url,
            location,
            cleanup: Cleanup::Sqlite { folder },
        }
    }

    /// An empty PostgreSQL database, when the tests were given a server.
    pub async fn postgres() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        Some(Self::postgres_on(&server).await)
    }

    /// An empty database of the PostgreSQL server at this URL.
    pub async fn postgres_on(server: &str) -> Self {
        Self::create(server, "").await
    }

    async fn create(server: &str, how: &str) -> Self {
        let server = server.to_owned();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("enishi_test_{}_{number}", std::process::id());
        let mut connection = sqlx::PgConnection::connect(&server)
            .await
            .expect("the test server");
        let create = format!("CREATE DATABASE {name} {how}");
        let mut tries = 0;
        while let Err(error) = connection
            .execute(sqlx::AssertSqlSafe(create.clone()))
            .await
        {
            // The server waits five seconds for whoever has just left the database that is copied.
            tries += 1;
            assert!(tries < 12, "a database: {error}");
        }
        let mut url = url::Url::parse(&server).expect("a URL");
        url.set_path(&name);
        let url = url.to_string();
        let location = Location::parse(&url).expect("a URL");
        Self {
            url,
            location,
            cleanup: Cleanup::Postgres { server, name },
        }
    }

    /// A SQLite file with all tables.
    pub async fn sqlite_made() -> Self {
        let model = SQLITE_MODEL.get_or_init(sqlite_model).await;
        let made = Self::sqlite();
        if let Cleanup::Sqlite { folder } = &made.cleanup {
            std::fs::copy(model, folder.path().join("enishi.db")).expect("a copy");
        }
        made
    }

    /// A PostgreSQL database with all tables, when the tests were given a server.
    pub async fn postgres_made() -> Option<Self> {
        let server = std::env::var("TEST_DATABASE_URL").ok()?;
        let model = POSTGRES_MODEL.get_or_init(|| postgres_model(&server)).await;
        Some(Self::create(&server, &format!("TEMPLATE {model}")).await)
    }

    /// Brings the tables about, and leaves nobody connected, so that it may be copied.
    async fn make(&self) {
        let db = self.location.open(1, None);
        let owner = db.owner().clone();
        migration::apply(&owner).await.expect("the schema");
        owner.close().await.expect("closing");
    }

    /// Opens it with its schema in place.
    pub async fn open(&self) -> Db {
        let db = self.location.open(8, None);
        migration::apply(db.owner()).await.expect("the schema");
        db
    }

    /// Ends it; databases of a crashed test go with their server.
    pub async fn drop(self) {
        if let Cleanup::Postgres { server, name } = &self.cleanup {
            let mut connection = sqlx::PgConnection::connect(server)
                .await
                .expect("the server");
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            connection
                .execute(sqlx::AssertSqlSafe(drop))
                .await
                .expect("dropping");
            let drop = format!("DROP ROLE IF EXISTS enishi_app_{name}");
            connection
                .execute(sqlx::AssertSqlSafe(drop))
                .await
                .expect("dropping the role of its programs");
        }
    }
}

/// Runs `test` on SQLite, then on PostgreSQL, each with a fresh database, and checks afterwards that
/// no work is left.
pub fn on_both<F, T>(test: T)
where
    T: Fn(World) -> F,
    F: Future<Output = World>,
{
    let _ = tracing_subscriber::fmt()
        .with_test_writer()
        .with_env_filter("warn")
        .try_init();
    block_on(async {
        let world = test(World::new(TestDatabase::sqlite_made().await).await).await;
        world.end().await;
        if let Some(database) = TestDatabase::postgres_made().await {
            test(World::new(database).await).await.end().await;
        } else {
            tracing::warn!("TEST_DATABASE_URL is not set: ran on SQLite only");
        }
    });
}
