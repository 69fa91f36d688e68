//! `compose.yaml` passes every setting on: one that is written into `.env` and has no effect would
//! mislead an operator.

use crate::support::repository::read;

/// Every setting of `docs/settings.md`, with the programs that read it.
fn settings() -> Vec<(String, String)> {
    let manual = read("docs/settings.md");
    let rows = manual.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (name, programs) = (cells.get(1)?, cells.get(2)?);
        let name = name.strip_prefix('`')?.strip_suffix('`')?;
        Some((name.to_owned(), programs.replace('`', "")))
    });
    rows.collect()
}

/// The lines between two others.
fn between<'text>(text: &'text str, start: &str, end: &str) -> &'text str {
    let (_, text) = text.split_once(start).expect(start);
    text.split_once(end).expect(end).0
}

#[test]
fn compose_passes_every_setting_to_the_programs_that_read_it() {
    let compose = read("compose.yaml");
    let both = between(&compose, "\nx-settings:", "\nservices:\n");
    let api = between(&compose, "\n  api:\n", "\n  worker:\n");
    let worker = between(&compose, "\n  worker:\n", "\n  postgres:\n");
    let settings = settings();
    assert!(settings.len() > 20, "{settings:?}");
    for (name, programs) in settings {
        let section = match programs.as_str() {
            "both" => both,
            "enishi" => api,
            "enishi-worker" => worker,
            other => panic!("docs/settings.md: {name} is of {other}"),
        };
        let key = format!("{name}:");
        let is_passed = section.lines().any(|line| line.trim().starts_with(&key));
        assert!(is_passed, "compose.yaml does not pass {name} to {programs}");
    }
}
