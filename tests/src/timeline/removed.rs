//! What timelines say of tags that came off, whatever statement took them off.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    store::Query,
    tag::{Request, tagging},
};
use entity::{
    id::{Id as _, TagId},
    kind::TagKind,
};
use sea_orm::DatabaseBackend;
use serde_json::Value;

use super::{
    scene::{Dice, Scene},
    union::check,
};
use crate::support::{World, on_both};

/// Three tags that all contacts and accounts carry.
async fn tagged(world: &World, scene: &Scene) -> [TagId; 3] {
    let tags = [
        world.tag(TagKind::Contact, "First", None).await,
        world.tag(TagKind::Contact, "Second", None).await,
        world.tag(TagKind::Contact, "Third", None).await,
    ];
    let mut requests = Vec::new();
    for tag in tags {
        let people = scene.contacts.iter();
        requests.extend(people.map(|&contact| Request::contact(contact, tag)));
        let companies = scene.accounts.iter();
        requests.extend(companies.map(|&account| Request::account(account, tag)));
    }
    let made = tagging::tag_many(&world.ctx, &world.owner, &requests, "").await;
    made.unwrap();
    tags
}

/// Changes the taggings of a tag for which `test` holds.
async fn change(world: &World, tag: TagId, at: DateTime<Utc>, set: &str, test: &str) {
    let changed = Query::new(format!(
        "UPDATE tagging SET {set} WHERE workspace_id = $1 AND tag_id = $2 AND added_at <= $3
           AND {test}"
    ))
    .bind(world.owner.workspace)
    .bind(tag)
    .bind(at)
    .execute(world.ctx.db.writer())
    .await
    .unwrap();
    assert!(changed > 0, "{set} of nothing");
}

#[test]
fn tags_that_come_off_are_told_of_until_they_hold_again() {
    on_both(|world| async move {
        let scene = Scene::set(&world).await;
        let mut dice = Dice(7);
        for step in 0..60 {
            scene.act(&world, &mut dice, step).await;
        }
        let [first, second, third] = tagged(&world, &scene).await;
        let at = world.ctx.clock.now();
        let quote = |id: uuid::Uuid| match world.ctx.db.backend() {
            DatabaseBackend::Postgres => format!("'{id}'"),
            _ => format!("X'{}'", id.simple()),
        };
        let people: Vec<String> = scene.contacts.iter().map(|id| quote(id.uuid())).collect();
        let is_of = |person: usize| format!("target_id = {}", people[person]);

        let off = "removed_at = $3, removed_by = added_by, removed_reason = '', ended = 'REMOVED'";
        for tag in [first, second] {
            change(&world, tag, at, off, "removed_at IS NULL").await;
        }
        check(&world, &scene.contacts, &scene.accounts).await;

        change(&world, first, at, &is_of(1), &is_of(0)).await;
        let off_and_moved = format!("{off}, {}", is_of(3));
        change(&world, third, at, &off_and_moved, &is_of(2)).await;
        check(&world, &scene.contacts, &scene.accounts).await;

        let later = at + TimeDelta::minutes(5);
        let some_hold = format!(
            "removed_at = CASE WHEN {} THEN NULL WHEN {} THEN removed_at ELSE $3 END",
            is_of(2),
            is_of(3)
        );
        change(&world, second, later, &some_hold, "true").await;
        check(&world, &scene.contacts, &scene.accounts).await;

        change(&world, second, at, off, "removed_at IS NULL").await;
        change(&world, third, at, off, "removed_at IS NULL").await;
        check(&world, &scene.contacts, &scene.accounts).await;
        world
    });
}

#[test]
fn tags_that_come_off_together_are_entered_by_one_statement() {
    on_both(|world| async move {
        if world.ctx.db.backend() != DatabaseBackend::Postgres {
            return world;
        }
        let scene = Scene::set(&world).await;
        tagged(&world, &scene).await;
        let told: Option<Value> = Query::new(
            "EXPLAIN (ANALYZE, FORMAT JSON)
             UPDATE tagging SET removed_at = $2, removed_by = added_by, removed_reason = '',
                 ended = 'REMOVED'
             WHERE workspace_id = $1 AND removed_at IS NULL",
        )
        .bind(world.owner.workspace)
        .bind(world.ctx.clock.now())
        .scalar(world.ctx.db.writer())
        .await
        .unwrap();
        let told = told.unwrap();
        let triggers = told[0]["Triggers"].as_array().unwrap();
        assert!(!triggers.is_empty(), "{told}");
        let mut calls = triggers.iter().map(|trigger| trigger["Calls"].as_u64());
        assert!(calls.all(|calls| calls == Some(1)), "{told}");
        let left: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM tagging g WHERE g.workspace_id = $1 AND NOT EXISTS (
                 SELECT 1 FROM timeline_entry e WHERE e.workspace_id = $1
                   AND e.kind = 'TAG_REMOVED' AND e.subject_id = g.id AND e.at = g.removed_at)",
        )
        .bind(world.owner.workspace)
        .scalar(world.ctx.db.writer())
        .await
        .unwrap();
        assert_eq!(left, Some(0));
        world
    });
}
