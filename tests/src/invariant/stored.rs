//! Whatever is stored as JSON is decoded by later releases: each column of it, and what each operation is asked for,
//! has samples that keep decoding, or needs none.

use std::collections::BTreeMap;

use crate::support::repository::{read, rust_files};

/// Who did it; in whatever column.
const ORIGIN: &str = "domain/src/access/actor.rs";

/// Columns of JSON, and the file with their samples, whose test is named by [`DECODING`].
const SAMPLED: [(&str, &str); 41] = [
    ("contact_health.inputs", "domain/src/health/input.rs"),
    ("conversation_step.by_origin", ORIGIN),
    (
        "delivery.payload",
        "domain/src/notification/delivery/payload.rs",
    ),
    ("document.created_by", ORIGIN),
    ("enrolment.enrolled_by", ORIGIN),
    // Besides the outcomes, the number of the arm that was taken.
    ("enrolment_step.detail", "domain/src/action/outcome.rs"),
    ("health_history.inputs", "domain/src/health/input.rs"),
    ("health_model.definition", "domain/src/health/model.rs"),
    ("health_model.created_by", ORIGIN),
    ("note.author", ORIGIN),
    ("operation.created_by", ORIGIN),
    ("owner_change.by_origin", ORIGIN),
    ("playbook.created_by", ORIGIN),
    (
        "playbook_version.definition",
        "domain/src/playbook/definition.rs",
    ),
    ("playbook_version.created_by", ORIGIN),
    ("quarantine.item", "domain/src/work/replay.rs"),
    ("rule.created_by", ORIGIN),
    ("rule_firing.cause", "domain/src/work/change/fact.rs"),
    ("rule_firing.outcomes", "domain/src/action/outcome.rs"),
    ("rule_firing.trace", "domain/src/condition/trace.rs"),
    ("rule_miss.trace", "domain/src/condition/trace.rs"),
    ("rule_version.made_by", ORIGIN),
    ("segment.definition", "domain/src/segment/definition.rs"),
    ("segment.created_by", ORIGIN),
    ("segment_move.cause", "domain/src/segment/cause.rs"),
    ("stage_change.by_origin", ORIGIN),
    ("survey.texts", "domain/src/survey/words.rs"),
    ("survey.created_by", ORIGIN),
    ("survey_invitation.made_by", ORIGIN),
    ("tag.created_by", ORIGIN),
    ("tag_group.created_by", ORIGIN),
    ("tag_quality_run.plan", "domain/src/report/quality/plan.rs"),
    (
        "tag_quality_run.sample",
        "domain/src/report/quality/sample.rs",
    ),
    ("tagging.added_by", ORIGIN),
    ("tagging.removed_by", ORIGIN),
    ("task.made_by", ORIGIN),
    ("task.ended_by", ORIGIN),
    ("tracked_link.utm", "domain/src/link/target.rs"),
    ("tracked_link.created_by", ORIGIN),
    ("upload.created_by", ORIGIN),
    ("workspace.business_hours", "domain/src/workspace/hours.rs"),
];
/// What the tests with samples are called.
const DECODING: &str = "keep_decoding()";
/// The same with one sample.
const DECODES: &str = "keeps_decoding()";

/// Columns of JSON that need none here, and why.
const PLAIN: [(&str, &str); 14] = [
    (
        "access_token.scopes",
        "words, each held in `access/scope.rs`",
    ),
    (
        "attempt.request_headers",
        "names and values, shown as they are",
    ),
    ("attribute_definition.options", "texts"),
    ("attribute_value.options", "texts"),
    ("delivery.told", "addresses"),
    ("event.properties", "what the sender says"),
    ("operation.progress", "how far an operation under way is"),
    ("operation.request", "each kind has its own, below"),
    (
        "rule.definition",
        "`domain/src/rule/samples` has every kind",
    ),
    (
        "rule_firing.matched",
        "`domain/src/rule/samples` has every kind",
    ),
    (
        "rule_version.definition",
        "`domain/src/rule/samples` has every kind",
    ),
    ("tag_quality_finding.evidence", "names and numbers"),
    ("tag_quality_finding.tag_ids", "ids"),
    ("workspace.own_addresses", "addresses"),
];

#[test]
fn every_column_of_json_has_samples_or_needs_none() {
    let known: BTreeMap<&str, &str> = SAMPLED.into_iter().chain(PLAIN).collect();
    let mut columns = Vec::new();
    for (path, text) in rust_files("entity/src") {
        let file = path.rsplit_once('/').map_or("", |(_, file)| file);
        let table = file.trim_end_matches(".rs");
        for line in text.lines() {
            let field = line
                .trim()
                .strip_prefix("pub ")
                .and_then(|rest| rest.split_once(": "));
            if let Some((column, "Json," | "Option<Json>,")) = field {
                columns.push(format!("{table}.{column}"));
            }
        }
    }
    assert!(
        columns.len() > 40,
        "columns are written otherwise now: {columns:?}"
    );
    let unknown: Vec<_> = columns
        .iter()
        .filter(|one| !known.contains_key(one.as_str()))
        .collect();
    assert!(
        unknown.is_empty(),
        "name where {unknown:?} have samples of what is stored, or why they need none"
    );
    let gone: Vec<_> = known
        .keys()
        .filter(|one| !columns.iter().any(|column| column == *one))
        .collect();
    assert!(gone.is_empty(), "there are no columns {gone:?}");
    for (column, file) in SAMPLED {
        let text = read(file);
        let has_samples = text.contains(DECODING) || text.contains(DECODES);
        assert!(has_samples, "{file} has no samples of {column}");
    }
}

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
