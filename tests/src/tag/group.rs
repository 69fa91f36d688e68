//! Groups of tags.

use std::sync::atomic::{AtomicI64, Ordering};

use domain::{
    contact,
    error::UserErrorCode,
    operation::{self, Limits},
    store::Query,
    tag::{GroupChanges, Request, catalogue, group as groups, tagging},
};
use entity::{
    id::ContactId,
    kind::{OperationState, TagKind, TagSelection, TagStage},
};

use super::support::{carries, check, contacts, group, mistakes, new_group, one, put, tag, tag_in};
use crate::support::{World, on_both};

#[test]
fn a_group_is_made_changed_and_ordered() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let size = group(&world, "Size", TagSelection::Single).await;
        let taken = groups::create(
            ctx,
            owner,
            new_group("ＩＮＤＵＳＴＲＹ", TagSelection::Multi),
        );
        assert_eq!(mistakes(taken.await), one("name", UserErrorCode::Taken));
        let changes = GroupChanges {
            name: Some("業種".to_owned()),
            stage: Some(Some(TagStage::Basic)),
            ..Default::default()
        };
        let after = groups::update(ctx, owner, industry, changes).await;
        let after = after.unwrap().group;
        assert_eq!(
            (after.name.as_str(), after.stage),
            ("業種", Some(TagStage::Basic))
        );
        let ordered = groups::order(ctx, owner, &[size]).await.unwrap();
        assert_eq!(
            ordered.iter().map(|g| g.id).collect::<Vec<_>>(),
            [size, industry]
        );
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = groups::order(ctx, &stranger, &[size]).await;
        assert_eq!(
            mistakes(refused),
            one("groupIds.0", UserErrorCode::NotFound)
        );
        let refused = groups::update(ctx, &stranger, size, GroupChanges::default()).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::NotFound));
        let long = GroupChanges {
            description: Some("縁".repeat(256)),
            ..Default::default()
        };
        let refused = groups::update(ctx, owner, size, long).await;
        assert_eq!(
            mistakes(refused),
            one("description", UserErrorCode::TooLong)
        );
        world
    });
}

#[test]
fn a_group_of_many_becomes_one_of_one_only_when_nothing_carries_several() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 2).await;
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let it = tag_in(&world, "IT", industry).await;
        let saas = tag(&world, "SaaS", Some(it)).await;
        let retail = tag_in(&world, "Retail", industry).await;
        put(&world, &[(people[0], saas), (people[1], it)]).await;
        world.clock.advance(chrono::TimeDelta::minutes(1));
        put(&world, &[(people[0], retail)]).await;
        let single = |keep_newest| GroupChanges {
            selection: Some(TagSelection::Single),
            keep_newest,
            ..Default::default()
        };
        let refused = groups::update(ctx, owner, industry, single(false)).await;
        assert_eq!(mistakes(refused), one("selection", UserErrorCode::InUse));
        carries(&world, people[0], &[saas, retail]).await;
        let changed = groups::update(ctx, owner, industry, single(true)).await;
        let changed = changed.unwrap();
        assert_eq!(changed.group.selection, TagSelection::Single);
        assert!(changed.operation.is_none(), "it is done at once");
        carries(&world, people[0], &[retail]).await;
        carries(&world, people[1], &[it]).await;
        check(&world).await;
        world
    });
}

#[test]
fn a_group_of_very_much_becomes_one_of_one_in_steps() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 1_050).await;
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let it = tag_in(&world, "IT", industry).await;
        let retail = tag_in(&world, "Retail", industry).await;
        let bank = tag_in(&world, "Bank", industry).await;
        let all_are = async |tag, people: &[ContactId]| {
            let pairs: Vec<_> = people.iter().map(|&person| (person, tag)).collect();
            put(&world, &pairs).await;
            world.clock.advance(chrono::TimeDelta::minutes(1));
        };
        all_are(it, &people).await;
        all_are(retail, &people[..1_000]).await;
        let single = |keep_newest| GroupChanges {
            selection: Some(TagSelection::Single),
            keep_newest,
            ..Default::default()
        };
        let refused = groups::update(ctx, owner, industry, single(false)).await;
        assert_eq!(mistakes(refused), one("selection", UserErrorCode::InUse));
        let changed = groups::update(ctx, owner, industry, single(true)).await;
        let changed = changed.unwrap();
        assert_eq!(changed.group.selection, TagSelection::Single);
        let asked = changed.operation.expect("an operation");
        let refused = operation::cancel(ctx, owner, asked.id).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::Invalid));

        // What is put on from now on is the newest; and a server that stops leaves it to the next.
        all_are(bank, &people[2..3]).await;
        let left = AtomicI64::new(3);
        let limits = Limits {
            goes_on: &|| left.fetch_sub(1, Ordering::SeqCst) > 0,
            ..Limits::none()
        };
        let turn = operation::run_due(ctx, domain::operations(), None, limits).await;
        assert!(turn.unwrap().is_cut);
        let steps = operation::find(ctx, owner.workspace, asked.id).await;
        assert!(steps.unwrap().unwrap().finished_at.is_none());
        // One whose values come together meanwhile, behind the place it has come to or before it.
        for (survivor, loser) in [(0, 1_049), (1_048, 1)] {
            let (survivor, loser) = (people[survivor], people[loser]);
            contact::merge::merge(ctx, owner, survivor, loser, "")
                .await
                .unwrap();
        }
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        assert!(!turn.unwrap().is_cut);
        let ended = operation::find(ctx, owner.workspace, asked.id).await;
        let ended = ended.unwrap().unwrap();
        assert_eq!(ended.state, OperationState::Done, "{:?}", ended.error);
        assert!(ended.progress["counts"]["removed"].as_i64().unwrap() >= 999);
        carries(&world, people[2], &[bank]).await;
        carries(&world, people[500], &[retail]).await;
        carries(&world, people[1_020], &[it]).await;
        for both in [people[0], people[1_048]] {
            let carried = tagging::load_active(ctx, owner.workspace, &[both.0]).await;
            assert_eq!(carried.unwrap().len(), 1);
        }
        let unmarked: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM tagging WHERE workspace_id = $1 AND removed_at IS NULL
               AND single_group_id IS NULL",
        )
        .bind(owner.workspace)
        .scalar(ctx.reader())
        .await
        .unwrap();
        assert_eq!(unmarked, Some(0), "the index holds each to one");
        check(&world).await;
        world
    });
}

#[test]
fn a_group_is_archived_and_restored_with_its_tags() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let people = contacts(&world, 1).await;
        let industry = group(&world, "Industry", TagSelection::Multi).await;
        let it = tag_in(&world, "IT", industry).await;
        let saas = tag(&world, "SaaS", Some(it)).await;
        let old = tag_in(&world, "Telegraphy", industry).await;
        put(&world, &[(people[0], saas)]).await;
        catalogue::archive(ctx, owner, old).await.unwrap();
        world.clock.advance(chrono::TimeDelta::minutes(1));
        groups::archive(ctx, owner, industry).await.unwrap();
        let listed = groups::list(ctx, owner.workspace, Some(TagKind::Contact), false).await;
        assert!(listed.unwrap().is_empty());
        let request = [Request::contact(people[0], it)];
        let refused = tagging::tag_many(ctx, owner, &request, "").await;
        assert_eq!(mistakes(refused), one("tagIds", UserErrorCode::Invalid));
        let refused = catalogue::restore(ctx, owner, it).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::Invalid));
        // What was on people stays on them.
        carries(&world, people[0], &[saas]).await;
        groups::restore(ctx, owner, industry).await.unwrap();
        let forest = catalogue::forest(ctx, owner.workspace).await.unwrap();
        let live = |id| forest.get(id).is_some_and(|tag| tag.archived_at.is_none());
        assert!(live(it) && live(saas));
        assert!(!live(old), "what was archived before stays archived");
        check(&world).await;
        world
    });
}
