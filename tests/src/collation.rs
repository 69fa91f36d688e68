//! Texts are compared by their bytes on PostgreSQL too, whatever the locale of its database.

use domain::store::{Db, Query};
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

use crate::support::on_both;

/// The columns whose texts a locale would compare.
async fn local(db: &Db) -> Vec<String> {
    Query::new(
        "SELECT CAST(c.relname || '.' || a.attname AS text) FROM pg_attribute a
         JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND a.attnum > 0 AND a.atttypid = 'text'::regtype
           AND a.attcollation <> '\"C\"'::regcollation ORDER BY 1",
    )
    .column(db.reader())
    .await
    .unwrap()
}

#[test]
fn every_text_is_compared_by_its_bytes_also_in_tables_that_were_there_before() {
    on_both(|world| async move {
        let db = &world.ctx.db;
        if db.backend() != DatabaseBackend::Postgres {
            return world;
        }
        assert_eq!(local(db).await, [""; 0]);
        for statement in [
            "ALTER TABLE contact ALTER COLUMN name_key TYPE text COLLATE \"default\",
                                 ALTER COLUMN kana_key TYPE text COLLATE \"default\"",
            "DELETE FROM seaql_migrations WHERE version LIKE '%_collation'",
        ] {
            db.owner().execute_unprepared(statement).await.unwrap();
        }
        assert_eq!(local(db).await, ["contact.kana_key", "contact.name_key"]);
        migration::apply(db.owner()).await.unwrap();
        assert_eq!(local(db).await, [""; 0]);
        world
    });
}
