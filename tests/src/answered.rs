//! What the log says of a GraphQL request whose answer is an error.

use serde_json::json;

use crate::support::{client::text, installation::Installation, runtime::block_on};

#[test]
fn the_line_of_a_request_that_is_refused_has_the_code_of_its_error() {
    block_on(async {
        let installation = Installation::alone().await;
        let owner = installation.owner();
        owner
            .ask("query Right { workspace { id } }", &json!({}))
            .await;
        let refused = owner
            .ask("query Wrong { workspace { nothing } }", &json!({}))
            .await;
        let told = &refused["errors"][0]["extensions"];
        let id = text(&told["requestId"]);
        assert_eq!(told["code"], "GRAPHQL_VALIDATION_FAILED", "{refused}");

        let said = installation.servers[0].0.said();
        let line = |what: &str| {
            let mut lines = said.lines();
            let is_it = |line: &&str| line.contains("GraphQL request ended") && line.contains(what);
            lines
                .find(is_it)
                .unwrap_or_else(|| panic!("{what}: {said}"))
        };
        let wrong = line(&id);
        assert!(
            wrong.contains("code=\"GRAPHQL_VALIDATION_FAILED\""),
            "{wrong}"
        );
        let right = line("operation=\"Right\"");
        assert!(!right.contains("code="), "{right}");
        installation.end().await;
    });
}
