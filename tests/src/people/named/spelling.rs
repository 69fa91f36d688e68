//! Identities in upper and lower case: which are kept as they are given, and which are folded.

use domain::{
    contact::{
        self, ProfileChanges, erase,
        identity::{self, Given, Identify},
    },
    event,
    store::Query,
};
use entity::{id::ContactId, kind::IdentityKind as I};

use super::{chat, handle, line, take_in, threads_of, visit, who_has};
use crate::{
    people::{person, refusals},
    support::{World, on_both},
};

async fn attach(world: &World, id: ContactId, value: &str) {
    let given = Given {
        kind: I::Handle,
        value: value.to_owned(),
    };
    let done = identity::attach(&world.ctx, &world.owner, id, &given).await;
    done.unwrap();
}

async fn holder(world: &World, value: &str) -> Option<ContactId> {
    let given = Given {
        kind: I::Handle,
        value: value.to_owned(),
    };
    let found = identity::find_holder(&world.ctx, world.owner.workspace, &given).await;
    found.unwrap().map(|one| one.id)
}

#[test]
fn ids_that_tell_upper_and_lower_case_apart_are_kept_and_names_are_folded() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let one = person(&world, "One", ProfileChanges::default()).await.id;
        let other = person(&world, "Other", ProfileChanges::default()).await.id;
        attach(&world, one, "WeChat:oAbC").await;
        attach(&world, other, "wechat:oABC").await;
        attach(&world, other, "X:Enishi").await;
        assert_eq!(holder(&world, "wechat:oAbC").await, Some(one));
        assert_eq!(holder(&world, "wechat:oABC").await, Some(other));
        assert_eq!(holder(&world, "wechat:oabc").await, None);
        assert_eq!(holder(&world, "x:ENISHI").await, Some(other));
        let shown = contact::load_identities(ctx, owner.workspace, &[other]).await;
        let shown: Vec<String> = shown.unwrap().into_iter().map(|one| one.value).collect();
        assert_eq!(shown, ["wechat:oABC", "x:enishi"]);
        world
    });
}

#[test]
fn handles_kept_in_lower_case_once_go_on_being_found() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inbox = chat(&world).await;
        let one = person(&world, "One", ProfileChanges::default()).await.id;
        attach(&world, one, "line:U4AF").await;
        // As they were kept: all folded.
        Query::new("UPDATE contact_identity SET value = 'line:u4af' WHERE value = 'line:U4AF'")
            .execute(ctx.db.writer())
            .await
            .unwrap();
        assert_eq!(holder(&world, "LINE:U4AF").await, Some(one));
        take_in(
            &world,
            inbox,
            vec![line(&world, "a", handle("line:U4AF"), 0)],
        )
        .await;
        assert_eq!(threads_of(&world, one).await.len(), 1);
        let given = Given {
            kind: I::Handle,
            value: "line:U4AF".to_owned(),
        };
        let who = Identify {
            identities: vec![given.clone()],
            name: None,
        };
        let known = identity::identify(ctx, owner, who).await.unwrap();
        assert_eq!((known.contact.id, known.created), (one, false));
        let other = person(&world, "Other", ProfileChanges::default()).await.id;
        let taken = identity::attach(ctx, owner, other, &given).await;
        assert_eq!(refusals(taken), ["value Taken"]);

        // Taken away by the new spelling and given back, it is kept as it is given.
        identity::detach(ctx, owner, one, &given).await.unwrap();
        attach(&world, one, "line:U4AF").await;
        assert!(who_has(&world, I::Handle, "line:U4AF").await.is_some());
        Query::new("UPDATE contact_identity SET value = 'line:u4af' WHERE value = 'line:U4AF'")
            .execute(ctx.db.writer())
            .await
            .unwrap();

        // Whoever was erased under the former spelling stays so.
        erase::erase(ctx, owner, one).await.unwrap();
        let visits = vec![visit(&world, "1", handle("line:U4AF"))];
        event::ingest(ctx, owner, visits).await.unwrap();
        assert_eq!(holder(&world, "line:U4AF").await, None);
        let refused = identity::attach(ctx, owner, other, &given).await;
        assert_eq!(refusals(refused), ["value Erased"]);
        world
    });
}
