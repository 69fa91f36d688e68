//! Who acts when a command is run on the server's own machine.

use entity::{
    id::{AccessTokenId, WorkspaceId},
    kind::Role,
};
use uuid::Uuid;

use super::{Actor, ScopeSet, member};
use crate::{ctx::Ctx, error::Result};

/// The workspace's first owner, acting without a credential: who can run commands beside the
/// database needs none. Nothing when the workspace is not there.
pub async fn operator(ctx: &Ctx, workspace: WorkspaceId) -> Result<Option<Actor>> {
    let members = member::list(ctx, workspace).await?;
    let owner = members
        .into_iter()
        .find(|member| member.role == Role::Owner);
    Ok(owner.map(|owner| Actor {
        workspace,
        member: owner.id,
        token: AccessTokenId(Uuid::nil()),
        role: Role::Owner,
        scopes: ScopeSet::of_role(Role::Owner),
        integration: false,
    }))
}
