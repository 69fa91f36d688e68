//! A person who is erased is gone from what was sent, told together and listed.

use domain::{
    contact::erase,
    notification::{Receivers, in_app, manage::NewTarget},
    page::PageRequest,
    store::Query,
};
use entity::kind::TargetKind;

use crate::support::{
    World,
    engine::{Receiver, contact_of, notify, words},
    on_both,
};

async fn mentions(world: &World, word: &str) -> i64 {
    let statement = "SELECT (SELECT COUNT(*) FROM delivery_attempt WHERE request_body LIKE $1)
        + (SELECT COUNT(*) FROM in_app_notification WHERE title LIKE $1 OR body LIKE $1)";
    let count = Query::new(statement)
        .bind(format!("%{word}%"))
        .scalar(world.ctx.reader())
        .await;
    count.unwrap().unwrap()
}

#[test]
fn an_erased_person_is_in_no_request_no_digest_and_no_list() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let digest = |kind, name: &str| NewTarget {
            digest_minutes: Some(5),
            ..match kind {
                TargetKind::InApp => NewTarget::to(
                    kind,
                    name,
                    Receivers {
                        everybody: true,
                        ..Receivers::default()
                    },
                ),
                _ => NewTarget::at(kind, name, "https://receiver.example/hook"),
            }
        };
        let mut actions = Vec::new();
        for kind in [TargetKind::Webhook, TargetKind::InApp] {
            let name = format!("{kind:?}");
            actions.push(notify(world.target_of(digest(kind, &name)).await));
        }
        let plain = NewTarget {
            digest_minutes: None,
            ..digest(TargetKind::Webhook, "plain")
        };
        actions.push(notify(world.target_of(plain).await));
        world.rule("greeting", words(&["hello"]), actions).await;
        let messages = [
            ("a", "kanaria@customer.example", "hello kanaria"),
            ("b", "taro@customer.example", "hello taro"),
        ];
        world.receive(&messages).await;
        world.drain().await;
        let receiver = Receiver::default();
        for _ in 0..6 {
            world.hurry().await;
            world.deliver(&receiver).await;
        }
        assert!(mentions(&world, "kanaria").await >= 3);
        let contact = contact_of(&world, "kanaria@customer.example").await;
        erase::erase(ctx, owner, contact).await.unwrap();
        assert_eq!(mentions(&world, "kanaria").await, 0);
        assert!(
            mentions(&world, "taro").await >= 1,
            "what is others' own stays"
        );
        let page = PageRequest::first(50);
        let list = in_app::list(ctx, owner, false, &page).await.unwrap();
        assert!(list.rows.is_empty(), "the digest was about both");
        world
    });
}
