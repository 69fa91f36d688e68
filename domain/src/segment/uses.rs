//! Where segments are used: listed for whoever wants to change one, and in the way of deleting it.
//!
//! A new noun that names segments (a playbook, a report) implements `Referrer` and adds its line to
//! `REFERRERS`; nothing else here changes.

use async_trait::async_trait;
use entity::id::{PlaybookId, SegmentId, WorkspaceId};
use sea_orm::DatabaseTransaction;

use super::{definition, evaluate};
use crate::{condition::reference::Reference, ctx::Ctx, error::Result, playbook, store::Query};

/// The kind of thing that names a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, async_graphql::Enum)]
#[graphql(name = "SegmentUseKind")]
pub enum UseKind {
    /// A rule, in its trigger, its condition or its actions.
    Rule,
    /// A segment that is made of it.
    Segment,
    /// A playbook, in its enrolment or its steps.
    Playbook,
}

impl UseKind {
    /// What it is called in a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Rule => "the rule",
            Self::Segment => "the segment",
            Self::Playbook => "the playbook",
        }
    }
}

/// One thing that names a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// What kind of thing.
    pub kind: UseKind,
    /// Its id, in text form.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A kind of thing that names segments.
#[async_trait]
pub(crate) trait Referrer: Send + Sync {
    /// What names `segment`, in a lasting order.
    async fn uses(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        segment: SegmentId,
    ) -> Result<Vec<Use>>;
}

/// Everything that names segments.
const REFERRERS: &[&dyn Referrer] = &[&Rules, &Segments, &Playbooks];

/// Everything that names `segment`.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId, segment: SegmentId) -> Result<Vec<Use>> {
    let snapshot = ctx.db.snapshot().await?;
    let uses = of(&snapshot, workspace, segment).await?;
    snapshot.rollback().await?;
    Ok(uses)
}

/// Everything that names `segment`, as a transaction sees it.
pub(super) async fn of(
    connection: &DatabaseTransaction,
    workspace: WorkspaceId,
    segment: SegmentId,
) -> Result<Vec<Use>> {
    let mut uses = Vec::new();
    for referrer in REFERRERS {
        uses.extend(referrer.uses(connection, workspace, segment).await?);
    }
    Ok(uses)
}

struct Segments;

#[async_trait]
impl Referrer for Segments {
    async fn uses(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        segment: SegmentId,
    ) -> Result<Vec<Use>> {
        let rows: Vec<entity::segment::Model> = Query::new(
            "SELECT s.* FROM segment s WHERE s.workspace_id = $1 AND s.deleted_at IS NULL
               AND s.definition IS NOT NULL ORDER BY s.name_key, s.id",
        )
        .bind(workspace)
        .all(connection)
        .await?;
        let mut uses = Vec::new();
        for row in rows {
            let condition = row.definition.map(definition::from_stored);
            // One that cannot be read names nothing.
            let Some(Ok(condition)) = condition else {
                continue;
            };
            if evaluate::names(&condition).contains(&segment) {
                uses.push(Use {
                    kind: UseKind::Segment,
                    id: row.id.to_string(),
                    name: row.name,
                });
            }
        }
        Ok(uses)
    }
}

struct Rules;

#[async_trait]
impl Referrer for Rules {
    async fn uses(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        segment: SegmentId,
    ) -> Result<Vec<Use>> {
        let names = |reference: &Reference| evaluate::is_segment(reference, segment);
        rules(connection, workspace, &names).await
    }
}

/// Whether a place in which something is named names what is asked about.
type Names<'n> = &'n (dyn Fn(&Reference) -> bool + Sync);

/// The rules that name something, in their order.
pub(crate) async fn rules(
    connection: &DatabaseTransaction,
    workspace: WorkspaceId,
    names: Names<'_>,
) -> Result<Vec<Use>> {
    let rows: Vec<entity::rule::Model> = Query::new(
        "SELECT u.* FROM rule u WHERE u.workspace_id = $1 AND u.deleted_at IS NULL
         ORDER BY u.position, u.id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let mut uses = Vec::new();
    for row in rows {
        let Ok(rule) = crate::rule::Rule::try_from(row) else {
            continue;
        };
        if rule.definition.references().iter().any(names) {
            uses.push(Use {
                kind: UseKind::Rule,
                id: rule.id.to_string(),
                name: rule.name,
            });
        }
    }
    Ok(uses)
}

struct Playbooks;

#[async_trait]
impl Referrer for Playbooks {
    async fn uses(
        &self,
        connection: &DatabaseTransaction,
        workspace: WorkspaceId,
        segment: SegmentId,
    ) -> Result<Vec<Use>> {
        let names = |reference: &Reference| evaluate::is_segment(reference, segment);
        playbooks(connection, workspace, &names).await
    }
}

/// The playbooks that name something, in the order they were made.
pub(crate) async fn playbooks(
    connection: &DatabaseTransaction,
    workspace: WorkspaceId,
    names: Names<'_>,
) -> Result<Vec<Use>> {
    // The versions somebody may still go through: the published one, the newest, and those that
    // contacts are enrolled in.
    let rows = Query::new(
        "SELECT p.id, p.name, v.definition FROM playbook p
         JOIN playbook_version v ON v.workspace_id = p.workspace_id AND v.playbook_id = p.id
         WHERE p.workspace_id = $1 AND p.state <> 'ARCHIVED'
           AND (v.version IN (p.version, p.latest_version) OR EXISTS (
               SELECT 1 FROM enrolment e WHERE e.workspace_id = p.workspace_id
                 AND e.playbook_id = p.id AND e.version = v.version AND e.ended_at IS NULL))
         ORDER BY p.id, v.version DESC",
    )
    .bind(workspace)
    .raw(connection)
    .await?;
    let mut uses: Vec<Use> = Vec::new();
    for row in rows {
        let id: PlaybookId = row.try_get_by_index(0)?;
        let id = id.to_string();
        // One that cannot be read names nothing.
        let Ok(definition) = playbook::Definition::from_stored(row.try_get_by_index(2)?) else {
            continue;
        };
        if uses.iter().all(|one| one.id != id) && definition.references().iter().any(names) {
            uses.push(Use {
                kind: UseKind::Playbook,
                id,
                name: row.try_get_by_index(1)?,
            });
        }
    }
    Ok(uses)
}
