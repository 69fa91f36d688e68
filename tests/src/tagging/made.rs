//! Tags that are made to be put on everything a filter finds.

use domain::{
    contact::ContactFilter,
    store::Query,
    tag::{
        NewTag,
        tagging::{self, NewBulk, Which},
    },
};
use entity::{id::TagId, kind::TagKind};
use serde_json::json;

use super::steps::{active_tags, finish, people, put, single_group, tag};
use crate::support::{World, on_both, refusal::refusals};

async fn count(world: &World, what: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {what}"));
    let count: Option<i64> = query.scalar(world.ctx.reader()).await.unwrap();
    count.unwrap_or_default()
}

#[test]
fn a_tag_is_made_for_everything_a_filter_finds_and_a_dry_run_makes_none() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let who = people(&world, 3).await;
        let small = tag(&world, "Small", None).await;
        let size = single_group(&world, &[small]).await;
        put(&world, who[0], small, None).await;
        let everybody = || NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: Vec::new(),
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        let large = || NewTag {
            group: Some(size),
            ..NewTag::named(TagKind::Contact, "Large")
        };
        let both = || vec![large(), NewTag::named(TagKind::Contact, "Seen")];
        let tags = "tag WHERE deleted_at IS NULL";
        let before = count(&world, tags).await;

        let (asked, made) = tagging::tag_by_filter_making(ctx, owner, everybody(), both(), true)
            .await
            .unwrap();
        assert!(made.is_empty());
        let would = finish(&world, &asked).await.progress["counts"].clone();
        let expected = json!({ "added": 6, "removed": 0, "replaced": 1, "renewed": 0 });
        assert_eq!(would, expected);
        assert_eq!(count(&world, tags).await, before);
        assert_eq!(active_tags(&world, who[0]).await, [small]);

        let (asked, made) = tagging::tag_by_filter_making(ctx, owner, everybody(), both(), false)
            .await
            .unwrap();
        let names: Vec<&str> = made.iter().map(|tag| tag.name.as_str()).collect();
        assert_eq!(names, ["Large", "Seen"]);
        let done = finish(&world, &asked).await;
        assert_eq!(done.progress["counts"], expected);
        let mut expected: Vec<TagId> = made.iter().map(|tag| tag.id).collect();
        expected.sort_unstable();
        for who in who {
            let mut carried = active_tags(&world, who).await;
            carried.sort_unstable();
            assert_eq!(carried, expected);
        }
        world
    });
}

#[test]
fn a_tag_that_cannot_be_made_is_told_at_its_place_and_nothing_begins() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let small = tag(&world, "Small", None).await;
        let size = single_group(&world, &[small]).await;
        let put_on = |add: &[TagId]| NewBulk {
            which: Which::Contact(ContactFilter::default()),
            add: add.to_vec(),
            remove: Vec::new(),
            reason: String::new(),
            expires_at: None,
            imagined: None,
        };
        let named = |name: &str| NewTag::named(TagKind::Contact, name);
        let medium = NewTag {
            group: Some(size),
            ..named("Medium")
        };
        let topic = NewTag::named(TagKind::Conversation, "Topic");
        let tags = count(&world, "tag").await;
        let operations = count(&world, "operation").await;
        for (add, create, expected) in [
            (
                vec![],
                vec![named("New"), named("SMALL 2"), named("new")],
                "create.2.name Taken",
            ),
            (vec![small], vec![medium], "create.0 Contradictory"),
            (vec![], vec![topic], "create.0 KindMismatch"),
            (
                vec![],
                (0..11).map(|n| named(&n.to_string())).collect(),
                "addTagIds LimitReached",
            ),
        ] {
            for dry_run in [true, false] {
                let (bulk, create) = (put_on(&add), create.clone());
                let refused =
                    tagging::tag_by_filter_making(ctx, owner, bulk, create, dry_run).await;
                assert_eq!(refusals(refused), [expected]);
            }
        }
        assert_eq!(count(&world, "tag").await, tags);
        assert_eq!(count(&world, "operation").await, operations);
        world
    });
}
