//! Whatever is stored as JSON is decoded by later releases: what an operation is asked for has samples.

use crate::support::repository::rust_files;

/// How the step of an operation reads what was asked for.
const READS: &str = "from_value(operation.request.clone())";
/// The test with the samples, beside the type that is stored.
const SAMPLES: &str = "fn stored_requests_keep_decoding()";

#[test]
fn every_operation_has_samples_of_what_it_is_asked_for() {
    let files = rust_files("domain/src");
    let has_samples = |wanted: &str| {
        files
            .iter()
            .any(|(path, text)| path == wanted && text.contains(SAMPLES))
    };
    let readers: Vec<&str> = files
        .iter()
        .filter(|(_, text)| text.contains(READS))
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(
        readers.len() > 8,
        "operations are read otherwise now: {readers:?}"
    );
    let without: Vec<_> = readers
        .into_iter()
        .filter(|path| {
            // The type may stand in the file of the folder.
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            !has_samples(path) && !has_samples(&format!("{folder}/mod.rs"))
        })
        .collect();
    assert!(
        without.is_empty(),
        "an old request may wait in any database: give {without:?} a test `{SAMPLES}`"
    );
}
