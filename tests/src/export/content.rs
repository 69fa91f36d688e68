//! What is in a file: lists whole and in their order, the data of a person, and the columns that were asked for.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    contact,
    export::{self, Ordered, Wanted, What},
    store::Query,
};
use entity::kind::{ExportEncoding, ExportFormat};
use serde_json::{Value, json};

use super::{FORMULAS, contacts, csv, export, people, read, wanted};
use crate::{
    import::steps::import_text,
    support::{client::text, engine::contact_of, on_both, refusal::refusals},
};

#[test]
fn a_list_is_exported_whole_in_its_order_whatever_its_length() {
    on_both(|world| async move {
        let mut file = "name,email,company,tags\n".to_owned();
        for n in 0..1_203 {
            file.push_str(&format!("Person {n:05},p{n}@example.com,縁,Wave/A\\;B\n"));
        }
        import_text(&world, &file).await;
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
fn a_persons_data_is_streamed_whole() {
    on_both(|world| async move {
        people(&world).await;
        let (ctx, owner) = (&world.ctx, &world.owner);
        let id = contact_of(&world, "p0@example.com").await;
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

#[test]
fn the_data_of_somebody_who_was_merged_away_is_that_of_the_survivor() {
    on_both(|world| async move {
        let (ctx, owner) = (&world.ctx, &world.owner);
        let mut ids = Vec::new();
        for name in ["Stays", "Goes"] {
            let new = contact::NewContact {
                name: name.to_owned(),
                ..contact::NewContact::default()
            };
            ids.push(contact::create(ctx, owner, new).await.unwrap().id);
        }
        let (stays, goes) = (ids[0], ids[1]);
        let file = || {
            wanted(
                What::Person(goes),
                ExportFormat::JsonLines,
                ExportEncoding::Utf8,
            )
        };
        let before = export::ask(ctx, owner, file()).await.unwrap();
        let merged = contact::merge::merge(ctx, owner, stays, goes, "one person").await;
        merged.unwrap();
        for bytes in [
            read(ctx, &before.ticket).await,
            export(&world, file()).await,
        ] {
            let lines = String::from_utf8(bytes).unwrap();
            let rows = lines.lines();
            let rows = rows.map(|line| serde_json::from_str::<Value>(line).unwrap());
            let names: BTreeSet<String> = rows
                .filter(|line| line["table"] == "contact")
                .map(|line| text(&line["row"]["name"]))
                .collect();
            assert_eq!(
                names,
                BTreeSet::from(["Goes".to_owned(), "Stays".to_owned()])
            );
        }
        let whole = contact::export::export(ctx, owner, goes).await.unwrap();
        assert_eq!(whole["tables"]["contact"].as_array().unwrap().len(), 2);
        world
    });
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
