//! The folder of an installation on SQLite: who works in it, and what is in it after a stop.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::PathBuf, time::Duration};

use domain::store::{Location, Query};
use sea_orm::ConnectionTrait as _;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    installation::Installation,
    process::{Process, built, free_port},
    runtime::block_on,
};

/// Commands that work on what is there.
const BESIDE: [&[&str]; 7] = [
    &["audit", "head"],
    &["audit", "verify"],
    &["backup", "copy.db"],
    &["check"],
    &["import", "csv", "people.csv"],
    &["token", "create"],
    &["workspace", "list"],
];

/// How long a process may take to end on a busy machine.
const END: Duration = Duration::from_mins(1);

#[test]
fn after_a_stop_a_copy_of_the_one_file_has_everything() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let owner = installation.owner();
        let input = json!({ "name": "Copied" });
        owner.change("createContact", input, "contact { id }").await;
        installation.servers[0].0.terminate();
        let status = installation.servers[0].0.end(END).await;
        assert!(status.success(), "{status}");
        let file = installation.file().expect("a file").to_owned();

        let folder = TempDir::new().expect("a folder");
        let copy = folder.path().join("copy.db");
        fs::copy(&file, &copy).expect("a copy");
        assert_eq!(contacts(copy).await, 1);

        // A command that writes leaves everything in the file as well.
        let (status, said) = installation.command(&["token", "create"]).await;
        assert!(status.success(), "{said}");
        let mut log = file.into_os_string();
        log.push("-wal");
        let left = fs::metadata(log).map_or(0, |log| log.len());
        assert_eq!(left, 0, "bytes in the log beside the file");

        // Somebody has to do what is left.
        installation.servers.clear();
        installation.start_server().await;
        installation.end().await;
    });
}

#[test]
fn the_database_is_for_its_owner_alone_in_whatever_folder_it_lies() {
    block_on(async {
        let installation = Installation::new().await;
        let file = installation.file().expect("a file");
        for more in ["", "-wal", "-shm"] {
            let mut path = file.as_os_str().to_owned();
            path.push(more);
            let mode = fs::metadata(&path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        installation.end().await;
    });
}

#[test]
fn a_second_server_on_the_same_file_refuses_to_start() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut second = installation.spawn_server(address);
        let status = second.end(END).await;
        assert!(!status.success(), "{status}");
        let said = second.said();
        assert!(said.contains("another `enishi` is serving"), "{said}");

        // The first goes on, and commands work beside it.
        let owner = installation.owner();
        let input = json!({ "name": "Served" });
        owner.change("createContact", input, "contact { id }").await;
        for words in [&["check"][..], &["token", "create"]] {
            let (status, said) = installation.command(words).await;
            assert!(status.success(), "{words:?}: {said}");
        }
        // Whoever is killed holds nothing any more.
        installation.servers.clear();
        installation.start_server().await;
        installation.end().await;
    });
}

#[test]
fn commands_that_find_no_database_say_so_and_make_nothing() {
    block_on(async {
        let folder = TempDir::new().expect("a folder");
        let logs = TempDir::new().expect("a folder");
        let data = folder.path().join("mistyped");
        let settings = [(
            "ENISHI_DATA_DIR".to_owned(),
            data.to_string_lossy().into_owned(),
        )];
        for words in BESIDE {
            let name = words.join("-");
            let program = built("enishi");
            let mut command = Process::start(&name, &program, words, &settings, logs.path());
            let status = command.end(END).await;
            assert!(!status.success(), "{words:?}: {status}");
            let said = command.said();
            assert!(said.contains("there is no database at"), "{said}");
            assert!(said.contains("mistyped"), "{said}");
            assert!(!data.exists(), "{words:?} makes a folder");
        }
    });
}

#[test]
fn a_database_that_has_had_a_key_gets_no_other_one_beside_it() {
    block_on(async {
        let mut installation = Installation::alone().await;
        installation.stop();
        let file = installation.file().expect("a file").display().to_string();
        let folder = TempDir::new().expect("a folder");
        let logs = TempDir::new().expect("a folder");
        let data = folder.path().join("elsewhere");
        let settings = [
            ("DATABASE_URL", format!("sqlite:{file}")),
            ("ENISHI_DATA_DIR", data.to_string_lossy().into_owned()),
            ("ENISHI_BIND", format!("127.0.0.1:{}", free_port())),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let calls: [&[&str]; 3] = [&[], &["token", "create"], &["check"]];
        for words in calls {
            let name = format!("without-{}", words.join("-"));
            let mut command =
                Process::start(&name, &built("enishi"), words, &settings, logs.path());
            let status = command.end(END).await;
            assert!(!status.success(), "{words:?}: {status}");
            let said = command.said();
            assert!(said.contains("ENISHI_SECRET_KEY"), "{words:?}: {said}");
            assert!(!data.join("secret.key").exists(), "{words:?} makes a key");
        }
        installation.start_server().await;
        installation.end().await;
    });
}

#[test]
fn a_backup_is_for_its_owner_alone_and_takes_the_place_of_nothing() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let owner = installation.owner();
        let input = json!({ "name": "Kept" });
        owner.change("createContact", input, "contact { id }").await;
        let folder = TempDir::new().expect("a folder");
        let copy = folder.path().join("copy.db");
        let words = ["backup", copy.to_str().expect("a path")];
        let (status, said) = installation.command(&words).await;
        assert!(status.success(), "{said}");
        let mode = fs::metadata(&copy).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let (status, said) = installation.command(&words).await;
        assert!(!status.success(), "{said}");
        assert!(said.contains("is there already"), "{said}");
        assert_eq!(contacts(copy).await, 1);
        installation.end().await;
    });
}

#[test]
fn a_backup_is_made_of_the_tables_of_another_release() {
    block_on(async {
        let mut installation = Installation::alone().await;
        installation.stop();
        let folder = TempDir::new().expect("a folder");
        let database = installation.database();
        for (name, before, after) in [
            (
                "older",
                "DELETE FROM seaql_migrations WHERE version = 'm0042_hidden'",
                "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m0042_hidden', 0)",
            ),
            (
                "newer",
                "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_future', 0)",
                "DELETE FROM seaql_migrations WHERE version = 'm9999_future'",
            ),
        ] {
            let owner = database.owner();
            owner.execute_unprepared(before).await.expect("a change");
            let copy = folder.path().join(name);
            let words = ["backup", copy.to_str().expect("a path")];
            let (status, said) = installation.command(&words).await;
            assert!(status.success(), "{name}: {said}");
            assert_eq!(contacts(copy).await, 0, "{name}");
            let (status, said) = installation.command(&["check"]).await;
            assert!(!status.success(), "{name}: {said}");
            owner.execute_unprepared(after).await.expect("a change");
        }
        installation.start_server().await;
        installation.end().await;
    });
}

async fn contacts(file: PathBuf) -> i64 {
    let database = Location::Sqlite(file).open(1, None);
    let count: Option<i64> = Query::new("SELECT COUNT(*) FROM contact")
        .scalar(database.reader())
        .await
        .expect("a count");
    count.expect("a row")
}
