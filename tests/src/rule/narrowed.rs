//! What narrows a trigger: where from, where to, where it happened, and whose work it was.

use chrono::TimeDelta;
use domain::{
    access::Origin,
    contact::{self, ContactChanges, NewContact, ProfileChanges},
    conversation::{self, Changes},
    fact::ingest::Head,
    inbox::{self, NewInbox},
    rule::trigger::{
        ContactAttributeChanged, ContactCreated, ContactOwnerChanged, ContactStageChanged,
        ConversationAssigned, ConversationOpened, SurveyAnswered, Trigger,
    },
    stage::NewStage,
    survey::{self, NewSurveyAnswer},
    work::change::{Change, Fact},
};
use entity::{
    id::ContactId,
    kind::{AttributeType, Channel, LifecycleStage, Role, SubjectKind, SurveyKind, TagKind},
};
use uuid::Uuid;

use super::{contact_of, firings, on, tag_with};
use crate::access::house::member_of;
use crate::support::{World, engine::tag_conversation, on_both};

#[test]
fn conversations_are_narrowed_by_inbox_channel_and_who_had_them() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let act = || vec![tag_conversation(topic)];
        let inbox = inbox::list(ctx, owner.workspace).await.unwrap().remove(0);
        let new = NewInbox {
            name: "Another".to_owned(),
            channel: Channel::WebForm,
            address: None,
        };
        let another = inbox::create(ctx, owner, new).await.unwrap();
        let colleague = member_of(ctx, owner, Role::Agent).await;
        let other = [Channel::Email, Channel::Chat]
            .into_iter()
            .find(|channel| *channel != inbox.channel)
            .unwrap();
        let opened = |inbox_ids: Vec<Uuid>, channels| {
            Trigger::ConversationOpened(ConversationOpened {
                inbox_ids,
                channels,
                from: Vec::new(),
                reopened_only: false,
            })
        };
        let here = on(&world, opened(vec![inbox.id.0], Vec::new()), act()).await;
        let elsewhere = on(&world, opened(vec![another.id.0], Vec::new()), act()).await;
        let by_channel = on(&world, opened(Vec::new(), vec![inbox.channel]), act()).await;
        let by_another = on(&world, opened(Vec::new(), vec![other]), act()).await;
        let taken = |from: Uuid| {
            Trigger::ConversationAssigned(ConversationAssigned {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from_member_ids: vec![from],
                to_member_ids: Vec::new(),
                to_nobody: true,
            })
        };
        let from_owner = on(&world, taken(owner.member.0), act()).await;
        let from_another = on(&world, taken(colleague.member.0), act()).await;

        let message = world.receive(&[("1", "a@c.example", "hello")]).await[0];
        let found = conversation::find_message(ctx, owner.workspace, message).await;
        let id = found.unwrap().unwrap().conversation_id;
        for assignee in [Some(owner.member), None] {
            let changes = Changes {
                assignee: Some(assignee),
                ..Changes::default()
            };
            conversation::update(ctx, owner, &[id], "id", &changes)
                .await
                .unwrap();
        }
        world.drain().await;
        for (rule, expected, what) in [
            (here.id, 1, "its inbox"),
            (elsewhere.id, 0, "another inbox"),
            (by_channel.id, 1, "its channel"),
            (by_another.id, 0, "another channel"),
            (from_owner.id, 1, "from who had it"),
            (from_another.id, 0, "from somebody else"),
        ] {
            assert_eq!(firings(&world, rule).await.len(), expected, "{what}");
        }
        world
    });
}

async fn change(world: &World, contact: ContactId, profile: ProfileChanges) {
    let changes = ContactChanges {
        profile,
        ..ContactChanges::default()
    };
    contact::update(&world.ctx, &world.owner, contact, changes)
        .await
        .unwrap();
}

#[test]
fn contacts_are_narrowed_by_what_they_were_before() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let act = || tag_with(seen);
        let score =
            crate::people::define(&world, SubjectKind::Contact, "score", AttributeType::Number)
                .await;
        let stage = Trigger::ContactStageChanged(ContactStageChanged {
            from: vec![LifecycleStage::Lead],
            to: Vec::new(),
        });
        let stage = on(&world, stage, act()).await;
        let left = Trigger::ContactOwnerChanged(ContactOwnerChanged {
            from_member_ids: vec![owner.member.0],
            to_member_ids: Vec::new(),
        });
        let left = on(&world, left, act()).await;
        let rated = Trigger::ContactAttributeChanged(ContactAttributeChanged {
            attribute_id: score.0,
            from: Some(serde_json::json!({ "number": 5.0 })),
            to: None,
        });
        let rated = on(&world, rated, act()).await;

        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        for stage in [LifecycleStage::Lead, LifecycleStage::Customer] {
            let stage = Some(NewStage {
                stage: Some(stage),
                reason: String::new(),
            });
            let profile = ProfileChanges {
                stage,
                ..ProfileChanges::default()
            };
            change(&world, taro, profile).await;
        }
        for owner in [Some(owner.member), None] {
            let profile = ProfileChanges {
                owner: Some(owner),
                ..ProfileChanges::default()
            };
            change(&world, taro, profile).await;
        }
        for value in [5.0, 3.0, 4.0] {
            let setting = domain::attribute::Setting {
                attribute: score,
                value: Some(domain::attribute::Value::Number(value)),
            };
            let subject = domain::subject::Subject::new(SubjectKind::Contact, taro.0);
            domain::attribute::set(ctx, owner, subject, &["id"], vec![setting])
                .await
                .unwrap();
        }
        world.drain().await;
        for (rule, what) in [
            (stage.id, "from lead, not from nothing"),
            (left.id, "from its owner, not to it"),
            (rated.id, "from 5, not from 3"),
        ] {
            assert_eq!(firings(&world, rule).await.len(), 1, "{what}");
        }
        world
    });
}

#[test]
fn who_is_imported_is_left_out_if_that_is_asked_for() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let created = |except_imported| Trigger::ContactCreated(ContactCreated { except_imported });
        let all = on(&world, created(false), tag_with(seen)).await;
        let others = on(&world, created(true), tag_with(seen)).await;
        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        // As an import tells of the same.
        let mut tx = ctx.begin(owner.workspace).await.unwrap();
        let fact = Fact::ContactCreated { contact_id: taro };
        tx.record(Change::new(Origin::Import, Some(taro), fact));
        tx.commit().await.unwrap();
        world.drain().await;
        assert_eq!(firings(&world, all.id).await.len(), 2);
        assert_eq!(firings(&world, others.id).await.len(), 1);
        world
    });
}

#[test]
fn an_answer_that_a_source_tells_makes_rules_look_once() {
    on_both(|world| async move {
        let (ctx, now) = (&world.ctx, world.ctx.clock.now());
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let asked = |max_score, keys: &[&str]| {
            Trigger::SurveyAnswered(SurveyAnswered {
                kinds: vec![SurveyKind::Nps],
                survey_keys: keys.iter().map(|&key| key.to_owned()).collect(),
                max_score,
                ..SurveyAnswered::default()
            })
        };
        let low = on(&world, asked(Some(6), &["onboarding"]), tag_with(seen)).await;
        let other = on(&world, asked(None, &["yearly"]), tag_with(seen)).await;
        let answer = |score, minutes| NewSurveyAnswer {
            head: Head {
                external_id: "1".to_owned(),
                party: crate::fact::email("taro@customer.example"),
                updated_at: Some(now + TimeDelta::minutes(minutes)),
            },
            survey_key: "onboarding".to_owned(),
            kind: SurveyKind::Nps,
            score,
            comment: None,
            answered_at: now,
        };
        for told in [answer(3, 1), answer(2, 2)] {
            survey::ingest(ctx, &world.owner, vec![told]).await.unwrap();
            world.drain().await;
        }
        let found = firings(&world, low.id).await;
        assert_eq!(
            found.len(),
            1,
            "at the first word, not when it is corrected"
        );
        let taro = contact_of(&world, "taro@customer.example").await;
        assert_eq!(found[0].contact_id, Some(taro));
        assert_eq!(firings(&world, other.id).await.len(), 0);
        world
    });
}
