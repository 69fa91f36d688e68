//! The list each member has.

use std::time::Duration;

use domain::{
    access::{Actor, member},
    error::UserErrorCode,
    notification::{
        self, Receivers, in_app,
        manage::{self, NewTarget, TargetChanges},
    },
    page::PageRequest,
    team,
};
use entity::{
    id::InAppNotificationId,
    kind::{DeliveryState, Role, TargetKind},
};
use futures::StreamExt as _;
use serde_json::json;

use super::{greet, greeted, mistakes, stored};
use crate::{
    access::house::{Door, member_of},
    support::{World, engine::Receiver, on_both},
};

async fn titles(world: &World, actor: &Actor) -> Vec<String> {
    let page = PageRequest::first(50);
    let page = in_app::list(&world.ctx, actor, false, &page).await.unwrap();
    page.rows.into_iter().map(|(_, row)| row.title).collect()
}

#[test]
fn a_notification_comes_once_to_the_list_of_each_receiver() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let viewer = member_of(ctx, owner, Role::Viewer).await;
        let sales = team::create(ctx, owner, "Sales", vec![agent.member]).await;
        let sales = sales.unwrap();
        let receivers = Receivers {
            teams: vec![sales.id],
            members: vec![agent.member, owner.member],
            ..Receivers::default()
        };
        let target = world
            .target_of(NewTarget::to(TargetKind::InApp, "list", receivers))
            .await;
        let receiver = Receiver::default();
        let ids = greeted(&world, target, 3).await;
        let turn = world.deliver(&receiver).await;
        // Nothing is called, so nothing waits for its turn.
        assert_eq!((turn.delivered, turn.postponed), (3, 0));
        assert!(receiver.calls().is_empty());
        for actor in [owner, &agent] {
            assert_eq!(titles(&world, actor).await, ["greeting"; 3]);
            assert_eq!(in_app::unread(ctx, actor).await.unwrap(), 3);
        }
        assert!(titles(&world, &viewer).await.is_empty());
        assert_eq!(stored(&world, ids[0]).await.state, DeliveryState::Delivered);

        // The team changes, and with it who is told.
        let members = vec![viewer.member];
        team::set_members(ctx, owner, sales.id, members)
            .await
            .unwrap();
        let only_team = TargetChanges {
            receivers: Some(Receivers {
                teams: vec![sales.id],
                ..Receivers::default()
            }),
            ..TargetChanges::default()
        };
        manage::update(ctx, owner, target, only_team).await.unwrap();
        greet(&world, 1, "later").await;
        world.deliver(&receiver).await;
        assert_eq!(titles(&world, &viewer).await.len(), 1);
        assert_eq!(titles(&world, &agent).await.len(), 3);

        // Nobody is left: the delivery says so.
        member::remove(ctx, owner, viewer.member).await.unwrap();
        let lost = greet(&world, 1, "lost").await;
        assert_eq!(world.deliver(&receiver).await.failed, 1);
        let lost = stored(&world, lost[0]).await;
        assert_eq!(lost.state, DeliveryState::Failed);
        assert!(lost.last_error.unwrap().contains("nobody receives it"));
        world
    });
}

#[test]
fn a_member_marks_only_their_own_as_read() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let receivers = Receivers {
            everybody: true,
            ..Receivers::default()
        };
        let target = world
            .target_of(NewTarget::to(TargetKind::InApp, "list", receivers))
            .await;
        greeted(&world, target, 3).await;
        world.deliver(&Receiver::default()).await;
        let page = PageRequest::first(50);
        let own = in_app::list(ctx, owner, true, &page).await.unwrap().rows;
        let theirs = in_app::list(ctx, &agent, true, &page).await.unwrap().rows;
        let mixed: Vec<InAppNotificationId> = vec![own[0].1.id, theirs[0].1.id];
        let absent = [("ids".to_owned(), UserErrorCode::NotFound)];
        assert_eq!(
            mistakes(in_app::mark_read(ctx, owner, Some(&mixed)).await),
            absent
        );
        let ids = [own[0].1.id, own[0].1.id];
        assert_eq!(in_app::mark_read(ctx, owner, Some(&ids)).await.unwrap(), 1);
        assert_eq!(in_app::mark_read(ctx, owner, Some(&ids)).await.unwrap(), 0);
        assert_eq!(in_app::unread(ctx, owner).await.unwrap(), 2);
        assert_eq!(in_app::unread(ctx, &agent).await.unwrap(), 3);
        let unread = in_app::list(ctx, owner, true, &page).await.unwrap().rows;
        assert_eq!(unread.len(), 2);
        assert_eq!(in_app::mark_read(ctx, owner, None).await.unwrap(), 2);
        let workspace = owner.workspace;
        for (member, found) in [(owner.member, true), (agent.member, false)] {
            let one = in_app::find(ctx, workspace, member, own[0].1.id).await;
            assert_eq!(one.unwrap().is_some(), found);
        }
        world
    });
}

#[test]
fn a_member_watches_their_own_list_and_no_other() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await;
        let door = Door::new(ctx);
        for (name, member) in [("mine", owner.member), ("theirs", agent.member)] {
            let receivers = Receivers {
                members: vec![member],
                ..Receivers::default()
            };
            let new = NewTarget::to(TargetKind::InApp, name, receivers);
            let target = world.target_of(new).await;
            notification::send_test(ctx, owner, target).await.unwrap();
        }
        world.deliver(&Receiver::default()).await;
        let document = "subscription { inAppNotificationReceived(after: \"0.0\") \
            { cursor notification { id title readAt } } }";
        for actor in [owner, &agent] {
            let own = in_app::list(ctx, actor, false, &PageRequest::first(9)).await;
            let own = own.unwrap().rows;
            assert_eq!(own.len(), 1);
            let stream = door.follow(actor, document, &json!({}));
            let mut stream = std::pin::pin!(stream);
            let wait = Duration::from_mins(1);
            let told = tokio::time::timeout(wait, stream.next()).await;
            let told = told.expect("a notification").expect("a notification");
            let told = &told["data"]["inAppNotificationReceived"]["notification"];
            assert_eq!(told["id"], own[0].1.id.to_string());
            assert_eq!(told["title"], "テスト通知");
            let more = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
            assert!(more.is_err(), "{more:?}");
        }
        world
    });
}
