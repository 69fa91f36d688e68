//! Tags that nothing works with: no rule, segment or report names them or a tag above them.

use async_trait::async_trait;
use entity::{
    id::TagId,
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity},
};

use super::{Check, Finding, Scope};
use crate::{error::Result, tag::catalogue::named};

pub(super) struct Unreferenced;

#[async_trait]
impl Check for Unreferenced {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let tags: Vec<TagId> = scope.tags().map(|tag| tag.id).collect();
        let named = named(scope.tx.connection(), scope.tx.workspace, &tags).await?;
        // What names a tag means those below it too.
        let is_named = |tag: TagId| {
            named.contains(&tag) || scope.above(tag).iter().any(|id| named.contains(id))
        };
        Ok(scope
            .tags()
            .filter(|tag| !is_named(tag.id))
            .map(|tag| {
                let (_, total) = scope.carried(tag.id);
                Finding::new(Kind::Unreferenced, Severity::Low, vec![tag.id])
                    .of_group(tag.group_id)
                    .count("things", total)
            })
            .collect())
    }
}
