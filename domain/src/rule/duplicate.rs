//! Making a rule like another.

use std::collections::HashSet;

use entity::id::{RuleId, WorkspaceId};

use super::{
    definition::Definition,
    read::{Rule, find},
    write::{NAME_LIMIT, NewRule, make},
};
use crate::{
    access::{Actor, Scope},
    ctx::Ctx,
    duplicate,
    error::{Error, Result},
    locale::Locale,
    store::Query,
    text::name_key,
};

/// Makes a rule like another behind all others. It is paused, so that it can be changed before it acts.
/// Without a name it is called after the other one, in the language of `locale`.
pub async fn duplicate(
    ctx: &Ctx,
    actor: &Actor,
    id: RuleId,
    name: Option<String>,
    locale: Locale,
) -> Result<Rule> {
    actor.require(Scope::Configure)?;
    let like = find(ctx, actor.workspace, id).await?;
    let like = like.filter(|rule| rule.deleted_at.is_none());
    let like = like.ok_or_else(|| Error::not_found(&["id"], "rule"))?;
    let taken = taken(ctx, actor.workspace);
    let name = duplicate::chosen(name, &like.name, locale, NAME_LIMIT, taken).await?;
    let Definition {
        trigger,
        condition,
        actions,
        limits,
    } = like.definition;
    let new = NewRule {
        name,
        trigger,
        condition,
        actions,
        limits,
    };
    let made = make(ctx, actor, new, false).await;
    made.map_err(duplicate::refused)
}

/// Rules may be called the same; a copy is not, unless somebody asks for it.
async fn taken(ctx: &Ctx, workspace: WorkspaceId) -> Result<HashSet<String>> {
    let names: Vec<String> =
        Query::new("SELECT name FROM rule WHERE workspace_id = $1 AND deleted_at IS NULL")
            .bind(workspace)
            .column(ctx.reader())
            .await?;
    Ok(names.iter().map(|name| name_key(name)).collect())
}
