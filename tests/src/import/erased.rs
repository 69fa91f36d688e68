//! People who are erased while a file is being taken in.

use std::time::Duration;

use domain::{
    contact::{self, erase},
    import,
    operation::{self, Limits},
    store::{Query, dialect},
};
use entity::id::ContactId;
use sea_orm::{ConnectionTrait as _, DatabaseBackend};

use super::steps::{by_email, count, import_text, send, wanted};
use crate::support::{World, on_both, process::until};

/// What is being done must not come to its end while something else is.
const WHILE: Duration = Duration::from_millis(300);
/// How long it may take on a busy machine until it cannot go on.
const LIMIT: Duration = Duration::from_mins(1);

/// Waits until somebody waits for what another transaction holds. On SQLite that is whoever comes to write.
async fn somebody_waits(world: &World) {
    if world.ctx.db.backend() == DatabaseBackend::Sqlite {
        tokio::time::sleep(WHILE).await;
        return;
    }
    until("somebody to wait", LIMIT, async || {
        let waiting: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .scalar(world.ctx.db.owner())
        .await
        .unwrap();
        (waiting > Some(0)).then_some(())
    })
    .await;
}

async fn is_there(world: &World, id: ContactId) -> bool {
    let found = contact::find(&world.ctx, world.owner.workspace, id).await;
    found.unwrap().is_some()
}

#[test]
fn nothing_is_noted_of_lines_after_somebody_was_erased() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let text = "email,name\ngoes@example.com,Goes\nstays@example.com,Stays\n";
        import_text(&world, text).await;
        let goes = by_email(&world, "goes@example.com").await.id;
        // The address is spelled wrong, so that nobody knows whose the line is; what is said of it may be
        // of the person all the same.
        let text = b"email,name\ngoes at example.com,Goes\nstays@example.com,Stays\n";
        let upload = send(&world, "people.csv", text).await;
        import::start(ctx, owner, wanted(upload)).await.unwrap();
        let held = ctx.begin(owner.workspace).await.unwrap();
        let lock = dialect::exclusive_lock(held.connection().get_database_backend());
        let file = Query::new(format!(
            "SELECT id FROM upload WHERE workspace_id = $1 AND id = $2 {lock}"
        ))
        .bind(owner.workspace)
        .bind(upload)
        .raw(held.connection())
        .await;
        assert_eq!(file.unwrap().len(), 1);
        let limits = Limits::none();
        let mut importing = Box::pin(operation::run_due(ctx, domain::operations(), None, limits));
        // What whoever erases has to wait for is held by then.
        let early = tokio::select! {
            done = &mut importing => Some(done),
            () = somebody_waits(&world) => None,
        };
        assert!(early.is_none(), "it has to wait: {early:?}");
        let mut erasing = Box::pin(erase::erase(ctx, owner, goes));
        let early = tokio::time::timeout(WHILE, &mut erasing).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
        held.rollback().await.unwrap();
        let (imported, erased) = tokio::join!(importing, erasing);
        imported.unwrap();
        erased.unwrap();
        assert!(!is_there(&world, goes).await);
        assert_eq!(count(&world, "import_line").await, 0);
        world
    });
}
