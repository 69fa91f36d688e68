//! What `enishi import csv` says of the columns of a file that are mapped to attributes.

use serde_json::json;

use crate::support::{installation::Installation, runtime::block_on};

#[test]
fn a_preview_names_the_attribute_a_column_is_mapped_to() {
    block_on(async {
        let mut installation = Installation::alone().await;
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("people.csv");
        std::fs::write(&path, "Email,Contract\nmei@partner.example,yearly\n").expect("a file");
        let path = path.to_string_lossy().into_owned();
        let words = [
            "import",
            "csv",
            &path,
            "--map",
            "Contract=attribute:contract",
            "--preview",
        ];
        let (status, said) = installation.command(&words).await;
        assert!(!status.success(), "{said}");
        assert!(said.contains("There are none yet"), "{said}");

        let input = json!({
            "subject": "CONTACT", "key": "contract", "name": "Contract", "description": "",
            "valueType": "TEXT",
        });
        let owner = installation.owner();
        owner
            .change("createAttribute", input, "attribute { id }")
            .await;
        let (status, said) = installation.command(&words).await;
        assert!(status.success(), "{said}");
        assert!(said.contains("-> attribute:contract"), "{said}");
        installation.end().await;
    });
}
