//! Reading rules.

use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, RuleId, TagId, TargetId, WorkspaceId},
    rule,
};

use super::definition::{Definition, StoredError};
use crate::{
    access::Origin,
    condition::reference::IdKind,
    ctx::Ctx,
    error::{Error, Result},
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows},
    text,
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

/// Which rules a list has; every part given must hold.
#[derive(Debug, Clone, Default)]
pub struct RuleFilter {
    /// Those that are, or are not, evaluated.
    pub active: Option<bool>,
    /// Whose name contains each word of this, whatever their width and case.
    pub text: Option<String>,
    /// That name one of these tags in their trigger, condition or actions.
    pub tags: Vec<TagId>,
    /// That notify one of these targets.
    pub targets: Vec<TargetId>,
}

impl RuleFilter {
    /// Whether it asks for what no column says.
    fn reads_rules(&self) -> bool {
        self.text.is_some() || !self.tags.is_empty() || !self.targets.is_empty()
    }

    /// Whether it means a rule, as far as name and definition go. One that cannot be read names nothing.
    fn means(&self, row: &rule::Model) -> bool {
        let (name, asked) = (text::name_key(&row.name), self.text.as_deref());
        let asked = text::name_key(asked.unwrap_or_default());
        if !asked.split_whitespace().all(|word| name.contains(word)) {
            return false;
        }
        if self.tags.is_empty() && self.targets.is_empty() {
            return true;
        }
        let Ok(definition) = Definition::from_stored(row.definition.clone()) else {
            return false;
        };
        let named = definition.references();
        let targets: Vec<_> = self.targets.iter().map(|target| target.uuid()).collect();
        let has_tag = named.iter().any(|one| one.is_tag_of(&self.tags));
        let has_target = named
            .iter()
            .any(|one| one.kind == IdKind::NotificationTarget && targets.contains(&one.id));
        (self.tags.is_empty() || has_tag) && (targets.is_empty() || has_target)
    }
}

/// The rules that a filter means, as far as name and definition go.
async fn meant(ctx: &Ctx, workspace: WorkspaceId, filter: &RuleFilter) -> Result<Vec<RuleId>> {
    let rows: Vec<rule::Model> =
        Query::new("SELECT u.* FROM rule u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL")
            .bind(workspace)
            .all(ctx.reader())
            .await?;
    let meant = rows.into_iter().filter(|row| filter.means(row));
    Ok(meant.map(|row| row.id).collect())
}

/// A page of the workspace's rules in the order in which they are evaluated, without deleted ones,
/// each with its cursor.
pub async fn list(
    ctx: &Ctx,
    workspace: WorkspaceId,
    filter: &RuleFilter,
    page: &PageRequest,
) -> Result<Page<(String, Rule)>> {
    let mut query =
        Query::new("SELECT u.* FROM rule u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL")
            .bind(workspace);
    if let Some(active) = filter.active {
        let active = query.arg(active);
        query.push(&format!(" AND u.active = {active}"));
    }
    if filter.reads_rules() {
        let ids = meant(ctx, workspace, filter).await?;
        query.push(" AND u.id IN (SELECT r.id FROM {r})");
        query = query.rows("r", Rows::new().ids("id", ids));
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
