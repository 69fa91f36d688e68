//! No cell is a formula, and whatever a file went through, an import of it changes nothing.

use chrono::TimeDelta;
use domain::{
    contact,
    store::Query,
    tag::{Request, tagging},
};
use entity::kind::{ExportEncoding, ExportFormat, TagKind, TagSelection};
use serde_json::{Value, json};

use super::{FORMULAS, contacts, csv, export, people, wanted};
use crate::{
    import::steps::{self, run, send},
    support::{World, on_both},
};

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
    let upload = send(world, "contacts.csv", &bytes).await;
    let done = run(world, steps::wanted(upload)).await;
    done.progress["counts"].clone()
}

#[test]
fn a_group_and_a_tag_of_one_name_are_told_apart_in_files() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let group = world.group("Rank", TagSelection::Single).await;
        let mut tags = Vec::new();
        for name in ["Gold", "Silver"] {
            tags.push(world.value(group, name).await);
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
