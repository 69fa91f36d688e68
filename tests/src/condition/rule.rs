//! A rule with a condition on the database: what it heard is told with its firing, and why it did
//! not fire.

use domain::{condition, page::PageRequest};
use entity::kind::TagKind;
use serde_json::json;

use super::people::{People, condition};
use crate::support::on_both;

#[test]
fn a_rule_asks_the_database_about_the_contact_and_says_what_it_heard() {
    on_both(|world| async move {
        use domain::rule::{self, firing::FiringsOf};
        let people = People::new(world).await;
        let world = people.world;
        let tag = world.tag(TagKind::Contact, "Reader", None).await;
        let stored = json!({"all": [
            {"regex": {"fields": ["BODY"], "pattern": "price[ds]?"}},
            {"events": {"names": ["article_read"], "tests": [
                {"measure": "COUNT", "is": {"atLeast": 4}},
            ]}},
        ]});
        let rule = world
            .rule(
                "readers",
                condition(&stored),
                vec![crate::support::engine::tag_contact(tag)],
            )
            .await;
        let messages = world
            .receive(&[
                ("1", "p0@customer.example", "Your Prices?"),
                ("2", "p3@other.example", "Your prices?"),
                ("3", "p0@customer.example", "hello"),
            ])
            .await;
        world.drain().await;
        let of = FiringsOf::Rule(rule.id);
        let (ctx, workspace, page) = (&world.ctx, world.owner.workspace, PageRequest::first(9));
        let fired = rule::firing::list(ctx, workspace, of, &page);
        let fired = fired.await.unwrap().rows;
        assert_eq!(fired.len(), 1);
        assert_eq!(fired[0].1.message_id, Some(messages[0]));
        let matched = rule::firing::matched(&fired[0].1).unwrap();
        let matched = serde_json::to_value(&matched).unwrap();
        assert_eq!(matched[0]["matched"]["keyword"]["text"], "Prices");
        assert_eq!(matched[1]["matched"]["values"], json!(["4"]));

        let gate = rule
            .definition
            .trigger
            .gate()
            .expect("it waits for messages");
        let why = condition::explain::explain(
            &world.ctx,
            world.owner.workspace,
            &gate,
            &rule.definition.condition,
            messages[1],
        );
        let why = serde_json::to_value(why.await.unwrap().unwrap()).unwrap();
        assert_eq!(why["fires"], false);
        assert_eq!(why["nodes"][1]["holds"], true);
        assert_eq!(why["nodes"][2]["holds"], false);
        assert_eq!(why["nodes"][2]["actual"], json!({"values": ["0"]}));
        world
    });
}
