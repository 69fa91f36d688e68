//! People who are erased while a file is being taken in.

use std::time::Duration;

use domain::{
    contact::{self, erase},
    import,
    operation::{self, Limits},
    store::{Query, dialect},
};
use entity::id::ContactId;
use sea_orm::ConnectionTrait as _;

use super::steps::{by_email, count, import_text, send, wanted};
use crate::support::{World, on_both};

/// What is being done must not come to its end while something else is.
const WHILE: Duration = Duration::from_millis(300);

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
        let early = tokio::time::timeout(WHILE, &mut importing).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
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
