//! Exports on both databases, what they keep from running, and the way back through an import.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use domain::{
    access::{Actor, Scope, ScopeSet, token},
    attribute, contact,
    ctx::Ctx,
    error::Error,
    export::{self, Ordered, Wanted, What},
    import::{self, NewImport, Reading},
    operation::{self, Limits},
    sheet::record,
    store::Query,
    tag::{self, NewGroup, NewTag, Request, tagging},
    upload,
};
use entity::kind::{
    AttributeType, ExportEncoding, ExportFormat, ImportCreation, ImportPolicy, SubjectKind,
    TagKind, TagSelection,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::{
    World,
    client::text,
    installation::{Installation, on_each},
    on_both,
    refusal::refusals,
};

/// What a spreadsheet would run, if it were let.
const FORMULAS: [&str; 14] = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "=cmd|'/C calc'!A0",
    "＝1+1",
    "＋1",
    "－1",
    "＠A1",
    "'=1",
    "\"=1",
    " =1",
    "a,=1",
    "a;\"@x",
];

pub(crate) fn wanted(what: What, format: ExportFormat, encoding: ExportEncoding) -> Wanted {
    Wanted {
        what,
        format,
        encoding,
        columns: Vec::new(),
    }
}

fn contacts() -> What {
    What::Contacts(contact::ContactFilter::default(), Ordered::default())
}

async fn read(ctx: &Ctx, ticket: &SecretString) -> Vec<u8> {
    let (_, mut download) = export::open(ctx, ticket).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = download.next(ctx).await.unwrap() {
        bytes.extend(piece);
    }
    bytes
}

pub(crate) async fn export(world: &World, wanted: Wanted) -> Vec<u8> {
    let asked = export::ask(&world.ctx, &world.owner, wanted).await.unwrap();
    read(&world.ctx, &asked.ticket).await
}

pub(crate) fn csv(bytes: &[u8]) -> Vec<Vec<String>> {
    let (mut rest, mut rows) = (bytes, Vec::new());
    while let Some(record) = record::read(rest, b',', true) {
        assert_eq!(record.broken, None);
        let cells = record.cells.iter();
        let cells = cells.map(|cell| String::from_utf8_lossy(cell).into_owned());
        rows.push(cells.collect());
        rest = &rest[record.bytes..];
    }
    rows
}

/// Contacts with awkward names, made by hand.
async fn people(world: &World) {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let new = attribute::NewAttribute {
        subject: SubjectKind::Contact,
        key: "note".to_owned(),
        name: "Note".to_owned(),
        description: String::new(),
        value_type: AttributeType::Text,
        options: Vec::new(),
    };
    let note = attribute::definition::create(ctx, owner, new)
        .await
        .unwrap();
    for (n, name) in FORMULAS.iter().enumerate() {
        let profile = contact::ProfileChanges {
            phone: (n == 0).then(|| Some("+81312345678".to_owned())),
            attributes: vec![attribute::Setting {
                attribute: note.id,
                value: Some(attribute::Value::Text(format!("{name} too"))),
            }],
            ..contact::ProfileChanges::default()
        };
        let new = contact::NewContact {
            name: (*name).to_owned(),
            email: Some(format!("p{n}@example.com")),
            profile,
            ..contact::NewContact::default()
        };
        contact::create(ctx, owner, new).await.unwrap();
    }
}

#[test]
fn no_cell_of_a_csv_file_is_a_formula_and_an_import_undoes_that() {
    on_both(|world| async move {
        people(&world).await;
        let bytes = export(
            &world,
            wanted(contacts(), ExportFormat::Csv, ExportEncoding::Utf8),
        )
        .await;
        let rows = csv(&bytes);
        assert_eq!(rows.len(), FORMULAS.len() + 1);
        let dangerous = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r'];
        for cell in rows.iter().flatten() {
            for piece in cell.split([',', ';', '\n', '\t']) {
                let piece = piece.trim_start_matches([' ', '"']);
                assert!(!piece.starts_with(dangerous), "{cell:?}");
            }
        }
        let name = rows[0].iter().position(|header| header == "Name").unwrap();
        assert!(rows.iter().any(|row| row[name] == "'=1+1"));
        // The whole file, imported, changes nothing.
        let counts = import_back(&world, bytes).await;
        assert_eq!(counts["skipped"], json!(FORMULAS.len()), "{counts}");
        world
    });
}

#[test]
fn names_that_an_encoding_has_no_signs_for_survive_the_way_out_and_back() {
    on_both(|world| async move {
        let names = ["縁😀", "𠮷野家", "김철수", "高橋 ¥100〜", "𠮷=1"];
        for (n, name) in names.iter().enumerate() {
            let new = contact::NewContact {
                name: (*name).to_owned(),
                email: Some(format!("p{n}@example.com")),
                ..contact::NewContact::default()
            };
            let made = contact::create(&world.ctx, &world.owner, new).await;
            made.unwrap();
        }
        for encoding in [ExportEncoding::ShiftJis, ExportEncoding::Gbk] {
            let file = export(&world, wanted(contacts(), ExportFormat::Csv, encoding)).await;
            let counts = import_back(&world, file).await;
            assert_eq!(counts["skipped"], json!(names.len()), "{counts}");
        }
        world
    });
}

/// Imports a file of contacts; returns what came of it.
async fn import_back(world: &World, bytes: Vec<u8>) -> Value {
    let (ctx, owner) = (&world.ctx, &world.owner);
    let limits = upload::Limits::default();
    let made = upload::create(ctx, owner, limits, "contacts.csv")
        .await
        .unwrap();
    upload::append(ctx, owner, limits, made.id, 0, bytes)
        .await
        .unwrap();
    upload::complete(ctx, owner, made.id).await.unwrap();
    let new = NewImport {
        subject: SubjectKind::Contact,
        upload: made.id,
        reading: Reading::default(),
        columns: None,
        policy: ImportPolicy::Update,
        create: vec![ImportCreation::Accounts, ImportCreation::Tags],
        dry_run: false,
    };
    let asked = import::start(ctx, owner, new).await.unwrap();
    operation::run_due(ctx, domain::operations(), None, Limits::none())
        .await
        .unwrap();
    let done = operation::find(ctx, owner.workspace, asked.id)
        .await
        .unwrap()
        .unwrap();
    done.progress["counts"].clone()
}

#[test]
fn a_group_and_a_tag_of_one_name_are_told_apart_in_files() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let group = NewGroup {
            kind: TagKind::Contact,
            name: "Rank".to_owned(),
            description: String::new(),
            selection: TagSelection::Single,
            stage: None,
        };
        let group = tag::group::create(ctx, owner, group).await.unwrap();
        let mut tags = Vec::new();
        for name in ["Gold", "Silver"] {
            let new = NewTag {
                group: Some(group.id),
                ..NewTag::named(TagKind::Contact, name)
            };
            tags.push(tag::catalogue::create(ctx, owner, new).await.unwrap().id);
        }
        let top = world.tag(TagKind::Contact, "Rank", None).await;
        tags.push(top);
        for name in ["Gold", "Other"] {
            tags.push(world.tag(TagKind::Contact, name, Some(top)).await);
        }
        let mut carried = Vec::new();
        for (n, &tag) in tags.iter().enumerate() {
            let new = contact::NewContact {
                name: format!("P{n}"),
                email: Some(format!("p{n}@example.com")),
                ..contact::NewContact::default()
            };
            let id = contact::create(ctx, owner, new).await.unwrap().id;
            carried.push(Request::contact(id, tag));
        }
        for one in &carried {
            let one = std::slice::from_ref(one);
            tagging::tag_many(ctx, owner, one, "").await.unwrap();
        }
        let active = async || {
            let mut active = Vec::new();
            for one in &carried {
                let found = tagging::load_active(ctx, owner.workspace, &[one.target_id]).await;
                let found = found.unwrap().into_iter().map(|tagging| tagging.tag_id);
                active.push(found.collect::<Vec<_>>());
            }
            active
        };
        let before = active().await;
        let file = export(
            &world,
            wanted(contacts(), ExportFormat::Csv, ExportEncoding::Utf8),
        )
        .await;
        let counts = import_back(&world, file.clone()).await;
        assert_eq!(counts["skipped"], json!(tags.len()), "{counts}");
        tagging::untag_many(ctx, owner, &carried, "").await.unwrap();
        let counts = import_back(&world, file).await;
        assert_eq!(counts["updated"], json!(tags.len()), "{counts}");
        assert_eq!(counts["tagsCreated"].as_i64().unwrap_or_default(), 0);
        assert_eq!(active().await, before);

        // As people write it: whichever has the rest is meant, and nothing is guessed.
        for (path, tag) in [
            ("Rank/Silver", Some(tags[1])),
            ("Rank/Other", Some(tags[4])),
            ("Rank//Gold", Some(tags[0])),
            ("/Rank/Gold", Some(tags[3])),
            ("Silver", Some(tags[1])),
            ("Rank", Some(top)),
            ("Rank/Gold", None),
            ("Gold", None),
            ("Rank/New", None),
            ("Nothing//New", None),
        ] {
            world.clock.advance(TimeDelta::seconds(1));
            let email = format!("{}@new.example", ctx.clock.now().timestamp());
            let text = format!("email,tags\n{email},{path}\n");
            let counts = import_back(&world, text.into_bytes()).await;
            let Some(tag) = tag else {
                assert_eq!(counts["errors"], json!(1), "{path}: {counts}");
                continue;
            };
            assert_eq!(counts["created"], json!(1), "{path}: {counts}");
            let id: Option<uuid::Uuid> = Query::new(
                "SELECT contact_id FROM contact_identity WHERE kind = 'EMAIL' AND value = $1",
            )
            .bind(email)
            .scalar(ctx.db.writer())
            .await
            .unwrap();
            let found = tagging::load_active(ctx, owner.workspace, &[id.unwrap()]).await;
            let found: Vec<_> = found
                .unwrap()
                .iter()
                .map(|tagging| tagging.tag_id)
                .collect();
            assert_eq!(found, [tag], "{path}");
        }
        world
    });
}

#[test]
fn a_list_is_exported_whole_in_its_order_whatever_its_length() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut file = "name,email,company,tags\n".to_owned();
        for n in 0..1_203 {
            file.push_str(&format!("Person {n:05},p{n}@example.com,縁,Wave/A\\;B\n"));
        }
        let limits = upload::Limits::default();
        let made = upload::create(ctx, owner, limits, "many.csv")
            .await
            .unwrap();
        upload::append(ctx, owner, limits, made.id, 0, file.into_bytes())
            .await
            .unwrap();
        upload::complete(ctx, owner, made.id).await.unwrap();
        let new = NewImport {
            subject: SubjectKind::Contact,
            upload: made.id,
            reading: Reading::default(),
            columns: None,
            policy: ImportPolicy::Update,
            create: vec![ImportCreation::Accounts, ImportCreation::Tags],
            dry_run: false,
        };
        import::start(ctx, owner, new).await.unwrap();
        operation::run_due(ctx, domain::operations(), None, Limits::none())
            .await
            .unwrap();
        let order = Ordered {
            by: contact::ContactOrder::NameAsc,
            attribute: None,
        };
        let what = What::Contacts(contact::ContactFilter::default(), order);
        let bytes = export(
            &world,
            wanted(what, ExportFormat::JsonLines, ExportEncoding::Utf8),
        )
        .await;
        let lines: Vec<Value> = String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 1_203);
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(line["name"], format!("Person {n:05}"));
            assert_eq!(line["accountName"], "縁");
            assert_eq!(line["tags"], json!(["Wave/A\\;B"]));
        }
        // A filter, Excel's mark, and another encoding.
        world.drain().await;
        let filter = contact::ContactFilter {
            text: Some("00042".to_owned()),
            ..contact::ContactFilter::default()
        };
        let what = || What::Contacts(filter.clone(), Ordered::default());
        let bytes = export(
            &world,
            wanted(what(), ExportFormat::Csv, ExportEncoding::Utf8Bom),
        )
        .await;
        assert!(bytes.starts_with("\u{feff}Contact,Name".as_bytes()));
        assert_eq!(csv(&bytes).len(), 2);
        let bytes = export(
            &world,
            wanted(what(), ExportFormat::Csv, ExportEncoding::ShiftJis),
        )
        .await;
        assert!(
            bytes.windows(2).any(|two| two == b"\x89\x8f"),
            "縁 in Shift_JIS"
        );
        // Every list there is.
        for what in [
            What::Accounts(Default::default(), Ordered::default()),
            What::Conversations(Default::default(), Default::default()),
            What::Tags,
            What::Orders,
            What::Invoices,
            What::Tickets,
            What::Opportunities,
            What::AuditLog,
        ] {
            let shown = format!("{what:?}");
            let bytes = export(
                &world,
                wanted(what, ExportFormat::Csv, ExportEncoding::Utf8),
            )
            .await;
            let rows = csv(&bytes);
            assert!(!rows.is_empty(), "{shown}");
            assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{shown}");
        }
        world
    });
}

#[test]
fn a_ticket_opens_one_file_for_a_while_and_only_while_its_token_is_good() {
    on_both(|world| async move {
        people(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let ask = |actor: &Actor, what: What| {
            let (ctx, actor) = (ctx.clone(), actor.clone());
            async move {
                let wanted = wanted(what, ExportFormat::Csv, ExportEncoding::Utf8);
                export::ask(&ctx, &actor, wanted).await
            }
        };
        let new = token::NewToken {
            member: None,
            name: "exports".to_owned(),
            scopes: vec![Scope::Read],
            expires_at: None,
            integration: false,
        };
        let (made, secret) = token::create(ctx, owner, new).await.unwrap();
        let secret = secrecy::ExposeSecret::expose_secret(&secret).to_owned();
        let reader = token::authenticate(ctx, &secret).await.unwrap().unwrap();
        assert!(matches!(
            ask(&reader, What::AuditLog).await,
            Err(Error::Forbidden(_))
        ));
        let nothing = Actor {
            scopes: ScopeSet::default(),
            ..reader.clone()
        };
        assert!(matches!(
            ask(&nothing, contacts()).await,
            Err(Error::Forbidden(_))
        ));
        let asked = ask(&reader, contacts()).await.unwrap();
        assert_eq!(
            csv(&read(ctx, &asked.ticket).await).len(),
            FORMULAS.len() + 1
        );
        // Nothing of it is in the database.
        let kept: Option<Vec<u8>> = Query::new("SELECT ticket FROM export")
            .scalar(ctx.reader())
            .await
            .unwrap();
        let ticket = secrecy::ExposeSecret::expose_secret(&asked.ticket);
        assert_ne!(kept.unwrap(), ticket.as_bytes());
        let wrong = export::open(ctx, &SecretString::from(format!("{ticket}x"))).await;
        assert!(matches!(wrong, Err(Error::Refused(_))));
        // Another workspace sees nothing of this one.
        let stranger = World::workspace(ctx, "Other", "other.example").await;
        let theirs = ask(&stranger, contacts()).await.unwrap();
        assert_eq!(csv(&read(ctx, &theirs.ticket).await).len(), 1);
        token::revoke(ctx, owner, made.id).await.unwrap();
        assert!(
            export::open(ctx, &asked.ticket).await.is_err(),
            "its token is revoked"
        );
        let again = ask(owner, contacts()).await.unwrap();
        world.clock.advance(chrono::TimeDelta::minutes(11));
        assert!(
            export::open(ctx, &again.ticket).await.is_err(),
            "its time is over"
        );
        world
    });
}

#[test]
fn a_persons_data_is_streamed_whole() {
    on_both(|world| async move {
        people(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = contact::find_by_identity(
            ctx,
            owner.workspace,
            entity::kind::IdentityKind::Email,
            "p0@example.com",
        );
        let id = id.await.unwrap().unwrap().id;
        for n in 0..2_500 {
            Query::new(
                "INSERT INTO event (workspace_id, id, contact_id, external_id, name, properties,
                                    occurred_at, created_at)
                 VALUES ($1, $2, $3, $4, 'page', $5, $6, $6)",
            )
            .bind(owner.workspace)
            .bind(ctx.id::<entity::id::EventId>())
            .bind(id)
            .bind(format!("e{n}"))
            .bind(json!({}))
            .bind(ctx.clock.now())
            .execute(ctx.db.writer())
            .await
            .unwrap();
        }
        let whole = contact::export::export(ctx, owner, id).await.unwrap();
        let bytes = export(
            &world,
            wanted(
                What::Person(id),
                ExportFormat::JsonLines,
                ExportEncoding::Utf8,
            ),
        )
        .await;
        let mut tables: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for line in String::from_utf8(bytes).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let rows = tables.entry(text(&line["table"])).or_default();
            rows.push(line["row"].clone());
        }
        assert_eq!(tables["event"].len(), 2_500);
        let each: BTreeSet<_> = tables["event"]
            .iter()
            .map(|row| text(&row["externalId"]))
            .collect();
        assert_eq!(each.len(), 2_500, "each once");
        assert_eq!(tables["contact"].len(), 1);
        // In one answer there are the first of them, and it says so.
        assert_eq!(whole["cut"], json!(["event"]));
        assert_eq!(whole["tables"]["event"].as_array().unwrap().len(), 500);
        // The audit entry that it was asked for is new.
        for (table, rows) in whole["tables"].as_object().unwrap() {
            let rows = rows.as_array().unwrap().len();
            assert!(tables[table].len() >= rows, "{table}");
        }
        world
    });
}

async fn over_http(installation: Installation) -> Installation {
    let owner = installation.owner();
    let input = json!({ "name": "=1+1", "email": "a@example.com" });
    owner.change("createContact", input, "contact { id }").await;
    let input = json!({ "encoding": "UTF8_BOM", "orderBy": "NAME_ASC" });
    let asked = owner.change("exportContacts", input, "url expiresAt").await;
    let url = format!("http://{}{}", owner.address, text(&asked["url"]));
    let file = owner.http.get(&url).send().await.unwrap();
    assert_eq!(file.status(), 200);
    let headers = file.headers();
    assert_eq!(
        headers["content-disposition"],
        "attachment; filename=\"contacts.csv\""
    );
    assert_eq!(headers["cache-control"], "no-store");
    let bytes = file.bytes().await.unwrap();
    let body = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(
        body.starts_with('\u{feff}') && body.contains("\"'=1+1\""),
        "{body}"
    );
    let wrong = owner.http.get(format!("{url}x")).send().await.unwrap();
    assert_eq!(wrong.status(), 404);
    installation
}

#[test]
fn a_file_is_downloaded_over_http_without_a_token() {
    on_each(over_http);
}

#[test]
fn contacts_are_exported_with_the_columns_that_were_asked_for() {
    on_both(|world| async move {
        people(&world).await;
        let chosen = |names: &[&str], format| Wanted {
            columns: names.iter().map(|name| (*name).to_owned()).collect(),
            ..wanted(contacts(), format, ExportEncoding::Utf8)
        };
        let names = ["attributes.note", "email", "ownerEmail"];
        let rows = csv(&export(&world, chosen(&names, ExportFormat::Csv)).await);
        assert_eq!(rows[0], ["note", "Email", "Owner email"]);
        assert_eq!(rows.len(), FORMULAS.len() + 1);
        assert!(rows.iter().any(|row| row[1] == "p0@example.com"));
        let lines = export(&world, chosen(&names, ExportFormat::JsonLines)).await;
        let lines = String::from_utf8(lines).unwrap();
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        let keys: BTreeSet<&str> = first
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(keys, BTreeSet::from(names));

        let unknown = chosen(&["email", "attributes.gone"], ExportFormat::Csv);
        let refused = export::ask(&world.ctx, &world.owner, unknown).await;
        assert_eq!(refusals(refused), ["columns.1 NotFound"]);
        let of_tags = Wanted {
            columns: vec!["name".to_owned()],
            ..wanted(What::Tags, ExportFormat::Csv, ExportEncoding::Utf8)
        };
        let refused = export::ask(&world.ctx, &world.owner, of_tags).await;
        assert_eq!(refusals(refused), ["columns Invalid"]);
        world
    });
}
