//! Rules that look at accounts, and the tasks they make.

use domain::{
    access::Origin,
    account::{self, DetailChanges, NewAccount},
    action::{Action, CreateTask, OutcomeResult, TaskAssignee},
    contact::{self, NewContact},
    page::PageRequest,
    rule::{
        Limits, OncePer,
        definition::always,
        miss,
        trigger::{AccountTagAdded, AccountTagRemoved, Trigger},
    },
    store::Query,
    tag::{Request, tagging},
    task::{self, TaskFilter, TaskOrder, Unassigned},
    work::change::{Change, Fact},
};
use entity::{
    id::{AccountId, ContactId},
    kind::{HealthBand, MissReason, TagKind, TaskPriority},
};
use serde_json::{Value, json};

use super::{firings, limited, on, results};
use crate::support::{World, on_both};

async fn company(world: &World, name: &str, owned: bool) -> AccountId {
    let details = DetailChanges {
        owner: owned.then_some(Some(world.owner.member)),
        ..DetailChanges::default()
    };
    let new = NewAccount {
        name: name.to_owned(),
        details,
        ..NewAccount::default()
    };
    let made = account::create(&world.ctx, &world.owner, new).await;
    made.expect("an account").id
}

async fn tasks(world: &World, account: AccountId) -> Vec<entity::task::Model> {
    let filter = TaskFilter {
        account: Some(account),
        ..TaskFilter::default()
    };
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let page = PageRequest::first(10);
    let found = task::list(ctx, workspace, &filter, TaskOrder::Due, &page).await;
    let rows = found.expect("tasks").rows.into_iter();
    rows.map(|(_, task)| task).collect()
}

#[test]
fn a_rule_about_an_account_makes_a_task_about_it_for_its_owner() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let key = world.tag(TagKind::Contact, "Key account", None).await;
        let call = |assignee| {
            vec![Action::CreateTask(CreateTask {
                title: "Call".to_owned(),
                description: String::new(),
                priority: TaskPriority::High,
                due_in_minutes: None,
                assignee,
            })]
        };
        let added = Trigger::AccountTagAdded(AccountTagAdded {
            tag_ids: vec![key.0],
            direct_only: false,
        });
        let added = on(&world, added, call(TaskAssignee::Owner)).await;
        let removed = Trigger::AccountTagRemoved(AccountTagRemoved {
            tag_ids: vec![key.0],
            direct_only: false,
        });
        on(&world, removed, call(TaskAssignee::Nobody)).await;

        let acme = company(&world, "Acme", true).await;
        let nobodys = company(&world, "Globex", false).await;
        for id in [acme, nobodys] {
            tagging::tag_many(ctx, owner, &[Request::account(id, key)], "")
                .await
                .unwrap();
            world.drain().await;
        }
        let made = tasks(&world, acme).await;
        assert_eq!(made.len(), 1);
        let about = (made[0].contact_id, made[0].account_id, made[0].assignee_id);
        assert_eq!(about, (None, Some(acme), Some(owner.member)));
        let made = tasks(&world, nobodys).await;
        assert_eq!(made.len(), 1);
        assert_eq!(made[0].assignee_id, None);
        let mut unassigned: Vec<_> = results(&world, added.id)
            .await
            .into_iter()
            .flatten()
            .map(|result| match result {
                OutcomeResult::TaskCreated { unassigned, .. } => unassigned,
                other => panic!("{other:?}"),
            })
            .collect();
        unassigned.sort_by_key(Option::is_some);
        assert_eq!(unassigned, [None, Some(Unassigned::NoOwner)]);

        tagging::untag_many(ctx, owner, &[Request::account(acme, key)], "")
            .await
            .unwrap();
        world.drain().await;
        assert_eq!(tasks(&world, acme).await.len(), 2);
        world
    });
}

/// Gives a contact a score, as the projection of health would.
async fn score(world: &World, id: ContactId, score: f64) {
    let set = Query::new("UPDATE contact_health SET score = $2 WHERE contact_id = $1");
    let set = set
        .bind(id)
        .bind(Some(score))
        .execute(world.ctx.db.writer());
    assert_eq!(set.await.expect("a score"), 1);
    let mut tx = world
        .ctx
        .begin(world.owner.workspace)
        .await
        .expect("a transaction");
    let fact = Fact::HealthChanged {
        contact_id: id,
        score: None,
        previous_score: None,
        band: HealthBand::Neutral,
        previous_band: HealthBand::Neutral,
    };
    tx.record(Change::new(Origin::System, Some(id), fact));
    tx.commit().await.expect("a commit");
    world.drain().await;
}

#[test]
fn the_health_of_an_account_sets_rules_off_as_the_mean_of_its_people() {
    on_both(|world| async move {
        let key = world.tag(TagKind::Contact, "At risk", None).await;
        let acts = || -> Vec<Action> {
            let tags = json!([{"tagAccount": {"tagIds": [key.0]}}]);
            serde_json::from_value(tags).expect("actions")
        };
        let trigger = |stored: Value| serde_json::from_value::<Trigger>(stored).expect("a trigger");
        let fell = json!({"accountHealthScoreCrossed": {"score": 40, "direction": "DOWN"}});
        let fell = on(&world, trigger(fell), acts()).await;
        let rose = json!({"accountHealthScoreCrossed": {"score": 40, "direction": "UP"}});
        let rose = on(&world, trigger(rose), acts()).await;
        let left = json!({"accountHealthBandChanged": {"from": ["HEALTHY"]}});
        let left = on(&world, trigger(left), acts()).await;
        let acme = company(&world, "Acme", false).await;
        let mut people = Vec::new();
        for name in ["Taro", "Hana"] {
            let new = NewContact {
                name: name.to_owned(),
                account: Some(acme),
                ..NewContact::default()
            };
            let made = contact::create(&world.ctx, &world.owner, new).await;
            people.push(made.expect("a contact").id);
        }
        world.drain().await;
        // Means of 90, 90, 50 and 20.
        for (person, points) in [(0, 90.0), (1, 90.0), (0, 10.0), (1, 30.0)] {
            score(&world, people[person], points).await;
        }
        let counts = [
            firings(&world, fell.id).await,
            firings(&world, rose.id).await,
            firings(&world, left.id).await,
        ];
        assert_eq!(counts.each_ref().map(Vec::len), [1, 0, 1]);
        let found = &counts[0][0];
        assert_eq!((found.account_id, found.contact_id), (Some(acme), None));
        // A mean between the same two whole numbers is no news.
        score(&world, people[1], 30.5).await;
        assert_eq!(firings(&world, fell.id).await.len(), 1);
        world
    });
}

#[test]
fn what_a_rule_on_accounts_looked_at_without_firing_names_the_account() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let key = world.tag(TagKind::Contact, "Key account", None).await;
        let seen = world.tag(TagKind::Contact, "Seen", None).await;
        let added = Trigger::AccountTagAdded(AccountTagAdded {
            tag_ids: vec![key.0],
            direct_only: false,
        });
        let tags = json!([{"tagAccount": {"tagIds": [seen.0]}}]);
        let once = Limits {
            once_per: Some(OncePer::Account),
            ..Limits::default()
        };
        let actions = serde_json::from_value(tags).expect("actions");
        let rule = limited(&world, added, always(), actions, once).await;
        let acme = company(&world, "Acme", false).await;
        let tag = [Request::account(acme, key)];
        tagging::tag_many(ctx, owner, &tag, "")
            .await
            .expect("a tag");
        world.drain().await;
        tagging::untag_many(ctx, owner, &tag, "")
            .await
            .expect("no tag");
        tagging::tag_many(ctx, owner, &tag, "")
            .await
            .expect("a tag");
        world.drain().await;
        let page = PageRequest::first(10);
        let misses = miss::list(ctx, owner.workspace, rule.id, &page).await;
        let misses = misses.expect("misses").rows.into_iter();
        let found: Vec<_> = misses
            .map(|(_, one)| (one.reason, one.account_id))
            .collect();
        assert_eq!(found, [(MissReason::Once, Some(acme))]);
        world
    });
}
