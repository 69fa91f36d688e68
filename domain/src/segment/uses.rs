//! Where segments are used: listed for whoever wants to change one, and in the way of deleting it.
//!
//! The API lists them ([`list`]), `write` asks (`of`) before it deletes a segment, accounts ask for the segments
//! that name one (`segments_naming`), and `rule::rehearse` for all their conditions. A new noun that names
//! segments adds its kind, and how it is found in `of`.

use entity::id::{SegmentId, WorkspaceId};

use super::{definition, evaluate};
use crate::{
    condition::{Condition, reference::Reference},
    ctx::Ctx,
    error::Result,
    naming::{self, By, Naming},
    store::{Query, Transaction},
};

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

impl From<Naming> for Use {
    fn from(found: Naming) -> Self {
        Self {
            kind: match found.by {
                By::Rule => UseKind::Rule,
                By::Playbook => UseKind::Playbook,
            },
            id: found.id,
            name: found.name,
        }
    }
}

/// Everything that names `segment`.
pub async fn list(ctx: &Ctx, workspace: WorkspaceId, segment: SegmentId) -> Result<Vec<Use>> {
    let snapshot = ctx.db.snapshot().await?;
    let uses = of(&snapshot, workspace, segment).await?;
    snapshot.rollback().await?;
    Ok(uses)
}

/// Everything that names `segment`, as a transaction sees it: rules in their order, segments by name,
/// then playbooks.
pub(super) async fn of(
    connection: &Transaction,
    workspace: WorkspaceId,
    segment: SegmentId,
) -> Result<Vec<Use>> {
    let names = |reference: &Reference| evaluate::is_segment(reference, segment);
    let rules = naming::rules(connection, workspace, names).await?;
    let segments = segments_naming(connection, workspace, names).await?;
    let playbooks = naming::playbooks(connection, workspace, names).await?;
    let mut uses: Vec<Use> = rules.into_iter().map(Use::from).collect();
    uses.extend(segments);
    uses.extend(playbooks.into_iter().map(Use::from));
    Ok(uses)
}

/// The live segments, by name, whose conditions name any of what `names` says.
pub(crate) async fn segments_naming(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
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
        if super::references(&condition).iter().any(&names) {
            uses.push(Use {
                kind: UseKind::Segment,
                id: row.id.to_string(),
                name: row.name,
            });
        }
    }
    Ok(uses)
}

/// The conditions of the live segments that are made by one, as a transaction sees them. One that cannot be
/// read is left out.
pub(crate) async fn conditions(
    connection: &Transaction,
    workspace: WorkspaceId,
) -> Result<Vec<(SegmentId, Condition)>> {
    let rows: Vec<entity::segment::Model> = Query::new(
        "SELECT s.* FROM segment s WHERE s.workspace_id = $1 AND s.deleted_at IS NULL
           AND s.definition IS NOT NULL ORDER BY s.id",
    )
    .bind(workspace)
    .all(connection)
    .await?;
    let conditions = rows.into_iter().filter_map(|row| {
        let condition = definition::from_stored(row.definition?).ok()?;
        Some((row.id, condition))
    });
    Ok(conditions.collect())
}
