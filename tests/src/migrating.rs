//! Bringing the schema about: one step after the other, and nothing half-done.

use domain::store::Query;
use sea_orm::ConnectionTrait as _;

use crate::support::{database::TestDatabase, runtime::block_on};

async fn tables(connection: &sea_orm::DatabaseConnection) -> i64 {
    let query = Query::new(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    let count: Option<i64> = query.scalar(connection).await.unwrap();
    count.unwrap_or_default()
}

/// A table of a late step is in the way, as after a program that was killed in the middle of one.
#[test]
fn a_step_that_fails_on_sqlite_leaves_none_of_the_others_half_done() {
    block_on(async {
        let database = TestDatabase::sqlite();
        let db = database.location.open(1, None);
        let owner = db.owner();
        let late = "CREATE TABLE survey_invitation (id INTEGER)";
        owner.execute_unprepared(late).await.unwrap();
        let refused = migration::apply(owner).await.unwrap_err();
        assert!(
            refused.to_string().contains("survey_invitation"),
            "{refused}"
        );
        assert_eq!(tables(owner).await, 1, "nothing but what was there");
        let gone = "DROP TABLE survey_invitation";
        owner.execute_unprepared(gone).await.unwrap();
        migration::apply(owner).await.unwrap();
        assert_eq!(migration::pending(owner).await.unwrap(), 0);
        assert!(tables(owner).await > 90);
    });
}

#[test]
fn many_who_start_at_once_on_sqlite_take_turns() {
    block_on(async {
        let database = TestDatabase::sqlite();
        let apply = || async {
            let db = database.location.open(1, None);
            migration::apply(db.owner()).await.unwrap();
        };
        futures::future::join_all((0..4).map(|_| apply())).await;
        let db = database.location.open(1, None);
        assert_eq!(migration::pending(db.owner()).await.unwrap(), 0);
    });
}
