//! What a rule once was, and going back to it.
//!
//! A version is kept for each change of the name or of what the rule waits for, asks, does or is
//! limited by. Pausing and moving count up the rule's version too, but leave these as they are: the
//! rule of version 5 is that of the newest version kept up to 5.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{
    id::{RuleId, WorkspaceId},
    rule_version,
};
use sea_orm::FromQueryResult;

use super::{
    definition::Definition,
    read::{self, Rule, stored},
    write::{self, RuleChanges},
};
use crate::{
    access::{Actor, Origin, Scope},
    ctx::Ctx,
    error::{Error, Result},
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows},
};

/// A rule as it was once saved.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleVersion {
    /// The rule.
    pub rule_id: RuleId,
    /// The version, as firings name it.
    pub version: i64,
    /// The name it had.
    pub name: String,
    /// What it waited for, what had to be true, what it did.
    pub definition: Definition,
    /// Who saved it.
    pub made_by: Origin,
    /// When.
    pub made_at: DateTime<Utc>,
}

impl TryFrom<rule_version::Model> for RuleVersion {
    type Error = Error;

    fn try_from(row: rule_version::Model) -> Result<Self> {
        Ok(Self {
            rule_id: row.rule_id,
            version: row.version,
            name: row.name,
            definition: Definition::from_stored(row.definition).map_err(stored)?,
            made_by: serde_json::from_value(row.made_by)?,
            made_at: row.made_at,
        })
    }
}

const NEWEST: Keyset = Keyset {
    order: "rule_version",
    key: Some(Column::Real("CAST(v.version AS double precision)")),
    id: "v.rule_id",
    descending: true,
};

/// A page of what the rule once was, newest first, each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: RuleId,
    page: &PageRequest,
) -> Result<Page<(String, RuleVersion)>> {
    let query =
        Query::new("SELECT v.* FROM rule_version v WHERE v.workspace_id = $1 AND v.rule_id = $2")
            .bind(workspace)
            .bind(id);
    NEWEST
        .list_as::<rule_version::Model, RuleVersion>(ctx, query, page, |one| {
            (Key::Real(one.version as f64), one.rule_id.0)
        })
        .await
}

/// The rule as it was in `version`, if there was one.
pub async fn find(
    ctx: &Ctx,
    workspace: WorkspaceId,
    id: RuleId,
    version: i64,
) -> Result<Option<RuleVersion>> {
    let row: Option<rule_version::Model> = Query::new(
        "SELECT v.* FROM rule_version v
         WHERE v.workspace_id = $1 AND v.rule_id = $2 AND v.version <= $3
         ORDER BY v.version DESC LIMIT 1",
    )
    .bind(workspace)
    .bind(id)
    .bind(version)
    .one(ctx.reader())
    .await?;
    row.map(RuleVersion::try_from).transpose()
}

#[derive(FromQueryResult)]
struct Once {
    rule_id: RuleId,
    asked: i64,
    definition: serde_json::Value,
}

/// What rules were in some versions, each by what was asked for. What cannot be read is left out. One
/// statement.
pub async fn load(
    ctx: &Ctx,
    workspace: WorkspaceId,
    asked: &[(RuleId, i64)],
) -> Result<HashMap<(RuleId, i64), Definition>> {
    let rows: Vec<Once> = Query::new(
        "SELECT v.rule_id, r.version AS asked, v.definition
         FROM {r} JOIN rule_version v ON v.workspace_id = $1 AND v.rule_id = r.rule_id
         WHERE v.version = (SELECT MAX(o.version) FROM rule_version o
           WHERE o.workspace_id = $1 AND o.rule_id = r.rule_id AND o.version <= r.version)",
    )
    .bind(workspace)
    .rows(
        "r",
        Rows::new()
            .ids("rule_id", asked.iter().map(|(id, _)| *id))
            .ints("version", asked.iter().map(|(_, version)| *version)),
    )
    .all(ctx.reader())
    .await?;
    let each = rows.into_iter().filter_map(|row| {
        let definition = Definition::from_stored(row.definition).ok()?;
        Some(((row.rule_id, row.asked), definition))
    });
    Ok(each.collect())
}

/// Makes the rule what it was in `version`, as a new version. What it names must still be there.
pub async fn roll_back(ctx: &Ctx, actor: &Actor, id: RuleId, version: i64) -> Result<Rule> {
    actor.require(Scope::Configure)?;
    let rule = read::find(ctx, actor.workspace, id)
        .await?
        .filter(|rule| rule.deleted_at.is_none())
        .ok_or_else(|| Error::not_found(&["id"], "rule"))?;
    // What was never reached would be found too: it lies behind the newest one kept.
    let old = find(ctx, actor.workspace, id, version)
        .await?
        .filter(|_| (1..=rule.version).contains(&version))
        .ok_or_else(|| Error::not_found(&["version"], "version of this rule"))?;
    let changes = RuleChanges {
        name: Some(old.name),
        trigger: Some(old.definition.trigger),
        condition: Some(old.definition.condition),
        actions: Some(old.definition.actions),
        limits: Some(old.definition.limits),
        withdraw: false,
    };
    write::save(ctx, actor, id, changes, true).await
}
