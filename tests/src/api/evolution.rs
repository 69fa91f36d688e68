//! The gate of the schema: what breaks a client is told from what does not.

use std::{fs, process::Command};

use tempfile::TempDir;

use crate::support::repository;

const BEFORE: &str = r#"
    type Query {
        contact(id: ID!): Contact
        old: Old @deprecated(reason: "Use `contact`. Removed after 2026-06-30.")
    }
    type Contact { name: String, stage: Stage }
    type Old { name: String }
    enum Stage { LEAD CUSTOMER }
"#;

/// Judges a schema that followed `BEFORE`, with `changelog` as the newest section, and gives whether it passes and what
/// is said.
fn judge(after: &str, changelog: &str, today: &str) -> (bool, String) {
    let folder = TempDir::new().expect("a folder");
    let changelog =
        format!("# Changes\n\n## Next\n\n{changelog}\n\n## 0.1.0\n\nContact.stage was removed.\n");
    let mut command = Command::new("node");
    command.arg(repository::root().join(".ci/schema-changes.mjs"));
    command.args(["--today", today]);
    for (option, text) in [
        ("--before", BEFORE),
        ("--after", after),
        ("--changelog", changelog.as_str()),
    ] {
        let file = folder.path().join(&option[2..]);
        fs::write(&file, text).expect("a file");
        command.arg(option).arg(file);
    }
    let output = command.output().expect("node");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[test]
fn what_is_new_passes_and_is_told() {
    let after = BEFORE
        .replace("name: String, stage", "name: String, kana: String, stage")
        .replace("LEAD CUSTOMER", "LEAD CUSTOMER LOST");
    let (passes, said) = judge(&after, "", "2026-01-01");
    assert!(passes, "{said}");
    for line in [
        "came:\n  Contact.kana\n  Stage.LOST\n",
        "LOST was added to enum type Stage.",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[test]
fn what_breaks_a_client_has_to_be_listed_in_the_newest_section() {
    let after = BEFORE.replace(", stage: Stage", "");
    let (passes, said) = judge(&after, "", "2026-01-01");
    assert!(!passes, "{said}");
    assert!(
        said.contains("breaking:\n  Contact.stage was removed.\n"),
        "{said}"
    );
    let listed = "- Contact.stage was removed. Ask for `segments`.";
    let (passes, said) = judge(&after, listed, "2026-01-01");
    assert!(passes, "{said}");
    assert!(
        said.contains("breaking, and listed:\n  Contact.stage was removed.\n"),
        "{said}"
    );
}

#[test]
fn what_is_deprecated_may_go_after_its_day_with_what_only_it_used() {
    let lines = BEFORE.lines().filter(|line| !line.contains("Old"));
    let after = lines.collect::<Vec<_>>().join("\n");
    let (passes, said) = judge(&after, "", "2026-06-30");
    assert!(!passes, "{said}");
    assert!(
        said.contains("breaking:\n  Old was removed.\n  Query.old was removed.\n"),
        "{said}"
    );
    let (passes, said) = judge(&after, "", "2026-07-01");
    assert!(passes, "{said}");
}
