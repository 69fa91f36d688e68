//! Erasing a person leaves nothing of them in any column of any table, and what was counted.

use std::collections::BTreeMap;

use chrono::TimeDelta;
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
    email::{self, NewCampaign, NewEmailEvent},
    error::Error,
    event::{self, NewEvent},
    export::{Ordered, Wanted, What},
    fact::{self, ContactRef, Party, ingest::Head},
    import::{self, NewImport, Reading},
    inbox, note,
    operation::{self, Limits},
    stage::NewStage,
    store::Query,
    survey::{self, NewSurveyAnswer},
    tag::{
        self, Request,
        tagging::{self, NewBulk, Which},
    },
    task::{self, NewTask},
    upload,
    work::change::{self, Fact, Position},
};
use entity::{
    id::ContactId,
    kind::{
        AttributeType, Channel, Direction, EmailEventKind, ExportEncoding, ExportFormat,
        IdentityKind as I, ImportPolicy, LifecycleStage, SubjectKind, SubscriptionState,
        SurveyKind, TagKind, TaskPriority,
    },
};
use serde_json::json;

use super::{define, dump::dump, refusals};
use crate::support::{
    World,
    database::TestDatabase,
    engine::{Receiver, notify, words},
    on_both,
    runtime::block_on,
};

/// In every text of the person, so that it can be searched for.
const CANARY: &str = "kanaria";

async fn by_email(world: &World, email: &str) -> Option<ContactId> {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, I::Email, email).await;
    found.unwrap().map(|one| one.id)
}

async fn write(world: &World, id: &str, email: &str) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
    conversation::ingest(ctx, owner, inboxes[0].id, vec![message(world, id, email)])
        .await
        .unwrap();
}

fn message(world: &World, id: &str, email: &str) -> NewMessage {
    NewMessage {
        external_id: format!("{CANARY} {id}"),
        thread_keys: vec![format!("{CANARY} thread")],
        whose: email.to_owned().into(),
        name: Some(format!("{CANARY} name")),
        direction: Direction::Inbound,
        author: None,
        automatic: false,
        subject: format!("{CANARY} subject"),
        body: format!("{CANARY} body"),
        sent_at: world.ctx.clock.now(),
    }
}

fn answer(world: &World, id: &str, whose: ContactRef) -> NewSurveyAnswer {
    NewSurveyAnswer {
        head: Head {
            external_id: format!("{CANARY} {id}"),
            party: Party {
                contact: Some(whose),
                account: None,
            },
            updated_at: None,
        },
        survey_key: "onboarding".to_owned(),
        kind: SurveyKind::Nps,
        score: 9,
        comment: Some(format!("{CANARY} comment")),
        answered_at: world.ctx.clock.now(),
    }
}

fn login(world: &World, id: &str, email: &str) -> NewEvent {
    NewEvent {
        external_id: format!("{CANARY} {id}"),
        whose: email.to_owned().into(),
        name: format!("{CANARY} event"),
        properties: json!({ "said": CANARY }),
        occurred_at: world.ctx.clock.now(),
    }
}

async fn mail(world: &World, id: &str, email: &str, kind: EmailEventKind) {
    let event = NewEmailEvent {
        external_id: format!("{CANARY} {id}"),
        email_key: format!("{CANARY} mail"),
        recipient: email.to_owned(),
        kind,
        occurred_at: world.ctx.clock.now(),
        campaign: Some(NewCampaign {
            external_id: "spring".to_owned(),
            name: "Spring".to_owned(),
        }),
        origin: None,
        bounce: None,
        url: (kind == EmailEventKind::Clicked).then(|| format!("https://x.example/{CANARY}")),
        user_agent: Some(CANARY.to_owned()),
    };
    email::ingest(&world.ctx, &world.owner, vec![event])
        .await
        .unwrap();
}

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
        title: format!("{CANARY} task"),
        description: format!("{CANARY} details"),
        priority: TaskPriority::Normal,
        due_at: None,
        assignee: None,
        team: None,
        contact: Some(id),
        account: None,
        conversation: None,
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
    let limits = upload::Limits::default();
    let file = upload::create(ctx, owner, limits, "people.csv")
        .await
        .unwrap();
    let text = format!("email,tags\nx@x.example,{CANARY} tag\n");
    upload::append(ctx, owner, limits, file.id, 0, text.into_bytes())
        .await
        .unwrap();
    upload::complete(ctx, owner, file.id).await.unwrap();
    let new = NewImport {
        subject: SubjectKind::Contact,
        upload: file.id,
        reading: Reading::default(),
        columns: None,
        policy: ImportPolicy::Update,
        create: Vec::new(),
        dry_run: true,
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

/// Where the canary is: table by table.
async fn traces(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut traces = dump(world).await;
    let bytes: Vec<String> = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let in_hex = bytes.concat();
    for rows in traces.values_mut() {
        rows.retain(|row| {
            let row = row.to_lowercase();
            row.contains(CANARY) || row.contains(&in_hex) || row.contains("+81312345678")
        });
    }
    traces.retain(|_, rows| !rows.is_empty());
    traces
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
fn what_comes_while_somebody_is_erased_goes_with_them_or_is_left_out() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        for round in 0..8 {
            let email = format!("{CANARY}{round}@customer.example");
            write(&world, &format!("first {round}"), &email).await;
            let id = by_email(&world, &email).await.unwrap();
            let login = login(&world, &format!("event {round}"), &email);
            let by_email = ContactRef::Email(email.clone());
            let by_email = answer(&world, &format!("mail {round}"), by_email);
            let by_id = answer(&world, &format!("id {round}"), ContactRef::Id(id));
            let (erased, event, told, named, noted) = tokio::join!(
                erase::erase(ctx, owner, id),
                event::ingest(ctx, owner, vec![login]),
                survey::ingest(ctx, owner, vec![by_email]),
                survey::ingest(ctx, owner, vec![by_id]),
                note::add(ctx, owner, id.into(), &["id"], CANARY),
            );
            erased.unwrap();
            event.unwrap();
            told.unwrap();
            for refused in [named.err(), noted.err()].into_iter().flatten() {
                assert!(matches!(refused, Error::Refused(_)), "{refused:?}");
            }
        }
        world.drain().await;
        assert_eq!(traces(&world).await, BTreeMap::new());
        world
    });
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

/// Whether the canary can be read by whoever has SQLite's file and the log beside it.
fn is_in_the_files(world: &World) -> bool {
    let path = world.database.url.strip_prefix("sqlite:").unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
    let canary = CANARY.as_bytes();
    bytes.windows(canary.len()).any(|part| part == canary)
}

#[test]
fn erasing_overwrites_what_sqlite_has_in_its_files() {
    block_on(async {
        let world = World::new(TestDatabase::sqlite()).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let email = format!("{CANARY}@customer.example");
        write(&world, "1", &email).await;
        let id = by_email(&world, &email).await.unwrap();
        note::add(ctx, owner, id.into(), &["id"], &format!("{CANARY} note"))
            .await
            .unwrap();
        world.drain().await;
        assert!(is_in_the_files(&world));
        erase::erase(ctx, owner, id).await.unwrap();
        assert!(!is_in_the_files(&world), "at once");
        world.drain().await;
        assert!(!is_in_the_files(&world), "and for good");
        world.end().await;
    });
}

#[test]
fn others_keep_what_they_wrote_in_a_thread_with_who_is_erased() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let inboxes = inbox::list(ctx, owner.workspace).await.unwrap();
        let (a, b) = ("kanaria@customer.example", "b@customer.example");
        let start = ctx.clock.now();
        let said = |id: &str, email: &str, seconds: i64, direction: Direction| NewMessage {
            external_id: format!("{id}@mail.example"),
            thread_keys: vec!["root@mail.example".to_owned()],
            name: None,
            direction,
            subject: format!("{id} subject"),
            body: format!("{id} body"),
            sent_at: start + TimeDelta::seconds(seconds),
            ..message(&world, "", email)
        };
        // One that a opened, another that b did; in both a asks last.
        let messages = vec![
            said("kanaria 1", a, 0, Direction::Inbound),
            said("b 1", b, 60, Direction::Inbound),
            said("answer", b, 120, Direction::Outbound),
            said("kanaria 2", a, 180, Direction::Inbound),
            NewMessage {
                thread_keys: Vec::new(),
                ..said("b 2", b, 10, Direction::Inbound)
            },
            NewMessage {
                thread_keys: vec!["b 2@mail.example".to_owned()],
                ..said("kanaria 3", a, 200, Direction::Inbound)
            },
            // No answer: b still waits for one.
            NewMessage {
                thread_keys: vec!["b 2@mail.example".to_owned()],
                automatic: true,
                ..said("receipt", b, 15, Direction::Outbound)
            },
        ];
        let told = conversation::ingest(ctx, owner, inboxes[0].id, messages).await;
        let told: Vec<_> = told
            .unwrap()
            .iter()
            .map(|one| one.message.unwrap())
            .collect();
        let (hers, theirs) = (
            by_email(&world, a).await.unwrap(),
            by_email(&world, b).await.unwrap(),
        );
        world.drain().await;
        erase::erase(ctx, owner, hers).await.unwrap();
        world.drain().await;
        assert_eq!(traces(&world).await, BTreeMap::new());
        let left = conversation::load_messages(ctx, owner.workspace, &told).await;
        let mut left: Vec<_> = left.unwrap().into_iter().map(|one| one.body).collect();
        left.sort();
        assert_eq!(
            left,
            ["answer body", "b 1 body", "b 2 body", "receipt body"]
        );
        let kept = conversation::load_messages(ctx, owner.workspace, &[told[1], told[4]]).await;
        let ids: BTreeMap<_, _> = kept
            .unwrap()
            .into_iter()
            .map(|one| (one.id, one.conversation_id))
            .collect();
        let at = |seconds| start + TimeDelta::seconds(seconds);
        for (opener, last, messages, last_at, waiting, subject) in [
            (told[1], told[2], 2, at(120), None, "b 1 subject"),
            (told[4], told[6], 2, at(15), Some(at(10)), "b 2 subject"),
        ] {
            let found = conversation::find(ctx, owner.workspace, ids[&opener]).await;
            let found = found.unwrap().unwrap();
            assert_eq!(
                (found.contact_id, found.subject.as_str()),
                (theirs, subject)
            );
            assert_eq!((found.messages, found.last_message_id), (messages, last));
            assert_eq!(found.last_message_at, last_at);
            assert_eq!(found.waiting_since, waiting);
        }
        // Whoever follows the log hears of the one that went over, and whose it is now.
        let start = Position::default();
        let log = change::read(ctx.reader(), owner.workspace, start, 10_000).await;
        let handed: Vec<_> = log
            .unwrap()
            .into_iter()
            .flatten()
            .filter_map(|entry| match entry.fact {
                Fact::ConversationHandedOver { conversation_id } => {
                    Some((conversation_id, entry.contact))
                }
                _ => None,
            })
            .collect();
        assert_eq!(handed, [(ids[&told[1]], Some(theirs))]);
        // The thread goes on where it was.
        let more = vec![said("b 3", b, 300, Direction::Inbound)];
        let told = conversation::ingest(ctx, owner, inboxes[0].id, more).await;
        let id = told.unwrap()[0].message.unwrap();
        let found = conversation::load_messages(ctx, owner.workspace, &[id]).await;
        assert!(
            ids.values()
                .any(|one| *one == found.as_ref().unwrap()[0].conversation_id)
        );
        world
    });
}

#[test]
fn a_contact_nobody_asked_to_have_erased_goes_and_its_address_is_free_again() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = || NewContact {
            name: "Test".to_owned(),
            email: Some("test@customer.example".to_owned()),
            ..NewContact::default()
        };
        let made = contact::create(ctx, owner, new()).await.unwrap();
        erase::delete(ctx, owner, made.id).await.unwrap();
        assert_eq!(by_email(&world, "test@customer.example").await, None);
        let again = contact::create(ctx, owner, new()).await.unwrap();
        assert_ne!(again.id, made.id);

        // That somebody does not want to hear from us has to stay known.
        let unsubscribed = NewState {
            channel: Channel::Email,
            topic: "*".to_owned(),
            state: SubscriptionState::Unsubscribed,
            reason: String::new(),
        };
        subscription::set(ctx, owner, again.id, unsubscribed)
            .await
            .unwrap();
        let refused = erase::delete(ctx, owner, again.id).await;
        assert_eq!(refusals(refused), ["keepOut Contradictory"]);
        erase::erase(ctx, owner, again.id).await.unwrap();
        let refused = contact::create(ctx, owner, new()).await;
        assert_eq!(refusals(refused), ["email Erased"]);
        // Whoever reads the audit log knows of which of the two nothing stops a message.
        let mut said: Vec<String> = Query::new(
            "SELECT a.after FROM audit_entry a
             WHERE a.workspace_id = $1 AND a.action = 'contact.erase'",
        )
        .bind(owner.workspace)
        .column(ctx.reader())
        .await
        .unwrap();
        said.sort_unstable();
        let expected = [false, true].map(|one| format!(r#"{{"erased":true,"keptOut":{one}}}"#));
        assert_eq!(said, expected);
        world
    });
}
