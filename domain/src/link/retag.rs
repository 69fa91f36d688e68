//! Links as things that name tags: listed before a tag is deleted, rewritten when one is merged.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::{
    id::{Id as _, TagId, TrackedLinkId, WorkspaceId},
    kind::TagKind,
};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::read::LinkTag;
use crate::{
    access::Origin,
    audit::Record,
    error::Result,
    store::{Query, Rows, Transaction, Tx},
    tag::catalogue::{Merged, Referrer, Sought, Use, UseKind},
};

/// All links of a workspace.
pub(crate) struct Links;

#[derive(FromQueryResult)]
struct Named {
    id: TrackedLinkId,
    name: String,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
}

#[async_trait]
impl Referrer for Links {
    async fn uses(
        &self,
        connection: &Transaction,
        workspace: WorkspaceId,
        sought: Sought<'_>,
    ) -> Result<Vec<Use>> {
        // A link names tags, and no group.
        let Sought::Tags(tags) = sought else {
            return Ok(Vec::new());
        };
        let found: Vec<Named> = Query::new(
            "SELECT l.id, l.name, l.updated_at, l.archived_at FROM tracked_link l
             WHERE l.workspace_id = $1 AND l.id IN (
                 SELECT g.link_id FROM tracked_link_tag g WHERE g.workspace_id = $1 AND {theirs})
             ORDER BY l.id",
        )
        .bind(workspace)
        .among("theirs", "g.tag_id", tags.iter().map(|tag| tag.uuid()))
        .all(connection)
        .await?;
        let uses = found.into_iter().map(|link| Use {
            kind: UseKind::TrackedLink,
            id: link.id.to_string(),
            name: link.name,
            version: link.updated_at.timestamp_micros(),
            // Nobody follows one that is archived, and a tag that is gone is put on nobody.
            active: link.archived_at.is_none(),
        });
        Ok(uses.collect())
    }

    async fn replace(
        &self,
        tx: &mut Tx<'_>,
        origin: Origin,
        _kind: TagKind,
        merged: &[Merged],
    ) -> Result<()> {
        let sources: Vec<TagId> = merged.iter().map(|pair| pair.source).collect();
        let before = tags_of_links(tx, &sources).await?;
        for (link, before) in before {
            let mut after = before.clone();
            for pair in merged {
                if after.remove(&pair.source) {
                    after.insert(pair.target);
                }
            }
            write(tx, link, &after).await?;
            let record = Record::changed(
                "tracked_link.update",
                link,
                json!({ "tagIds": before }),
                json!({ "tagIds": after }),
            );
            tx.audit(origin, record);
        }
        Ok(())
    }
}

/// The links that name any of `tags`, each with all its tags.
async fn tags_of_links(
    tx: &Tx<'_>,
    tags: &[TagId],
) -> Result<BTreeMap<TrackedLinkId, BTreeSet<TagId>>> {
    let found: Vec<LinkTag> = Query::new(
        "SELECT g.link_id, g.tag_id FROM tracked_link_tag g
         WHERE g.workspace_id = $1 AND g.link_id IN (
             SELECT o.link_id FROM tracked_link_tag o WHERE o.workspace_id = $1 AND {theirs})",
    )
    .bind(tx.workspace)
    .among("theirs", "o.tag_id", tags.iter().map(|tag| tag.uuid()))
    .all(tx.connection())
    .await?;
    let mut links: BTreeMap<TrackedLinkId, BTreeSet<TagId>> = BTreeMap::new();
    for row in found {
        links.entry(row.link_id).or_default().insert(row.tag_id);
    }
    Ok(links)
}

/// Lets a link put on exactly `tags`.
pub(super) async fn write(tx: &Tx<'_>, link: TrackedLinkId, tags: &BTreeSet<TagId>) -> Result<()> {
    Query::new("DELETE FROM tracked_link_tag WHERE workspace_id = $1 AND link_id = $2")
        .bind(tx.workspace)
        .bind(link)
        .execute(tx.connection())
        .await?;
    if tags.is_empty() {
        return Ok(());
    }
    Query::new(
        "INSERT INTO tracked_link_tag (workspace_id, link_id, tag_id)
         SELECT $1, $2, r.id FROM {r} WHERE true",
    )
    .bind(tx.workspace)
    .bind(link)
    .rows("r", Rows::new().ids("id", tags.iter().copied()))
    .execute(tx.connection())
    .await?;
    Ok(())
}
