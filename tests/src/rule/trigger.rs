//! Every trigger, one by one: what makes a rule look, and what does not.

use domain::{
    account::{self, NewAccount},
    action::{Action, TagAccount},
    attribute,
    contact::{self, ContactChanges, NewContact, ProfileChanges},
    conversation::{self, Changes},
    email, event,
    rule::trigger::{
        AccountAttributeChanged, AccountTagAdded, AccountTagRemoved, ContactAttributeChanged,
        ContactChanged, ContactCreated, ContactOwnerChanged, ContactStageChanged, ContactTagAdded,
        ContactTagRemoved, ConversationAssigned, ConversationAttributeChanged, ConversationClosed,
        ConversationOpened, ConversationPriorityChanged, ConversationTagAdded,
        ConversationTagRemoved, Direction as Crossing, EmailEventSeen, EventTracked,
        HealthBandChanged, HealthScoreCrossed, SurveyAnswered, Trigger,
    },
    stage::NewStage,
    subject::Subject,
    tag::{Request, tagging},
    work::change::{Change, Fact},
};
use entity::{
    id::{AccountId, ContactId, ConversationId, TagId},
    kind::{
        AttributeType, ContactField, ConversationStatus, EmailEventKind, EmailEventOrigin,
        HealthBand, LifecycleStage, Priority, SubjectKind, SurveyKind, TagKind,
    },
};

use super::{contact_of, firings, on, tag_with, tags_of};
use crate::support::{
    World,
    engine::{email_event, tag_contact, tag_conversation},
    on_both,
};

async fn record(world: &World, contact: ContactId, fact: Fact) {
    let mut tx = world.ctx.begin(world.owner.workspace).await.unwrap();
    tx.record(Change::new(world.owner.origin(), Some(contact), fact));
    tx.commit().await.unwrap();
}

pub(super) async fn conversation_with(world: &World, id: &str, email: &str) -> ConversationId {
    let message = world.receive(&[(id, email, "hello")]).await[0];
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = conversation::find_message(ctx, workspace, message).await;
    found.unwrap().unwrap().conversation_id
}

async fn turn(world: &World, id: ConversationId, changes: Changes) {
    conversation::update(&world.ctx, &world.owner, &[id], "id", &changes)
        .await
        .unwrap();
}

fn status(status: ConversationStatus) -> Changes {
    Changes {
        status: Some(status),
        ..Changes::default()
    }
}

pub(super) async fn put(world: &World, request: Request) {
    tagging::tag_many(&world.ctx, &world.owner, &[request], "")
        .await
        .unwrap();
}

async fn take(world: &World, request: Request) {
    tagging::untag_many(&world.ctx, &world.owner, &[request], "")
        .await
        .unwrap();
}

#[track_caller]
pub(super) fn count(found: &[entity::rule_firing::Model], expected: usize, what: &str) {
    assert_eq!(found.len(), expected, "{what}");
}

#[test]
fn conversations_are_looked_at_as_they_begin_close_reopen_and_are_assigned() {
    on_both(|world| async move {
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let act = || vec![tag_conversation(topic)];
        let opened = |reopened_only| {
            Trigger::ConversationOpened(ConversationOpened {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from: Vec::new(),
                reopened_only,
            })
        };
        let any = on(&world, opened(false), act()).await;
        let again = on(&world, opened(true), act()).await;
        let closed = Trigger::ConversationClosed(ConversationClosed {
            inbox_ids: Vec::new(),
            channels: Vec::new(),
            from: vec![ConversationStatus::Open],
        });
        let closed = on(&world, closed, act()).await;
        let assigned = |to_nobody| {
            Trigger::ConversationAssigned(ConversationAssigned {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from_member_ids: Vec::new(),
                to_member_ids: Vec::new(),
                to_nobody,
            })
        };
        let given = on(&world, assigned(false), act()).await;
        let dropped = on(&world, assigned(true), act()).await;

        let id = conversation_with(&world, "1", "taro@customer.example").await;
        world
            .receive(&[("2", "taro@customer.example", "more")])
            .await;
        world.drain().await;
        count(&firings(&world, any.id).await, 1, "it began once");
        count(
            &firings(&world, again.id).await,
            0,
            "it was not opened again",
        );
        turn(&world, id, status(ConversationStatus::Closed)).await;
        world.drain().await;
        let found = firings(&world, closed.id).await;
        count(&found, 1, "it was closed");
        assert_eq!(found[0].conversation_id, Some(id));
        assert_eq!(found[0].message_id, None);
        turn(&world, id, status(ConversationStatus::Open)).await;
        world.drain().await;
        count(&firings(&world, any.id).await, 2, "opened again");
        count(&firings(&world, again.id).await, 1, "opened again");
        for assignee in [Some(world.owner.member), None] {
            let changes = Changes {
                assignee: Some(assignee),
                ..Changes::default()
            };
            turn(&world, id, changes).await;
        }
        world.drain().await;
        count(&firings(&world, given.id).await, 1, "given to somebody");
        count(&firings(&world, dropped.id).await, 1, "given to nobody");
        world
    });
}

#[test]
fn accounts_and_conversations_are_looked_at_as_their_attributes_change() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let define = |of, key| crate::people::define(&world, of, key, AttributeType::Number);
        let tier = define(SubjectKind::Account, "tier").await;
        let effort = define(SubjectKind::Conversation, "effort").await;
        let key = world.tag(TagKind::Contact, "Key account", None).await;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let five = || Some(serde_json::json!({ "number": 5.0 }));
        let raised = Trigger::AccountAttributeChanged(AccountAttributeChanged {
            attribute_id: tier.0,
            from: None,
            to: five(),
        });
        let act = vec![Action::TagAccount(TagAccount {
            tag_ids: vec![key.0],
            expires_in_seconds: None,
            while_in_segment_id: None,
        })];
        let raised = on(&world, raised, act).await;
        let left = Trigger::ConversationAttributeChanged(ConversationAttributeChanged {
            attribute_id: effort.0,
            from: five(),
            to: None,
        });
        let left = on(&world, left, vec![tag_conversation(topic)]).await;

        let acme = account_named(&world, "Acme").await;
        let id = conversation_with(&world, "1", "taro@customer.example").await;
        for number in [5.0, 6.0] {
            for (subject, attribute) in [
                (Subject::new(SubjectKind::Account, acme.0), tier),
                (Subject::new(SubjectKind::Conversation, id.0), effort),
            ] {
                let value = Some(attribute::Value::Number(number));
                let setting = attribute::Setting { attribute, value };
                let set = attribute::set(ctx, owner, subject, &["id"], vec![setting]).await;
                set.unwrap();
            }
        }
        world.drain().await;
        count(&firings(&world, raised.id).await, 1, "it became 5 once");
        assert_eq!(tags_of(&world, acme.0).await, [key]);
        let found = firings(&world, left.id).await;
        count(&found, 1, "it was 5 once");
        assert_eq!(found[0].conversation_id, Some(id));
        assert_eq!(tags_of(&world, id.0).await, [topic]);
        world
    });
}

#[test]
fn conversations_are_looked_at_as_they_become_more_or_less_urgent() {
    on_both(|world| async move {
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let changed = |from: &[Priority], to: &[Priority]| {
            Trigger::ConversationPriorityChanged(ConversationPriorityChanged {
                inbox_ids: Vec::new(),
                channels: Vec::new(),
                from: from.to_vec(),
                to: to.to_vec(),
            })
        };
        let act = || vec![tag_conversation(topic)];
        let any = on(&world, changed(&[], &[]), act()).await;
        let urgent = on(&world, changed(&[], &[Priority::Urgent]), act()).await;
        let eased = on(&world, changed(&[Priority::Urgent], &[]), act()).await;
        let id = conversation_with(&world, "1", "taro@customer.example").await;
        let turns = [
            Priority::High,
            Priority::Urgent,
            Priority::Urgent,
            Priority::Normal,
        ];
        for priority in turns {
            let changes = Changes {
                priority: Some(priority),
                ..Changes::default()
            };
            turn(&world, id, changes).await;
        }
        world.drain().await;
        count(&firings(&world, any.id).await, 3, "as often as it changed");
        let found = firings(&world, urgent.id).await;
        count(&found, 1, "it became urgent once");
        assert_eq!(found[0].conversation_id, Some(id));
        count(&firings(&world, eased.id).await, 1, "it was urgent once");
        world
    });
}

#[test]
fn tags_are_looked_at_as_they_come_and_go_with_those_above_them() {
    on_both(|world| async move {
        let customer = world.tag(TagKind::Contact, "Customer", None).await;
        let vip = world.tag(TagKind::Contact, "VIP", Some(customer)).await;
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let topic = world.tag(TagKind::Conversation, "Topic", None).await;
        let other = world.tag(TagKind::Conversation, "Other", None).await;
        let ids = |tag: TagId| vec![tag.0];
        let added = |direct_only| {
            Trigger::ContactTagAdded(ContactTagAdded {
                tag_ids: ids(customer),
                direct_only,
            })
        };
        let broad = on(&world, added(false), tag_with(seen)).await;
        let direct = on(&world, added(true), tag_with(seen)).await;
        let removed = Trigger::ContactTagRemoved(ContactTagRemoved {
            tag_ids: ids(vip),
            direct_only: false,
        });
        let removed = on(&world, removed, tag_with(seen)).await;
        let of_topic = Trigger::ConversationTagAdded(ConversationTagAdded {
            tag_ids: ids(topic),
            direct_only: false,
        });
        let of_topic = on(&world, of_topic, vec![tag_conversation(other)]).await;
        let no_topic = Trigger::ConversationTagRemoved(ConversationTagRemoved {
            tag_ids: ids(topic),
            direct_only: false,
        });
        let no_topic = on(&world, no_topic, vec![tag_contact(seen)]).await;
        let of_account = Trigger::AccountTagAdded(AccountTagAdded {
            tag_ids: ids(vip),
            direct_only: false,
        });
        let act = vec![Action::TagAccount(TagAccount {
            tag_ids: ids(seen),
            expires_in_seconds: None,
            while_in_segment_id: None,
        })];
        let of_account = on(&world, of_account, act.clone()).await;
        let no_account = Trigger::AccountTagRemoved(AccountTagRemoved {
            tag_ids: ids(vip),
            direct_only: false,
        });
        let no_account = on(&world, no_account, act).await;

        let id = conversation_with(&world, "1", "taro@customer.example").await;
        let taro = contact_of(&world, "taro@customer.example").await;
        let acme = account_named(&world, "Acme").await;
        put(&world, Request::contact(taro, vip)).await;
        put(&world, Request::conversation(id, topic)).await;
        put(&world, Request::account(acme, vip)).await;
        world.drain().await;
        count(&firings(&world, broad.id).await, 1, "by the tag below");
        count(&firings(&world, direct.id).await, 0, "only the tag itself");
        count(&firings(&world, of_topic.id).await, 1, "the conversation");
        let found = firings(&world, of_account.id).await;
        count(&found, 1, "the account");
        assert_eq!(
            (found[0].account_id, found[0].contact_id),
            (Some(acme), None)
        );
        assert_eq!(tags_of(&world, taro.0).await, sorted([vip, seen]));
        assert_eq!(tags_of(&world, id.0).await, sorted([topic, other]));
        assert_eq!(tags_of(&world, acme.0).await, sorted([vip, seen]));
        take(&world, Request::contact(taro, vip)).await;
        take(&world, Request::conversation(id, topic)).await;
        take(&world, Request::account(acme, vip)).await;
        world.drain().await;
        for rule in [removed.id, no_topic.id, no_account.id] {
            count(&firings(&world, rule).await, 1, "it went");
        }
        world
    });
}

fn sorted<const N: usize>(mut tags: [TagId; N]) -> Vec<TagId> {
    tags.sort_unstable();
    tags.to_vec()
}

async fn account_named(world: &World, name: &str) -> AccountId {
    let new = NewAccount {
        name: name.to_owned(),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.unwrap().id
}

#[test]
fn contacts_are_looked_at_as_they_come_and_change() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let act = || tag_with(seen);
        let score =
            crate::people::define(&world, SubjectKind::Contact, "score", AttributeType::Number)
                .await;
        let created = Trigger::ContactCreated(ContactCreated {
            except_imported: false,
        });
        let created = on(&world, created, act()).await;
        let renamed = Trigger::ContactChanged(ContactChanged {
            fields: vec![ContactField::Name],
        });
        let renamed = on(&world, renamed, act()).await;
        let moved = Trigger::ContactStageChanged(ContactStageChanged {
            from: Vec::new(),
            to: vec![LifecycleStage::Customer],
        });
        let moved = on(&world, moved, act()).await;
        let owned = Trigger::ContactOwnerChanged(ContactOwnerChanged {
            from_member_ids: Vec::new(),
            to_member_ids: vec![owner.member.0],
        });
        let owned = on(&world, owned, act()).await;
        let five = serde_json::json!({ "number": 5.0 });
        let rated = Trigger::ContactAttributeChanged(ContactAttributeChanged {
            attribute_id: score.0,
            from: None,
            to: Some(five),
        });
        let rated = on(&world, rated, act()).await;

        let new = NewContact {
            name: "Taro".to_owned(),
            ..NewContact::default()
        };
        let taro = contact::create(ctx, owner, new).await.unwrap().id;
        let change = |changes: ContactChanges| contact::update(ctx, owner, taro, changes);
        let name = ContactChanges {
            name: Some("Jiro".to_owned()),
            ..ContactChanges::default()
        };
        change(name).await.unwrap();
        for stage in [LifecycleStage::Lead, LifecycleStage::Customer] {
            let profile = ProfileChanges {
                stage: Some(NewStage {
                    stage: Some(stage),
                    reason: String::new(),
                }),
                ..ProfileChanges::default()
            };
            let changes = ContactChanges {
                profile,
                ..ContactChanges::default()
            };
            change(changes).await.unwrap();
        }
        let profile = ProfileChanges {
            owner: Some(Some(owner.member)),
            ..ProfileChanges::default()
        };
        let changes = ContactChanges {
            profile,
            ..ContactChanges::default()
        };
        change(changes).await.unwrap();
        for value in [3.0, 5.0] {
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
            (created.id, "created"),
            (renamed.id, "renamed"),
            (moved.id, "moved to customer, not to lead"),
            (owned.id, "owned"),
            (rated.id, "rated 5, not 3"),
        ] {
            count(&firings(&world, rule).await, 1, what);
        }
        world
    });
}

#[test]
fn behaviour_is_looked_at_as_it_becomes_known() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let act = || tag_with(seen);
        let signed_up = Trigger::EventTracked(EventTracked {
            names: vec!["Signed up".to_owned()],
            ..EventTracked::default()
        });
        let signed_up = on(&world, signed_up, act()).await;
        let clicked = Trigger::EmailEventSeen(EmailEventSeen {
            kinds: vec![EmailEventKind::Clicked],
            ..EmailEventSeen::default()
        });
        let clicked = on(&world, clicked, act()).await;
        let fell = Trigger::HealthScoreCrossed(HealthScoreCrossed {
            score: 40,
            direction: Crossing::Down,
        });
        let fell = on(&world, fell, act()).await;
        let at_risk = Trigger::HealthBandChanged(HealthBandChanged {
            from: vec![HealthBand::Neutral],
            to: vec![HealthBand::AtRisk],
        });
        let at_risk = on(&world, at_risk, act()).await;
        let detractor = Trigger::SurveyAnswered(SurveyAnswered {
            kinds: vec![SurveyKind::Nps],
            max_score: Some(6),
            ..SurveyAnswered::default()
        });
        let detractor = on(&world, detractor, act()).await;

        let now = ctx.clock.now();
        let events = ["Signed up", "Looked around"].map(|name| event::NewEvent {
            external_id: name.to_owned(),
            whose: "taro@customer.example".to_owned().into(),
            name: name.to_owned(),
            properties: serde_json::json!({}),
            occurred_at: now,
        });
        event::ingest(ctx, owner, events.to_vec()).await.unwrap();
        let told = [EmailEventKind::Opened, EmailEventKind::Clicked];
        let to = "taro@customer.example";
        let told = told.map(|kind| email_event(kind.word(), "mail", to, kind, now));
        email::ingest(ctx, owner, told.to_vec()).await.unwrap();
        let taro = contact_of(&world, "taro@customer.example").await;
        for (previous, score, band) in [
            (60.0, 45.0, HealthBand::Neutral),
            (45.0, 39.0, HealthBand::AtRisk),
        ] {
            let fact = Fact::HealthChanged {
                contact_id: taro,
                score: Some(score),
                previous_score: Some(previous),
                band,
                previous_band: HealthBand::Neutral,
            };
            record(&world, taro, fact).await;
        }
        for score in [9, 3] {
            let fact = Fact::SurveyAnswered {
                answer_id: ctx.id(),
                account_id: None,
                survey_key: "onboarding".to_owned(),
                survey: SurveyKind::Nps,
                score,
                is_new: true,
                previous_score: None,
            };
            record(&world, taro, fact).await;
        }
        world.drain().await;
        for (rule, what) in [
            (signed_up.id, "the event of that name"),
            (clicked.id, "the click"),
            (fell.id, "below the mark"),
            (at_risk.id, "the band"),
            (detractor.id, "the low score"),
        ] {
            let found = firings(&world, rule).await;
            count(&found, 1, what);
            assert_eq!(found[0].contact_id, Some(taro));
        }
        world
    });
}

#[test]
fn a_click_of_a_scanner_sets_off_only_what_waits_for_scanners() {
    on_both(|world| async move {
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let clicked = |origins| {
            Trigger::EmailEventSeen(EmailEventSeen {
                kinds: vec![EmailEventKind::Clicked],
                origins,
                ..EmailEventSeen::default()
            })
        };
        let people = on(&world, clicked(Vec::new()), tag_with(seen)).await;
        let scanners = vec![EmailEventOrigin::Scanner];
        let scanners = on(&world, clicked(scanners), tag_with(seen)).await;
        let now = world.ctx.clock.now();
        // Told by the provider, told by the agent, and by nothing.
        let click = |key: &str, origin, agent: Option<&str>| {
            let to = format!("{key}@customer.example");
            email::NewEmailEvent {
                origin,
                user_agent: agent.map(str::to_owned),
                ..email_event(key, key, &to, EmailEventKind::Clicked, now)
            }
        };
        let told = vec![
            click("provider", Some(EmailEventOrigin::Scanner), None),
            click("agent", None, Some("Mimecast-URL-Protect/1.0")),
            click("person", None, Some("Thunderbird")),
        ];
        let (ctx, owner) = (&world.ctx, &world.owner);
        email::ingest(ctx, owner, told).await.unwrap();
        world.drain().await;
        let found = firings(&world, people.id).await;
        count(&found, 1, "a person's click");
        let person = contact_of(&world, "person@customer.example").await;
        assert_eq!(found[0].contact_id, Some(person));
        count(&firings(&world, scanners.id).await, 2, "clicks of scanners");
        world
    });
}
