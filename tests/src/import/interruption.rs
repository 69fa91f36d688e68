//! Files of many steps: what one step knows of another, and workers that die in the middle of one.

use std::time::Duration;

use domain::{
    import::{self, NewImport},
    operation::{self, Limits},
    store::Query,
    work::due,
};
use entity::kind::{ImportOutcome as O, ImportPolicy};

use super::steps::{count, counts, ended, import_text, lines, run, send, told, wanted};
use crate::support::on_both;

#[test]
fn a_worker_that_dies_loses_no_line_and_repeats_none() {
    on_both(|world| async move {
        const PEOPLE: i64 = 9_500;
        let mut text = "email,name,tags,company\n".to_owned();
        for n in 0..PEOPLE {
            text.push_str(&format!(
                "p{n}@example.com,\"Person\n{n}\",Wave/{},Company {}\n",
                n % 7,
                n % 300
            ));
        }
        // One line is there twice, in another batch.
        text.push_str("p1@example.com,Twice,,\n");
        let upload = send(&world, "many.csv", text.as_bytes()).await;
        let asked = import::start(&world.ctx, &world.owner, wanted(upload))
            .await
            .unwrap();
        let mut killed = 0;
        for patience in (1..).map(|n| Duration::from_millis(n * n * n * 40)) {
            let ctx = &world.ctx;
            let turn = operation::run_due(ctx, domain::operations(), None, Limits::none());
            // Dropping the turn in the middle of a step is what a kill does to its transaction.
            if tokio::time::timeout(patience, turn).await.is_ok() {
                break;
            }
            killed += 1;
            world.expire_leases().await;
            due::recover(ctx).await.unwrap();
            // Three crashes in a row without a step would set it aside.
            Query::new("UPDATE due_item SET crashes = 0")
                .execute(ctx.db.writer())
                .await
                .unwrap();
            world.hurry().await;
        }
        let done = ended(&world, &asked).await;
        assert!(killed > 0, "it was never killed");
        assert_eq!(
            counts(&done),
            told(&[
                ("accountsCreated", 300),
                ("created", PEOPLE),
                ("errors", 1),
                ("tagsCreated", 8),
            ])
        );
        assert_eq!(done.done, PEOPLE + 1);
        for (what, expected) in [
            ("contact", PEOPLE),
            ("contact_identity", PEOPLE),
            ("account", 300),
            ("tagging", PEOPLE),
            ("change WHERE kind = 'contact.created'", PEOPLE),
            ("change WHERE kind = 'tagging.added'", PEOPLE),
        ] {
            assert_eq!(count(&world, what).await, expected, "{what}");
        }
        let total: Option<i64> = Query::new(
            "SELECT CAST(SUM(total) AS BIGINT) FROM tag_count n JOIN tag t
               ON t.workspace_id = n.workspace_id AND t.id = n.tag_id WHERE t.name = 'Wave'",
        )
        .scalar(world.ctx.reader())
        .await
        .unwrap();
        assert_eq!(total, Some(PEOPLE));
        let wrong = lines(&world, &done).await;
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].line, 2 * PEOPLE + 2);
        assert!(
            wrong[0].problems[0].message.contains("Line 4"),
            "{:?}",
            wrong[0]
        );
        world
    });
}

/// More lines of strangers than a step takes in.
fn strangers(text: &mut String) {
    for n in 0..4_100 {
        text.push_str(&format!("p{n}@example.com,,,P\n"));
    }
}

#[test]
fn somebody_is_recognised_in_a_later_step_by_all_that_a_line_gave() {
    on_both(|world| async move {
        import_text(&world, "email,phone\nold@example.com,+815012345678\n").await;
        let mut text = "email,phone,external id,name\n".to_owned();
        text.push_str("new@example.com,,N-1,New\n");
        // The number stays with nobody, because the person has another and keeps it.
        text.push_str("old@example.com,+819012345678,,Old\n");
        strangers(&mut text);
        text.push_str("new2@example.com,,N-1,New\n");
        text.push_str(",+819012345678,,Old\n");
        text.push_str(",+815012345678,,Old\n");
        let upload = send(&world, "people.csv", text.as_bytes()).await;
        let mut told = Vec::new();
        for dry_run in [true, false] {
            let new = NewImport {
                policy: ImportPolicy::FillEmpty,
                dry_run,
                ..wanted(upload)
            };
            let done = run(&world, new).await;
            let wrong = lines(&world, &done).await;
            let wrong = wrong.into_iter().filter(|one| one.outcome == O::Error);
            let said: Vec<String> = wrong.map(|one| one.problems[0].message.clone()).collect();
            assert_eq!(said.len(), 3, "{said:?}");
            for (message, line) in said.iter().zip(["Line 2 ", "Line 3 ", "Line 3 "]) {
                assert!(message.starts_with(line), "{message}");
            }
            told.push(counts(&done));
        }
        assert_eq!(told[0], told[1]);
        world
    });
}
