//! Where segments are used: listed for whoever wants to change one, and in the way of deleting it.
//!
//! The API lists them ([`of_each`]), `write` asks (`of`) before it deletes a segment, accounts ask for the segments
//! that name one (`segments_naming`), and `rule::rehearse` for all their conditions. A new noun that names
//! segments adds its kind, and how it is found in `of`.

use std::collections::HashMap;

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
    let mut uses = of_each(ctx, workspace, &[segment]).await?;
    Ok(uses.remove(&segment).unwrap_or_default())
}

/// Everything that names each of `segments`. As many statements as for one.
pub async fn of_each(
    ctx: &Ctx,
    workspace: WorkspaceId,
    segments: &[SegmentId],
) -> Result<HashMap<SegmentId, Vec<Use>>> {
    let snapshot = ctx.db.snapshot().await?;
    let found = naming_any(&snapshot, workspace, segments).await?;
    snapshot.rollback().await?;
    let uses = segments.iter().map(|&segment| {
        let uses = found.iter().filter(|(_, named)| named.contains(&segment));
        let uses: Vec<Use> = uses.map(|(one, _)| one.clone()).collect();
        (segment, uses)
    });
    Ok(uses.collect())
}

/// Everything that names `segment`, as a transaction sees it.
pub(super) async fn of(
    connection: &Transaction,
    workspace: WorkspaceId,
    segment: SegmentId,
) -> Result<Vec<Use>> {
    let found = naming_any(connection, workspace, &[segment]).await?;
    Ok(found.into_iter().map(|(one, _)| one).collect())
}

/// What names any of `segments`, each with those that it names: rules in their order, segments by name, then
/// playbooks.
async fn naming_any(
    connection: &Transaction,
    workspace: WorkspaceId,
    segments: &[SegmentId],
) -> Result<Vec<(Use, Vec<SegmentId>)>> {
    let is_one =
        |reference: &Reference| !named(std::slice::from_ref(reference), segments).is_empty();
    let rules = naming::rules(connection, workspace, is_one).await?;
    let others = with_references(connection, workspace, is_one).await?;
    let playbooks = naming::playbooks(connection, workspace, is_one).await?;
    let mut found = Vec::new();
    for rule in rules {
        let named = named(&rule.references, segments);
        found.push((Use::from(rule), named));
    }
    for (one, references) in others {
        found.push((one, named(&references, segments)));
    }
    for playbook in playbooks {
        let named = named(&playbook.references, segments);
        found.push((Use::from(playbook), named));
    }
    Ok(found)
}

/// Those of `segments` that `references` name.
fn named(references: &[Reference], segments: &[SegmentId]) -> Vec<SegmentId> {
    let is_named = |segment: SegmentId| {
        let mut references = references.iter();
        references.any(|reference| evaluate::is_segment(reference, segment))
    };
    let segments = segments.iter().copied();
    segments.filter(|segment| is_named(*segment)).collect()
}

/// The live segments, by name, whose conditions name any of what `names` says.
pub(crate) async fn segments_naming(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<Use>> {
    let found = with_references(connection, workspace, names).await?;
    Ok(found.into_iter().map(|(one, _)| one).collect())
}

/// The same, with everything that each names.
async fn with_references(
    connection: &Transaction,
    workspace: WorkspaceId,
    names: impl Fn(&Reference) -> bool,
) -> Result<Vec<(Use, Vec<Reference>)>> {
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
        let references = super::references(&condition);
        if references.iter().any(&names) {
            let one = Use {
                kind: UseKind::Segment,
                id: row.id.to_string(),
                name: row.name,
            };
            uses.push((one, references));
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
