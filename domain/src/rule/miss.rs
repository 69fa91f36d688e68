//! The sample of what rules looked at without firing.
//!
//! Of about every sixteenth message up to two rules that were asked and did not fire are noted with each
//! condition's verdict, and one of all by chance; of about every sixteenth other change up to two, and two
//! whose triggers turned it away for what it has with it; and every rule that its limits or an earlier rule
//! kept from firing; never more than forty for a batch.
//! Retention forgets them after two weeks.

use entity::{
    id::{RuleId, WorkspaceId},
    rule_miss,
};

use crate::{
    condition::trace::Trace,
    ctx::Ctx,
    error::Result,
    page::{Keyset, Page, PageRequest},
    store::Query,
};

/// Each condition's verdict, unless an earlier release noted that a limit was the reason.
pub fn trace(miss: &rule_miss::Model) -> Result<Option<Trace>> {
    let stored = miss.trace.as_ref();
    Ok(stored.map(Trace::stored).transpose()?)
}

const NEWEST: Keyset = Keyset {
    order: "rule_miss",
    key: None,
    id: "f.id",
    descending: true,
};

/// A page of what a rule looked at without firing, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    rule: RuleId,
    page: &PageRequest,
) -> Result<Page<(String, rule_miss::Model)>> {
    let query =
        Query::new("SELECT f.* FROM rule_miss f WHERE f.workspace_id = $1 AND f.rule_id = $2")
            .bind(workspace)
            .bind(rule);
    NEWEST
        .list_by_id(ctx, query, page, |row: &rule_miss::Model| row.id)
        .await
}
