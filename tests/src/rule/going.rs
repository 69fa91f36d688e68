//! What goes while something that names it is being saved or done.

use std::time::Duration;

use domain::{
    access::Origin,
    action::{
        Action, Case, CreateTask, OutcomeResult, Performed, TaskAssignee, perform, perform::By,
    },
    error::{Error, UserErrorCode},
    rule::{self, Limits, NewRule, definition::always, trigger::Trigger},
    store::Query,
    task, team,
};
use entity::{id::PlaybookId, kind::TaskPriority};
use uuid::Uuid;

use crate::support::{engine::notify, on_both};

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

#[test]
fn a_task_is_not_made_for_a_team_that_is_being_deleted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let sales = team::create(ctx, owner, "Sales", vec![owner.member]).await;
        let sales = sales.unwrap().id;
        let action = Action::CreateTask(CreateTask {
            title: "Call".to_owned(),
            description: String::new(),
            priority: TaskPriority::Normal,
            due_in_minutes: None,
            assignee: TaskAssignee::Team(sales.0),
        });
        let by = By {
            origin: Origin::Playbook {
                playbook_id: PlaybookId(Uuid::nil()),
                version: 1,
            },
            name: "Onboarding",
            cause: None,
            firing: None,
            not_before: None,
        };
        let performed = [Performed {
            action: &action,
            case: Case::default(),
            by,
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
                OutcomeResult::TaskCreated { task_id } => task_id,
                ref other => panic!("no task: {other:?}"),
            }
        });
        let early = tokio::time::timeout(WHILE, &mut making).await;
        assert!(early.is_err(), "it has to wait: {early:?}");
        going.commit().await.unwrap();
        let id = making.await;
        let made = task::load(ctx, owner.workspace, &[id]).await.unwrap();
        assert_eq!(made[0].team_id, None);
        world
    });
}
