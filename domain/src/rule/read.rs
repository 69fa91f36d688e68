//! Reading rules.

use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, RuleId, WorkspaceId},
    rule,
};

use super::definition::{Definition, StoredError};
use crate::{
    access::Origin,
    ctx::Ctx,
    error::{Error, Result},
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows},
};

/// A rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// The name shown.
    pub name: String,
    /// Its place among the workspace's rules; lower comes first.
    pub position: i64,
    /// Raised with every change.
    pub version: i64,
    /// What it waits for, what must be true, what it does.
    pub definition: Definition,
    /// Whether it is evaluated.
    pub active: bool,
    /// Who made it.
    pub created_by: Origin,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was paused because its actions failed again and again.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why, in words.
    pub paused_reason: Option<String>,
    /// When it was deleted. Deleted rules are kept, because firings refer to them.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl TryFrom<rule::Model> for Rule {
    type Error = Error;

    fn try_from(row: rule::Model) -> Result<Self> {
        let definition = Definition::from_stored(row.definition).map_err(stored)?;
        Ok(Self {
            id: row.id,
            name: row.name,
            position: row.position,
            version: row.version,
            definition,
            active: row.active,
            created_by: serde_json::from_value(row.created_by)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            paused_at: row.paused_at,
            paused_reason: row.paused_reason,
            deleted_at: row.deleted_at,
        })
    }
}

pub(super) fn stored(error: StoredError) -> Error {
    match error {
        StoredError::Malformed(source) => Error::Decode(source),
        newer @ StoredError::Newer(_) => Error::Internal(newer.to_string()),
    }
}

const ORDER: Keyset = Keyset {
    order: "position",
    key: Some(Column::Real("CAST(u.position AS double precision)")),
    id: "u.id",
    descending: false,
};

/// A page of the workspace's rules in the order in which they are evaluated, without deleted ones,
/// each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    active: Option<bool>,
    page: &PageRequest,
) -> Result<Page<(String, Rule)>> {
    let mut query =
        Query::new("SELECT u.* FROM rule u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL")
            .bind(workspace);
    if let Some(active) = active {
        let active = query.arg(active);
        query.push(&format!(" AND u.active = {active}"));
    }
    ORDER.apply(&mut query, page)?;
    let rows: Vec<rule::Model> = query.all(ctx.reader()).await?;
    let rules: Vec<Rule> = rows
        .into_iter()
        .map(Rule::try_from)
        .collect::<Result<_>>()?;
    Ok(ORDER.page(rules, page).map(|rule| {
        let key = Key::Real(rule.position as f64);
        (ORDER.cursor(key, rule.id.uuid()), rule)
    }))
}

/// The rule, if it is one of the workspace; also if it was deleted.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: RuleId) -> Result<Option<Rule>> {
    Ok(load(ctx, workspace, &[id]).await?.pop())
}

/// The rules among `ids`, deleted ones too, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[RuleId]) -> Result<Vec<Rule>> {
    let rows: Vec<rule::Model> =
        Query::new("SELECT u.* FROM {r} JOIN rule u ON u.workspace_id = $1 AND u.id = r.id")
            .bind(workspace)
            .rows("r", Rows::new().ids("id", ids.iter().copied()))
            .all(ctx.reader())
            .await?;
    rows.into_iter().map(Rule::try_from).collect()
}
