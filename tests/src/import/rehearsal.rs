//! One file with every kind of mistake: a dry run says what the import then does, and importing
//! again changes nothing.

use domain::{contact, import::NewImport, tag};
use entity::kind::{ImportField as F, ImportOutcome as O, TagKind};

use super::steps::{by_email, count, counts, import_text, lines, run, send, told, wanted};
use crate::support::{World, on_both};

const MESSY: &str = "\
email,name,phone,external id,company,stage,owner,tags,extra
old@example.com,Old Renamed,,,,,,,
new@example.com,New,,N-1,Acme,LEAD,,Fresh/Leaf,
new@example.com,Again,,,,,,,
a@example.com,A,,N-1,,,,,
b@example.com,B,12,,,,,,
c@example.com,C,,,,NOBODY KNOWS,,,
d@example.com,D,,,,,ghost@example.com,,
,Nameless,,,,,,,
e@example.com,E,,,,,,,x,y
f@example.com,F
\"g@example.com\"x,G,,,,,,,
\"h@example
i@example.com,\"I, the
second\",,,Acme,,,,
same@example.com,Same,,,,,,,
two@example.com,Two,,T-1,,,,,
j@example.com,J,,,,,,Closed,
k@example.com,K,,,,,,Closed/Deeper,
not an address,L,,,,,,,
";

async fn messy_world(world: &World) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = |name: &str, email: Option<&str>, key: Option<&str>| contact::NewContact {
        name: name.to_owned(),
        email: email.map(str::to_owned),
        external_id: key.map(str::to_owned),
        ..contact::NewContact::default()
    };
    for new in [
        new("Old", Some("old@example.com"), None),
        new("Same", Some("same@example.com"), None),
        new("Two", Some("two@example.com"), None),
        new("Three", None, Some("T-1")),
    ] {
        contact::create(ctx, owner, new).await.unwrap();
    }
    let closed = world.tag(TagKind::Contact, "Closed", None).await;
    tag::catalogue::archive(ctx, owner, closed).await.unwrap();
}

#[test]
fn a_dry_run_says_what_the_import_then_does() {
    on_both(|world| async move {
        messy_world(&world).await;
        let upload = send(&world, "messy.csv", MESSY.as_bytes()).await;
        let before = (
            count(&world, "contact").await,
            count(&world, "change WHERE kind <> 'operation.changed'").await,
        );
        let dry = run(
            &world,
            NewImport {
                dry_run: true,
                ..wanted(upload)
            },
        )
        .await;
        let after = (
            count(&world, "contact").await,
            count(&world, "change WHERE kind <> 'operation.changed'").await,
        );
        assert_eq!(before, after, "a dry run changes nothing");
        assert_eq!(count(&world, "tag WHERE deleted_at IS NULL").await, 1);
        let said = lines(&world, &dry).await;
        let outcomes: Vec<(i64, O, Option<F>)> = said
            .iter()
            .map(|line| {
                (
                    line.line,
                    line.outcome,
                    line.problems.first().and_then(|one| one.field),
                )
            })
            .collect();
        assert_eq!(
            outcomes,
            [
                (2, O::Update, None),
                (3, O::Create, None),
                (4, O::Error, None),
                (5, O::Error, None),
                (6, O::Error, Some(F::Phone)),
                (7, O::Error, Some(F::Stage)),
                (8, O::Error, Some(F::OwnerEmail)),
                (9, O::Error, None),
                (10, O::Error, None),
                (11, O::Error, None),
                (12, O::Error, None),
                (13, O::Error, None),
                (14, O::Create, None),
                (16, O::Skip, None),
                (17, O::Error, None),
                (18, O::Error, Some(F::Tags)),
                (19, O::Error, Some(F::Tags)),
                (20, O::Error, Some(F::Email)),
            ]
        );
        assert!(said[2].problems[0].message.contains("Line 3"));
        assert!(said[3].problems[0].message.contains("Line 3"));
        assert_eq!(said[0].changes, [F::Name]);
        let real = run(&world, wanted(upload)).await;
        assert_eq!(counts(&real), counts(&dry));
        assert_eq!(
            counts(&real),
            told(&[
                ("accountsCreated", 1),
                ("created", 2),
                ("errors", 14),
                ("skipped", 1),
                ("tagsCreated", 2),
                ("updated", 1),
            ])
        );
        let wrong: Vec<_> = said
            .into_iter()
            .filter(|line| line.outcome == O::Error)
            .collect();
        assert_eq!(lines(&world, &real).await, wrong);
        assert_eq!((real.done, real.failed), (18, 14));
        let read = by_email(&world, "i@example.com").await;
        assert_eq!(read.name, "I, the second");
        assert_eq!(
            by_email(&world, "old@example.com").await.name,
            "Old Renamed"
        );
        world
    });
}

#[test]
fn importing_again_changes_nothing() {
    on_both(|world| async move {
        messy_world(&world).await;
        let first = import_text(&world, MESSY).await;
        assert_eq!(counts(&first)["created"], 2);
        let facts = "change WHERE kind <> 'operation.changed' AND kind <> 'audit.written'";
        let (before, entries) = (
            count(&world, facts).await,
            count(&world, "audit_entry WHERE action <> 'import.start'").await,
        );
        let again = import_text(&world, MESSY).await;
        assert_eq!(counts(&again), told(&[("errors", 14), ("skipped", 4)]));
        assert_eq!(count(&world, facts).await, before);
        let after = count(&world, "audit_entry WHERE action <> 'import.start'").await;
        assert_eq!(after, entries);
        world
    });
}
