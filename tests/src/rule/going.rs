//! What goes while something that names it is being saved or done.

use std::time::Duration;

use domain::{
    access::{Origin, member},
    action::{
        Action, Case, CreateTask, OutcomeResult, Performed, TaskAssignee, perform, perform::By,
    },
    contact::{self, NewContact, ProfileChanges},
    error::{Error, UserErrorCode},
    page::PageRequest,
    rule::{self, Limits, NewRule, definition::always, trigger::Trigger},
    store::Query,
    task::{self, TaskFilter, TaskOrder, Unassigned},
    team,
};
use entity::{
    id::PlaybookId,
    kind::{Role, TaskPriority, TaskStatus},
};
use uuid::Uuid;

use crate::{
    access::house::member_of,
    support::{engine::notify, on_both},
};

/// What is being done must not come to its end while somebody else takes away what it needs.
const WHILE: Duration = Duration::from_millis(300);

#[test]
fn a_target_that_is_being_deleted_is_not_named_by_a_rule_that_is_being_saved() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let sales = world.target("sales").await;
        let new = NewRule {
            name: "Tell sales".to_owned(),
            trigger: Trigger::default(),
            condition: always(),
            actions: vec![notify(sales)],
            limits: Limits::default(),
        };
        let going = ctx.begin(owner.workspace).await.unwrap();
        Query::new(
            "UPDATE notification_target SET deleted_at = $3 WHERE workspace_id = $1 AND id = $2",
        )
        .bind(going.workspace)
        .bind(sales)
        .bind(ctx.clock.now())
        .execute(going.connection())
        .await
        .unwrap();
        let mut saving = Box::pin(rule::create(ctx, owner, new));
        let early = tokio::time::timeout(WHILE, &mut saving).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
        going.commit().await.unwrap();
        let Err(Error::Refused(errors)) = saving.await else {
            panic!("the rule names what is gone");
        };
        assert_eq!(errors[0].code, UserErrorCode::NotFound);
        world
    });
}

fn a_call(assignee: TaskAssignee) -> Action {
    Action::CreateTask(CreateTask {
        title: "Call".to_owned(),
        description: String::new(),
        priority: TaskPriority::Normal,
        due_in_minutes: None,
        assignee,
    })
}

fn onboarding() -> By<'static> {
    By {
        origin: Origin::Playbook {
            playbook_id: PlaybookId(Uuid::nil()),
            version: 1,
        },
        name: "Onboarding",
        cause: None,
        firing: None,
        not_before: None,
    }
}

#[test]
fn a_task_is_not_made_for_a_team_that_is_being_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let sales = team::create(ctx, owner, "Sales", vec![owner.member]).await;
        let sales = sales.unwrap().id;
        let action = a_call(TaskAssignee::Team(sales.0));
        let performed = [Performed {
            action: &action,
            case: Case::default(),
            by: onboarding(),
        }];
        let going = ctx.begin(owner.workspace).await.unwrap();
        for table in ["team_member", "team"] {
            let column = if table == "team" { "id" } else { "team_id" };
            Query::new(format!(
                "DELETE FROM {table} WHERE workspace_id = $1 AND {column} = $2"
            ))
            .bind(going.workspace)
            .bind(sales)
            .execute(going.connection())
            .await
            .unwrap();
        }
        let mut making = Box::pin(async {
            let mut tx = ctx.begin(owner.workspace).await.unwrap();
            let outcomes = perform(ctx, &mut tx, &performed).await.unwrap();
            tx.commit().await.unwrap();
            match outcomes[0][0].result {
                OutcomeResult::TaskCreated {
                    task_id,
                    unassigned,
                } => (task_id, unassigned),
                ref other => panic!("no task: {other:?}"),
            }
        });
        let early = tokio::time::timeout(WHILE, &mut making).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
        going.commit().await.unwrap();
        let (id, unassigned) = making.await;
        let made = task::load(ctx, owner.workspace, &[id]).await.unwrap();
        assert_eq!(made[0].team_id, None);
        assert_eq!(unassigned, Some(Unassigned::TeamDeleted));
        world
    });
}

#[test]
fn a_task_is_not_made_for_a_member_who_is_being_removed() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await.member;
        let action = a_call(TaskAssignee::Member(agent.0));
        let performed = [Performed {
            action: &action,
            case: Case::default(),
            by: onboarding(),
        }];
        let going = ctx.begin(owner.workspace).await.unwrap();
        Query::new("UPDATE member SET removed_at = $3 WHERE workspace_id = $1 AND id = $2")
            .bind(going.workspace)
            .bind(agent)
            .bind(ctx.clock.now())
            .execute(going.connection())
            .await
            .unwrap();
        let mut making = Box::pin(async {
            let mut tx = ctx.begin(owner.workspace).await.unwrap();
            let mut outcomes = perform(ctx, &mut tx, &performed).await.unwrap();
            tx.commit().await.unwrap();
            outcomes.remove(0).remove(0).result
        });
        let early = tokio::time::timeout(WHILE, &mut making).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
        going.commit().await.unwrap();
        let OutcomeResult::TaskCreated {
            task_id,
            unassigned,
        } = making.await
        else {
            panic!("no task");
        };
        let made = task::load(ctx, owner.workspace, &[task_id]).await.unwrap();
        assert_eq!(made[0].assignee_id, None);
        assert_eq!(unassigned, Some(Unassigned::MemberRemoved));
        world
    });
}

#[test]
fn a_task_is_nobodys_when_who_it_was_meant_for_is_gone_and_it_says_why() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let agent = member_of(ctx, owner, Role::Agent).await.member;
        let person = async |of| {
            let new = NewContact {
                name: "Hanako".to_owned(),
                profile: ProfileChanges {
                    owner: Some(of),
                    ..ProfileChanges::default()
                },
                ..NewContact::default()
            };
            contact::create(ctx, owner, new).await.unwrap().id
        };
        let (theirs, nobodys) = (person(Some(agent)).await, person(None).await);
        let actions = [TaskAssignee::Member(agent.0), TaskAssignee::Owner].map(a_call);
        let perform_all = async || {
            let cases = [(&actions[0], None), (&actions[1], Some(theirs))];
            let cases = cases.into_iter().chain([(&actions[1], Some(nobodys))]);
            let performed: Vec<Performed<'_>> = cases
                .map(|(action, contact)| Performed {
                    action,
                    case: Case {
                        contact,
                        ..Case::default()
                    },
                    by: onboarding(),
                })
                .collect();
            let mut tx = ctx.begin(owner.workspace).await.unwrap();
            let outcomes = perform(ctx, &mut tx, &performed).await.unwrap();
            tx.commit().await.unwrap();
            let mut made = Vec::new();
            for outcome in outcomes.iter().flatten() {
                let OutcomeResult::TaskCreated {
                    task_id,
                    unassigned,
                } = outcome.result
                else {
                    panic!("no task: {outcome:?}");
                };
                let task = task::load(ctx, owner.workspace, &[task_id]).await.unwrap();
                made.push((task[0].assignee_id, unassigned));
            }
            made
        };
        let here = (Some(agent), None);
        let no_owner = (None, Some(Unassigned::NoOwner));
        assert_eq!(perform_all().await, [here, here, no_owner]);
        let (workspace, page) = (owner.workspace, PageRequest::first(1));
        let filter = TaskFilter {
            assignees: vec![agent],
            ..TaskFilter::default()
        };
        let theirs = task::list(ctx, workspace, &filter, TaskOrder::Due, &page).await;
        let done = theirs.unwrap().rows[0].1.id;
        task::end(ctx, owner, done, TaskStatus::Done).await.unwrap();
        member::remove(ctx, owner, agent).await.unwrap();
        let gone = (None, Some(Unassigned::MemberRemoved));
        assert_eq!(perform_all().await, [gone, gone, no_owner]);
        // Nor does it come back to them when it is opened again.
        let opened = task::reopen(ctx, owner, done).await.unwrap();
        assert_eq!(opened.assignee_id, None);
        world
    });
}
