//! Imports of contacts and accounts from CSV files, on both databases and over HTTP.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    account, attribute, contact,
    error::Error,
    import::{self, Column, ImportLine, NewImport, Reading},
    operation::{self, Limits},
    page::PageRequest,
    search,
    sheet::encoding::encode,
    store::Query,
    tag,
    upload::{self, Appended},
    work::{due, schedule::Schedule as _},
};
use entity::{
    id::{TagId, UploadId},
    kind::{
        AttributeType, IdentityKind, ImportCreation, ImportField as F, ImportOutcome as O,
        ImportPolicy, LifecycleStage, OperationState, SheetEncoding, SubjectKind, TagKind,
        TagSelection,
    },
    operation::Model,
};
use serde_json::{Value, json};

use crate::support::{
    World,
    client::text,
    installation::{Installation, on_each},
    on_both,
    process::until,
};

const LIMITS: upload::Limits = upload::Limits {
    max_bytes: 64 * 1024 * 1024,
    keep: chrono::TimeDelta::hours(48),
};

async fn send(world: &World, name: &str, bytes: &[u8]) -> UploadId {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let made = upload::create(ctx, owner, LIMITS, name).await.unwrap();
    let mut offset = 0;
    // Pieces of an odd length, so that records and characters span them.
    for piece in bytes.chunks(99_991) {
        let stored = upload::append(ctx, owner, LIMITS, made.id, offset, piece.to_vec()).await;
        assert!(matches!(stored.unwrap(), Appended::Stored(_)));
        offset += piece.len() as i64;
    }
    upload::complete(ctx, owner, made.id).await.unwrap();
    made.id
}

fn wanted(upload: UploadId) -> NewImport {
    NewImport {
        subject: SubjectKind::Contact,
        upload,
        reading: Reading::default(),
        columns: None,
        policy: ImportPolicy::Update,
        create: vec![
            ImportCreation::Accounts,
            ImportCreation::Campaigns,
            ImportCreation::Tags,
        ],
        dry_run: false,
    }
}

async fn run(world: &World, new: NewImport) -> Model {
    let asked = import::start(&world.ctx, &world.owner, new).await.unwrap();
    operation::run_due(&world.ctx, domain::operations(), None, Limits::none())
        .await
        .unwrap();
    ended(world, &asked).await
}

async fn ended(world: &World, asked: &Model) -> Model {
    let found = operation::find(&world.ctx, world.owner.workspace, asked.id).await;
    let ended = found.unwrap().unwrap();
    assert_eq!(ended.state, OperationState::Done, "{:?}", ended.error);
    ended
}

async fn import_text(world: &World, text: &str) -> Model {
    let upload = send(world, "people.csv", text.as_bytes()).await;
    run(world, wanted(upload)).await
}

async fn lines(world: &World, operation: &Model) -> Vec<ImportLine> {
    let workspace = world.owner.workspace;
    let found = import::stream(&world.ctx, workspace, operation.id, None, -1, 100_000).await;
    found.unwrap()
}

fn counts(operation: &Model) -> BTreeMap<String, i64> {
    let counts = operation.progress["counts"].as_object().unwrap();
    let counts = counts.iter();
    counts
        .map(|(name, value)| (name.clone(), value.as_i64().unwrap()))
        .filter(|(_, count)| *count != 0)
        .collect()
}

fn told(counts: &[(&str, i64)]) -> BTreeMap<String, i64> {
    let counts = counts.iter();
    counts
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

async fn count(world: &World, what: &str) -> i64 {
    let query = Query::new(format!("SELECT COUNT(*) FROM {what}"));
    let count: Option<i64> = query.scalar(world.ctx.reader()).await.unwrap();
    count.unwrap_or_default()
}

async fn by_email(world: &World, email: &str) -> contact::Contact {
    let (ctx, workspace) = (&world.ctx, world.owner.workspace);
    let found = contact::find_by_identity(ctx, workspace, IdentityKind::Email, email).await;
    found.unwrap().unwrap_or_else(|| panic!("no {email}"))
}

async fn paths(world: &World, id: uuid::Uuid) -> Vec<String> {
    let forest = tag::catalogue::forest(&world.ctx, world.owner.workspace).await;
    let forest = forest.unwrap();
    let carried: Vec<TagId> =
        Query::new("SELECT tag_id FROM tagging WHERE target_id = $1 AND removed_at IS NULL")
            .bind(id)
            .column(world.ctx.reader())
            .await
            .unwrap();
    let mut paths: Vec<String> = carried
        .into_iter()
        .map(|tag| {
            let tag = forest.get(tag).unwrap();
            let group = tag.group_id.and_then(|group| forest.group(group));
            let group = group.map(|group| group.name.as_str());
            tag::path::written(group, &forest.path(tag))
        })
        .collect();
    paths.sort();
    paths
}

#[test]
fn files_are_read_as_they_are_meant() {
    on_both(|world| async move {
        let japanese = "氏名,フリガナ,メールアドレス,会社名,好きな色\n田中太郎,タナカタロウ,t@example.com,株式会社テスト,青\n";
        let chinese = "姓名;邮箱;手机号\n王小明;w@example.cn;+8613800138000\n";
        let marked = ["\u{feff}", japanese].concat();
        let cases: [(&str, Vec<u8>, SheetEncoding, char, Vec<Option<F>>); 4] = [
            (
                "Shift_JIS",
                encode(SheetEncoding::ShiftJis, japanese).into_owned(),
                SheetEncoding::ShiftJis,
                ',',
                vec![
                    Some(F::Name),
                    Some(F::Kana),
                    Some(F::Email),
                    Some(F::AccountName),
                    None,
                ],
            ),
            (
                "GBK",
                encode(SheetEncoding::Gbk, chinese).into_owned(),
                SheetEncoding::Gbk,
                ';',
                vec![Some(F::Name), Some(F::Email), Some(F::Phone)],
            ),
            (
                "UTF-8 with a mark",
                marked.into_bytes(),
                SheetEncoding::Utf8,
                ',',
                vec![
                    Some(F::Name),
                    Some(F::Kana),
                    Some(F::Email),
                    Some(F::AccountName),
                    None,
                ],
            ),
            (
                "tabs",
                b"Name\tE-mail\nA\ta@example.com\n".to_vec(),
                SheetEncoding::Utf8,
                '\t',
                vec![Some(F::Name), Some(F::Email)],
            ),
        ];
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        for (name, bytes, encoding, delimiter, fields) in cases {
            let upload = send(&world, name, &bytes).await;
            let kind = SubjectKind::Contact;
            let seen = import::preview(ctx, workspace, upload, kind, Reading::default(), 10).await;
            let seen = seen.unwrap();
            assert_eq!(
                (seen.encoding, seen.delimiter),
                (encoding, delimiter),
                "{name}"
            );
            let found: Vec<_> = seen.columns.iter().map(|column| column.field).collect();
            assert_eq!(found, fields, "{name}");
            assert_eq!(seen.rows.len(), 1, "{name}");
            assert_eq!(seen.rows[0].len(), fields.len(), "{name}");
            run(&world, wanted(upload)).await;
        }
        let tanaka = by_email(&world, "t@example.com").await;
        assert_eq!(tanaka.name, "田中太郎");
        assert_eq!(tanaka.kana.as_deref(), Some("タナカタロウ"));
        let wang = by_email(&world, "w@example.cn").await;
        assert_eq!(
            (wang.name.as_str(), wang.phone.as_deref()),
            ("王小明", Some("+8613800138000"))
        );
        // The wrong encoding is told, cell by cell.
        let bytes = encode(SheetEncoding::ShiftJis, japanese).into_owned();
        let upload = send(&world, "wrong", &bytes).await;
        let reading = Reading {
            encoding: Some(SheetEncoding::Utf8),
            ..Reading::default()
        };
        let columns = Some(vec![
            Column {
                column: 0,
                field: F::Name,
                attribute: None,
            },
            Column {
                column: 2,
                field: F::Email,
                attribute: None,
            },
        ]);
        let new = NewImport {
            reading,
            columns,
            ..wanted(upload)
        };
        let done = run(&world, new).await;
        let lines = lines(&world, &done).await;
        assert_eq!(lines[0].outcome, O::Error);
        assert_eq!(lines[0].problems[0].field, Some(F::Name));
        assert!(lines[0].problems[0].message.contains("UTF-8"));
        world
    });
}

#[test]
fn a_line_in_another_encoding_than_the_file_is_an_error_and_never_mojibake() {
    on_both(|world| async move {
        let header = "氏名,メール\n";
        let person = |number: usize| format!("田中太郎,m{number}@example.com\n");
        for (most, other, said) in [
            (SheetEncoding::Utf8, SheetEncoding::ShiftJis, "Byte 1 "),
            (SheetEncoding::Utf8, SheetEncoding::Gbk, "Byte 1 "),
            (SheetEncoding::ShiftJis, SheetEncoding::Utf8, "in UTF-8"),
        ] {
            let mut file = encode(most, header).into_owned();
            for number in 0..5 {
                let encoding = if number == 3 { other } else { most };
                file.extend_from_slice(&encode(encoding, &person(number)));
            }
            let upload = send(&world, "mixed.csv", &file).await;
            let (ctx, workspace) = (&world.ctx, world.owner.workspace);
            let kind = SubjectKind::Contact;
            let seen = import::preview(ctx, workspace, upload, kind, Reading::default(), 10).await;
            let seen = seen.unwrap();
            assert_eq!((seen.encoding, seen.odd_lines), (most, vec![5]));
            let done = run(&world, wanted(upload)).await;
            assert_eq!((done.done, done.failed), (5, 1), "{most:?} {other:?}");
            let lines = lines(&world, &done).await;
            assert_eq!((lines[0].line, lines[0].outcome), (5, O::Error));
            let problem = &lines[0].problems[0];
            assert_eq!(problem.field, Some(F::Name));
            assert!(problem.message.contains(said), "{}", problem.message);
        }
        let strangers = count(&world, "contact WHERE name <> '田中太郎'").await;
        assert_eq!((count(&world, "contact").await, strangers), (4, 0));
        world
    });
}

#[test]
fn a_contact_is_taken_in_with_everything_a_line_says() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let new = attribute::NewAttribute {
            subject: SubjectKind::Contact,
            key: "seats".to_owned(),
            name: "座席数".to_owned(),
            description: String::new(),
            value_type: AttributeType::Number,
            options: Vec::new(),
        };
        let seats = attribute::definition::create(ctx, owner, new)
            .await
            .unwrap();
        let group = tag::NewGroup {
            kind: TagKind::Contact,
            name: "業種".to_owned(),
            description: String::new(),
            selection: TagSelection::Single,
            stage: None,
        };
        tag::group::create(ctx, owner, group).await.unwrap();
        let text = "\
氏名,カナ,メール,電話番号,顧客ID,会社名,会社ドメイン,ステージ,担当者,来源,キャンペーン,座席数,タグ
田中 太郎,ﾀﾅｶ ﾀﾛｳ,Tanaka@Test.example,'+81312345678,C-1,株式会社テスト,test.example,顧客,owner@example.com,LINE,春の展示会,\"1,200\",業種/IT/SaaS; VIP
佐藤,,sato@test.example,,,,,,,,,,
";
        let done = import_text(&world, text).await;
        let expected = [
            ("accountsCreated", 1),
            ("campaignsCreated", 1),
            ("created", 2),
            ("tagsCreated", 3),
        ];
        assert_eq!(counts(&done), told(&expected));
        assert_eq!((done.total, done.done, done.failed), (Some(2), 2, 0));
        let tanaka = by_email(&world, "tanaka@test.example").await;
        assert_eq!(tanaka.name, "田中 太郎");
        assert_eq!(tanaka.phone.as_deref(), Some("+81312345678"));
        assert_eq!(tanaka.external_id.as_deref(), Some("C-1"));
        assert_eq!(tanaka.stage, Some(LifecycleStage::Customer));
        assert_eq!(tanaka.owner_id, Some(owner.member));
        assert_eq!(tanaka.source_channel.map(|one| one.word()), Some("LINE"));
        assert!(tanaka.source_campaign_id.is_some());
        let account = account::find(ctx, owner.workspace, tanaka.account_id.unwrap()).await;
        let account = account.unwrap().unwrap();
        assert_eq!(
            (account.name.as_str(), account.domain.as_deref()),
            ("株式会社テスト", Some("test.example"))
        );
        assert_eq!(paths(&world, tanaka.id.0).await, ["VIP", "業種/IT/SaaS"]);
        let values = attribute::load(ctx, owner.workspace, &[tanaka.id.0])
            .await
            .unwrap();
        assert_eq!(
            (values[0].attribute_id, values[0].number),
            (seats.id, Some(1200.0))
        );
        // Everything that goes with a contact is there, in the import's name.
        let id = format!("= '{}'", tanaka.id);
        for (what, expected) in [
            ("contact_identity", 4),
            ("contact_activity", 2),
            ("contact_health", 2),
            (
                "tagging WHERE CAST(added_by AS TEXT) LIKE '%IMPORT%' AND added_reason = 'Import of people.csv'",
                2,
            ),
            (
                "stage_change WHERE to_stage = 'CUSTOMER' AND CAST(by_origin AS TEXT) LIKE '%IMPORT%'",
                1,
            ),
            ("timeline_entry WHERE kind = 'TAG_ADDED'", 2),
            ("change WHERE kind = 'contact.created'", 2),
            ("change WHERE kind = 'account.created'", 1),
            ("change WHERE kind = 'owner.changed'", 1),
            ("change WHERE kind = 'attribute.set'", 1),
            ("audit_entry WHERE action = 'contact.create_many'", 1),
            ("audit_entry WHERE action = 'import.start'", 1),
            ("tag_rank", 3),
        ] {
            assert_eq!(count(&world, what).await, expected, "{what} {id}");
        }
        world.drain().await;
        let needle = search::Needle::parse("田中", &["text"]).unwrap().unwrap();
        let found = search::find(
            ctx,
            owner.workspace,
            &needle,
            &[search::Kind::Contact],
            &PageRequest::first(5),
        )
        .await;
        assert!(!found.unwrap().rows.is_empty());
        // People without a company join that of their domain from the next step on.
        import_text(&world, "email\nkato@test.example\n").await;
        let kato = by_email(&world, "kato@test.example").await;
        assert_eq!(
            (kato.name.as_str(), kato.account_id),
            ("kato", tanaka.account_id)
        );
        world
    });
}

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

#[test]
fn a_policy_says_what_becomes_of_what_is_there() {
    on_both(|world| async move {
        import_text(&world, "email,name,stage,tags\na@example.com,A,LEAD,One\n").await;
        let text = "email,name,stage,kana,tags,external id\na@example.com,B,CUSTOMER,ア,Two,X-1\n";
        for (policy, name, stage, kana, tags) in [
            (
                ImportPolicy::Skip,
                "A",
                LifecycleStage::Lead,
                None,
                vec!["One"],
            ),
            (
                ImportPolicy::FillEmpty,
                "A",
                LifecycleStage::Lead,
                Some("ア"),
                vec!["One", "Two"],
            ),
            (
                ImportPolicy::Update,
                "B",
                LifecycleStage::Customer,
                Some("ア"),
                vec!["One", "Two"],
            ),
        ] {
            let upload = send(&world, "again.csv", text.as_bytes()).await;
            run(
                &world,
                NewImport {
                    policy,
                    ..wanted(upload)
                },
            )
            .await;
            let now = by_email(&world, "a@example.com").await;
            assert_eq!(
                (now.name.as_str(), now.stage),
                (name, Some(stage)),
                "{policy:?}"
            );
            assert_eq!(now.kana.as_deref(), kana, "{policy:?}");
            assert_eq!(paths(&world, now.id.0).await, tags, "{policy:?}");
        }
        // An empty cell takes nothing away, and a new address leaves the old one an identity.
        import_text(
            &world,
            "external id,email,name,stage\nX-1,b@example.com,,\n",
        )
        .await;
        let now = by_email(&world, "a@example.com").await;
        assert_eq!(now.email.as_deref(), Some("b@example.com"));
        assert_eq!(
            (now.name.as_str(), now.stage),
            ("B", Some(LifecycleStage::Customer))
        );
        world
    });
}

#[test]
fn tags_are_found_and_made_by_their_paths() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let group = tag::NewGroup {
            kind: TagKind::Contact,
            name: "Size".to_owned(),
            description: String::new(),
            selection: TagSelection::Single,
            stage: None,
        };
        tag::group::create(ctx, owner, group).await.unwrap();
        let top = world.tag(TagKind::Contact, "R/D", None).await;
        world.tag(TagKind::Contact, "Deep", Some(top)).await;
        let text = "email,tags\n\
            a@example.com,Size/Small\n\
            b@example.com,size / ＳＭＡＬＬ; R\\/D/Deep\n\
            c@example.com,Deep;Deep\n\
            d@example.com,Size/Small;Size/Large\n\
            e@example.com,Size\n\
            f@example.com,a\\;b\n";
        let upload = send(&world, "tags.csv", text.as_bytes()).await;
        let closed = run(
            &world,
            NewImport {
                create: Vec::new(),
                dry_run: true,
                ..wanted(upload)
            },
        )
        .await;
        let said = lines(&world, &closed).await;
        assert_eq!(said[0].outcome, O::Error, "no tag may be made");
        assert!(
            said[0].problems[0].message.contains("Size / Small"),
            "{:?}",
            said[0]
        );
        assert_eq!(said[2].outcome, O::Create);
        let done = run(&world, wanted(upload)).await;
        assert_eq!(
            counts(&done),
            told(&[("created", 4), ("errors", 2), ("tagsCreated", 2)])
        );
        let wrong = lines(&world, &done).await;
        assert_eq!(
            wrong.iter().map(|line| line.line).collect::<Vec<_>>(),
            [5, 6]
        );
        for (email, expected) in [
            ("a@example.com", vec!["Size/Small"]),
            ("b@example.com", vec!["R\\/D/Deep", "Size/Small"]),
            ("c@example.com", vec!["R\\/D/Deep"]),
            ("f@example.com", vec!["a;b"]),
        ] {
            let contact = by_email(&world, email).await;
            assert_eq!(paths(&world, contact.id.0).await, expected, "{email}");
        }
        // Another value of a SINGLE group replaces the first.
        import_text(&world, "email,tags\na@example.com,Size/Large\n").await;
        let contact = by_email(&world, "a@example.com").await;
        assert_eq!(paths(&world, contact.id.0).await, ["Size/Large"]);
        world
    });
}

#[test]
fn accounts_are_taken_in_too() {
    on_both(|world| async move {
        let text = "会社名,ドメイン,ウェブサイト,外部ID,ステージ,説明,電話番号,タグ\n\
            株式会社テスト,https://www.test.example/about,https://test.example,A-1,CUSTOMER,\"一行目\n二行目\",03-1234-5678,大口\n\
            名前だけ,,,,,,,\n\
            名前だけ,,,,,,,\n\
            ,,,,,,,\n\
            ,,https://x.example,,,,,\n";
        let upload = send(&world, "accounts.csv", text.as_bytes()).await;
        let new = || NewImport {
            subject: SubjectKind::Account,
            ..wanted(upload)
        };
        let dry = run(
            &world,
            NewImport {
                dry_run: true,
                ..new()
            },
        )
        .await;
        let done = run(&world, new()).await;
        assert_eq!(counts(&done), counts(&dry));
        assert_eq!(
            counts(&done),
            told(&[("created", 2), ("errors", 2), ("tagsCreated", 1)])
        );
        let lines = lines(&world, &done).await;
        assert_eq!(
            lines.iter().map(|line| line.line).collect::<Vec<_>>(),
            [5, 7]
        );
        let page = PageRequest::first(10);
        let (ctx, workspace) = (&world.ctx, world.owner.workspace);
        let filter = account::AccountFilter::default();
        let found = account::list(
            ctx,
            workspace,
            &filter,
            account::AccountOrder::CreatedAsc,
            &page,
        );
        let found = found.await.unwrap();
        let found: Vec<_> = found.rows.into_iter().map(|(_, row)| row).collect();
        let test = found
            .iter()
            .find(|row| row.name == "株式会社テスト")
            .unwrap();
        assert_eq!(test.domain.as_deref(), Some("test.example"));
        assert_eq!(test.phone.as_deref(), Some("+81312345678"));
        assert_eq!(test.description.as_deref(), Some("一行目\n二行目"));
        assert_eq!(paths(&world, test.id.0).await, ["大口"]);
        let again = run(&world, new()).await;
        assert_eq!(counts(&again), told(&[("errors", 2), ("skipped", 2)]));
        world
    });
}

#[test]
fn people_who_were_erased_are_not_taken_in_again() {
    on_both(|world| async move {
        import_text(&world, "email\ngone@example.com\nstays@example.com\n").await;
        let gone = by_email(&world, "gone@example.com").await;
        contact::erase::erase(&world.ctx, &world.owner, gone.id)
            .await
            .unwrap();
        let done = import_text(&world, "email\ngone@example.com\nstays@example.com\n").await;
        assert_eq!(counts(&done), told(&[("errors", 1), ("skipped", 1)]));
        let lines = lines(&world, &done).await;
        let code = lines[0].problems[0].code;
        assert_eq!(code, Some(domain::error::UserErrorCode::Erased));
        world
    });
}

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
        for patience in (1..).map(|n| Duration::from_millis(n * n * 40)) {
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

#[test]
fn an_upload_arrives_in_order_and_goes_when_its_time_has_come() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let made = upload::create(ctx, owner, LIMITS, "a.csv").await.unwrap();
        let add = |offset: i64, bytes: &'static [u8]| {
            upload::append(ctx, owner, LIMITS, made.id, offset, bytes.to_vec())
        };
        assert!(
            matches!(add(0, b"email\n").await.unwrap(), Appended::Stored(row) if row.size == 6)
        );
        assert!(
            matches!(add(0, b"email\n").await.unwrap(), Appended::Misplaced(row) if row.size == 6)
        );
        assert!(matches!(
            add(6, b"a@example.com\n").await.unwrap(),
            Appended::Stored(_)
        ));
        let early = import::start(ctx, owner, wanted(made.id)).await;
        assert!(
            matches!(early, Err(Error::Refused(errors)) if errors[0].message.contains("not complete"))
        );
        upload::complete(ctx, owner, made.id).await.unwrap();
        assert!(matches!(
            add(20, b"x").await.unwrap(),
            Appended::Misplaced(_)
        ));
        // Too large, of somebody else, or without the scope.
        let small = upload::Limits {
            max_bytes: 10,
            ..LIMITS
        };
        let other = upload::create(ctx, owner, small, "b.csv").await.unwrap();
        let large = upload::append(ctx, owner, small, other.id, 0, vec![b'a'; 11]).await;
        assert!(matches!(large, Err(Error::Refused(_))));
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let foreign = upload::append(ctx, &stranger, LIMITS, made.id, 20, b"x".to_vec()).await;
        assert!(matches!(foreign, Err(Error::Refused(_))));
        assert!(
            upload::find(ctx, stranger.workspace, made.id)
                .await
                .unwrap()
                .is_none()
        );
        let viewer = domain::access::Actor {
            scopes: domain::access::ScopeSet::of_role(entity::kind::Role::Viewer),
            ..owner.clone()
        };
        let refused = upload::create(ctx, &viewer, LIMITS, "c.csv").await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
        // A file that is being read is not deleted, and what expired goes.
        let asked = import::start(ctx, owner, wanted(made.id)).await.unwrap();
        assert!(matches!(
            upload::delete(ctx, owner, made.id).await,
            Err(Error::Refused(_))
        ));
        for n in 0..120 {
            let small = upload::create(ctx, owner, LIMITS, &format!("{n}.csv")).await;
            let small = small.unwrap().id;
            let bytes = b"email\n".to_vec();
            upload::append(ctx, owner, LIMITS, small, 0, bytes)
                .await
                .unwrap();
        }
        world.clock.advance(chrono::TimeDelta::hours(49));
        let mut progress = json!({});
        while let Some(next) = {
            let mut tx = ctx.begin(owner.workspace).await.unwrap();
            let next = upload::UploadPrune
                .step(ctx, &mut tx, progress.clone())
                .await
                .unwrap();
            tx.commit().await.unwrap();
            next
        } {
            progress = next;
        }
        assert_eq!(count(&world, "upload_chunk").await, 0);
        assert_eq!(count(&world, "upload").await, 0);
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        let failed = operation::find(ctx, owner.workspace, asked.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(failed.state, OperationState::Failed);
        world
    });
}

#[test]
fn a_request_that_makes_no_sense_says_why() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let upload = send(&world, "x.csv", b"email,name\na@example.com,A\n").await;
        let column = |column, field| Column {
            column,
            field,
            attribute: None,
        };
        for (columns, path) in [
            (vec![column(5, F::Email)], vec!["columns", "0", "column"]),
            (
                vec![column(0, F::Email), column(1, F::Email)],
                vec!["columns", "1", "field"],
            ),
            (vec![column(0, F::Website)], vec!["columns", "0", "field"]),
            (
                vec![column(0, F::Attribute)],
                vec!["columns", "0", "attributeId"],
            ),
            (vec![column(1, F::Name)], vec!["columns"]),
        ] {
            let new = NewImport {
                columns: Some(columns),
                ..wanted(upload)
            };
            let refused = import::start(ctx, owner, new).await;
            assert!(
                matches!(&refused, Err(Error::Refused(errors)) if errors[0].path == path),
                "{refused:?}"
            );
        }
        for (bytes, word) in [
            (&b"PK\x03\x04\0\0\0"[..], "not a text file"),
            (b"\xff\xfea\0b\0", "UTF-16"),
            (b"", "empty"),
            (b"\n\n", "no table"),
            (b"\"a\nb", "Line 1"),
        ] {
            let upload = send(&world, "y.csv", bytes).await;
            let refused = import::start(ctx, owner, wanted(upload)).await;
            assert!(
                matches!(&refused, Err(Error::Refused(errors)) if errors[0].message.contains(word)),
                "{word} {refused:?}"
            );
        }
        world
    });
}

/// One file, sent in two pieces and taken in over HTTP.
async fn over_http(installation: Installation) -> Installation {
    let owner = installation.owner();
    let base = format!("http://{}/v1", owner.address);
    let post = |path: &str, body: Vec<u8>| {
        let request = owner.http.post(format!("{base}{path}"));
        request.bearer_auth(&owner.token).body(body).send()
    };
    let file = "氏名,メール,タグ\n田中,tanaka@example.com,業種/IT\n佐藤,だめ,\n";
    let file = encode(SheetEncoding::ShiftJis, file).into_owned();
    let made = post(
        "/uploads?name=people.csv&complete=false",
        file[..10].to_vec(),
    )
    .await
    .unwrap();
    assert_eq!(made.status(), 201);
    let place = made.headers()["location"].to_str().unwrap().to_owned();
    let id = place.rsplit('/').next().unwrap().to_owned();
    let url = format!("http://{}{place}", owner.address);
    let patch = |offset: &str, body: Vec<u8>| {
        let request = owner.http.patch(&url).bearer_auth(&owner.token);
        request
            .header("Upload-Offset", offset.to_owned())
            .body(body)
            .send()
    };
    let wrong = patch("3", file[3..].to_vec()).await.unwrap();
    assert_eq!(wrong.status(), 409);
    let answer: Value = serde_json::from_str(&wrong.text().await.unwrap()).unwrap();
    assert_eq!(answer["error"]["size"], 10);
    let head = owner
        .http
        .head(&url)
        .bearer_auth(&owner.token)
        .send()
        .await
        .unwrap();
    assert_eq!(head.headers()["upload-offset"], "10");
    let whole = patch("10", file[10..].to_vec()).await.unwrap();
    assert_eq!(whole.status(), 200);
    // Nobody else gets in.
    for token in ["", "enishi_nobody"] {
        let answer = owner
            .http
            .get(&url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 401, "{token}");
    }
    let (viewer, _) = owner.member("VIEWER").await;
    let answer = owner
        .http
        .get(&url)
        .bearer_auth(&viewer.token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403);
    let preview = "query($id: ID!) { previewImport(uploadId: $id, subject: CONTACTS) \
        { encoding delimiter complete columns { column header field } rows oddLines } }";
    let seen = owner.must(preview, json!({ "id": id })).await;
    assert_eq!(seen["encoding"], "SHIFT_JIS");
    assert_eq!(
        seen["columns"][1],
        json!({ "column": 1, "header": "メール", "field": "EMAIL" })
    );
    assert_eq!(seen["rows"][0][0], "田中");
    let input = json!({ "uploadId": id, "create": ["TAGS"] });
    let asked = owner
        .change("importContacts", input, "operation { id }")
        .await;
    let operation = text(&asked["operation"]["id"]);
    let ended = until("the import to end", Duration::from_mins(1), async || {
        let query =
            "query($id: ID!) { operation(id: $id) { state done failed encoding counts { name value } } }";
        let now = owner.must(query, json!({ "id": operation })).await;
        (now["state"] == "DONE").then_some(now)
    })
    .await;
    assert_eq!((&ended["done"], &ended["failed"]), (&json!(2), &json!(1)));
    assert_eq!(ended["encoding"], "SHIFT_JIS");
    let query = "query($id: ID!) { importLines(operationId: $id, outcome: ERROR, first: 1) \
        { totalCount nodes { line outcome problems { column field code message } } } }";
    let lines = owner.must(query, json!({ "id": operation })).await;
    assert_eq!(lines["totalCount"], 1);
    assert_eq!(lines["nodes"][0]["line"], 3);
    assert_eq!(lines["nodes"][0]["problems"][0]["field"], "EMAIL");
    let report = owner
        .http
        .get(format!("{base}/imports/{operation}/lines.csv"));
    let report = report.bearer_auth(&owner.token).send().await.unwrap();
    assert_eq!(report.status(), 200);
    let report = report.text().await.unwrap();
    assert!(
        report.contains("\"3\",\"ERROR\",\"1\",\"EMAIL\",\"INVALID\""),
        "{report}"
    );
    let missing = owner.http.get(format!("{base}/imports/{id}/lines.csv"));
    let missing = missing.bearer_auth(&owner.token).send().await.unwrap();
    assert_eq!(missing.status(), 404);
    let gone = owner
        .http
        .delete(&url)
        .bearer_auth(&owner.token)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
    let gone = owner
        .http
        .get(&url)
        .bearer_auth(&owner.token)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
    installation
}

#[test]
fn a_file_is_sent_and_taken_in_over_http() {
    on_each(over_http);
}
