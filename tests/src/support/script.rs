//! The npm clients of `tests/clients`.

use std::{process::Stdio, time::Duration};

use serde_json::Value;
use tokio::process::Command;

use super::repository;

/// What a script printed and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ok: bool,
    pub(crate) lines: Vec<Value>,
    pub(crate) said: String,
}

/// Runs a script to its end.
pub(crate) async fn run(name: &str, arguments: &[&str]) -> Outcome {
    let folder = repository::root().join("tests/clients");
    assert!(
        folder.join("node_modules").exists(),
        "the npm clients are not installed; run `npm ci --prefix tests/clients`, or tests/run"
    );
    let run = Command::new("node")
        .arg(folder.join(name))
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_mins(5), run).await;
    let output = output.expect("an end").expect("node");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    Outcome {
        ok: output.status.success(),
        lines: printed
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect(),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
