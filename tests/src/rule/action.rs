//! Every action, with each way it can come out.

use domain::{
    access::Origin,
    access::member,
    action::{
        Action, AssignConversation, Case, Notify,
        OutcomeResult::{
            self, AlreadyTagged, Changed, NotTagged, SetByMember, Tagged, Unchanged, Untagged,
        },
        Performed, SetContactAttribute, SetContactStage, SetConversationPriority,
        SetConversationStatus, UntagContact, WatchConversation, perform,
        perform::By,
    },
    condition::Condition,
    contact, conversation,
    error::UserErrorCode,
    page::PageRequest,
    rule::trigger::{ContactAttributeChanged, Trigger},
    tag::{Request, tagging},
};
use entity::{
    id::{ConversationId, MemberId, PlaybookId},
    kind::{AttributeType, ConversationStatus, LifecycleStage, Priority, SubjectKind, TagKind},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{contact_of, firings, on, results, tag_with, tags_of};
use crate::support::{World, engine::Receiver, on_both};

#[test]
fn a_message_changes_conversation_and_contact_as_told_and_the_second_time_nothing() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let plan =
            crate::people::define(&world, SubjectKind::Contact, "plan", AttributeType::Select)
                .await;
        let actions = vec![
            Action::AssignConversation(AssignConversation {
                member_id: Some(owner.member.0),
                to_owner: false,
            }),
            Action::SetConversationStatus(SetConversationStatus {
                status: ConversationStatus::Pending,
                snooze_minutes: None,
            }),
            Action::SetConversationPriority(SetConversationPriority {
                priority: Priority::Urgent,
            }),
            Action::SetContactAttribute(SetContactAttribute {
                attribute_id: plan.0,
                value: Some(json!({ "select": "b" })),
            }),
            Action::SetContactStage(SetContactStage {
                stage: Some(LifecycleStage::Lead),
            }),
        ];
        let rule = on(&world, Trigger::default(), actions).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        let found = firings(&world, rule.id).await;
        let id = found[0].conversation_id.unwrap();
        let stored = conversation::find(ctx, owner.workspace, id).await.unwrap();
        let stored = stored.unwrap();
        assert_eq!(stored.assignee_id, Some(owner.member));
        assert_eq!(stored.status, ConversationStatus::Pending);
        assert_eq!(stored.priority, Priority::Urgent);
        let taro = contact_of(&world, "taro@customer.example").await;
        let values = domain::attribute::load(ctx, owner.workspace, &[taro.0]).await;
        assert_eq!(values.unwrap()[0].text.as_deref(), Some("b"));
        let contact = contact::find(ctx, owner.workspace, taro).await.unwrap();
        assert_eq!(contact.unwrap().stage, Some(LifecycleStage::Lead));

        // A message opens the conversation again; everything else is as it was. The newest comes first.
        world
            .receive(&[("2", "taro@customer.example", "again")])
            .await;
        world.drain().await;
        let expected = [
            vec![Unchanged, Changed, Unchanged, Unchanged, Unchanged],
            vec![Changed; 5],
        ];
        assert_eq!(results(&world, rule.id).await, expected);
        world
    });
}

#[test]
fn what_actions_make_of_a_conversation_at_once_is_in_its_history_in_their_order() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let statuses = [
            (ConversationStatus::Pending, None),
            (ConversationStatus::Closed, None),
            (ConversationStatus::Snoozed, Some(60)),
            (ConversationStatus::Open, None),
        ];
        let priorities = [
            Priority::Low,
            Priority::High,
            Priority::Urgent,
            Priority::Normal,
        ];
        let turns = statuses.map(|(status, snooze_minutes)| {
            Action::SetConversationStatus(SetConversationStatus {
                status,
                snooze_minutes,
            })
        });
        let urgencies = priorities
            .map(|priority| Action::SetConversationPriority(SetConversationPriority { priority }));
        let actions = turns.into_iter().chain(urgencies).collect();
        let rule = on(&world, Trigger::default(), actions).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        let id = firings(&world, rule.id).await[0].conversation_id.unwrap();
        let page = PageRequest::first(20);
        let found = conversation::history(ctx, owner.workspace, id, &page).await;
        let mut steps: Vec<_> = found
            .unwrap()
            .rows
            .into_iter()
            .map(|(_, one)| one)
            .collect();
        steps.reverse();
        let found: Vec<_> = steps.iter().filter_map(|one| one.to_status).collect();
        assert_eq!(found, statuses.map(|(status, _)| status));
        let found: Vec<_> = steps.iter().filter_map(|one| one.to_priority).collect();
        assert_eq!(found, priorities);
        world
    });
}

/// Who watches a conversation.
async fn watchers(world: &World, id: ConversationId) -> Vec<MemberId> {
    let found = conversation::load_watchers(&world.ctx, world.owner.workspace, &[id]).await;
    let found = found.unwrap().into_iter();
    let mut members: Vec<MemberId> = found.map(|one| one.member_id).collect();
    members.sort_unstable();
    members
}

#[test]
fn members_begin_to_watch_once_and_who_is_gone_does_not() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = member::NewMember {
            email: "agent@example.com".to_owned(),
            name: "Agent".to_owned(),
            role: entity::kind::Role::Agent,
        };
        let agent = member::add(ctx, owner, new).await.unwrap();
        let watch = Action::WatchConversation(WatchConversation {
            member_ids: vec![owner.member.0, agent.id.0],
        });
        let rule = on(&world, Trigger::default(), vec![watch]).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        let id = firings(&world, rule.id).await[0].conversation_id.unwrap();
        let mut both = vec![owner.member, agent.id];
        both.sort_unstable();
        assert_eq!(watchers(&world, id).await, both);

        member::remove(ctx, owner, agent.id).await.unwrap();
        world
            .receive(&[("2", "taro@customer.example", "again")])
            .await;
        world.drain().await;
        // The newest comes first.
        let expected = [[Unchanged, OutcomeResult::Unavailable], [Changed, Changed]];
        assert_eq!(results(&world, rule.id).await, expected);
        assert_eq!(watchers(&world, id).await, [owner.member]);
        world
    });
}

#[test]
fn what_a_member_set_is_taken_off_only_when_so_told() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mine = world.tag(TagKind::Contact, "Mine", None).await;
        let ruled = world.tag(TagKind::Contact, "Ruled", None).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        let taro = contact_of(&world, "taro@customer.example").await;
        tagging::tag_many(ctx, owner, &[Request::contact(taro, mine)], "")
            .await
            .unwrap();
        world.drain().await;
        let puts = on(&world, Trigger::default(), tag_with(ruled)).await;
        world
            .receive(&[("2", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        domain::rule::delete(ctx, owner, puts.id).await.unwrap();
        let untag = |even_if_set_by_member| {
            vec![Action::UntagContact(UntagContact {
                tag_ids: vec![mine.0, ruled.0],
                even_if_set_by_member,
            })]
        };
        let gentle = on(&world, Trigger::default(), untag(false)).await;
        world
            .receive(&[("3", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        assert_eq!(results(&world, gentle.id).await, [[SetByMember, Untagged]]);
        assert_eq!(tags_of(&world, taro.0).await, [mine]);
        domain::rule::delete(ctx, owner, gentle.id).await.unwrap();
        let firm = on(&world, Trigger::default(), untag(true)).await;
        world
            .receive(&[("4", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        assert_eq!(results(&world, firm.id).await, [[Untagged, NotTagged]]);
        assert_eq!(tags_of(&world, taro.0).await, []);
        world
    });
}

#[test]
fn a_tag_put_on_and_taken_off_in_turns_keeps_its_history() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let put = super::limited(
            &world,
            Trigger::default(),
            crate::support::engine::words(&["on"]),
            tag_with(hot),
            domain::rule::Limits::default(),
        )
        .await;
        let off = vec![Action::UntagContact(UntagContact {
            tag_ids: vec![hot.0],
            even_if_set_by_member: false,
        })];
        let take = super::limited(
            &world,
            Trigger::default(),
            crate::support::engine::words(&["off"]),
            off,
            domain::rule::Limits::default(),
        )
        .await;
        let said = ["on", "off", "on", "off", "on"];
        let messages: Vec<(String, &str)> = said
            .iter()
            .enumerate()
            .map(|(n, word)| (n.to_string(), *word))
            .collect();
        let messages: Vec<_> = messages
            .iter()
            .map(|(id, word)| (id.as_str(), "taro@customer.example", *word))
            .collect();
        world.receive(&messages).await;
        world.drain().await;
        assert_eq!(
            results(&world, put.id).await,
            vec![[OutcomeResult::Tagged]; 3]
        );
        assert_eq!(
            results(&world, take.id).await,
            vec![[OutcomeResult::Untagged]; 2]
        );
        let taro = contact_of(&world, "taro@customer.example").await;
        assert_eq!(tags_of(&world, taro.0).await, [hot]);
        let page = domain::page::PageRequest::first(10);
        let history = tagging::history(ctx, owner.workspace, taro.0, &page).await;
        assert_eq!(history.unwrap().rows.len(), 3);
        world
    });
}

#[test]
fn what_is_gone_is_logged_and_a_rule_that_fails_again_and_again_is_paused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = member::NewMember {
            email: "agent@example.com".to_owned(),
            name: "Agent".to_owned(),
            role: entity::kind::Role::Agent,
        };
        let agent = member::add(ctx, owner, new).await.unwrap();
        let assign = Action::AssignConversation(AssignConversation {
            member_id: Some(agent.id.0),
            to_owner: false,
        });
        let rule = on(&world, Trigger::default(), vec![assign]).await;
        member::remove(ctx, owner, agent.id).await.unwrap();
        for n in 0..12 {
            let id = n.to_string();
            world
                .receive(&[(id.as_str(), "taro@customer.example", "hello")])
                .await;
            world.drain().await;
        }
        let results = results(&world, rule.id).await;
        assert_eq!(results, vec![[OutcomeResult::Unavailable]; 10]);
        let paused = domain::rule::find(ctx, owner.workspace, rule.id).await;
        let paused = paused.unwrap().unwrap();
        assert!(!paused.active);
        assert!(paused.paused_at.is_some() && paused.paused_reason.is_some());
        let told = domain::store::Query::new("SELECT data FROM change WHERE kind = 'rule.paused'");
        let told: Vec<serde_json::Value> = told.column(ctx.reader()).await.unwrap();
        assert_eq!(told.len(), 1);
        let unread = domain::notification::in_app::unread(ctx, owner).await;
        assert_eq!(unread.unwrap(), 1, "the owner is told");
        let again = domain::rule::set_active(ctx, owner, rule.id, true).await;
        assert_eq!(again.unwrap().paused_at, None);
        world
    });
}

#[test]
fn a_notice_about_something_else_than_a_message_says_whom_it_is_about() {
    on_both(|world| async move {
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let sales = world.target("sales").await;
        let trigger = Trigger::ContactTagAdded(domain::rule::trigger::ContactTagAdded {
            tag_ids: vec![hot.0],
            direct_only: false,
        });
        let notify = Action::Notify(Notify {
            target_id: sales.0,
            title: Some("A hot lead".to_owned()),
            text: None,
        });
        let rule = on(&world, trigger, vec![notify]).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        let taro = contact_of(&world, "taro@customer.example").await;
        tagging::tag_many(&world.ctx, &world.owner, &[Request::contact(taro, hot)], "")
            .await
            .unwrap();
        world.drain().await;
        assert_eq!(firings(&world, rule.id).await.len(), 1);
        let receiver = Receiver::default();
        assert_eq!(world.deliver(&receiver).await.delivered, 1);
        let body = String::from_utf8_lossy(&receiver.calls()[0].body).into_owned();
        assert!(body.contains("A hot lead"), "{body}");
        assert!(body.contains("taro@customer.example"), "{body}");
        world
    });
}

#[test]
fn playbooks_perform_actions_on_any_number_of_cases_at_once() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let hot = world.tag(TagKind::Contact, "Hot", None).await;
        let emails = ["a", "b", "c"].map(|name| format!("{name}@customer.example"));
        let messages: Vec<_> = emails
            .iter()
            .map(|email| (email.as_str(), email.as_str(), "hello"))
            .collect();
        world.receive(&messages).await;
        world.drain().await;
        let actions = tag_with(hot);
        let stage = Action::SetContactStage(SetContactStage {
            stage: Some(LifecycleStage::Customer),
        });
        let origin = Origin::Playbook {
            playbook_id: PlaybookId(Uuid::from_u128(1)),
            version: 3,
        };
        let by = By {
            origin,
            name: "Welcome",
            cause: None,
            firing: None,
            not_before: None,
        };
        let mut contacts = Vec::new();
        for email in &emails {
            contacts.push(contact_of(&world, email).await);
        }
        let mut performed = Vec::new();
        for contact in &contacts {
            for action in [&actions[0], &stage, &actions[0]] {
                let case = Case {
                    contact: Some(*contact),
                    ..Case::default()
                };
                performed.push(Performed { action, case, by });
            }
        }
        let mut tx = ctx.begin(owner.workspace).await.unwrap();
        let outcomes = perform(ctx, &mut tx, &performed).await.unwrap();
        tx.commit().await.unwrap();
        let results: Vec<_> = outcomes.iter().map(|one| one[0].result.clone()).collect();
        let each = vec![Tagged, Changed, AlreadyTagged];
        assert_eq!(results, vec![each; 3].concat());
        // A rule may take off what a playbook put on.
        let off = vec![Action::UntagContact(UntagContact {
            tag_ids: vec![hot.0],
            even_if_set_by_member: false,
        })];
        let rule = on(&world, Trigger::default(), off).await;
        world.receive(&[("z", "a@customer.example", "bye")]).await;
        world.drain().await;
        let results = super::results(&world, rule.id).await;
        assert_eq!(results, [[OutcomeResult::Untagged]]);
        world
    });
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_place() {
    on_both(|world: World| async move {
        let plan =
            crate::people::define(&world, SubjectKind::Contact, "plan", AttributeType::Select)
                .await;
        let sales = world.target("sales").await;
        let actions = vec![
            Action::SetContactAttribute(SetContactAttribute {
                attribute_id: plan.0,
                value: Some(json!({ "select": "z" })),
            }),
            Action::Notify(Notify {
                target_id: sales.0,
                title: None,
                text: Some("{{ contact.nonsense( }}".to_owned()),
            }),
        ];
        let new = domain::rule::NewRule {
            name: "unfit".to_owned(),
            trigger: Trigger::default(),
            condition: domain::rule::definition::always(),
            actions,
            limits: domain::rule::Limits::default(),
        };
        let error = domain::rule::create(&world.ctx, &world.owner, new).await;
        let paths: Vec<String> = super::refused(error.unwrap_err())
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        let expected = [
            "actions.0.setContactAttribute.value.option",
            "actions.1.notify.text",
        ];
        assert_eq!(paths, expected);
        world
    });
}

#[test]
fn values_that_an_attribute_cannot_have_are_refused_in_triggers_and_conditions() {
    on_both(|world: World| async move {
        let seats =
            crate::people::define(&world, SubjectKind::Contact, "seats", AttributeType::Number)
                .await;
        let plan =
            crate::people::define(&world, SubjectKind::Contact, "plan", AttributeType::Select)
                .await;
        let (seats, plan) = (seats.0, plan.0);
        let changes = |id: Uuid, from: Option<Value>, to: Option<Value>| {
            Trigger::ContactAttributeChanged(ContactAttributeChanged {
                attribute_id: id,
                from,
                to,
            })
        };
        let five = || Some(json!({ "number": 5.0 }));
        let option = |key: &str| Some(json!({ "select": key }));
        let text = Some(json!({ "text": "five" }));
        let asks = |options: &[&str]| {
            let asked = json!({ "attributeId": plan, "of": "CONTACT", "options": options });
            serde_json::from_value::<Condition>(json!({ "attribute": asked })).unwrap()
        };
        let always = domain::rule::definition::always;
        let tag = world.tag(TagKind::Contact, "Seen", None).await;
        for (trigger, condition, expected) in [
            (
                changes(seats, None, text),
                always(),
                Some((
                    "trigger.contactAttributeChanged.to.text",
                    UserErrorCode::KindMismatch,
                )),
            ),
            (
                changes(plan, option("zz"), option("a")),
                always(),
                Some((
                    "trigger.contactAttributeChanged.from.option",
                    UserErrorCode::Invalid,
                )),
            ),
            (
                changes(seats, five(), five()),
                always(),
                Some((
                    "trigger.contactAttributeChanged.to",
                    UserErrorCode::Contradictory,
                )),
            ),
            (
                Trigger::default(),
                asks(&["a", "zz"]),
                Some(("condition.attribute.options.1", UserErrorCode::Invalid)),
            ),
            (changes(seats, None, five()), always(), None),
            (
                changes(plan, option("a"), option("b")),
                asks(&["b", "c"]),
                None,
            ),
        ] {
            let new = domain::rule::NewRule {
                name: "a rule".to_owned(),
                trigger,
                condition,
                actions: tag_with(tag),
                limits: domain::rule::Limits::default(),
            };
            let made = domain::rule::create(&world.ctx, &world.owner, new).await;
            let found = made.map_or_else(super::refused, |_| Vec::new());
            let expected: Vec<(String, UserErrorCode)> = expected
                .into_iter()
                .map(|(path, code)| (path.to_owned(), code))
                .collect();
            assert_eq!(found, expected);
        }
        world
    });
}
