//! What files have in them.

use chrono::TimeDelta;
use domain::{
    email::{self, NewEmailEvent},
    export::Records,
    segment::{self, hand},
    tag::{Request, tagging},
    task,
};
use entity::kind::{EmailEventKind, OrderStatus, SegmentSubject, TagKind};
use serde_json::{Value, json};

use super::{ADA, BOB, ago, contact_of, did, ids, kinds, lines, mailed, table};
use crate::{
    fact::{an_order, email as of},
    support::{
        engine::{Receiver, a_task, notify, tag_contact, words},
        on_both,
    },
};

#[test]
fn orders_have_their_lines_in_both_formats_and_a_row_each_when_asked_for() {
    on_both(|world| async move {
        let mut order = an_order(&world, "o1", of(ADA), -30);
        let mut second = order.lines[0].clone();
        second.product_id = "=cup".to_owned();
        second.quantity = 1.0;
        order.lines.push(second);
        let mut other = an_order(&world, "o2", of(BOB), -20);
        other.status = OrderStatus::Cancelled;
        other.lines.clear();
        let taken = domain::order::ingest(&world.ctx, &world.owner, vec![order, other]).await;
        taken.unwrap();
        let orders = lines(&world, Records::Orders(Default::default())).await;
        assert_eq!(ids(&orders, "externalId"), ["o2", "o1"]);
        assert_eq!(orders[0]["lines"], json!([]));
        let line = |product: &str, quantity: f64| {
            json!({
                "productId": product, "productName": "お茶", "quantity": quantity,
                "unitPriceMinor": 1_500_000_000,
            })
        };
        let both = json!([line("tea", 2.0), line("=cup", 1.0)]);
        assert_eq!(orders[1]["lines"], both);
        assert_eq!(orders[1]["amountMinor"], 3_000_000_000_i64);
        assert_eq!(orders[1]["currency"], "JPY");
        let rows = table(&world, Records::Orders(Default::default())).await;
        let column = |name: &str| rows[0].iter().position(|one| one == name).unwrap();
        assert_eq!(rows[1][column("Lines")], "");
        let cell: Value = serde_json::from_str(&rows[2][column("Lines")]).unwrap();
        assert_eq!(cell, both);
        let rows = table(&world, Records::OrderLines(Default::default())).await;
        let column = |name: &str| rows[0].iter().position(|one| one == name).unwrap();
        assert_eq!(rows.len(), 3);
        for (row, product) in rows[1..].iter().zip(["tea", "'=cup"]) {
            assert_eq!(row[column("Order external ID")], "o1");
            assert_eq!(row[column("Product")], product);
        }
        let filter = domain::order::OrderFilter {
            common: domain::fact::Filter {
                statuses: vec![OrderStatus::Placed],
                from: Some(ago(&world, 30)),
                until: Some(ago(&world, 29)),
                ..domain::fact::Filter::default()
            },
            product: Some("tea".to_owned()),
        };
        let found = lines(&world, Records::Orders(filter)).await;
        assert_eq!(ids(&found, "externalId"), ["o1"]);
        world
    });
}

#[test]
fn email_events_say_whether_opens_of_the_email_are_tracked() {
    on_both(|world| async move {
        mailed(&world, "tracked", EmailEventKind::Sent, 20).await;
        let untracked = NewEmailEvent {
            external_id: "untracked".to_owned(),
            email_key: "m2".to_owned(),
            recipient: BOB.to_owned(),
            kind: EmailEventKind::Sent,
            occurred_at: ago(&world, 10),
            campaign: None,
            origin: None,
            bounce: None,
            url: None,
            user_agent: None,
            ip: None,
            tracks_opens: Some(false),
        };
        let taken = email::ingest(&world.ctx, &world.owner, vec![untracked]).await;
        taken.unwrap();
        let mut events = lines(&world, Records::EmailEvents(Default::default())).await;
        events.sort_by_key(|one| one["externalId"].to_string());
        let told: Vec<&Value> = events.iter().map(|one| &one["tracksOpens"]).collect();
        assert_eq!(told, [&json!(true), &json!(false)]);
        world
    });
}

#[test]
fn taggings_are_exported_with_the_time_they_held() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        did(&world, "e", "page_viewed", ADA, 1).await;
        let ada = contact_of(&world, ADA).await;
        let top = world.tag(TagKind::Contact, "Rank", None).await;
        let gold = world.tag(TagKind::Contact, "Gold", Some(top)).await;
        let on = [Request::contact(ada, gold)];
        let begun = ctx.clock.now();
        tagging::tag_many(ctx, owner, &on, "bought").await.unwrap();
        world.clock.advance(TimeDelta::hours(1));
        let ended = ctx.clock.now();
        tagging::untag_many(ctx, owner, &on, "gave back")
            .await
            .unwrap();
        let taggings = lines(&world, Records::Taggings(Default::default())).await;
        assert_eq!(taggings.len(), 1);
        let one = &taggings[0];
        assert_eq!(one["targetId"], json!(ada));
        assert_eq!(one["tagId"], json!(gold));
        assert_eq!(one["tag"], "Rank/Gold");
        assert_eq!(one["addedAt"], json!(begun));
        assert_eq!(one["addedReason"], "bought");
        assert_eq!(one["removedAt"], json!(ended));
        assert_eq!(one["removedReason"], "gave back");
        assert_eq!(one["ended"], "REMOVED");
        let all = tagging::TaggingFilter::default;
        for (filter, expected) in [
            (
                tagging::TaggingFilter {
                    active: Some(true),
                    ..all()
                },
                0,
            ),
            (
                tagging::TaggingFilter {
                    active: Some(false),
                    tags: vec![gold],
                    thing: Some(ada.0),
                    ..all()
                },
                1,
            ),
            (
                tagging::TaggingFilter {
                    tags: vec![top],
                    ..all()
                },
                0,
            ),
            (
                tagging::TaggingFilter {
                    from: Some(ended),
                    ..all()
                },
                0,
            ),
            (
                tagging::TaggingFilter {
                    from: Some(begun),
                    until: Some(ended),
                    ..all()
                },
                1,
            ),
        ] {
            let shown = format!("{filter:?}");
            let found = lines(&world, Records::Taggings(filter)).await;
            assert_eq!(found.len(), expected, "{shown}");
        }
        world
    });
}

#[test]
fn what_rules_members_and_segments_did_is_exported_whole() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let gold = world.tag(TagKind::Contact, "Gold", None).await;
        let target = world.target("alerts").await;
        let actions = vec![tag_contact(gold), notify(target)];
        let rule = world.rule("Offers", words(&["offer"]), actions).await;
        let messages = world.receive(&[("a1", ADA, "An offer")]).await;
        let ada = contact_of(&world, ADA).await;
        world.drain().await;
        world.deliver(&Receiver::default()).await;
        let firings = lines(&world, Records::RuleFirings(Default::default())).await;
        assert_eq!(ids(&firings, "ruleId"), [rule.id.to_string()]);
        assert_eq!(ids(&firings, "messageId"), [messages[0].to_string()]);
        assert!(firings[0]["outcomes"].is_array(), "{firings:?}");
        let deliveries = lines(&world, Records::Deliveries(Default::default())).await;
        assert_eq!(ids(&deliveries, "firingId"), ids(&firings, "id"));
        assert_eq!(ids(&deliveries, "state"), ["DELIVERED"]);
        let messages = lines(&world, Records::Messages(Default::default())).await;
        assert_eq!(ids(&messages, "body"), ["An offer"]);

        let new = segment::NewSegment {
            name: "Friends".to_owned(),
            description: String::new(),
            subject: SegmentSubject::Contact,
            condition: None,
        };
        let friends = segment::create(ctx, owner, new).await.unwrap().id;
        hand::add_lines(ctx, owner, friends, ADA).await.unwrap();
        let members = lines(&world, Records::SegmentMembers(Default::default())).await;
        assert_eq!(ids(&members, "segmentName"), ["Friends"]);
        assert_eq!(ids(&members, "subjectId"), [ada.to_string()]);

        let new = task::NewTask {
            assignee: Some(owner.member),
            contact: Some(ada),
            ..a_task("Call")
        };
        task::create(ctx, owner, new).await.unwrap();
        let tasks = lines(&world, Records::Tasks(Default::default())).await;
        assert_eq!(ids(&tasks, "title"), ["Call"]);
        assert_eq!(ids(&tasks, "assigneeId"), [owner.member.to_string()]);
        for records in kinds() {
            let rows = table(&world, records.clone()).await;
            assert!(
                rows.iter().all(|row| row.len() == rows[0].len()),
                "{records:?}"
            );
            let found = lines(&world, records.clone()).await;
            // That the file was asked for is an entry of the log, so the second file has one more.
            let header = usize::from(!matches!(records, Records::AuditLog(_)));
            assert_eq!(rows.len(), found.len() + header, "{records:?}");
            for line in &found {
                assert_eq!(line.as_object().unwrap().len(), rows[0].len(), "{line}");
            }
        }
        world
    });
}
