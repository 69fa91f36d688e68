//! Changing many at once: what is told, what is refused, and what becomes of those of a member who
//! leaves.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    access::member,
    conversation::{self, Changes, ConversationFilter, ConversationOrder, MAX_UPDATED},
    error::UserErrorCode,
};
use entity::{
    id::MemberId,
    kind::{Author, ConversationStatus, Priority, Role},
};
use serde_json::{Value, json};

use super::steps::{all, code, facts, of, said, take_in, to, update};
use crate::{
    access::house::member_of,
    support::{World, on_both},
};

#[test]
fn many_are_changed_at_once_or_none_and_every_difference_is_told() {
    on_both(|world| async move {
        let messages = (0..40).map(|n| said(&format!("t{n}"), 1, n, Author::Contact));
        take_in(&world, messages.collect()).await;
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::CreatedAsc,
        )
        .await;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let agent = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        let changes = Changes {
            priority: Some(Priority::Urgent),
            assignee: Some(Some(agent)),
            watch: vec![world.owner.member, agent, agent],
            ..to(ConversationStatus::Pending)
        };
        let after = update(&world, &ids, changes.clone()).await;
        assert_eq!(after.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
        assert!(after.iter().all(|row| row.assignee_id == Some(agent)));
        assert_eq!(facts(&world).await.len(), 40 * 4);
        update(&world, &ids, changes.clone()).await;
        assert_eq!(facts(&world).await.len(), 40 * 4, "again, nothing changes");
        let told = facts(&world).await;
        let about = ids[3].to_string();
        let mut of_one: Vec<_> = told
            .iter()
            .filter(|fact| fact["conversation_id"] == *about)
            .collect();
        of_one.sort_by_key(|fact| fact["kind"].to_string());
        let mut watchers = [world.owner.member, agent];
        watchers.sort_unstable();
        assert_eq!(
            json!(of_one),
            json!([
                { "kind": "conversation.assigned", "conversation_id": about, "from": null,
                  "to": agent },
                { "kind": "conversation.priority_changed", "conversation_id": about,
                  "from": "NORMAL", "to": "URGENT" },
                { "kind": "conversation.status_changed", "conversation_id": about,
                  "from": "OPEN", "to": "PENDING" },
                { "kind": "conversation.watchers_changed", "conversation_id": about,
                  "added": watchers, "removed": [] },
            ])
        );

        // One id that is not there, and nothing happens to the others.
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut bad = ids.clone();
        bad[7] = ctx.id();
        let open = to(ConversationStatus::Open);
        let refused = conversation::update(ctx, owner, &bad, "ids", &open);
        let path = vec!["ids".to_owned(), "7".to_owned()];
        assert_eq!(code(refused.await), (path, UserErrorCode::NotFound));
        let many = vec![ids[0]; MAX_UPDATED + 1];
        let refused = conversation::update(ctx, owner, &many, "ids", &open);
        assert_eq!(code(refused.await).1, UserErrorCode::LimitReached);
        let pending = ConversationFilter {
            statuses: vec![ConversationStatus::Pending],
            ..ConversationFilter::default()
        };
        assert_eq!(
            all(&world, &pending, ConversationOrder::default())
                .await
                .len(),
            40
        );
        world
    });
}

#[test]
fn a_snooze_without_a_good_moment_and_a_member_who_is_not_here_are_refused() {
    on_both(|world| async move {
        take_in(&world, vec![said("a", 1, 0, Author::Contact)]).await;
        let id = of(&world, "a").await.id;
        let now = world.ctx.clock.now();
        let snoozed = |until: Option<DateTime<Utc>>| Changes {
            snoozed_until: until,
            ..to(ConversationStatus::Snoozed)
        };
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let gone = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        member::remove(&world.ctx, &world.owner, gone)
            .await
            .unwrap();
        let assigned = |member: MemberId| Changes {
            assignee: Some(Some(member)),
            ..Changes::default()
        };
        let watched = |member: MemberId| Changes {
            watch: vec![member],
            ..Changes::default()
        };
        for (changes, path, expected) in [
            (snoozed(None), "snoozedUntil", UserErrorCode::Required),
            (snoozed(Some(now)), "snoozedUntil", UserErrorCode::Invalid),
            (
                snoozed(Some(now + TimeDelta::days(400))),
                "snoozedUntil",
                UserErrorCode::LimitReached,
            ),
            (
                Changes {
                    snoozed_until: Some(now + TimeDelta::days(1)),
                    ..Changes::default()
                },
                "snoozedUntil",
                UserErrorCode::Contradictory,
            ),
            (
                assigned(stranger.member),
                "assigneeId",
                UserErrorCode::NotFound,
            ),
            (assigned(gone), "assigneeId", UserErrorCode::NotFound),
            (
                watched(stranger.member),
                "addWatcherIds",
                UserErrorCode::NotFound,
            ),
            (watched(gone), "addWatcherIds", UserErrorCode::NotFound),
        ] {
            let refused =
                conversation::update(&world.ctx, &world.owner, &[id], "id", &changes).await;
            let (at, code) = code(refused);
            assert_eq!((at[0].as_str(), code), (path, expected), "{changes:?}");
        }
        assert_eq!(facts(&world).await, Vec::<Value>::new());
        world
    });
}

#[test]
fn who_is_removed_has_no_conversations_any_more() {
    on_both(|world| async move {
        let messages = (0..3).map(|n| said(&format!("t{n}"), 1, n, Author::Contact));
        take_in(&world, messages.collect()).await;
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::default(),
        )
        .await;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let agent = member_of(&world.ctx, &world.owner, Role::Agent)
            .await
            .member;
        let changes = Changes {
            assignee: Some(Some(agent)),
            watch: vec![agent, world.owner.member],
            ..Changes::default()
        };
        update(&world, &ids, changes).await;
        member::remove(&world.ctx, &world.owner, agent)
            .await
            .unwrap();
        let rows = all(
            &world,
            &ConversationFilter::default(),
            ConversationOrder::default(),
        )
        .await;
        assert!(rows.iter().all(|row| row.assignee_id.is_none()));
        let watchers = conversation::load_watchers(&world.ctx, world.owner.workspace, &ids);
        let watchers = watchers.await.unwrap();
        assert_eq!(watchers.len(), 3);
        assert!(
            watchers
                .iter()
                .all(|one| one.member_id == world.owner.member)
        );
        let told = facts(&world).await;
        let taken = told
            .iter()
            .filter(|fact| fact["kind"] == "conversation.assigned" && fact["to"].is_null());
        assert_eq!(taken.count(), 3);
        world
    });
}
