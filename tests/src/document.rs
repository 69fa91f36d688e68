//! Registered documents on both databases.

use std::time::Duration;

use domain::{
    document,
    error::{Error, UserErrorCode},
    page::PageRequest,
    work::change::{self, Fact, Position},
};
use entity::id::WorkspaceId;
use tokio::time::sleep;

use crate::support::{World, on_both};

fn texts() -> [String; 2] {
    ["{ viewer { role } }", "{ workspace { name } }"].map(str::to_owned)
}

/// What the log says of documents, once `count` entries can be read: they are held back while any
/// older transaction of the database server runs.
async fn facts(world: &World, workspace: WorkspaceId, count: usize) -> Vec<Fact> {
    loop {
        let start = Position::default();
        let entries = change::read(world.ctx.reader(), workspace, start, 100).await;
        let facts = entries
            .unwrap()
            .into_iter()
            .map(|entry| entry.unwrap().fact);
        let of_documents = facts.filter(|fact| fact.name().starts_with("document."));
        let of_documents: Vec<_> = of_documents.collect();
        if of_documents.len() >= count {
            return of_documents;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> UserErrorCode {
    match result.unwrap_err() {
        Error::Refused(errors) => errors[0].code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_document_is_registered_once_and_found_by_its_workspace_only() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let texts = texts();
        let twice = [texts.to_vec(), texts[..1].to_vec()].concat();
        let made = document::register(ctx, &world.owner, &twice).await.unwrap();
        assert_eq!(made.len(), 3);
        assert_eq!(made[0], made[2]);
        let again = document::register(ctx, &world.owner, &texts).await.unwrap();
        assert_eq!(again, made[..2]);
        for (document, text) in made.iter().zip(&texts) {
            assert_eq!(document.text, *text);
            let found = document::find(ctx, workspace, &document.hash).await;
            assert_eq!(found.unwrap().as_ref(), Some(text));
        }
        let mut known = facts(&world, workspace, 2).await;
        known.sort_by_key(Fact::subject);
        let mut ids = [made[0].id, made[1].id];
        ids.sort_unstable();
        let expected = ids.map(|document_id| Fact::DocumentRegistered { document_id });
        assert_eq!(known, expected);

        let other = World::workspace(ctx, "Other", "other.example").await;
        let theirs = document::find(ctx, other.workspace, &made[0].hash).await;
        assert_eq!(theirs.unwrap(), None);
        let theirs = document::load(ctx, other.workspace, &[made[0].id]).await;
        assert_eq!(theirs.unwrap(), []);
        world
    });
}

#[test]
fn documents_are_listed_newest_first_and_counted() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let made = document::register(ctx, &world.owner, &texts())
            .await
            .unwrap();
        let other = World::workspace(ctx, "Other", "other.example").await;
        document::register(ctx, &other, &texts()).await.unwrap();
        // Of one moment: their ids alone tell which comes first.
        let mut newest_first: Vec<_> = made.iter().map(|one| one.id).collect();
        newest_first.sort_unstable_by(|a, b| b.cmp(a));
        let page = document::list(ctx, workspace, &PageRequest::first(1)).await;
        let page = page.unwrap();
        assert_eq!(page.rows[0].1.id, newest_first[0]);
        assert!(page.has_next);
        assert_eq!(page.total.count(ctx).await.unwrap(), 2);
        let rest = PageRequest {
            after: Some(page.rows[0].0.clone()),
            ..PageRequest::first(5)
        };
        let page = document::list(ctx, workspace, &rest).await.unwrap();
        let rest: Vec<_> = page.rows.iter().map(|(_, one)| one.id).collect();
        assert_eq!(rest, newest_first[1..]);
        world
    });
}

#[test]
fn a_removed_document_is_gone_for_its_workspace_and_told() {
    on_both(|world| async move {
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let made = document::register(ctx, &world.owner, &texts())
            .await
            .unwrap();
        let document_id = made[0].id;
        let other = World::workspace(ctx, "Other", "other.example").await;
        document::register(ctx, &other, &texts()).await.unwrap();
        let stranger = document::remove(ctx, &other, document_id).await;
        assert_eq!(code(stranger), UserErrorCode::NotFound);

        let removed = document::remove(ctx, &world.owner, document_id).await;
        assert_eq!(removed.unwrap(), made[0]);
        let again = document::remove(ctx, &world.owner, document_id).await;
        assert_eq!(code(again), UserErrorCode::NotFound);
        let gone = document::find(ctx, workspace, &made[0].hash).await;
        assert_eq!(gone.unwrap(), None);
        let theirs = document::find(ctx, other.workspace, &made[0].hash).await;
        assert!(theirs.unwrap().is_some());
        let last = facts(&world, workspace, 3).await.pop();
        assert_eq!(last, Some(Fact::DocumentRemoved { document_id }));
        world
    });
}

#[test]
fn too_much_text_is_refused_and_nothing_is_kept() {
    on_both(|world| async move {
        let ctx = &world.ctx;
        let long = ["{ a }".to_owned(), "x".repeat(document::MAX_BYTES + 1)];
        let refused = document::register(ctx, &world.owner, &long).await;
        assert_eq!(code(refused), UserErrorCode::TooLong);
        let many: Vec<_> = (0..=document::MAX_AT_ONCE)
            .map(|n| format!("{{ a{n}: viewer {{ role }} }}"))
            .collect();
        let refused = document::register(ctx, &world.owner, &many).await;
        assert_eq!(code(refused), UserErrorCode::LimitReached);
        let page = PageRequest::first(1);
        let kept = document::list(ctx, world.owner.workspace, &page).await;
        assert!(kept.unwrap().rows.is_empty());
        world
    });
}
