//! Which rules name something: a tag, a segment, a survey, a target.
//!
//! Asked before such a thing is changed, merged or deleted. What that means is for those who ask.

use entity::{
    id::{RuleId, WorkspaceId},
    rule,
};

use super::read::Rule;
use crate::{
    condition::reference::Reference,
    error::Result,
    store::{Query, Transaction},
};

/// The rules, in their order, that name any of what `names` says. A rule that cannot be read names
/// nothing.
pub(crate) async fn naming(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<Rule>> {
    let rows: Vec<rule::Model> = Query::new(
        "SELECT u.* FROM rule u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL
         ORDER BY u.position, u.id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let mut naming = Vec::new();
    for row in rows {
        let id: RuleId = row.id;
        let rule = match Rule::try_from(row) {
            Ok(rule) => rule,
            Err(error) => {
                tracing::error!(workspace.id = %workspace, rule.id = %id,
                    error = &error as &dyn std::error::Error, "left out a rule that cannot be read");
                continue;
            }
        };
        if rule.definition.references().iter().any(&names) {
            naming.push(rule);
        }
    }
    Ok(naming)
}
