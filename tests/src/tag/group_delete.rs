//! What refers to a tag group, and deleting it.

use domain::{
    condition::{Condition, GroupEmpty, Ref},
    error::{Error, UserErrorCode},
    operation::{self, Limits},
    report::purity,
    rule::{self, RuleChanges, definition::always},
    segment,
    tag::{
        catalogue::{self, UseKind},
        group::{self as groups, Usage},
    },
};
use entity::{
    id::TagGroupId,
    kind::{SegmentSubject, SubjectKind, TagSelection},
};

use super::support::{group, mistakes, new_group, one, tag, tag_in};
use crate::support::{World, engine::*, on_both};

async fn usage(world: &World, id: TagGroupId) -> Usage {
    let usage = groups::usage(&world.ctx, world.owner.workspace, id).await;
    usage.expect("an answer").expect("a group")
}

fn unknown(group: TagGroupId) -> Condition {
    Condition::TagGroup(GroupEmpty {
        of: SubjectKind::Contact,
        group_id: Ref::new(group),
        empty: true,
    })
}

#[test]
fn a_group_without_tags_is_deleted_and_its_name_is_free_again() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let size = group(&world, "Size", TagSelection::Single).await;
        let small = tag_in(&world, "Small", size).await;
        let token = usage(&world, size).await.token;
        let refused = groups::delete(ctx, owner, size, &token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::InUse));

        catalogue::archive(ctx, owner, small).await.unwrap();
        let told = usage(&world, size).await;
        assert_eq!(told.values.len(), 1);
        assert!(told.values[0].archived);
        let refused = groups::delete(ctx, owner, size, &told.token).await;
        let Err(Error::Refused(errors)) = refused else {
            panic!("a group with an archived tag is deleted");
        };
        assert!(errors[0].message.contains("“Small” (archived)"));

        let of_tag = catalogue::usage(ctx, owner.workspace, small).await;
        let token = of_tag.unwrap().unwrap().token;
        catalogue::delete(ctx, owner, small, &token).await.unwrap();
        let refused = groups::delete(ctx, owner, size, &told.token).await;
        assert_eq!(mistakes(refused), one("usageToken", UserErrorCode::InUse));
        let token = usage(&world, size).await.token;
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = groups::delete(ctx, &stranger, size, &token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::NotFound));
        let deleted = groups::delete(ctx, owner, size, &token).await.unwrap();
        assert_eq!(deleted.id, size);

        let left = groups::list(ctx, owner.workspace, None, true).await;
        assert!(left.unwrap().is_empty());
        let none = groups::usage(ctx, owner.workspace, size).await.unwrap();
        assert!(none.is_none());
        let again = new_group("size", TagSelection::Multi);
        groups::create(ctx, owner, again).await.unwrap();
        world
    });
}

#[test]
fn what_names_a_group_and_is_at_work_forbids_its_deletion() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let size = group(&world, "Size", TagSelection::Single).await;
        let asked = tag(&world, "Asked", None).await;
        let rule = world
            .rule("asking", unknown(size), vec![tag_contact(asked)])
            .await;
        let told = usage(&world, size).await;
        assert_eq!(told.uses.len(), 1);
        assert_eq!(told.uses[0].id, rule.id.to_string());
        let refused = groups::delete(ctx, owner, size, &told.token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::InUse));
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        let refused = groups::delete(ctx, owner, size, &told.token).await;
        assert_eq!(mistakes(refused), one("usageToken", UserErrorCode::InUse));

        let new = segment::NewSegment {
            name: "Of unknown size".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: Some(unknown(size)),
        };
        let asking = segment::create(ctx, owner, new).await.unwrap().id;
        let told = usage(&world, size).await;
        let kinds: Vec<_> = told.uses.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, [UseKind::Rule, UseKind::Segment]);
        let refused = groups::delete(ctx, owner, size, &told.token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::InUse));
        segment::delete(ctx, owner, asking).await.unwrap();
        let token = usage(&world, size).await.token;
        groups::delete(ctx, owner, size, &token).await.unwrap();
        // What was begun for the segment has nothing to do any more.
        let turn = operation::run_due(ctx, domain::operations(), None, Limits::none()).await;
        turn.unwrap();
        world
    });
}

#[test]
fn the_group_that_leads_are_judged_by_is_not_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let fit = group(&world, "Fit", TagSelection::Single).await;
        let target = tag_in(&world, "Target", fit).await;
        purity::set_judgement(ctx, owner, fit, &[target])
            .await
            .unwrap();
        let of_tag = catalogue::usage(ctx, owner.workspace, target).await;
        let token = of_tag.unwrap().unwrap().token;
        catalogue::delete(ctx, owner, target, &token).await.unwrap();
        let told = usage(&world, fit).await;
        assert_eq!(told.uses[0].kind, UseKind::Report);
        let refused = groups::delete(ctx, owner, fit, &told.token).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::InUse));
        let other = group(&world, "Other", TagSelection::Single).await;
        let better = tag_in(&world, "Better", other).await;
        purity::set_judgement(ctx, owner, other, &[better])
            .await
            .unwrap();
        let token = usage(&world, fit).await.token;
        groups::delete(ctx, owner, fit, &token).await.unwrap();
        world
    });
}

#[test]
fn a_paused_rule_that_names_a_deleted_group_is_changed_before_it_runs_again() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let size = group(&world, "Size", TagSelection::Single).await;
        let asked = tag(&world, "Asked", None).await;
        let rule = world
            .rule("asking", unknown(size), vec![tag_contact(asked)])
            .await;
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        // As long as the group is there, it is as it was.
        rule::set_active(ctx, owner, rule.id, true).await.unwrap();
        rule::set_active(ctx, owner, rule.id, false).await.unwrap();
        let token = usage(&world, size).await.token;
        groups::delete(ctx, owner, size, &token).await.unwrap();

        let refused = rule::set_active(ctx, owner, rule.id, true).await;
        assert_eq!(mistakes(refused), one("id", UserErrorCode::Invalid));
        let found = rule::find(ctx, owner.workspace, rule.id).await.unwrap();
        assert!(!found.expect("a rule").active);
        let changes = RuleChanges {
            condition: Some(always()),
            ..RuleChanges::default()
        };
        rule::update(ctx, owner, rule.id, changes).await.unwrap();
        let active = rule::set_active(ctx, owner, rule.id, true).await.unwrap();
        assert!(active.active);
        world
    });
}
