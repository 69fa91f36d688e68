//! Conditions about conversations: every field, by a statement and in memory, which must agree.

use domain::{
    condition::{self, Context, Moment, Use, evaluate::evaluate, facts::Holders, sql::select},
    conversation::{self, Changes},
    tag::{Request, tagging},
};
use entity::{
    id::{ConversationId, Id as _},
    kind::{ConversationStatus, Priority, SubjectKind, TagKind},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::{condition, names};
use crate::support::{World, on_both};

/// The conversations of the test, by name.
type Threads = [(&'static str, ConversationId)];

async fn begin(world: &World, messages: &[(&str, &str, &str)]) -> ConversationId {
    let message = world.receive(messages).await[0];
    let found = conversation::find_message(&world.ctx, world.owner.workspace, message).await;
    found.expect("a look").expect("a message").conversation_id
}

async fn change(world: &World, id: ConversationId, changes: Changes) {
    let done = conversation::update(&world.ctx, &world.owner, &[id], "id", &changes).await;
    done.expect("a change");
}

/// Of which the condition holds.
async fn found(world: &World, threads: &Threads, stored: &Value) -> Vec<&'static str> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let moment = Moment::usual(ctx.clock.now(), chrono_tz::Asia::Tokyo);
    let condition = condition(stored);
    let refused = condition::check(&condition, Context::Conversation, Use::Filter);
    assert!(refused.is_empty(), "{stored}: {refused:?}");
    let ids: Vec<Uuid> = threads.iter().map(|(_, id)| id.uuid()).collect();
    let (backend, subject) = (ctx.db.backend(), SubjectKind::Conversation);
    let query = select(backend, workspace, &moment, &condition, subject, &ids);
    let told: Vec<Uuid> = query.column(ctx.reader()).await.expect("an answer");
    let cases: Vec<_> = ids
        .iter()
        .map(|&id| {
            let holders = Holders {
                conversation: Some(id),
                ..Holders::default()
            };
            (&condition, holders)
        })
        .collect();
    let verdicts = evaluate(ctx.reader(), workspace, &moment, &cases).await;
    let verdicts = verdicts.expect("verdicts");
    let mut held = Vec::new();
    for ((name, id), holds) in threads.iter().zip(verdicts) {
        assert_eq!(told.contains(&id.uuid()), holds, "{stored} of {name}");
        if holds {
            held.push(*name);
        }
    }
    held
}

#[test]
fn every_field_of_a_conversation_finds_which_it_means() {
    on_both(|world| async move {
        let member = world.owner.member;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let price = world.tag(TagKind::Conversation, "Price", Some(topic)).await;
        let long = begin(
            &world,
            &[
                ("1", "a@customer.example", "hello"),
                ("2", "a@customer.example", "more"),
            ],
        )
        .await;
        let short = begin(&world, &[("3", "b@customer.example", "hello")]).await;
        let over = begin(&world, &[("4", "c@customer.example", "hello")]).await;
        let threads = [("long", long), ("short", short), ("over", over)];
        let changes = Changes {
            status: Some(ConversationStatus::Pending),
            priority: Some(Priority::Urgent),
            assignee: Some(Some(member)),
            ..Changes::default()
        };
        change(&world, long, changes).await;
        let changes = Changes {
            status: Some(ConversationStatus::Closed),
            ..Changes::default()
        };
        change(&world, over, changes).await;
        let put = [Request::conversation(short, price)];
        let tagged = tagging::tag_many(&world.ctx, &world.owner, &put, "").await;
        tagged.expect("a tag");
        let found_of = conversation::find(&world.ctx, world.owner.workspace, long).await;
        let inbox = found_of.expect("a look").expect("a thread").inbox_id;
        let (member, inbox, nowhere) = (member.uuid(), inbox.uuid(), Uuid::from_u128(1));
        let of = |field: &str, test: Value| json!({"conversation": {field: test}});
        let tags = |mode: &str, below: bool| json!({"conversationTags": {"mode": mode, "tagIds": [topic.uuid()], "withDescendants": below}});
        for (stored, expected) in [
            (of("statuses", json!(["PENDING"])), "long"),
            (of("statuses", json!(["OPEN", "CLOSED"])), "short over"),
            (of("priorities", json!(["HIGH", "URGENT"])), "long"),
            (of("priorities", json!(["NORMAL"])), "short over"),
            (of("assigneeIds", json!([member])), "long"),
            (of("hasAssignee", json!(true)), "long"),
            (of("hasAssignee", json!(false)), "short over"),
            (of("inboxIds", json!([inbox])), "long short over"),
            (of("inboxIds", json!([nowhere])), ""),
            (of("messages", json!({"atLeast": 2})), "long"),
            (of("messages", json!({"lessThan": 2})), "short over"),
            (of("waitingSince", json!({"isSet": true})), "long short"),
            (of("waitingSince", json!({"isSet": false})), "over"),
            (of("waitingSince", json!({"withinDays": 1})), "long short"),
            (of("created", json!({"withinDays": 1})), "long short over"),
            (of("created", json!({"moreThanDaysAgo": 1})), ""),
            (tags("ANY", true), "short"),
            (tags("ANY", false), ""),
            (tags("NONE", true), "long over"),
        ] {
            let held = found(&world, &threads, &stored).await;
            assert_eq!(
                held.into_iter().collect::<std::collections::BTreeSet<_>>(),
                names(expected),
                "{stored}"
            );
        }
        world
    });
}
