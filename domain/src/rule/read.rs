//! Reading rules.

use chrono::{DateTime, Utc};
use entity::{
    id::{AttributeId, Id, PlaybookId, RuleId, SegmentId, SurveyId, TagId, TargetId, WorkspaceId},
    rule,
};

use super::{
    definition::{Definition, StoredError},
    trigger::TriggerWord,
};
use crate::{
    access::Origin,
    condition::reference::{IdKind, Reference},
    ctx::Ctx,
    error::{Error, Result},
    page::{Column, Key, Keyset, Page, PageRequest},
    store::{Query, Rows, rows_by_id},
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
    /// That wait for one of these.
    pub triggers: Vec<TriggerWord>,
    /// That were, or were not, paused because their actions failed again and again.
    pub paused_by_itself: Option<bool>,
    /// That name one of these segments.
    pub segments: Vec<SegmentId>,
    /// That enrol in one of these playbooks, or end an enrolment there.
    pub playbooks: Vec<PlaybookId>,
    /// That send one of these surveys.
    pub surveys: Vec<SurveyId>,
    /// That name one of these custom attributes.
    pub attributes: Vec<AttributeId>,
}

impl RuleFilter {
    /// Whether it asks for what no column says.
    fn reads_rules(&self) -> bool {
        self.text.is_some() || self.reads_definitions()
    }

    /// Whether it asks for what only the definition says.
    fn reads_definitions(&self) -> bool {
        !(self.tags.is_empty()
            && self.targets.is_empty()
            && self.triggers.is_empty()
            && self.segments.is_empty()
            && self.playbooks.is_empty()
            && self.surveys.is_empty()
            && self.attributes.is_empty())
    }

    /// Whether it means a rule, as far as name and definition go. One that cannot be read names nothing.
    fn means(&self, row: &rule::Model) -> bool {
        let (name, asked) = (text::name_key(&row.name), self.text.as_deref());
        let asked = text::name_key(asked.unwrap_or_default());
        if !asked.split_whitespace().all(|word| name.contains(word)) {
            return false;
        }
        if !self.reads_definitions() {
            return true;
        }
        let Ok(definition) = Definition::from_stored(row.definition.clone()) else {
            return false;
        };
        let named = definition.references();
        let waits = self.triggers.is_empty() || self.triggers.contains(&definition.trigger.word());
        let has_tag = self.tags.is_empty() || named.iter().any(|one| one.is_tag_of(&self.tags));
        waits
            && has_tag
            && names(&named, &self.targets, |kind| {
                kind == IdKind::NotificationTarget
            })
            && names(&named, &self.segments, |kind| {
                matches!(kind, IdKind::Segment(_))
            })
            && names(&named, &self.playbooks, |kind| kind == IdKind::Playbook)
            && names(&named, &self.surveys, |kind| kind == IdKind::Survey)
            && names(&named, &self.attributes, |kind| {
                matches!(kind, IdKind::Attribute(..))
            })
    }
}

/// Whether one of the ids is named as something of the kind; also if none is asked for.
fn names<I: Id>(named: &[Reference], ids: &[I], is_kind: impl Fn(IdKind) -> bool) -> bool {
    let is_asked = |id| ids.iter().any(|one| one.uuid() == id);
    ids.is_empty()
        || named
            .iter()
            .any(|one| is_kind(one.kind) && is_asked(one.id))
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
    if let Some(paused) = filter.paused_by_itself {
        let not = if paused { " NOT" } else { "" };
        query.push(&format!(" AND u.paused_at IS{not} NULL"));
    }
    if filter.reads_rules() {
        let ids = meant(ctx, workspace, filter).await?;
        query.push(" AND u.id IN (SELECT r.id FROM {r})");
        query = query.rows("r", Rows::new().ids("id", ids));
    }
    ORDER
        .list_as::<rule::Model, Rule>(ctx, query, page, |rule| {
            (Key::Real(rule.position as f64), rule.id.uuid())
        })
        .await
}

/// The rule, if it is one of the workspace; also if it was deleted.
pub async fn find(ctx: &Ctx, workspace: WorkspaceId, id: RuleId) -> Result<Option<Rule>> {
    Ok(load(ctx, workspace, &[id]).await?.pop())
}

/// The rules among `ids`, deleted ones too, in no particular order; for loaders.
pub async fn load(ctx: &Ctx, workspace: WorkspaceId, ids: &[RuleId]) -> Result<Vec<Rule>> {
    let rows: Vec<rule::Model> = rows_by_id(ctx.reader(), workspace, ids).await?;
    rows.into_iter().map(Rule::try_from).collect()
}
