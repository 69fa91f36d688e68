//! The work core on both databases.

use std::sync::Arc;

use domain::{
    access::{Scope, token},
    ctx::Ctx,
    error::Error,
    idempotency::{Known, Once},
    inbox::{self, NewInbox},
    work::change::{self, Position},
};
use entity::kind::Channel;

use crate::support::{World, on_both};

#[test]
fn a_new_workspace_has_an_owner_whose_token_works() {
    on_both(|world| async move {
        assert!(world.owner.scopes.contains(Scope::Administer));
        assert!(
            token::authenticate(&world.ctx, "enishi_nonsense")
                .await
                .unwrap()
                .is_none()
        );
        let end = change::end(world.ctx.reader(), world.owner.workspace)
            .await
            .unwrap();
        assert_eq!(end, Position::default());
        world
    });
}

fn under_a_key(world: &World, key: &str, request: &str) -> Ctx {
    let once = Once::new(world.owner.workspace, key, &[request]);
    Ctx {
        once: Some(Arc::new(once)),
        ..world.ctx.clone()
    }
}

fn an_inbox(name: &str) -> NewInbox {
    NewInbox {
        name: name.to_owned(),
        channel: Channel::Chat,
        address: None,
    }
}

#[test]
fn of_two_requests_under_one_key_only_the_first_takes_effect() {
    on_both(|world| async move {
        let owner = &world.owner;
        let (first, second) = (
            under_a_key(&world, "k", "make"),
            under_a_key(&world, "k", "make"),
        );
        inbox::create(&first, owner, an_inbox("One")).await.unwrap();
        let lost = inbox::create(&second, owner, an_inbox("Two")).await;
        assert!(matches!(lost, Err(Error::IdempotencyBusy)), "{lost:?}");
        let mut names: Vec<String> = inbox::list(&world.ctx, owner.workspace)
            .await
            .unwrap()
            .into_iter()
            .map(|inbox| inbox.name)
            .collect();
        names.sort();
        assert_eq!(names, ["Email", "One"]);

        let once = first.once.as_ref().unwrap();
        assert!(once.has_committed());
        assert!(second.once.as_ref().unwrap().is_lost());
        let known = once.look_up(&world.ctx).await.unwrap();
        assert!(matches!(known, Known::Unanswered(_)));
        once.keep(&world.ctx, "answer").await.unwrap();
        let known = once.look_up(&world.ctx).await.unwrap();
        assert_eq!(known, Known::Answered("answer".to_owned()));

        let other = under_a_key(&world, "k", "something else");
        let mismatch = other.once.as_ref().unwrap().look_up(&world.ctx).await;
        assert!(matches!(mismatch, Err(Error::IdempotencyMismatch)));
        let elsewhere = World::workspace(&world.ctx, "Elsewhere", "elsewhere.example").await;
        let same_key = Once::new(elsewhere.workspace, "k", &["make"]);
        assert_eq!(same_key.look_up(&world.ctx).await.unwrap(), Known::Fresh);
        world
    });
}
