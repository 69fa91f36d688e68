//! Tags of people who are new: they are written without looking for what cannot be there yet, and count
//! like any others.

use domain::{store::Query, tag};
use entity::kind::{TagKind, TagSelection};

use super::steps::{by_email, count, counts, import_text, told};
use crate::{support::on_both, tagging::recount::assert_recounted};

#[test]
fn first_tags_count_like_any_others() {
    on_both(|world| async move {
        world.group("業種", TagSelection::Single).await;
        let text = "\
email,tags
a@example.com,業種/IT/SaaS;VIP;VIP
b@example.com,VIP
c@example.com,業種/IT
";
        let done = import_text(&world, text).await;
        assert_eq!(counts(&done), told(&[("created", 3), ("tagsCreated", 3)]));
        assert_recounted(&world).await;
        for (what, expected) in [
            ("tagging", 4),
            ("tagging WHERE single_group_id IS NOT NULL", 2),
            ("tagging WHERE added_reason = ''", 0),
            ("change WHERE kind = 'tagging.added'", 4),
            ("timeline_entry WHERE kind = 'TAG_ADDED'", 4),
            ("tag_rank WHERE score <> -1", 0),
        ] {
            assert_eq!(count(&world, what).await, expected, "{what}");
        }
        // Somebody who is there beside somebody who is new, and another value of the group.
        let text = "email,tags\na@example.com,業種/Retail\nd@example.com,VIP\n";
        let done = import_text(&world, text).await;
        assert_eq!(
            counts(&done),
            told(&[("created", 1), ("tagsCreated", 1), ("updated", 1)])
        );
        assert_recounted(&world).await;
        for (what, expected) in [
            ("tagging WHERE removed_at IS NULL", 5),
            ("tagging WHERE ended = 'REPLACED'", 1),
            ("change WHERE kind = 'tagging.removed'", 1),
        ] {
            assert_eq!(count(&world, what).await, expected, "{what}");
        }
        let new = by_email(&world, "d@example.com").await;
        let told_of: Option<i64> = Query::new(
            "SELECT COUNT(*) FROM change WHERE kind = 'tagging.added' AND contact_id = $1",
        )
        .bind(new.id)
        .scalar(world.ctx.reader())
        .await
        .unwrap();
        assert_eq!(told_of, Some(1));
        world
    });
}

#[test]
fn whoever_carries_an_archived_tag_may_be_named_with_it_and_nobody_else() {
    on_both(|world| async move {
        let vip = world.tag(TagKind::Contact, "VIP", None).await;
        let text = "email,tags\na@example.com,VIP\n";
        let done = import_text(&world, text).await;
        assert_eq!(counts(&done), told(&[("created", 1)]));
        let archived = tag::catalogue::archive(&world.ctx, &world.owner, vip).await;
        archived.unwrap();
        let text = "\
email,name,tags
a@example.com,Ada,VIP
b@example.com,Bob,VIP
c@example.com,Cem,VIP/Gold
";
        let done = import_text(&world, text).await;
        assert_eq!(counts(&done), told(&[("errors", 2), ("updated", 1)]));
        assert_eq!(by_email(&world, "a@example.com").await.name, "Ada");
        assert_eq!(count(&world, "tagging").await, 1);
        world
    });
}
