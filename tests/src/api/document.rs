//! Registering documents at a running server.

use serde_json::json;

use crate::support::{client::text, installation::on_each};

#[test]
fn a_document_that_could_never_run_is_refused_at_its_place_with_the_reason() {
    on_each(|installation| async move {
        let owner = installation.owner();
        let deep = "{ contacts(first: 100) { nodes { tasks(first: 100) { nodes { id } } \
            conversations(first: 100) { nodes { id } } } } }";
        let register = "mutation($input: RegisterDocumentsInput!) { registerDocuments(input: $input) \
            { documents { id } userErrors { path code message } } }";
        let input = json!({ "documents": [
            "{ viewer { role } }",
            "{ nope }",
            deep,
            "query A { viewer { role } } query B($id: ID!) { contact(id: $id) { id } }",
            "query($id: String!) { contact(id: $id) { id } }",
            "query($domain: String) { accountBy(reference: { domain: $domain }) { id } }",
            "{ rules { nodes { condition { \
             ... on ContactTagsCondition { mode } ... on KeywordsCondition { mode } } } } }",
        ]});
        let answer = owner.ask(register, &json!({ "input": input })).await;
        let told = &answer["data"]["registerDocuments"];
        assert_eq!(told["documents"], json!([]), "{answer}");
        let mistakes = told["userErrors"].as_array().expect("mistakes");
        let places: Vec<_> = mistakes.iter().map(|one| text(&one["path"][1])).collect();
        assert_eq!(places, ["1", "2", "4", "5", "6"], "{answer}");
        assert!(
            mistakes.iter().all(|one| one["code"] == "INVALID"),
            "{answer}"
        );
        let message = text(&mistakes[0]["message"]);
        assert!(message.contains("line 1"), "{message}");
        let kept = "{ registeredDocuments { totalCount } }";
        assert_eq!(owner.must(kept, json!({})).await["totalCount"], 0);

        let fits = input["documents"][3].clone();
        let made = owner
            .change(
                "registerDocuments",
                json!({ "documents": [fits] }),
                "documents { documentId }",
            )
            .await;
        let id = &made["documents"][0]["documentId"];
        let body = json!({ "documentId": id, "operationName": "A" });
        let (_, answer) = owner.post(body.to_string()).await.expect("an answer");
        assert_eq!(answer["data"]["viewer"]["role"], "OWNER", "{answer}");
        installation
    });
}
