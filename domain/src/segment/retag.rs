//! Segments as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, SegmentId, TagId, WorkspaceId},
    kind::TagKind,
    segment,
};
use sea_orm::EntityTrait as _;

use super::{
    build,
    cause::Cause,
    definition, evaluate, moves,
    write::{audited, begin_edit, naming, put, record},
};
use crate::{
    access::Origin,
    audit::Record,
    condition::{
        self, Condition,
        reference::{IdKind, Reference},
    },
    error::Result,
    store::{Transaction, Tx},
    tag::catalogue::{Merged, Referrer, Replaced, Sought, Use, UseKind, refuse_contradiction},
};

/// All segments of a workspace.
pub(crate) struct Segments;

#[async_trait]
impl Referrer for Segments {
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>> {
        let found = naming(connection, workspace, |one| sought.is_named_by(one)).await?;
        Ok(found
            .into_iter()
            .map(|row| Use {
                kind: UseKind::Segment,
                id: row.id.to_string(),
                name: row.name,
                version: row.version,
                active: true,
            })
            .collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        kind: TagKind,
        merged: &[Merged],
    ) -> Result<Vec<Replaced>> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let is_named = |one: &Reference| one.is_tag_of(&sources);
        if naming(tx.connection(), tx.workspace, is_named)
            .await?
            .is_empty()
        {
            return Ok(Vec::new());
        }
        begin_edit(tx).await?;
        let kind = IdKind::of_tag(kind);
        let found = naming(tx.connection(), tx.workspace, is_named).await?;
        moves::hold(tx, found.iter().map(|row| row.id)).await?;
        let mut replaced = Vec::with_capacity(found.len());
        for before in found {
            let Some(stored) = before.definition.clone() else {
                continue;
            };
            let asked = definition::from_stored(stored.clone())?;
            let mut condition = asked.clone();
            for pair in merged {
                condition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
            let context = evaluate::context(before.subject);
            let check = |condition: &Condition| {
                condition::check(condition, context, condition::Use::Segment)
            };
            refuse_contradiction("segment", &before.name, &check(&asked), &check(&condition))?;
            let after = definition::to_stored(&condition)?;
            replaced.push(Replaced {
                kind: UseKind::Segment,
                id: before.id.uuid(),
                version: 0,
                before: stored,
                after: after.clone(),
            });
            save(tx, origin, &before, after).await?;
        }
        Ok(replaced)
    }

    fn kind(&self) -> UseKind {
        UseKind::Segment
    }

    async fn give_back(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        _since: DateTime<Utc>,
        replaced: &[Replaced],
    ) -> Result<Vec<Use>> {
        begin_edit(tx).await?;
        moves::hold(tx, replaced.iter().map(|one| SegmentId(one.id))).await?;
        let mut left = Vec::new();
        for one in replaced {
            let row = segment::Entity::find_by_id((tx.workspace, SegmentId(one.id)))
                .one(tx.connection())
                .await?
                .filter(|row| row.deleted_at.is_none());
            let Some(row) = row else {
                continue;
            };
            if row.definition.as_ref() == Some(&one.after) {
                save(tx, origin, &row, one.before.clone()).await?;
            } else {
                left.push(Use {
                    kind: UseKind::Segment,
                    id: row.id.to_string(),
                    name: row.name,
                    version: row.version,
                    active: true,
                });
            }
        }
        Ok(left)
    }
}

/// Saves a segment, held, as what it asks after a merge of tags or its undoing, and has everybody evaluated.
async fn save(
    tx: &mut Tx<'_>,
    origin: Origin,
    before: &segment::Model,
    definition: serde_json::Value,
) -> Result<()> {
    let mut row = before.clone();
    row.definition = Some(definition);
    row.version += 1;
    row.updated_at = tx.now;
    put(tx, &row).await?;
    record(tx, origin, row.id);
    let version = row.version;
    let cause = Cause::Condition { origin, version };
    let ctx = tx.ctx();
    build::begin(ctx, tx, row.subject, &[row.id], cause).await?;
    let (was, is) = (audited(before), audited(&row));
    tx.audit(origin, Record::changed("segment.update", row.id, was, is));
    Ok(())
}
