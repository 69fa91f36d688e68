//! Somebody with something in every place there is: what is left of them, and what is told of them afterwards.

use std::collections::BTreeMap;

use domain::{
    access::Origin,
    attribute::{Setting, Value},
    contact::{
        self, ContactFilter, NewContact, ProfileChanges, erase, export,
        identity::{self, Given},
        merge,
        subscription::{self, NewState},
    },
    conversation::{self, NewMessage},
    event::{self, NewEvent},
    export::{Ordered, Wanted, What},
    fact::{self, ContactRef},
    import::{self, NewImport},
    inbox, note,
    operation::{self, Limits},
    stage::NewStage,
    survey::{self, NewSurveyAnswer},
    tag::{
        self, Request,
        tagging::{self, NewBulk, Which},
    },
    task::{self, NewTask},
};
use entity::{
    id::ContactId,
    kind::{
        AttributeType, Channel, Direction, EmailEventKind, ExportEncoding, ExportFormat,
        IdentityKind as I, LifecycleStage, SubjectKind, SubscriptionState, TagKind,
    },
};
use serde_json::json;

use super::{CANARY, answer, by_email, login, mail, message, traces, write};
use crate::{
    import::steps::{send, wanted},
    people::{define, dump::dump, refusals},
    support::{
        World,
        engine::{Receiver, a_task, notify, words},
        on_both,
    },
};

/// A person with something in every place there is.
async fn everything(world: &World) -> ContactId {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let email = format!("{CANARY}@customer.example");
    let slack = world.target("sales").await;
    world
        .rule("all", words(&["body"]), vec![notify(slack)])
        .await;
    write(world, "1", &email).await;
    let id = by_email(world, &email).await.unwrap();
    let text = define(world, SubjectKind::Contact, "text", AttributeType::Text).await;
    let changes = contact::ContactChanges {
        profile: ProfileChanges {
            kana: Some(Some(format!("{CANARY} kana"))),
            phone: Some(Some("03-1234-5678".to_owned())),
            stage: Some(NewStage {
                stage: Some(LifecycleStage::Lead),
                reason: format!("{CANARY} reason"),
            }),
            attributes: vec![Setting {
                attribute: text,
                value: Some(Value::Text(format!("{CANARY} value"))),
            }],
            ..ProfileChanges::default()
        },
        ..contact::ContactChanges::default()
    };
    contact::update(ctx, owner, id, changes).await.unwrap();
    note::add(ctx, owner, id.into(), &["id"], &format!("{CANARY} note"))
        .await
        .unwrap();
    let todo = NewTask {
        description: format!("{CANARY} details"),
        contact: Some(id),
        ..a_task(&format!("{CANARY} task"))
    };
    task::create(ctx, owner, todo).await.unwrap();
    let event = login(world, "event", &email);
    event::ingest(ctx, owner, vec![event]).await.unwrap();
    mail(world, "sent", &email, EmailEventKind::Sent).await;
    mail(world, "clicked", &email, EmailEventKind::Clicked).await;
    let state = NewState {
        channel: Channel::Email,
        topic: "news".to_owned(),
        state: SubscriptionState::Subscribed,
        reason: format!("{CANARY} said so"),
    };
    subscription::set(ctx, owner, id, state).await.unwrap();
    for (kind, value) in [
        (I::Handle, format!("x:{CANARY}")),
        (I::ExternalId, format!("{CANARY} id")),
        (I::AnonymousId, format!("{CANARY} cookie")),
    ] {
        identity::attach(ctx, owner, id, &Given { kind, value })
            .await
            .unwrap();
    }
    let answer = answer(world, "answer", ContactRef::Id(id));
    survey::ingest(ctx, owner, vec![answer]).await.unwrap();
    let vip = world.tag(TagKind::Contact, "VIP", None).await;
    tagging::tag_many(ctx, owner, &[Request::contact(id, vip)], CANARY)
        .await
        .unwrap();
    leave_about(world).await;
    // Somebody who was merged into them is them.
    let double = NewContact {
        name: format!("{CANARY} double"),
        email: Some(format!("{CANARY}.second@customer.example")),
        ..NewContact::default()
    };
    let double = contact::create(ctx, owner, double).await.unwrap();
    merge::merge(ctx, owner, id, double.id, &format!("{CANARY} merge"))
        .await
        .unwrap();
    world.drain().await;
    world.hurry().await;
    world.deliver(&Receiver::default()).await;
    world.drain().await;
    id
}

/// A file they are in, what an import said of its lines, and filters with their name.
async fn leave_about(world: &World) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let text = format!("email,tags\nx@x.example,{CANARY} tag\n");
    let new = NewImport {
        create: Vec::new(),
        dry_run: true,
        ..wanted(send(world, "people.csv", text.as_bytes()).await)
    };
    import::start(ctx, owner, new).await.unwrap();
    let which = || ContactFilter {
        text: Some(CANARY.to_owned()),
        ..ContactFilter::default()
    };
    let seen = world.tag(TagKind::Contact, "Seen", None).await;
    let bulk = NewBulk {
        which: Which::Contact(which()),
        add: vec![seen],
        remove: Vec::new(),
        reason: String::new(),
        expires_at: None,
        imagined: None,
    };
    let run = || operation::run_due(ctx, domain::operations(), None, Limits::none());
    run().await.unwrap();
    let asked = tagging::tag_by_filter(ctx, owner, bulk, true)
        .await
        .unwrap();
    operation::cancel(ctx, owner, asked.id).await.unwrap();
    run().await.unwrap();
    let wanted = Wanted {
        what: What::Contacts(which(), Ordered::default()),
        format: ExportFormat::Csv,
        encoding: ExportEncoding::Utf8,
        columns: Vec::new(),
    };
    domain::export::ask(ctx, owner, wanted).await.unwrap();
}

/// What other systems tell of the person afterwards, and an archive, is left out and said to be.
async fn told_of_again(world: &World, email: &str) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let other = "somebody@customer.example".to_owned();
    let answers = [
        ("late 1", ContactRef::Email(email.to_owned())),
        ("late 2", ContactRef::ExternalId(format!("{CANARY} id"))),
        ("other", ContactRef::Email(other)),
    ];
    let answers = answers.map(|(id, whose)| NewSurveyAnswer {
        comment: None,
        ..answer(world, id, whose)
    });
    let mut answers = answers.to_vec();
    answers[2].head.external_id = "other".to_owned();
    let told = survey::ingest(ctx, owner, answers).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.outcome, one.id.is_some()))
        .collect();
    let erased = (fact::Outcome::Erased, false);
    assert_eq!(told, [erased, erased, (fact::Outcome::Created, true)]);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    let sent = NewMessage {
        direction: Direction::Outbound,
        ..message(world, "sent", email)
    };
    let archived = message(world, "archived", email);
    for (origin, message) in [(owner.origin(), sent), (Origin::Import, archived)] {
        let messages = vec![message];
        let told = conversation::ingest_as(ctx, owner, origin, inboxes[0].id, messages).await;
        let told = told.unwrap();
        assert_eq!(told[0].outcome, conversation::Outcome::Erased);
        assert_eq!(told[0].message, None);
    }
}

#[test]
fn erasing_leaves_no_trace_and_keeps_what_was_counted() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let email = format!("{CANARY}@customer.example");
        let id = everything(&world).await;
        let before = traces(&world).await;
        for table in [
            "contact",
            "message",
            "note",
            "event",
            "email_event",
            "survey_answer",
            "change",
            "upload_chunk",
            "import_line",
            "operation",
            "export",
        ] {
            assert!(
                before.contains_key(table),
                "the canary is in {table}: {before:?}"
            );
        }
        let exported = export::export(ctx, owner, id).await.unwrap();
        let shown = exported.to_string();
        for text in [
            "kana", "body", "note", "event", "reason", "said so", "value", "double", "task",
        ] {
            assert!(
                shown.contains(&format!("{CANARY} {text}")),
                "{text} is exported"
            );
        }
        assert_eq!(exported["cut"], json!([]));
        let whole = dump(&world).await;
        let figures = whole["email_day"].clone();
        let campaign = |rows: &[String]| {
            let mut rows: Vec<String> = rows.to_vec();
            rows.retain(|row| !row.contains("CONTACT"));
            rows
        };

        let stranger = World::workspace(ctx, "Stranger", "stranger.example").await;
        let refused = erase::erase(ctx, &stranger, id).await;
        assert_eq!(refusals(refused), ["id NotFound"]);
        assert_eq!(traces(&world).await, before);

        erase::erase(ctx, owner, id).await.unwrap();
        world.drain().await;
        assert_eq!(traces(&world).await, BTreeMap::new());
        assert!(
            contact::find(ctx, owner.workspace, id)
                .await
                .unwrap()
                .is_none()
        );
        let left = dump(&world).await;
        for line in erase::PERSONAL_TABLES {
            let is_exported = exported["tables"].get(line.table).is_some();
            let lost = whole[line.table].len() > left[line.table].len();
            if lost && matches!(line.personal, erase::Personal::Rows(_)) {
                assert!(is_exported, "what is erased of {} is exported", line.table);
            }
        }
        let after = &left["email_day"];
        assert_eq!(*after, campaign(&figures), "what was counted stays");
        let (_, counts) = tag::catalogue::counted(ctx, owner.workspace).await.unwrap();
        assert!(!counts.is_empty());
        let left: i64 = counts.values().map(|count| count.total).sum();
        assert_eq!(left, 0);
        let refused = export::export(ctx, owner, id).await;
        assert_eq!(refusals(refused), ["id NotFound"]);

        // Programs do not make them anew, and members are told why they cannot.
        mail(&world, "opened", &email, EmailEventKind::Opened).await;
        let event = NewEvent {
            external_id: "late".to_owned(),
            whose: email.clone().into(),
            name: "login".to_owned(),
            properties: json!({}),
            occurred_at: ctx.clock.now(),
        };
        event::ingest(ctx, owner, vec![event]).await.unwrap();
        told_of_again(&world, &email).await;
        world.drain().await;
        assert_eq!(by_email(&world, &email).await, None);
        assert_eq!(traces(&world).await, BTreeMap::new());
        let again = |email: Option<String>, phone: Option<&str>| NewContact {
            name: "Again".to_owned(),
            email,
            profile: ProfileChanges {
                phone: phone.map(|phone| Some(phone.to_owned())),
                ..ProfileChanges::default()
            },
            ..NewContact::default()
        };
        let second = format!("{CANARY}.second@customer.example");
        for new in [
            again(Some(email.clone()), None),
            again(Some(second), None),
            again(None, Some("+81 3 1234 5678")),
        ] {
            let refused = refusals(contact::create(ctx, owner, new).await);
            assert!(refused[0].ends_with("Erased"), "{refused:?}");
        }
        let other = again(Some("other@customer.example".to_owned()), None);
        contact::create(ctx, owner, other).await.unwrap();
        // A person who writes to us by themselves is let in.
        write(&world, "2", &email).await;
        assert!(by_email(&world, &email).await.is_some());
        world.drain().await;
        world.hurry().await;
        world.deliver(&Receiver::default()).await;
        // Whatever is still due has its turn.
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        world
    });
}
