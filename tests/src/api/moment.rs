//! Moments in sentences.

use serde_json::{Value, json};

use crate::support::installation::on_each;

#[test]
fn sentences_give_moments_by_the_clocks_of_the_workspace() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let document = "query($condition: ConditionInput!) { \
            previewSegment(subject: CONTACT, condition: $condition) { preview { sentence } } }";
        let condition = json!({ "events": { "names": ["login"], "from": "2026-02-28T15:00:00Z" } });
        let found: Value = owner
            .must(document, json!({ "condition": condition }))
            .await;
        // Installations of tests are in Tokyo.
        assert_eq!(
            found["preview"]["sentence"],
            "All contacts of whom this holds: the contact did “login” since 2026-03-01 00:00 JST.",
        );
        installation
    });
}
