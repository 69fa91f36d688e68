//! Tags that nothing works with: no rule, segment, playbook, report or tracked link names
//! them, a tag above them or their group.

use async_trait::async_trait;
use entity::{
    id::{Id as _, TagGroupId, TagId},
    kind::{TagFindingKind as Kind, TagFindingSeverity as Severity},
    tag,
};

use super::{Check, Finding, Scope};
use crate::{
    error::Result,
    tag::catalogue::{Sought, named},
};

pub(super) struct Unreferenced;

#[async_trait]
impl Check for Unreferenced {
    async fn find(&self, scope: &Scope<'_>) -> Result<Vec<Finding>> {
        let tags: Vec<TagId> = scope.tags().map(|tag| tag.id).collect();
        let groups: Vec<TagGroupId> = scope.by_group().into_keys().collect();
        let (connection, workspace) = (scope.tx.connection(), scope.tx.workspace);
        let mut names = named(connection, workspace, Sought::Tags(&tags)).await?;
        names.extend(named(connection, workspace, Sought::Groups(&groups)).await?);
        // What names a tag means those below it too, and what names a group the tags in it.
        let is_named = |tag: &tag::Model| {
            let above = scope.above(tag.id);
            names.contains(&tag.id.uuid())
                || above.iter().any(|id| names.contains(&id.uuid()))
                || tag.group_id.is_some_and(|id| names.contains(&id.uuid()))
        };
        Ok(scope
            .tags()
            .filter(|&tag| !is_named(tag))
            .map(|tag| {
                let (_, total) = scope.carried(tag.id);
                Finding::new(Kind::Unreferenced, Severity::Low, vec![tag.id])
                    .of_group(tag.group_id)
                    .count("things", total)
            })
            .collect())
    }
}
