//! Actions about who is in charge, and about the account and the conversation.

use domain::{
    account::{self, NewAccount},
    action::{
        Action,
        OutcomeResult::{Changed, NoOwner, Unchanged},
        Performed, perform,
        perform::By,
    },
    contact, conversation,
    error::UserErrorCode,
    rule::{
        self, Limits, NewRule,
        definition::always,
        trigger::{AccountTagAdded, Trigger},
    },
    tag::{Request, tagging},
};
use entity::{
    id::{AccountId, ConversationId, PlaybookId},
    kind::{AttributeType, LifecycleStage, SubjectKind, TagKind},
};
use serde_json::{Value, json};

use super::{contact_of, firings, on, refused, results};
use crate::support::{World, on_both};

fn actions(stored: Value) -> Vec<Action> {
    serde_json::from_value(stored).expect("actions")
}

/// Contacts who write from `customer.example` join it.
async fn company(world: &World) -> AccountId {
    let new = NewAccount {
        name: "Acme".to_owned(),
        domain: Some("customer.example".to_owned()),
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.expect("an account").id
}

async fn value_of(world: &World, thing: uuid::Uuid) -> Option<f64> {
    let found = domain::attribute::load(&world.ctx, world.owner.workspace, &[thing]).await;
    found.expect("values").first().and_then(|one| one.number)
}

async fn assignee(world: &World, id: ConversationId) -> Option<entity::id::MemberId> {
    let found = conversation::find(&world.ctx, world.owner.workspace, id).await;
    found
        .expect("a look-up")
        .expect("a conversation")
        .assignee_id
}

#[test]
fn a_message_sets_owners_and_what_is_known_of_account_and_conversation() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let seats =
            crate::people::define(&world, SubjectKind::Account, "seats", AttributeType::Number)
                .await;
        let score = crate::people::define(
            &world,
            SubjectKind::Conversation,
            "score",
            AttributeType::Number,
        )
        .await;
        let acme = company(&world).await;
        let rule = on(
            &world,
            Trigger::default(),
            actions(json!([
                {"assignConversation": {"toOwner": true}},
                {"setContactOwner": {"memberId": owner.member.0}},
                {"setAccountOwner": {"memberId": owner.member.0}},
                {"setAccountStage": {"stage": "CUSTOMER"}},
                {"setAccountAttribute": {"attributeId": seats.0, "value": {"number": 10.0}}},
                {"setConversationAttribute": {"attributeId": score.0, "value": {"number": 2.0}}},
            ])),
        )
        .await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        world
            .receive(&[("2", "taro@customer.example", "again")])
            .await;
        world.drain().await;
        let mut found = results(&world, rule.id).await;
        found.sort_by_key(|results| results[0] != Changed);
        assert_eq!(found, [vec![Changed; 6], vec![Unchanged; 6]]);
        let id = firings(&world, rule.id).await[0]
            .conversation_id
            .expect("a conversation");
        // Who looks after the contact from now on is given the conversation, in whatever order that stands.
        assert_eq!(assignee(&world, id).await, Some(owner.member));
        let taro = contact_of(&world, "taro@customer.example").await;
        let contact = contact::find(ctx, owner.workspace, taro)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(contact.owner_id, Some(owner.member));
        let account = account::find(ctx, owner.workspace, acme)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(account.owner_id, Some(owner.member));
        assert_eq!(account.stage, Some(LifecycleStage::Customer));
        assert_eq!(value_of(&world, acme.0).await, Some(10.0));
        assert_eq!(value_of(&world, id.0).await, Some(2.0));
        let page = domain::page::PageRequest::first(10);
        let history = domain::stage::history(ctx, owner.workspace, acme.0, &page).await;
        assert_eq!(history.expect("stages").rows.len(), 1);
        world
    });
}

#[test]
fn a_conversation_stays_where_it_is_if_nobody_looks_after_the_contact() {
    on_both(|world| async move {
        let to_owner = actions(json!([{"assignConversation": {"toOwner": true}}]));
        let rule = on(&world, Trigger::default(), to_owner).await;
        world
            .receive(&[("1", "taro@customer.example", "hello")])
            .await;
        world.drain().await;
        assert_eq!(results(&world, rule.id).await, [[NoOwner]]);
        let id = firings(&world, rule.id).await[0]
            .conversation_id
            .expect("a conversation");
        assert_eq!(assignee(&world, id).await, None);
        world
    });
}

#[test]
fn a_rule_on_accounts_and_a_playbook_set_what_is_known_of_the_account() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let key = world.tag(TagKind::Contact, "Key account", None).await;
        let acme = company(&world).await;
        let customer = || actions(json!([{"setAccountStage": {"stage": "CUSTOMER"}}]));
        let added = Trigger::AccountTagAdded(AccountTagAdded {
            tag_ids: vec![key.0],
            direct_only: false,
        });
        let rule = on(&world, added, customer()).await;
        tagging::tag_many(ctx, owner, &[Request::account(acme, key)], "")
            .await
            .expect("a tag");
        world.drain().await;
        assert_eq!(results(&world, rule.id).await, [[Changed]]);
        // The same twice, as steps of a playbook may ask for it.
        let wanted = actions(json!([
            {"setAccountStage": {"stage": "FORMER"}},
            {"setAccountStage": {"stage": "FORMER"}},
            {"setAccountOwner": {"memberId": owner.member.0}},
            {"setAccountOwner": {"memberId": null}},
        ]));
        let by = By {
            origin: domain::access::Origin::Playbook {
                playbook_id: PlaybookId(uuid::Uuid::from_u128(1)),
                version: 1,
            },
            name: "a playbook",
            cause: None,
            firing: None,
            not_before: None,
        };
        let case = domain::action::Case {
            account: Some(acme),
            ..domain::action::Case::default()
        };
        let performed: Vec<Performed<'_>> = wanted
            .iter()
            .map(|action| Performed { action, case, by })
            .collect();
        let mut tx = ctx.begin(owner.workspace).await.expect("a transaction");
        let outcomes = perform(ctx, &mut tx, &performed).await.expect("outcomes");
        tx.commit().await.expect("a commit");
        let found: Vec<_> = outcomes.iter().map(|one| one[0].result.clone()).collect();
        assert_eq!(found, [Changed, Unchanged, Changed, Changed]);
        let account = account::find(ctx, owner.workspace, acme)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (account.stage, account.owner_id),
            (Some(LifecycleStage::Former), None)
        );
        world
    });
}

#[test]
fn what_does_not_fit_is_refused_where_it_stands() {
    on_both(|world| async move {
        let seats =
            crate::people::define(&world, SubjectKind::Account, "seats", AttributeType::Number)
                .await;
        let key = world.tag(TagKind::Contact, "Key account", None).await;
        let of_accounts = || {
            Trigger::AccountTagAdded(AccountTagAdded {
                tag_ids: vec![key.0],
                direct_only: false,
            })
        };
        let member = world.owner.member.0;
        for (trigger, action, path, code) in [
            (
                Trigger::default(),
                json!({"assignConversation": {"memberId": member, "toOwner": true}}),
                "actions.0.assignConversation.toOwner",
                UserErrorCode::Contradictory,
            ),
            (
                Trigger::default(),
                json!({"setAccountAttribute": {"attributeId": seats.0, "value": {"text": "x"}}}),
                "actions.0.setAccountAttribute.value.text",
                UserErrorCode::KindMismatch,
            ),
            (
                Trigger::default(),
                json!({"setContactAttribute": {"attributeId": seats.0, "value": {"number": 1.0}}}),
                "actions.0.setContactAttribute.attributeId",
                UserErrorCode::NotFound,
            ),
            (
                of_accounts(),
                json!({"setContactOwner": {"memberId": member}}),
                "actions.0.setContactOwner",
                UserErrorCode::KindMismatch,
            ),
        ] {
            let new = NewRule {
                name: "unfit".to_owned(),
                trigger,
                condition: always(),
                actions: actions(json!([action])),
                limits: Limits::default(),
            };
            let error = rule::create(&world.ctx, &world.owner, new).await;
            assert_eq!(refused(error.unwrap_err()), [(path.to_owned(), code)]);
        }
        world
    });
}
