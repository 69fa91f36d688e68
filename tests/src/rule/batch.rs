//! What rules do is the same however many messages they are shown at once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use domain::{
    action::{Outcome, OutcomeResult},
    condition::{Condition, TagMode},
    ctx::Ctx,
    error::Result,
    port::Work,
    rule::projection::Rules,
    store::{Query, Tx},
    tag::tagging,
    work::{change::Entry, projection},
};
use entity::kind::TagKind;
use sea_orm::FromQueryResult;

use super::contact_of;
use crate::support::{
    World,
    engine::{
        Receiver, contact_has, conversation_has, notify, tag_contact, tag_conversation, words,
    },
    on_both,
};

/// The rules, one message at a time.
#[derive(Debug)]
struct OneByOne;

#[async_trait]
impl projection::Projection for OneByOne {
    fn name(&self) -> &'static str {
        Rules.name()
    }

    fn work(&self) -> Work {
        Rules.work()
    }

    fn facts(&self) -> &'static [&'static str] {
        Rules.facts()
    }

    fn batch(&self) -> i64 {
        1
    }

    async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
        assert_eq!(entries.len(), 1);
        Rules.apply(ctx, tx, entries).await
    }
}

#[derive(FromQueryResult)]
struct FiringRow {
    message: String,
    rule: String,
    outcomes: serde_json::Value,
}

/// Everything that follows from a number of messages whose rules build on each other's tags.
async fn consequences(world: &World, one_by_one: bool) -> BTreeSet<String> {
    let region = world.tag(TagKind::Contact, "Region", None).await;
    let asia = world.tag(TagKind::Contact, "Asia", Some(region)).await;
    let hot = world.tag(TagKind::Contact, "Hot", None).await;
    let topic = world.tag(TagKind::Conversation, "Price", None).await;
    let sales = world.target("sales").await;
    let price = words(&["price"]);
    world
        .rule("asia", words(&["tokyo"]), vec![tag_contact(asia)])
        .await;
    // Through the tag above the one that was put on.
    let both = Condition::All(vec![contact_has(TagMode::All, &[region]), price.clone()]);
    world
        .rule("hot", both, vec![tag_contact(hot), notify(sales)])
        .await;
    world
        .rule("topic", price.clone(), vec![tag_conversation(topic)])
        .await;
    let again = conversation_has(TagMode::Any, &[topic]);
    world.rule("again", again, vec![notify(sales)]).await;
    let cold = contact_has(TagMode::None, &[hot]);
    world
        .rule(
            "cold",
            Condition::All(vec![cold, price]),
            vec![tag_contact(region)],
        )
        .await;
    world
        .receive(&[
            ("1", "a@customer.example", "the price"),
            ("2", "a@customer.example", "tokyo price"),
            ("3", "b@customer.example", "tokyo"),
            ("4", "a@customer.example", "price"),
            ("5", "b@customer.example", "price"),
            ("6", "a@customer.example", "anything"),
            ("7", "c@customer.example", "anything"),
            ("8", "b@customer.example", "price in tokyo"),
        ])
        .await;
    if one_by_one {
        let idle = projection::Outcome::Idle;
        let run = || projection::run(&world.ctx, &OneByOne, world.owner.workspace);
        while run().await.unwrap() != idle {
            tokio::task::yield_now().await;
        }
    }
    world.drain().await;

    let rows: Vec<FiringRow> = Query::new(
        "SELECT m.external_id AS message, u.name AS rule, f.outcomes FROM rule_firing f
         JOIN message m ON m.id = f.message_id JOIN rule u ON u.id = f.rule_id",
    )
    .all(world.ctx.reader())
    .await
    .unwrap();
    let mut seen = BTreeSet::new();
    for row in rows {
        let outcomes: Vec<Outcome> = serde_json::from_value(row.outcomes).unwrap();
        let results: Vec<&str> = outcomes
            .iter()
            .map(|outcome| match outcome.result {
                OutcomeResult::Tagged => "tagged",
                OutcomeResult::AlreadyTagged => "already",
                OutcomeResult::OtherValueKept => "kept",
                OutcomeResult::Queued { .. } => "queued",
                OutcomeResult::Repeated { .. } => "repeated",
                _ => "another",
            })
            .collect();
        let line = format!("{} {}: {}", row.message, row.rule, results.join(", "));
        assert!(seen.insert(line));
    }
    for email in ["a", "b", "c"] {
        let contact = contact_of(world, &format!("{email}@customer.example")).await;
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let taggings = tagging::load_active(ctx, workspace, &[contact.0]).await;
        for tagging in taggings.unwrap() {
            let name = [(region, "Region"), (asia, "Asia"), (hot, "Hot")];
            let name = name.iter().find(|(tag, _)| *tag == tagging.tag_id).unwrap();
            assert!(seen.insert(format!("{email} is {}", name.1)));
        }
    }
    let receiver = Receiver::default();
    while world.deliver(&receiver).await.claimed > 0 {
        world.hurry().await;
    }
    seen.insert(format!("{} notices", receiver.calls().len()));
    seen
}

#[test]
fn the_result_does_not_depend_on_where_batches_end() {
    let expected = BTreeSet::from(
        [
            "1 topic: tagged",
            "1 cold: tagged",
            "2 asia: tagged",
            "2 hot: tagged, queued",
            "2 topic: already",
            "2 again: repeated",
            "2 cold: already",
            "3 asia: tagged",
            "4 hot: already, queued",
            "4 topic: already",
            "4 again: repeated",
            "5 hot: tagged, queued",
            "5 topic: tagged",
            "5 cold: tagged",
            "6 again: queued",
            "8 asia: already",
            "8 hot: already, queued",
            "8 topic: already",
            "8 again: repeated",
            "a is Asia",
            "a is Hot",
            "a is Region",
            "b is Asia",
            "b is Hot",
            "b is Region",
            "5 notices",
        ]
        .map(str::to_owned),
    );
    for one_by_one in [true, false] {
        let expected = &expected;
        on_both(|world| async move {
            assert_eq!(&consequences(&world, one_by_one).await, expected);
            world
        });
    }
}
