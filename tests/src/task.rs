//! Tasks of members, on both databases.

use chrono::TimeDelta;
use domain::{
    access::member::{self, NewMember},
    contact::{self, NewContact},
    error::{Error, Result},
    page::PageRequest,
    task::{self, NewTask, TaskChange, TaskFilter, TaskOrder},
    team,
    work::change::{self, Position},
};
use entity::{
    id::{ContactId, TaskId},
    kind::{Role, TaskPriority, TaskStatus},
    task::Model,
};

use crate::support::{World, engine::a_task, on_both};

async fn make(world: &World, new: NewTask) -> Model {
    let made = task::create(&world.ctx, &world.owner, new).await;
    made.expect("a task")
}

async fn person(world: &World, name: &str) -> ContactId {
    let new = NewContact {
        name: name.to_owned(),
        ..NewContact::default()
    };
    let made = contact::create(&world.ctx, &world.owner, new).await;
    made.expect("a contact").id
}

async fn titles(world: &World, filter: &TaskFilter, order: TaskOrder) -> Vec<String> {
    let page = PageRequest::first(50);
    let found = task::list(&world.ctx, world.owner.workspace, filter, order, &page).await;
    let rows = found.expect("a list").rows.into_iter();
    rows.map(|(_, row)| row.title).collect()
}

/// What the log says of tasks, in order.
async fn told(world: &World) -> Vec<&'static str> {
    world.drain().await;
    let workspace = world.owner.workspace;
    let log = change::read(world.ctx.db.writer(), workspace, Position::default(), 500).await;
    let entries = log.expect("the log").into_iter().flatten();
    let names = entries.map(|entry| entry.fact.name());
    names.filter(|name| name.starts_with("task.")).collect()
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(Error::Refused(errors)) => {
            let error = &errors[0];
            format!("{} {:?}", error.path.join("."), error.code)
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_task_is_made_changed_done_and_opened_again() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let contact = person(&world, "Taro").await;
        let made = make(
            &world,
            NewTask {
                contact: Some(contact),
                ..a_task("Call Taro")
            },
        )
        .await;
        assert_eq!((made.status, made.due_at), (TaskStatus::Open, None));
        let due = ctx.clock.now() + TimeDelta::days(1);
        let change = TaskChange {
            title: Some("Call Taro back".to_owned()),
            priority: Some(TaskPriority::Urgent),
            due_at: Some(Some(due)),
            assignee: Some(Some(owner.member)),
            ..TaskChange::default()
        };
        let changed = task::update(ctx, owner, made.id, change).await.unwrap();
        assert_eq!(changed.assignee_id, Some(owner.member));
        assert_eq!(changed.sort_at, due);
        let done = task::end(ctx, owner, made.id, TaskStatus::Done)
            .await
            .unwrap();
        assert!(done.ended_at.is_some() && done.ended_by.is_some());
        // Doing it twice is doing it once, and what is done cannot be cancelled.
        task::end(ctx, owner, made.id, TaskStatus::Done)
            .await
            .unwrap();
        let cancelled = task::end(ctx, owner, made.id, TaskStatus::Cancelled).await;
        assert_eq!(code(cancelled), "id Invalid");
        let open = task::reopen(ctx, owner, made.id).await.unwrap();
        assert_eq!((open.ended_at, open.ended_by), (None, None));
        assert_eq!(
            told(&world).await,
            [
                "task.created",
                "task.changed",
                "task.completed",
                "task.changed"
            ]
        );
        world
    });
}

#[test]
fn what_is_not_there_or_does_not_fit_is_refused() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let made = make(&world, a_task("Mine")).await;
        let contact = person(&world, "Taro").await;
        world
            .receive(&[("1", "hanako@customer.example", "Hello")])
            .await;
        let page = PageRequest::first(1);
        let filter = domain::conversation::ConversationFilter::default();
        let order = domain::conversation::ConversationOrder::default();
        let found = domain::conversation::list(ctx, owner.workspace, &filter, order, &page).await;
        let conversation = found.unwrap().rows[0].1.clone();
        for (given, expected) in [
            (a_task(" "), "title Required"),
            (a_task(&"縁".repeat(201)), "title TooLong"),
            (
                NewTask {
                    assignee: Some(stranger.member),
                    ..a_task("a")
                },
                "assigneeId NotFound",
            ),
            (
                NewTask {
                    contact: Some(ContactId(stranger.workspace.0)),
                    ..a_task("a")
                },
                "contactId NotFound",
            ),
            (
                NewTask {
                    contact: Some(contact),
                    conversation: Some(conversation.id),
                    ..a_task("a")
                },
                "contactId Contradictory",
            ),
        ] {
            assert_eq!(code(task::create(ctx, owner, given).await), expected);
        }
        let about = make(
            &world,
            NewTask {
                conversation: Some(conversation.id),
                ..a_task("Answer")
            },
        )
        .await;
        assert_eq!(about.contact_id, Some(conversation.contact_id));
        let theirs = task::end(ctx, &stranger, made.id, TaskStatus::Done).await;
        assert_eq!(code(theirs), "id NotFound");
        let none = task::reopen(ctx, owner, TaskId(owner.workspace.0)).await;
        assert_eq!(code(none), "id NotFound");
        world
    });
}

#[test]
fn lists_show_whose_about_whom_and_what_is_overdue_in_the_order_of_due_moments() {
    on_both(|world| async move {
        let owner = world.owner.clone();
        let contact = person(&world, "Taro").await;
        let now = world.ctx.clock.now();
        for (title, hours, assignee, about) in [
            ("later", Some(48), Some(owner.member), None),
            ("soon", Some(1), None, Some(contact)),
            ("some day", None, Some(owner.member), Some(contact)),
            ("late", Some(-1), Some(owner.member), None),
        ] {
            make(
                &world,
                NewTask {
                    due_at: hours.map(|hours| now + TimeDelta::hours(hours)),
                    assignee,
                    contact: about,
                    ..a_task(title)
                },
            )
            .await;
            world.clock.advance(TimeDelta::milliseconds(1));
        }
        let all = TaskFilter::default();
        let due = TaskOrder::Due;
        assert_eq!(
            titles(&world, &all, due).await,
            ["late", "soon", "later", "some day"]
        );
        assert_eq!(
            titles(&world, &all, TaskOrder::Newest).await,
            ["late", "some day", "soon", "later"]
        );
        let mine = TaskFilter {
            assignees: vec![owner.member],
            ..TaskFilter::default()
        };
        assert_eq!(
            titles(&world, &mine, due).await,
            ["late", "later", "some day"]
        );
        let nobodys = TaskFilter {
            unassigned: true,
            ..TaskFilter::default()
        };
        assert_eq!(titles(&world, &nobodys, due).await, ["soon"]);
        let about = TaskFilter {
            contact: Some(contact),
            ..TaskFilter::default()
        };
        assert_eq!(titles(&world, &about, due).await, ["soon", "some day"]);
        let overdue = TaskFilter {
            overdue: true,
            ..TaskFilter::default()
        };
        assert_eq!(titles(&world, &overdue, due).await, ["late"]);
        let tomorrow = TaskFilter {
            due_from: Some(now),
            due_until: Some(now + TimeDelta::days(1)),
            ..TaskFilter::default()
        };
        assert_eq!(titles(&world, &tomorrow, due).await, ["soon"]);
        // One row at a time, forth and back.
        let (ctx, workspace) = (&world.ctx, owner.workspace);
        let mut page = PageRequest::first(1);
        let mut seen = Vec::new();
        loop {
            let found = task::list(ctx, workspace, &all, due, &page).await.unwrap();
            let Some((cursor, row)) = found.rows.into_iter().next() else {
                break;
            };
            seen.push(row.title);
            page.after = Some(cursor);
        }
        assert_eq!(seen, ["late", "soon", "later", "some day"]);
        world
    });
}

#[test]
fn a_moment_that_passes_is_told_once_and_again_only_after_it_was_moved() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let due_at = Some(ctx.clock.now() + TimeDelta::hours(1));
        let due = |title: &str| NewTask {
            due_at,
            ..a_task(title)
        };
        let made = make(&world, due("a")).await;
        let done = make(&world, due("b")).await;
        task::end(ctx, owner, done.id, TaskStatus::Done)
            .await
            .unwrap();
        let find = || task::find_overdue(ctx, &|| true);
        assert_eq!(find().await.unwrap(), 0);
        world.clock.advance(TimeDelta::hours(2));
        assert_eq!(find().await.unwrap(), 1);
        assert_eq!(find().await.unwrap(), 0);
        let change = TaskChange {
            due_at: Some(Some(ctx.clock.now() + TimeDelta::hours(1))),
            ..TaskChange::default()
        };
        task::update(ctx, owner, made.id, change).await.unwrap();
        assert_eq!(find().await.unwrap(), 0);
        world.clock.advance(TimeDelta::hours(2));
        // Several workers look at once.
        let found = futures::future::join_all((0..4).map(|_| find())).await;
        assert_eq!(found.into_iter().map(Result::unwrap).sum::<usize>(), 1);
        let told = told(&world).await;
        let overdue = told.iter().filter(|name| **name == "task.overdue");
        assert_eq!(overdue.count(), 2);
        world
    });
}

#[test]
fn the_open_tasks_of_a_member_who_leaves_are_for_whoever_takes_them() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let leaves = NewMember {
            email: "leaves@staff.example".to_owned(),
            name: "Leaves".to_owned(),
            role: Role::Agent,
        };
        let leaves = member::add(ctx, owner, leaves).await.unwrap();
        let assignee = Some(leaves.id);
        make(
            &world,
            NewTask {
                assignee,
                ..a_task("open")
            },
        )
        .await;
        let done = make(
            &world,
            NewTask {
                assignee,
                ..a_task("done")
            },
        )
        .await;
        task::end(ctx, owner, done.id, TaskStatus::Done)
            .await
            .unwrap();
        member::remove(ctx, owner, leaves.id).await.unwrap();
        let nobodys = TaskFilter {
            unassigned: true,
            ..TaskFilter::default()
        };
        assert_eq!(titles(&world, &nobodys, TaskOrder::Due).await, ["open"]);
        let given = NewTask {
            assignee,
            ..a_task("too late")
        };
        let refused = task::create(ctx, owner, given).await;
        assert_eq!(code(refused), "assigneeId NotFound");
        world
    });
}

#[test]
fn a_task_of_a_team_is_for_whichever_of_its_members_takes_it() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let sales = team::create(ctx, owner, "Sales", vec![owner.member]).await;
        let sales = sales.unwrap().id;
        let of_team = |title: &str| NewTask {
            team: Some(sales),
            ..a_task(title)
        };
        let first = make(&world, of_team("First")).await;
        world.clock.advance(TimeDelta::minutes(1));
        make(&world, of_team("Second")).await;
        make(&world, a_task("Nobody's")).await;
        let taken = TaskChange {
            assignee: Some(Some(owner.member)),
            ..TaskChange::default()
        };
        let taken = task::update(ctx, owner, first.id, taken).await.unwrap();
        assert_eq!(
            (taken.assignee_id, taken.team_id),
            (Some(owner.member), Some(sales))
        );
        let teams = TaskFilter {
            teams: vec![sales],
            ..TaskFilter::default()
        };
        let free = TaskFilter {
            unassigned: true,
            ..teams.clone()
        };
        let newest = TaskOrder::Newest;
        assert_eq!(titles(&world, &teams, newest).await, ["Second", "First"]);
        assert_eq!(titles(&world, &free, newest).await, ["Second"]);

        let elsewhere = World::workspace(ctx, "Elsewhere", "else.example").await;
        let theirs = team::create(ctx, &elsewhere, "Theirs", vec![]).await;
        let theirs = NewTask {
            team: Some(theirs.unwrap().id),
            ..a_task("A stranger's")
        };
        let refused = task::create(ctx, owner, theirs).await;
        assert_eq!(code(refused), "teamId NotFound");
        // The team goes; who has taken one keeps it, and nothing becomes of what is done already.
        let done = make(&world, of_team("Done")).await.id;
        task::end(ctx, owner, done, TaskStatus::Done).await.unwrap();
        team::delete(ctx, owner, sales).await.unwrap();
        assert_eq!(titles(&world, &teams, newest).await, ["Done"]);
        let left = task::load(ctx, owner.workspace, &[first.id]).await.unwrap();
        assert_eq!(
            (left[0].assignee_id, left[0].team_id),
            (Some(owner.member), None)
        );
        assert_eq!(
            told(&world).await,
            [
                "task.created",
                "task.created",
                "task.created",
                "task.changed",
                "task.created",
                "task.completed",
                "task.changed",
                "task.changed",
            ]
        );
        let again = task::reopen(ctx, owner, done).await.unwrap();
        assert_eq!((again.status, again.team_id), (TaskStatus::Open, None));
        world
    });
}
