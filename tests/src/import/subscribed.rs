//! What people want to hear of, as files say it: what a former system knows, what an export wrote, and whose own word
//! no file takes back.

use domain::{
    contact::{
        ContactFilter,
        subscription::{self, NewState},
    },
    email,
    export::{Ordered, What},
    import::NewImport,
};
use entity::kind::{
    Channel, EmailEventKind, ExportEncoding, ExportFormat, ImportField, ImportOutcome as O,
    ImportPolicy, SubscriptionState as State,
};

use super::steps::{by_email, count, counts, import_text, lines, run, send, told, wanted};
use crate::{
    export,
    support::{World, engine::email_event, on_both},
};

/// A file of addresses, each with a cell of subscriptions.
fn file(people: &[(&str, &str)]) -> String {
    let mut lines = vec!["Email,Subscriptions".to_owned()];
    for (email, cell) in people {
        let cell = cell.replace('"', "\"\"");
        lines.push(format!("{email},\"{cell}\""));
    }
    lines.join("\n")
}

/// Where somebody stands: channel, topic, state, and why.
async fn standing(world: &World, email: &str) -> Vec<(Channel, String, State, String)> {
    let id = by_email(world, email).await.id;
    let rows = subscription::load(&world.ctx, world.owner.workspace, &[id]).await;
    let rows = rows.unwrap().into_iter();
    rows.map(|row| (row.channel, row.topic, row.state, row.reason))
        .collect()
}

async fn happened(world: &World, email: &str, kind: EmailEventKind) {
    let (id, key) = (format!("{kind:?} {email}"), format!("mail to {email}"));
    let event = email_event(&id, &key, email, kind, world.ctx.clock.now());
    let done = email::ingest(&world.ctx, &world.owner, vec![event]).await;
    done.unwrap();
}

const NO_NEWS: &str =
    r#"[{"channel": "EMAIL", "topic": "news", "state": "UNSUBSCRIBED", "reason": "Asked"}]"#;
const NEWS: &str = r#"[{"channel": "EMAIL", "topic": "news", "state": "SUBSCRIBED"}]"#;
const ALL: &str = r#"[{"channel": "EMAIL", "state": "SUBSCRIBED"}]"#;

#[test]
fn a_file_says_what_people_want_to_hear_of_and_a_repetition_changes_nothing() {
    on_both(|world| async move {
        let text = file(&[
            ("a@example.com", NO_NEWS),
            ("b@example.com", ALL),
            ("c@example.com", "no"),
            ("d@example.com", ""),
        ]);
        let upload = send(&world, "people.csv", text.as_bytes()).await;
        let rehearsed = NewImport {
            dry_run: true,
            ..wanted(upload)
        };
        let rehearsed = run(&world, rehearsed).await;
        assert_eq!(count(&world, "subscription").await, 0);
        let done = run(&world, wanted(upload)).await;
        assert_eq!(counts(&done), told(&[("created", 3), ("errors", 1)]));
        assert_eq!(counts(&rehearsed), counts(&done));
        let wrong = &lines(&world, &done).await[0];
        assert_eq!((wrong.line, wrong.outcome), (4, O::Error));
        let problem = &wrong.problems[0];
        let at = (problem.column, problem.field);
        assert_eq!(at, (Some(1), Some(ImportField::Subscriptions)));

        let asked = "Asked".to_owned();
        let expected = [(
            Channel::Email,
            "news".to_owned(),
            State::Unsubscribed,
            asked,
        )];
        assert_eq!(standing(&world, "a@example.com").await, expected);
        let file_name = "Import of people.csv".to_owned();
        let expected = [(Channel::Email, "*".to_owned(), State::Subscribed, file_name)];
        assert_eq!(standing(&world, "b@example.com").await, expected);
        assert!(standing(&world, "d@example.com").await.is_empty());

        let again = import_text(&world, &text).await;
        assert_eq!(counts(&again), told(&[("skipped", 3), ("errors", 1)]));

        // A person of the company had said so, so a file may say otherwise; only what is empty is filled
        // if that is asked for.
        let both = file(&[("a@example.com", NEWS), ("d@example.com", NEWS)]);
        let upload = send(&world, "more.csv", both.as_bytes()).await;
        let filled = NewImport {
            policy: ImportPolicy::FillEmpty,
            ..wanted(upload)
        };
        let filled = run(&world, filled).await;
        assert_eq!(counts(&filled), told(&[("skipped", 1), ("updated", 1)]));
        let rehearsed = NewImport {
            dry_run: true,
            ..wanted(upload)
        };
        let rehearsed = run(&world, rehearsed).await;
        let would = lines(&world, &rehearsed).await;
        assert_eq!(would[0].changes, [ImportField::Subscriptions]);
        run(&world, wanted(upload)).await;
        assert_eq!(
            standing(&world, "a@example.com").await[0].2,
            State::Subscribed
        );
        assert_eq!(count(&world, "subscription_change").await, 4);
        world
    });
}

#[test]
fn no_file_subscribes_who_has_ended_it_by_themselves() {
    on_both(|world| async move {
        let email = "gone@example.com";
        happened(&world, email, EmailEventKind::Sent).await;
        happened(&world, email, EmailEventKind::Unsubscribed).await;
        let before = standing(&world, email).await;
        assert_eq!(before[0].2, State::Unsubscribed);
        // Where that is about everything, no topic comes back either.
        let both = r#"[{"channel": "EMAIL", "state": "SUBSCRIBED"},
                       {"channel": "EMAIL", "topic": "news", "state": "SUBSCRIBED"}]"#;
        let text = file(&[(email, both)]);
        let upload = send(&world, "sold.csv", text.as_bytes()).await;
        for dry_run in [true, false] {
            let new = NewImport {
                dry_run,
                ..wanted(upload)
            };
            let done = run(&world, new).await;
            assert_eq!(counts(&done), told(&[("skipped", 1)]));
            assert_eq!(standing(&world, email).await, before);
            if dry_run {
                let would = lines(&world, &done).await;
                let why = &would[0].problems[0].message;
                assert!(why.contains("unsubscribed by themselves"), "{why}");
            }
        }
        world
    });
}

#[test]
fn what_an_export_wrote_changes_nothing_when_it_is_imported() {
    on_both(|world| async move {
        let people = [("a@example.com", NO_NEWS), ("b@example.com", "")];
        import_text(&world, &file(&people)).await;
        let id = by_email(&world, "b@example.com").await.id;
        let unwanted = NewState {
            channel: Channel::Sms,
            topic: subscription::EVERYTHING.to_owned(),
            state: State::Unsubscribed,
            // As a spreadsheet would run it.
            reason: "=1+1; @once, -2".to_owned(),
        };
        let set = subscription::set(&world.ctx, &world.owner, id, unwanted).await;
        set.unwrap();
        let before = count(&world, "subscription_change").await;
        let everybody = || What::Contacts(ContactFilter::default(), Ordered::default());
        let written = export::wanted(everybody(), ExportFormat::Csv, ExportEncoding::Utf8);
        let bytes = export::export(&world, written).await;
        let upload = send(&world, "contacts.csv", &bytes).await;
        let done = run(&world, wanted(upload)).await;
        assert_eq!(counts(&done), told(&[("skipped", 2)]));
        assert_eq!(count(&world, "subscription_change").await, before);
        world
    });
}
