//! Timelines on both databases: whatever happens in whatever order, they are what a plain union over
//! all tables is.
//!
//! - `scene`: what happens; `deeds`: what members do;
//! - `merged`: what timelines say of merges;
//! - `removed`: what they say of tags that came off;
//! - `filled`: what happened before they said it;
//! - `union`: what the timelines should then be.

mod deeds;
mod filled;
mod merged;
mod removed;
mod scene;
mod union;

use chrono::TimeDelta;
use domain::{contact, fact::Of, order, page::PageRequest, store::Query, timeline};
use entity::id::Id as _;
use sea_orm::DatabaseBackend;

use self::{
    scene::{Dice, Scene},
    union::check,
};
use crate::{
    fact::{an_order, email as by_email},
    support::{World, on_both},
};

#[test]
fn a_timeline_is_the_union_of_all_tables_in_the_order_of_time() {
    on_both(|world| async move {
        let scene = Scene::set(&world).await;
        let mut dice = Dice(20_261_125);
        for step in 0..160 {
            scene.act(&world, &mut dice, step).await;
            if step % 5 == 0 {
                world
                    .clock
                    .advance(TimeDelta::minutes(dice.roll(90) as i64));
            }
            if step % 40 == 39 {
                check(&world, &scene.contacts, &scene.accounts).await;
            }
        }
        world
    });
}

#[test]
fn what_merges_and_erases_by_plain_statements_takes_the_entries_with_it() {
    on_both(|world| async move {
        let scene = Scene::set(&world).await;
        let mut dice = Dice(7);
        for step in 0..60 {
            scene.act(&world, &mut dice, step).await;
        }
        world.drain().await;
        let [from, to] = [scene.contacts[0], scene.contacts[1]].map(entity::id::Id::uuid);
        for table in [
            "message",
            "event",
            "email_event",
            "conversation",
            "rule_firing",
            "sales_order",
        ] {
            Query::new(format!(
                "UPDATE {table} SET contact_id = $3 WHERE workspace_id = $1 AND contact_id = $2"
            ))
            .bind(world.owner.workspace)
            .bind(from)
            .bind(to)
            .execute(world.ctx.db.writer())
            .await
            .unwrap();
        }
        for statement in [
            "DELETE FROM event WHERE workspace_id = $1 AND contact_id = $2",
            "DELETE FROM health_history WHERE workspace_id = $1 AND contact_id = $2",
        ] {
            Query::new(statement)
                .bind(world.owner.workspace)
                .bind(scene.contacts[2].uuid())
                .execute(world.ctx.db.writer())
                .await
                .unwrap();
        }
        // Entries of a moved fact that named no account follow their new contact with their own row,
        // which is the mover's to bring up to date.
        Query::new(
            "UPDATE sales_order SET account_id = (SELECT c.account_id FROM contact c
                 WHERE c.workspace_id = $1 AND c.id = sales_order.contact_id)
             WHERE workspace_id = $1 AND account_told = $2",
        )
        .bind(world.owner.workspace)
        .bind(false)
        .execute(world.ctx.db.writer())
        .await
        .unwrap();
        check(&world, &scene.contacts, &scene.accounts).await;
        world
    });
}

#[test]
fn a_timeline_of_another_workspace_is_empty_and_cursors_of_other_lists_are_refused() {
    on_both(|world| async move {
        world
            .receive(&[("a", "taro@customer.example", "Hello")])
            .await;
        let told = an_order(&world, "a", by_email("taro@customer.example"), 0);
        order::ingest(&world.ctx, &world.owner, vec![told])
            .await
            .unwrap();
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let (filter, by) = (
            contact::ContactFilter::default(),
            contact::ContactOrder::default(),
        );
        let first = PageRequest::first(1);
        let found = contact::list(ctx, workspace, filter, by, &first);
        let (cursor, taro) = found.await.unwrap().rows.remove(0);
        let of = Of::Contact(taro.id);
        let stranger = World::workspace(&world.ctx, "Stranger", "stranger.example").await;
        let page = PageRequest::first(10);
        let theirs = timeline::list(&world.ctx, stranger.workspace, of, &[], &page).await;
        assert!(theirs.unwrap().rows.is_empty());
        let ours = timeline::list(&world.ctx, world.owner.workspace, of, &[], &page).await;
        assert!(ours.unwrap().rows.len() >= 2);
        let page = PageRequest {
            after: Some(cursor),
            ..page
        };
        let wrong = timeline::list(&world.ctx, world.owner.workspace, of, &[], &page).await;
        assert!(wrong.is_err());
        world
    });
}

#[test]
fn what_is_done_for_each_row_is_planned_once() {
    on_both(|world| async move {
        if world.ctx.db.backend() != DatabaseBackend::Postgres {
            return world;
        }
        // The one that lets nobody rewrite the audit log looks nothing up.
        let planned: Vec<String> = Query::new(
            "SELECT DISTINCT p.proname::text FROM pg_trigger t
             JOIN pg_proc p ON p.oid = t.tgfoid
             WHERE NOT t.tgisinternal AND (t.tgtype & 1) = 1
               AND p.proname::text <> 'audit_entry_keep'
               AND NOT 'plan_cache_mode=force_generic_plan' = ANY (COALESCE(p.proconfig, '{}'))",
        )
        .column(world.ctx.reader())
        .await
        .unwrap();
        assert_eq!(planned, [""; 0]);
        world
    });
}
