//! Rules that look at accounts, and the tasks they make.

use domain::{
    account::{self, DetailChanges, NewAccount},
    action::{Action, CreateTask, OutcomeResult, TaskAssignee},
    page::PageRequest,
    rule::trigger::{AccountTagAdded, AccountTagRemoved, Trigger},
    tag::{Request, tagging},
    task::{self, TaskFilter, TaskOrder, Unassigned},
};
use entity::{
    id::AccountId,
    kind::{TagKind, TaskPriority},
};

use super::{on, results};
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
