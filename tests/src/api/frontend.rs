//! What frontends are built with: the public clients at a running server, and the compilers and linters that read
//! the published schema before.

use crate::support::{
    installation::on_each,
    runtime::block_on,
    script::{self, Outcome},
};

/// Runs a script that only reads the repository, and expects it to be content.
fn judged(name: &str) -> Outcome {
    let outcome = block_on(script::run(name, &[]));
    assert!(outcome.ok, "{name}: {:?} {}", outcome.lines, outcome.said);
    outcome
}

#[test]
fn apollo_client_and_urql_read_change_page_and_follow() {
    on_each(|installation| async move {
        let owner = installation.owner();
        for name in ["apollo.mjs", "urql.mjs"] {
            let told = script::run(name, &[&owner.url(), &owner.token]).await;
            assert!(told.ok, "{name}: {told:?}");
            let last = told.lines.last().expect("steps");
            assert_eq!(last["step"], "subscription", "{name}: {told:?}");
        }
        installation
    });
}

#[test]
fn the_relay_compiler_takes_pagination_refetching_and_edits_of_lists() {
    let compiled = judged("relay.mjs");
    assert!(compiled.lines.len() >= 15, "{compiled:?}");
}

#[test]
fn the_linter_for_schemas_finds_nothing_but_what_is_meant() {
    judged("lint-schema.mjs");
}

#[test]
fn every_graphql_block_of_the_manual_fits_the_schema() {
    let checked = judged("documents.mjs");
    assert!(checked.lines.len() >= 19, "{checked:?}");
}
