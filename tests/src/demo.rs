//! The sample workspace: everything that is shown has something in it.

use domain::{
    contact::{self, NewContact},
    demo::{self, Filled},
    email::pressure::{self, PressureLevel},
    store::Query,
};
use entity::id::ContactId;
use serde_json::json;

use crate::support::{
    World, client::text, engine::Receiver, installation::Installation, on_both, runtime::block_on,
};

async fn count(world: &World, what: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {what}"));
    let count: Option<i64> = query.scalar(world.ctx.reader()).await.unwrap();
    count.unwrap_or_default()
}

/// Whether each of those who get email gets too much of it, or too little.
async fn pressures(world: &World) -> Vec<PressureLevel> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let query = Query::new("SELECT id FROM contact");
    let ids: Vec<ContactId> = query.column(ctx.reader()).await.unwrap();
    let (sent, today) = pressure::load(ctx, workspace, &ids).await.unwrap();
    sent.iter().map(|one| one.level(today)).collect()
}

#[test]
fn the_sample_has_something_of_everything_and_is_filled_in_once() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        assert_eq!(demo::fill(ctx, owner).await.unwrap(), Filled::Now);
        // What goes to members needs nothing outside; the rest is switched off.
        world.deliver(&Receiver::answering([])).await;
        for (what, least) in [
            ("in_app_notification", 1),
            ("delivery WHERE state = 'DELIVERED'", 1),
            ("contact WHERE merged_into_id IS NULL", 60),
            ("account", 12),
            ("message", 100),
            ("event", 100),
            ("email_day", 20),
            ("tagging", 200),
            ("tagging WHERE ended = 'REPLACED'", 10),
            ("rule WHERE active", 2),
            ("rule_firing", 1),
            ("segment_member", 3),
            ("enrolment", 3),
            ("survey_answer", 1),
            ("task", 3),
            ("note", 1),
            ("contact_merge", 1),
            ("sales_order", 1),
            ("tag_quality_finding", 1),
            ("health_history", 60),
            ("account WHERE merged_into_id IS NOT NULL", 1),
            ("account WHERE archived_at IS NOT NULL", 1),
            ("duplicate_suspect WHERE settled_at IS NULL", 1),
            ("account_suspect WHERE settled_at IS NULL", 1),
            ("email_source WHERE received_count > 0", 4),
            ("email_source WHERE last_rejection = 'TOPIC'", 1),
            ("contact_identity WHERE kind = 'ANONYMOUS_ID'", 2),
            ("web_visit_day WHERE sessions > 1", 1),
            ("rfm WHERE segment = 'CHAMPIONS'", 3),
            ("rfm WHERE segment = 'AT_RISK'", 3),
            ("rfm WHERE segment = 'HIBERNATING'", 3),
            ("engagement_day WHERE engaged > 0", 3),
            ("(SELECT DISTINCT segment_id FROM segment_member) x", 5),
            // Those of messages that come in and go out, of an event, a wait and a segment.
            ("(SELECT DISTINCT rule_id FROM rule_firing) x", 7),
            ("tagging WHERE expires_at IS NOT NULL", 9),
            ("tagging_segment", 2),
            ("tagging WHERE ended = 'REASON_ENDED'", 1),
            ("wait_told", 1),
            ("conversation WHERE priority = 3", 1),
            ("tracked_link WHERE contact_count > 2", 2),
            ("event WHERE name = 'link_clicked'", 5),
            ("event WHERE name = 'qr_scanned'", 3),
            ("owner_change WHERE from_owner_id IS NOT NULL", 1),
            ("conversation_step WHERE to_status = 'PENDING'", 5),
            ("conversation WHERE status = 'SNOOZED'", 1),
            ("conversation_watcher", 1),
            ("note WHERE subject = 'CONVERSATION'", 1),
            (
                "attribute_value v JOIN conversation c ON c.id = v.subject_id",
                3,
            ),
            ("contact_identity WHERE kind = 'PHONE'", 20),
            ("contact_identity WHERE kind = 'HANDLE'", 10),
            ("contact WHERE source_campaign_id IS NOT NULL", 10),
            ("subscription WHERE reason <> ''", 1),
            ("tag WHERE archived_at IS NOT NULL", 1),
            ("tag_merge", 1),
            ("tag_closure WHERE distance = 2", 1),
            ("segment_move WHERE NOT entered", 1),
            // The reports have a course.
            ("(SELECT DISTINCT created_at FROM contact) x", 12),
            ("(SELECT DISTINCT added_at FROM tagging) x", 20),
        ] {
            let found = count(&world, what).await;
            assert!(found >= least, "{found} of {what}");
        }
        let levels = pressures(&world).await;
        for level in [PressureLevel::TooMuch, PressureLevel::TooLittle] {
            assert!(levels.contains(&level), "{level:?}");
        }
        assert_eq!(demo::fill(ctx, owner).await.unwrap(), Filled::Before);
        // Steps of the playbook and the like, which are left to the workers.
        Query::new("DELETE FROM due_item")
            .execute(ctx.db.writer())
            .await
            .unwrap();
        world
    });
}

#[test]
fn a_workspace_with_customers_is_left_alone_and_half_a_sample_is_told() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        // The second is the first of the sample, after which nothing came.
        for (external_id, expected) in [("ours-1", Filled::NotEmpty), ("demo-1", Filled::BrokenOff)]
        {
            let new = NewContact {
                name: "Somebody".to_owned(),
                external_id: Some(external_id.to_owned()),
                ..NewContact::default()
            };
            contact::create(ctx, owner, new).await.unwrap();
            assert_eq!(demo::fill(ctx, owner).await.unwrap(), expected);
        }
        assert_eq!(count(&world, "contact").await, 2);
        world
    });
}

#[test]
fn of_several_workspaces_the_one_to_fill_is_named() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let other = installation.workspace("Elsewhere").await;
        let input = json!({ "name": "Kept" });
        other.change("createContact", input, "contact { id }").await;
        let found = other.must("{ workspace { id } }", json!({})).await;
        let id = text(&found["id"]);
        let (status, said) = installation.command(&["demo"]).await;
        assert!(!status.success(), "{said}");
        assert!(said.contains("choose one with --workspace"), "{said}");
        let words = ["demo", "--workspace", &id];
        let (status, said) = installation.command(&words).await;
        assert!(status.success(), "{said}");
        assert!(said.contains("there are contacts already"), "{said}");
        installation.end().await;
    });
}
