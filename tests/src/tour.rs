//! The tour of the README: what it says to type works on the sample, word for word, and has something to show.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    installation::{Installation, TOKEN},
    process::built,
    repository,
    runtime::block_on,
};

/// How long all of it may take on a busy machine.
const LIMIT: Duration = Duration::from_mins(5);

/// Keeps what `ask` answers, beside saying it.
const KEEP: &str = r#"
eval "told_$(declare -f ask)"
ask() { told_ask "$1" | tee -a answers; }
"#;

/// The shell blocks of the tour, the first of which defines what the others use.
fn blocks(readme: &str) -> Vec<&str> {
    let (_, tour) = readme.split_once("\n## A tour\n").expect("a tour");
    let (tour, _) = tour.split_once("\n## ").expect("what follows it");
    let blocks = tour.split("\n```sh\n").skip(1);
    blocks
        .map(|block| block.split_once("\n```").expect("the end of a block").0)
        .collect()
}

/// Fails unless the answer is whole, refuses nothing, and has something in each list at its root.
fn check(answer: &str) {
    let answer: Value = serde_json::from_str(answer).expect(answer);
    assert!(answer.get("errors").is_none(), "{answer}");
    for (name, field) in answer["data"].as_object().expect("data") {
        let rows = field.get("nodes").unwrap_or(field);
        let is_empty = rows.as_array().is_some_and(Vec::is_empty);
        assert!(!rows.is_null() && !is_empty, "{name} of {answer}");
        let refused = field.get("userErrors").unwrap_or(&Value::Null);
        assert!(refused.is_null() || *refused == json!([]), "{answer}");
    }
}

#[test]
fn the_tour_of_the_readme_works_as_it_is_written() {
    block_on(async {
        let mut installation = Installation::new().await;
        let address = installation.servers[0].1.to_string();
        let program = built("enishi").display().to_string();
        let readme = repository::read("README.md");
        let blocks = blocks(&readme);
        let (first, others) = blocks.split_first().expect("blocks");
        let others = others.join("\n");
        let script = [first, KEEP, &others, "echo; sed 's/^/answer /' answers"].join("\n");
        let script = script
            .replace("localhost:8080", &address)
            .replace("choose-a-long-secret", TOKEN)
            .replace("target/release/enishi", &program)
            // This watches until somebody ends it.
            .replace("curl -N", "timeout 2 curl -sN");
        let script = format!("{program} demo || exit 1\n{script}\n");
        let said = installation.script(&script, LIMIT).await;
        let answers: Vec<&str> = said
            .lines()
            .filter_map(|line| line.strip_prefix("answer "))
            .collect();
        assert_eq!(answers.len(), others.matches("ask '").count(), "{said}");
        for answer in answers {
            check(answer);
        }
        installation
            .left_undone("the steps of a playbook wait for days")
            .await;
    });
}
