//! Making a playbook like another.

use std::collections::HashSet;

use entity::{
    id::{PlaybookId, WorkspaceId},
    kind::PlaybookState,
    playbook,
};

use super::{
    NAME_LIMIT,
    read::{find_version, load},
    write::{NewPlaybook, make},
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    duplicate,
    error::{Error, Result},
    locale::Locale,
    store::Query,
};

/// Makes a playbook like another as it is in `version`: the published one if nothing is said, the newest if
/// none is. It is paused, so that it can be changed before it enrols anybody. Without a name it is called after
/// the other one, in the language of `locale`.
pub async fn duplicate(
    ctx: &Ctx,
    actor: &Actor,
    id: PlaybookId,
    version: Option<i64>,
    name: Option<String>,
    locale: Locale,
) -> Result<playbook::Model> {
    actor.require(Scope::Configure)?;
    let like = load(ctx, actor.workspace, &[id]).await?.pop();
    let like = like.ok_or_else(|| Error::not_found(&["id"], "playbook"))?;
    let usual = match like.version {
        0 => like.latest_version,
        published => published,
    };
    let version = version.unwrap_or(usual);
    let found = find_version(ctx.reader(), actor.workspace, id, version).await?;
    let found = found.ok_or_else(|| Error::not_found(&["version"], "version of this playbook"))?;
    let taken = taken(ctx, actor.workspace);
    let name = duplicate::chosen(name, &like.name, locale, NAME_LIMIT, taken).await?;
    let new = NewPlaybook {
        name,
        description: like.description,
        definition: found.definition,
        publish: true,
    };
    let made = make(ctx, actor, new, PlaybookState::Paused).await;
    made.map_err(duplicate::refused)
}

/// The names that no copy may have.
async fn taken(ctx: &Ctx, workspace: WorkspaceId) -> Result<HashSet<String>> {
    let names: Vec<String> =
        Query::new("SELECT name_key FROM playbook WHERE workspace_id = $1 AND state <> 'ARCHIVED'")
            .bind(workspace)
            .column(ctx.reader())
            .await?;
    Ok(names.into_iter().collect())
}
