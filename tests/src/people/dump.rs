//! The whole database as text, for comparing and for searching.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement};

use crate::support::World;

async fn texts(world: &World, statement: String) -> Vec<String> {
    let connection = world.ctx.reader();
    let statement = Statement::from_string(connection.get_database_backend(), statement);
    let rows = connection.query_all_raw(statement).await;
    let rows = rows.expect("a statement").into_iter();
    rows.map(|row| row.try_get_by_index(0).expect("a text"))
        .collect()
}

fn is_postgres(world: &World) -> bool {
    world.ctx.reader().get_database_backend() == DatabaseBackend::Postgres
}

/// Every table of the database.
pub(super) async fn tables(world: &World) -> Vec<String> {
    let statement = if is_postgres(world) {
        "SELECT table_name::text FROM information_schema.tables
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
    } else {
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
    };
    let mut tables = texts(world, statement.to_owned()).await;
    tables.retain(|table| table != "seaql_migrations");
    tables
}

/// The columns of a table.
pub(super) async fn columns(world: &World, table: &str) -> Vec<String> {
    let statement = if is_postgres(world) {
        format!(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}' ORDER BY ordinal_position"
        )
    } else {
        format!("SELECT name FROM pragma_table_info('{table}')")
    };
    texts(world, statement).await
}

/// The columns that name a `contact` or an `account`, each beside its table.
pub(super) async fn naming(world: &World, whom: &str) -> BTreeSet<(String, String)> {
    let (name, suffix) = (format!("{whom}_id"), format!("_{whom}_id"));
    let others = ["subject_id", "target_id", "survivor_id", "loser_id"];
    let mut found = BTreeSet::new();
    for table in tables(world).await {
        for column in columns(world, &table).await {
            let is_other = others.contains(&column.as_str());
            if is_other || column == name || column.ends_with(&suffix) {
                found.insert((table.clone(), column));
            }
        }
    }
    found
}

/// Fails unless the list of this name says what is there and nothing else.
pub(super) fn assert_complete<T: Ord + Debug>(
    list: &str,
    listed: &BTreeSet<T>,
    found: &BTreeSet<T>,
) {
    let missing: Vec<_> = found.difference(listed).collect();
    let gone: Vec<_> = listed.difference(found).collect();
    assert!(missing.is_empty(), "add a line to {list} for {missing:?}");
    assert!(gone.is_empty(), "there is no {gone:?}");
}

/// The rows of every table as text, in order.
pub(crate) async fn dump(world: &World) -> BTreeMap<String, Vec<String>> {
    let mut dump = BTreeMap::new();
    for table in tables(world).await {
        let statement = if is_postgres(world) {
            format!("SELECT CAST(t AS text) FROM \"{table}\" t ORDER BY 1")
        } else {
            let columns = columns(world, &table).await;
            // Blobs too are shown as text, so that a text hidden in one is found.
            let columns: Vec<_> = columns
                .iter()
                .map(|name| format!("quote(\"{name}\")"))
                .collect();
            format!(
                "SELECT {} FROM \"{table}\" ORDER BY 1",
                columns.join(" || ',' || ")
            )
        };
        dump.insert(table.clone(), texts(world, statement).await);
    }
    dump
}
