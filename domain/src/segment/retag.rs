//! Segments as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use async_trait::async_trait;
use entity::{
    id::{Id as _, TagId, WorkspaceId},
    kind::TagKind,
};

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
    tag::catalogue::{Merged, Referrer, Sought, Use, UseKind, refuse_contradiction},
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
    ) -> Result<()> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let is_named = |one: &Reference| one.is_tag_of(&sources);
        if naming(tx.connection(), tx.workspace, is_named)
            .await?
            .is_empty()
        {
            return Ok(());
        }
        begin_edit(tx).await?;
        let kind = IdKind::of_tag(kind);
        let found = naming(tx.connection(), tx.workspace, is_named).await?;
        moves::hold(tx, found.iter().map(|row| row.id)).await?;
        for before in found {
            let Some(stored) = before.definition.clone() else {
                continue;
            };
            let asked = definition::from_stored(stored)?;
            let mut condition = asked.clone();
            for pair in merged {
                condition.replace(kind, pair.source.uuid(), pair.target.uuid());
            }
            let context = evaluate::context(before.subject);
            let check = |condition: &Condition| {
                condition::check(condition, context, condition::Use::Segment)
            };
            refuse_contradiction("segment", &before.name, &check(&asked), &check(&condition))?;
            let mut row = before.clone();
            row.definition = Some(definition::to_stored(&condition)?);
            row.version += 1;
            row.updated_at = tx.now;
            put(tx, &row).await?;
            record(tx, origin, row.id);
            let version = row.version;
            let cause = Cause::Condition { origin, version };
            let ctx = tx.ctx();
            build::begin(ctx, tx, row.subject, &[row.id], cause).await?;
            let (was, is) = (audited(&before), audited(&row));
            tx.audit(origin, Record::changed("segment.update", row.id, was, is));
        }
        Ok(())
    }
}
