//! Lines are read ahead of the step that takes them in: what was changed in between holds all the same.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use domain::{
    attribute::{self, AttributeChanges, NewAttribute},
    import,
    operation::{self, Limits},
};
use entity::{
    kind::{AttributeType, ImportOutcome as O, OperationState, SubjectKind},
    operation::Model,
};

use super::steps::{count, counts, ended, lines, send, told, wanted};
use crate::support::{World, on_both};

/// Lines one step takes in at most.
const STEP: i64 = 4_000;

/// Does two steps: the lines are counted, and the first of them taken in.
async fn begin(world: &World, asked: &Model) {
    let looks = AtomicUsize::new(0);
    // It is asked before an operation is claimed, and before each step.
    let goes_on = || looks.fetch_add(1, Ordering::SeqCst) < 3;
    let limits = Limits {
        time: Duration::MAX,
        goes_on: &goes_on,
    };
    let turn = operation::run_due(&world.ctx, domain::operations(), None, limits).await;
    assert_eq!(turn.unwrap().steps, 2);
    let found = operation::find(&world.ctx, world.owner.workspace, asked.id).await;
    let now = found.unwrap().unwrap();
    assert_eq!((now.state, now.done), (OperationState::Running, STEP));
}

#[test]
fn what_changes_between_two_steps_holds_from_the_next_on() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = NewAttribute {
            subject: SubjectKind::Contact,
            key: "seats".to_owned(),
            name: "Seats".to_owned(),
            description: String::new(),
            value_type: AttributeType::Number,
            options: Vec::new(),
        };
        let seats = attribute::definition::create(ctx, owner, new)
            .await
            .unwrap();
        let mut text = "email,seats\n".to_owned();
        for n in 0..STEP + 50 {
            text.push_str(&format!("p{n}@example.com,{n}\n"));
        }
        let upload = send(&world, "seats.csv", text.as_bytes()).await;
        let asked = import::start(ctx, owner, wanted(upload)).await.unwrap();
        begin(&world, &asked).await;
        let archived = AttributeChanges {
            archived: Some(true),
            ..AttributeChanges::default()
        };
        attribute::definition::update(ctx, owner, seats.id, archived)
            .await
            .unwrap();
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        let done = ended(&world, &asked).await;
        assert_eq!(
            counts(&done),
            told(&[("created", STEP), ("errors", 50)]),
            "lines read ahead were taken in as they were read"
        );
        assert_eq!(count(&world, "contact").await, STEP);
        let wrong = lines(&world, &done).await;
        assert_eq!(wrong.len(), 50);
        for (one, line) in wrong.iter().zip(STEP + 2..) {
            assert_eq!((one.line, one.outcome), (line, O::Error));
        }
        world
    });
}

#[test]
fn another_worker_goes_on_without_what_the_first_has_read() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut text = "email,name\n".to_owned();
        for n in 0..STEP + 50 {
            text.push_str(&format!("p{n}@example.com,Person {n}\n"));
        }
        let first = send(&world, "people.csv", text.as_bytes()).await;
        let asked = import::start(ctx, owner, wanted(first)).await.unwrap();
        begin(&world, &asked).await;
        // Two others take what is kept for this one; the dry runs read the same lines as their own.
        for _ in 0..2 {
            let dry = import::NewImport {
                dry_run: true,
                ..wanted(send(&world, "other.csv", text.as_bytes()).await)
            };
            import::start(ctx, owner, dry).await.unwrap();
        }
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        let done = ended(&world, &asked).await;
        assert_eq!(counts(&done), told(&[("created", STEP + 50)]));
        assert_eq!((done.done, done.failed), (STEP + 50, 0));
        assert_eq!(count(&world, "contact").await, STEP + 50);
        assert_eq!(count(&world, "contact_identity").await, STEP + 50);
        world
    });
}
