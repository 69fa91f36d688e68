//! What the handler's figures are called and mean. How the work stands is told by `crate::figures`.

use metrics::{Unit, describe_counter, describe_histogram};

pub(super) fn describe() {
    describe_counter!(
        "enishi_projection_entries_total",
        "Entries of the change log that a projection has written the consequences of"
    );
    describe_histogram!(
        "enishi_projection_batch_seconds",
        Unit::Seconds,
        "Time of one batch of a projection, from reading to commit"
    );
    describe_counter!(
        "enishi_due_attempts_total",
        "Due items handled, by what became of them"
    );
    describe_histogram!(
        "enishi_due_turn_seconds",
        Unit::Seconds,
        "Time of one turn that attempted due items"
    );
    describe_counter!(
        "enishi_taggings_expired_total",
        "Taggings that ended because their time was over"
    );
    describe_counter!(
        "enishi_tables_analyzed_total",
        "Tables that the database was made to look at because they had outgrown what it knew of them"
    );
    describe_counter!(
        "enishi_due_recovered_total",
        "Due items whose worker died and that were taken up again or set aside"
    );
}
